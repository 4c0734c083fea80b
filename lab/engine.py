"""The container engine: finding labs by their label, and taking them away.

With `lab.programs` the only module that speaks the engine's API. A lab is what carries the label
`LABEL` with its name, and nothing else: no state is kept on the host, so another machine with the
same engine sees the same labs.
"""

import contextlib
import os
import re
from concurrent.futures import ThreadPoolExecutor

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from lab.errors import EngineError, NoSuchLab
from lab.nodes import COMPANION, LABEL, Lab, Node, command_for, node_of, order
from lab.programs import COMPOSE_PROJECT, Programs, line, told

OLDEST_ENGINE = (20, 10)


def _host() -> str | None:
    """Where the engine is: DOCKER_HOST, else the `docker context` in use, as the CLI does it.

    Docker Desktop and rootless engines are found by their context alone.
    """
    if os.environ.get("DOCKER_HOST"):
        return None  # docker-py reads it, with its TLS settings
    context = ContextAPI.get_current_context()
    return str(context.Host) if context and context.Host else None


class Engine(Programs):
    """A connection to the container engine. Raises `EngineError` where there is none."""

    def __init__(self) -> None:
        super().__init__()
        try:
            host = _host()
            self.client = docker.DockerClient(host, timeout=60) if host else docker.from_env()
            version = self.client.version()
        except (DockerException, RequestException, OSError) as error:
            raise EngineError(
                "no container engine answers; start Docker, or on Debian and Ubuntu as root: "
                f"make lab-up ({line(error)[:120]})"
            ) from error
        self.version = str(version["Version"])
        self.kernel = str(version.get("KernelVersion", "unknown"))
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version)[:2])
        if numbers < OLDEST_ENGINE:
            raise EngineError(f"engine {self.version} is too old; the lab needs 20.10 or later")

    # --- finding ---------------------------------------------------------------------------

    def labs(self) -> dict[str, Lab]:
        """All labs on this engine by name, those that do not run included."""
        with told("list labs"):
            found = self.client.api.containers(all=True, filters={"label": LABEL})
        nodes: dict[str, list[Node]] = {}
        for each in found:
            if COMPANION in each["Labels"]:
                continue
            nodes.setdefault(each["Labels"][LABEL], []).append(node_of(each))
        return {
            name: Lab(name, tuple(sorted(members, key=order)))
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
            raise NoSuchLab(f"no lab {name!r} is up; start it: {command_for(name, 'lab up')}{have}")
        for node in found.nodes:
            if not node.running:
                raise NoSuchLab(
                    f"lab {name!r}: {node.name} does not run ({node.state}); "
                    f"mend it: {command_for(name, 'lab up')}"
                )
        if not found.whole:
            raise NoSuchLab(f"lab {name!r} is not whole; mend it: {command_for(name, 'lab up')}")
        return found

    def companion(self, name: str) -> Node | None:
        """What runs beside wan of the lab of that name, if anything does."""
        with told("list labs"):
            found = self.client.api.containers(
                all=True, filters={"label": [f"{LABEL}={name}", COMPANION]}
            )
        return node_of(found[0]) if found else None

    def foreign(self, name: str) -> bool:
        """Whether a Compose project of that name is there that is no lab of ours."""
        label = f"{COMPOSE_PROJECT}={name}"
        with told("list Compose projects"):
            found = self.client.api.containers(all=True, filters={"label": label})
        return any(LABEL not in each["Labels"] for each in found)

    def networks(self, name: str | None = None) -> list[str]:
        """Ids of the networks of one lab, or of all labs."""
        with told("list networks"):
            found = self.client.api.networks(filters={"label": _label(name)})
        return [each["Id"] for each in found]

    def remove(self, name: str | None) -> tuple[int, int]:
        """Remove all that one lab, or (None) every lab, has: (containers, networks) removed.

        By label and not by Compose's memory, so that halves of a lab and the nodes of a scaled
        one go too. What somebody else removes meanwhile counts as removed.
        """
        with told("remove containers"):
            found = self.client.api.containers(all=True, filters={"label": _label(name)})
            if found:
                with ThreadPoolExecutor(max_workers=8) as pool:
                    list(pool.map(self._remove_container, [each["Id"] for each in found]))
        networks = self.networks(name)
        with told("remove networks"):
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
        with told(f"look at image {image}"):
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


def _label(name: str | None) -> str:
    """What finds the things of one lab, or (None) of every lab."""
    return LABEL if name is None else f"{LABEL}={name}"
