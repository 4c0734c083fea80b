"""Running programs in a lab's nodes, and beside them, by the container engine.

With `lab.engine` the only module that speaks the engine's API. A program that has to end ends,
whatever becomes of its node, of the engine, or of us.
"""

import contextlib
import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import docker
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from lab.errors import EngineError, ProbeError, last_words
from lab.nodes import COMPANION, LABEL, Node

TRIAL_LABEL = "org.netlab.trial"
COMPOSE_PROJECT = "com.docker.compose.project"
TUN = "/dev/net/tun"
NODE_SOURCES = Path(__file__).resolve().parent / "node"
KILLED = 137  # as a shell has it: 128 + SIGKILL, which is how a container takes all with it
SILENCE_S = 1.0
"""After so long without a word from a program in a node, the engine is asked whether it lives."""

T = TypeVar("T")


@dataclass(frozen=True)
class Output:
    """What a program in a node left: its exit code, standard output and standard error."""

    code: int
    stdout: str
    stderr: str


@contextlib.contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn every failure of the engine or the way to it into one line."""
    try:
        yield
    except APIError as error:
        raise EngineError(f"{doing}: the engine says: {line(error.explanation)}") from error
    except (DockerException, RequestException) as error:
        raise EngineError(f"{doing}: the engine does not answer ({line(error)})") from error


def line(error: object) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())


class Programs:
    """What runs in nodes, by way of a connection to the engine."""

    client: docker.DockerClient

    def __init__(self) -> None:
        self._under_way: dict[str, Node] = {}
        self._over = False

    def run(self, node: Node, argv: list[str], *, user: str = "lab") -> Output:
        """Run a program in a node and wait for it; bytes it prints are read as UTF-8.

        Raises `EngineError` where the node ends before the program does: the engine then
        leaves the stream of its output open for ever.
        """
        out = bytearray()
        code, err = self._run(node, argv, user, out.extend)
        return Output(code, out.decode("utf-8", "replace"), err)

    def save(self, node: Node, argv: list[str], target: Path, *, user: str = "root") -> None:
        """Run a program in a node and write the bytes that it prints to a file here.

        The engine's own copying can't see a tmpfs. Raises `ProbeError` where it failed.
        """
        with target.open("wb") as file:
            code, err = self._run(node, argv, user, file.write)
        if code != 0:
            raise ProbeError(f"{node.name}: {_program(argv)}: {last_words(err, code)}")

    def detach(self, node: Node, argv: list[str], *, user: str = "root") -> None:
        """Start a program in a node and leave it there; the engine reaps it when it ends."""
        with told(f"run {_program(argv)} in {node.name}"):
            made = self.client.api.exec_create(
                node.container, argv, user=user, stdout=False, stderr=False
            )
            self.client.api.exec_start(made["Id"], detach=True)

    def _run(
        self, node: Node, argv: list[str], user: str, take: Callable[[bytes], object]
    ) -> tuple[int, str]:
        """Its exit code and what it said; `take` has what it prints, piece by piece."""
        api = self.client.api
        err = bytearray()
        code: int | None = None
        with told(f"run {_program(argv)} in {node.name}"):
            try:
                made = api.exec_create(node.container, argv, user=user)
                for stdout, stderr in _awake(
                    api.exec_start(made["Id"], stream=True, demux=True),
                    lambda: self._still_runs(node, made["Id"]),
                ):
                    take(stdout or b"")
                    err += stderr or b""
                code = self._exit_code(node, made["Id"])
            except APIError:  # in the engine's words a container's id is not running
                if self._runs(node):
                    raise
        if code is None:
            raise EngineError(f"{node.name} does not run any more; mend it: lab up")
        return code, err.decode("utf-8", "replace")

    def _exit_code(self, node: Node, execution: str) -> int | None:
        """How an exec ended; None where its node ended under it."""
        try:
            code: int | None = self.client.api.exec_inspect(execution)["ExitCode"]
        except NotFound:  # the engine forgets the execs of a container that is started again
            return None
        deadline = time.monotonic() + SILENCE_S
        while code == KILLED and time.monotonic() < deadline:  # by itself, or with its node?
            if not self._runs(node):
                return None
            time.sleep(0.02)
        return code

    def _runs(self, node: Node) -> bool:
        try:
            return bool(self.client.api.inspect_container(node.container)["State"]["Running"])
        except NotFound:
            return False

    def _still_runs(self, node: Node, execution: str) -> bool:
        """Whether an exec that has been silent may still say something."""
        try:
            return self._runs(node) and bool(self.client.api.exec_inspect(execution)["Running"])
        except NotFound:
            return False

    def python(self, node: Node, module: str, *arguments: str, user: str = "lab") -> Any:
        """Run a module of `lab.node` in a node and return the one JSON value that it prints.

        Ctrl-C ends it in the node too, before it goes on its way here. Raises `ProbeError`
        with the module's own words where it failed, and where `end` was called.
        """
        if self._over:
            raise ProbeError(f"{node.name}: {module}: was not begun, as all is to end")
        # Python takes any -X word; this one is how the process is found when it has to stop.
        mark = f"netlab-{secrets.token_hex(8)}"
        argv = ["python3", "-X", mark, "-m", f"lab.node.{module}", *arguments]
        self._under_way[mark] = node
        try:
            output = self.run(node, argv, user=user)
        except KeyboardInterrupt:
            self._stop(node, mark)
            raise
        finally:
            del self._under_way[mark]
        if output.code != 0:
            reason = last_words(output.stderr, output.code)
            raise ProbeError(f"{node.name}: {module}: {reason}")
        try:
            return json.loads(output.stdout)
        except ValueError as error:
            raise ProbeError(f"{node.name}: {module}: printed no JSON ({error})") from error

    def end(self) -> None:
        """End what another thread runs by this connection, for good: it starts nothing more.

        A program that is just being started may be missed, so call it until that thread is done.
        """
        self._over = True
        for mark, node in list(self._under_way.items()):
            self._stop(node, mark)

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
        source = (NODE_SOURCES / f"{module}.py").read_text(encoding="utf-8")

        def run(devices: list[str]) -> bytes:
            printed: bytes = self.client.containers.run(
                image, entrypoint=["python3", "-c"], command=[source], network_mode="none",
                cap_drop=["ALL"], cap_add=["NET_ADMIN"], devices=devices,
                labels={TRIAL_LABEL: module, COMPOSE_PROJECT: ""}, remove=True,
            )  # fmt: skip
            return printed

        with told(f"try out {module}"):
            try:
                printed = run([f"{TUN}:{TUN}:rw"])
            except APIError:  # a host that has no such device: the module says what that costs
                printed = run([])
        return printed.decode("utf-8")

    def start_companion(self, name: str, wan: Node, argv: list[str]) -> Node:
        """Run a program beside wan of lab `name`: in its network and with its image and sources,
        as that network's administrator, with a TUN device. It leaves nothing when it ends."""
        api = self.client.api
        with told(f"start {_program(argv)} beside wan"):
            like = api.inspect_container(wan.container)
            host = api.create_host_config(
                network_mode=f"container:{wan.container}", cap_drop=["ALL"],
                cap_add=["NET_ADMIN"], devices=[f"{TUN}:{TUN}:rw"], read_only=True,
                security_opt=["no-new-privileges:true"], tmpfs=like["HostConfig"]["Tmpfs"],
                mem_limit="512m", pids_limit=64, auto_remove=True,
                log_config=like["HostConfig"]["LogConfig"],
            )  # fmt: skip
            for key in ("Binds", "Mounts", "MaskedPaths", "ReadonlyPaths"):
                host[key] = like["HostConfig"].get(key)
            made = api.create_container(
                like["Config"]["Image"], entrypoint=argv[:1], command=argv[1:], user="root",
                environment=like["Config"]["Env"], host_config=host,
                # Compose wrote a project on the image that it built; this is none of its own.
                labels={LABEL: name, COMPANION: _program(argv), COMPOSE_PROJECT: ""},
            )  # fmt: skip
            api.start(made["Id"])
        return Node(_program(argv), _program(argv), made["Id"], "running", "", "")

    def outlived(self, companion: Node, wan: Node) -> bool:
        """Whether wan was started again since, so that its network is another one."""
        with told(f"look at {wan.name}"):
            started = self.client.api.inspect_container(wan.container)["State"]["StartedAt"]
            beside = self.client.api.inspect_container(companion.container)["State"]["StartedAt"]
        return str(started) > str(beside)

    def stop(self, node: Node, grace_s: int) -> None:
        """Ask a container to end, and insist after `grace_s`; one that is gone is as wanted."""
        with told(f"stop {node.name}"), contextlib.suppress(NotFound):
            self.client.api.stop(node.container, timeout=grace_s)
            # It removes itself, a moment later; until then its name and its place are taken.
            self.client.api.wait(node.container, timeout=30, condition="removed")

    def shell(self, node: Node, argv: list[str], user: str) -> int:
        """Run a command in a node with this terminal as its own; return its exit code."""
        terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
        words = ["docker", "exec", "--interactive", *terminal, "--user", user, node.container]
        try:
            return subprocess.run([*words, *argv], check=False).returncode
        except OSError:
            raise EngineError("no docker command on the PATH; install the Docker client") from None

    def logs(self, node: Node) -> str:
        """What the node's program said, both streams, oldest first."""
        with told(f"logs of {node.name}"):
            raw = self.client.api.logs(node.container)
        return bytes(raw).decode("utf-8", "replace")


def _awake(stream: Iterator[T], alive: Callable[[], bool]) -> Iterator[T]:
    """Pass on what a stream gives; where it is silent for `SILENCE_S`, not `alive`, and as long
    silent again, end.

    A thread of its own waits for the stream, for it may never give anything again.
    """
    given: SimpleQueue[T | BaseException | None] = SimpleQueue()

    def pump() -> None:
        try:
            for each in stream:
                given.put(each)
            given.put(None)
        except Exception as error:
            given.put(error)

    threading.Thread(target=pump, name="exec", daemon=True).start()
    dead = False
    while True:
        try:
            each = given.get(timeout=SILENCE_S)
        except Empty:
            if dead:
                return
            # Its last words may be on their way still: one that ended is waited for once more.
            dead = not alive()
            continue
        if each is None:
            return
        if isinstance(each, BaseException):
            raise each
        yield each


def _program(argv: list[str]) -> str:
    """What a reader calls a command: of `python3 -X mark -m lab.node.tally` it is `tally`."""
    if "-m" in argv:
        return argv[argv.index("-m") + 1].removeprefix("lab.node.")
    return argv[0]
