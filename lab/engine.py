"""The container engine: finding labs by their label, and running programs in their nodes.

The only module that speaks the engine's API. A lab is what carries the label `LABEL` with its
name, and nothing else: no state is kept on the host, so another machine with the same engine
sees the same labs.
"""

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from lab.errors import EngineError, NoSuchLab, ProbeError, last_words

LABEL = "org.netlab.lab"
TRIAL_LABEL = "org.netlab.trial"
NODE_SOURCES = Path(__file__).resolve().parent / "node"
OLDEST_ENGINE = (20, 10)
SERVERS = ("tcp-server", "udp-server")


@dataclass(frozen=True)
class Node:
    """One container of a lab, as it was when it was looked up.

    name: as the lab calls it: `wan`, `tcp-server`, `udp-server`, `client-1`, `client-2`, …
    service: its service in compose.yaml. program: what it runs, such as `tcp_threaded`.
    address: IPv4 on the lab's network; empty where it does not run.
    """

    name: str
    service: str
    container: str
    state: str
    address: str
    program: str

    @property
    def running(self) -> bool:
        """Whether its program runs now."""
        return self.state == "running"


@dataclass(frozen=True)
class Lab:
    """A lab that is there, whole or in part: its name and nodes, servers and wan first."""

    name: str
    nodes: tuple[Node, ...]

    def node(self, name: str) -> Node:
        """The node of that name (`client` is `client-1`). Raises `NoSuchLab`."""
        for node in self.nodes:
            if name in (node.name, node.name.removesuffix("-1")):
                return node
        have = ", ".join(node.name for node in self.nodes)
        raise NoSuchLab(f"lab {self.name!r} has no node {name!r}; it has {have}")

    def service(self, service: str) -> tuple[Node, ...]:
        """All nodes of a service, in order of their number."""
        return tuple(node for node in self.nodes if node.service == service)

    @property
    def whole(self) -> bool:
        """Whether each service has a node and every node runs."""
        services = {node.service for node in self.nodes if node.running}
        return {"wan", "client", *SERVERS} <= services and all(n.running for n in self.nodes)


@dataclass(frozen=True)
class Output:
    """What a program in a node left: its exit code, standard output and standard error."""

    code: int
    stdout: str
    stderr: str


@contextlib.contextmanager
def _told(doing: str) -> Iterator[None]:
    """Turn every failure of the engine or the way to it into one line."""
    try:
        yield
    except APIError as error:
        raise EngineError(f"{doing}: the engine says: {_line(error.explanation)}") from error
    except (DockerException, RequestException) as error:
        raise EngineError(f"{doing}: the engine does not answer ({_line(error)})") from error


def _line(error: object) -> str:
    return " ".join(str(error).split())


def _host() -> str | None:
    """Where the engine is: DOCKER_HOST, else the `docker context` in use, as the CLI does it.

    Docker Desktop and rootless engines are found by their context alone.
    """
    if os.environ.get("DOCKER_HOST"):
        return None  # docker-py reads it, with its TLS settings
    context = ContextAPI.get_current_context()
    return str(context.Host) if context and context.Host else None


class Engine:
    """A connection to the container engine. Raises `EngineError` where there is none."""

    def __init__(self) -> None:
        try:
            host = _host()
            self.client = docker.DockerClient(host, timeout=60) if host else docker.from_env()
            version = self.client.version()
        except (DockerException, RequestException, OSError) as error:
            raise EngineError(
                "no container engine answers; start Docker, or on Debian and Ubuntu as root: "
                f"make lab-up ({_line(error)[:120]})"
            ) from error
        self.version = str(version["Version"])
        self.kernel = str(version.get("KernelVersion", "unknown"))
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version)[:2])
        if numbers < OLDEST_ENGINE:
            raise EngineError(f"engine {self.version} is too old; the lab needs 20.10 or later")

    # --- finding ---------------------------------------------------------------------------

    def labs(self) -> dict[str, Lab]:
        """All labs on this engine by name, those that do not run included."""
        with _told("list labs"):
            found = self.client.api.containers(all=True, filters={"label": LABEL})
        nodes: dict[str, list[Node]] = {}
        for each in found:
            nodes.setdefault(each["Labels"][LABEL], []).append(_node(each))
        return {
            name: Lab(name, tuple(sorted(members, key=_order)))
            for name, members in sorted(nodes.items())
        }

    def find(self, name: str) -> Lab | None:
        """The lab of that name, or None."""
        return self.labs().get(name)

    def lab(self, name: str) -> Lab:
        """The lab of that name, every node running. Raises `NoSuchLab`."""
        found = self.find(name)
        if found is None:
            others = ", ".join(self.labs())
            have = f"; up are: {others}" if others else ""
            raise NoSuchLab(f"no lab {name!r} is up; start it: {_up(name)}{have}")
        for node in found.nodes:
            if not node.running:
                raise NoSuchLab(
                    f"lab {name!r}: {node.name} does not run ({node.state}); mend it: {_up(name)}"
                )
        if not found.whole:
            raise NoSuchLab(f"lab {name!r} is not whole; mend it: {_up(name)}")
        return found

    def foreign(self, name: str) -> bool:
        """Whether a Compose project of that name is there that is no lab of ours."""
        label = f"com.docker.compose.project={name}"
        with _told("list Compose projects"):
            found = self.client.api.containers(all=True, filters={"label": label})
        return any(LABEL not in each["Labels"] for each in found)

    def networks(self, name: str | None = None) -> list[str]:
        """Ids of the networks of one lab, or of all labs."""
        with _told("list networks"):
            found = self.client.api.networks(filters={"label": _label(name)})
        return [each["Id"] for each in found]

    def remove(self, name: str | None) -> tuple[int, int]:
        """Remove all that one lab, or (None) every lab, has: (containers, networks) removed.

        By label and not by Compose's memory, so that halves of a lab and the nodes of a scaled
        one go too. What somebody else removes meanwhile counts as removed.
        """
        with _told("remove containers"):
            found = self.client.api.containers(all=True, filters={"label": _label(name)})
            if found:
                with ThreadPoolExecutor(max_workers=8) as pool:
                    list(pool.map(self._remove_container, [each["Id"] for each in found]))
        networks = self.networks(name)
        with _told("remove networks"):
            for network in networks:
                with contextlib.suppress(NotFound):
                    self.client.api.remove_network(network)
        return len(found), len(networks)

    def _remove_container(self, container: str) -> None:
        try:
            self.client.api.remove_container(container, force=True, v=True)
        except NotFound:
            return
        except APIError as error:
            if "already in progress" not in str(error.explanation):
                raise
            # Somebody else's removal: it is gone when they are done (bounded by the client).
            with contextlib.suppress(NotFound):
                self.client.api.wait(container, timeout=30, condition="removed")

    # --- images ----------------------------------------------------------------------------

    def image_label(self, image: str, label: str) -> str | None:
        """A label of a local image; empty where it has none; None where the image is missing."""
        with _told(f"look at image {image}"):
            try:
                found = self.client.images.get(image)
            except ImageNotFound:
                return None
        return str(found.labels.get(label, ""))

    def registry_has(self, image: str, timeout_s: float) -> bool:
        """Whether a registry answers for `image` within the time; asks, and pulls nothing.

        A registry out of reach would otherwise hold a pull for 20 s and more in DNS. The
        engine asks, as it is the engine that would pull: its mirrors and proxies count.
        """
        api = self.client.api
        try:
            answer = api.get(
                f"{api.base_url}/v{api.api_version}/distribution/{image}/json", timeout=timeout_s
            )
        except RequestException:
            return False
        return bool(answer.status_code == 200)

    # --- running ---------------------------------------------------------------------------

    def run(self, node: Node, argv: list[str], *, user: str = "lab") -> Output:
        """Run a program in a node and wait for it; bytes it prints are read as UTF-8."""
        api = self.client.api
        with _told(f"run {argv[0]} in {node.name}"):
            made = api.exec_create(node.container, argv, user=user)
            stream = api.exec_start(made["Id"], stream=True, demux=True)
            out, err = bytearray(), bytearray()
            for stdout, stderr in stream:
                out += stdout or b""
                err += stderr or b""
            code = api.exec_inspect(made["Id"])["ExitCode"]
        return Output(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    def python(self, node: Node, module: str, *arguments: str, user: str = "lab") -> Any:
        """Run a module of `lab.node` in a node and return the one JSON value that it prints.

        Ctrl-C ends it in the node too, before it goes on its way here. Raises `ProbeError`
        with the module's own words where it failed.
        """
        # Python takes any -X word; this one is how the process is found when it has to stop.
        mark = f"netlab-{secrets.token_hex(8)}"
        argv = ["python3", "-X", mark, "-m", f"lab.node.{module}", *arguments]
        try:
            output = self.run(node, argv, user=user)
        except KeyboardInterrupt:
            self._stop(node, mark)
            raise
        if output.code != 0:
            reason = last_words(output.stderr, output.code)
            raise ProbeError(f"{node.name}: {module}: {reason}")
        try:
            return json.loads(output.stdout)
        except ValueError as error:
            raise ProbeError(f"{node.name}: {module}: printed no JSON ({error})") from error

    def _stop(self, node: Node, mark: str) -> None:
        """End the marked process in a node: ask, and after 2 s insist."""
        for signal, deadline in (("TERM", time.monotonic() + 2), ("KILL", time.monotonic() + 4)):
            self.run(node, ["pkill", f"-{signal}", "-f", mark])
            while time.monotonic() < deadline:
                if self.run(node, ["pgrep", "-f", mark]).code != 0:
                    return

    def try_out(self, image: str, module: str) -> str:
        """Run a module of `lab.node` once, in a container with a network of its own and no way
        out, as an administrator of that network; return what it prints."""
        with _told(f"try out {module}"):
            printed: bytes = self.client.containers.run(
                image,
                entrypoint=["python3", "-c"],
                command=[(NODE_SOURCES / f"{module}.py").read_text(encoding="utf-8")],
                network_mode="none",
                cap_drop=["ALL"],
                cap_add=["NET_ADMIN"],
                labels={TRIAL_LABEL: module},
                remove=True,
            )
        return printed.decode("utf-8")

    def shell(self, node: Node, argv: list[str], user: str) -> int:
        """Run a command in a node with this terminal as its own; return its exit code."""
        terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
        words = ["docker", "exec", "--interactive", *terminal, "--user", user, node.container]
        try:
            return subprocess.run([*words, *argv], check=False).returncode
        except FileNotFoundError:
            raise EngineError("no docker command on the PATH; install the Docker client") from None

    def logs(self, node: Node) -> str:
        """What the node's program said, both streams, oldest first."""
        with _told(f"logs of {node.name}"):
            raw = self.client.api.logs(node.container)
        return bytes(raw).decode("utf-8", "replace")


def _label(name: str | None) -> str:
    """What finds the things of one lab, or (None) of every lab."""
    return LABEL if name is None else f"{LABEL}={name}"


def _up(name: str) -> str:
    return "lab up" if name == "lab" else f"lab up --name {name}"


def _node(container: dict[str, Any]) -> Node:
    labels = container["Labels"]
    service = labels.get("com.docker.compose.service", "?")
    number = labels.get("com.docker.compose.container-number", "1")
    networks = container["NetworkSettings"]["Networks"].values()
    command = container.get("Command", "").split()
    program = command[-1] if command else ""
    return Node(
        name=f"{service}-{number}" if service == "client" else service,
        service=service,
        container=container["Id"],
        state=container["State"],
        address=next((network["IPAddress"] for network in networks), ""),
        program=program.rpartition(".")[2] if service in SERVERS else "",
    )


def _order(node: Node) -> tuple[bool, bool, str, int]:
    number = node.name.rpartition("-")[2]
    return (
        node.service == "client",
        node.service != "wan",
        node.service,
        int(number) if number.isdigit() else 0,
    )
