"""What the parts stand on: labs of the benchmark's own, its image, and programs in the background.

All of it is gone when its `with` ends. The labs are named `b-…`, so that nobody else's is touched.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab import compose
from lab.engine import Engine
from lab.errors import LabError
from lab.nodes import Lab, Node

HERE = Path(__file__).resolve().parent
IMAGE = "netlab-bench:trixie"
OVERRIDE = HERE / "compose.bench.yaml"
BUILD_S = 60
LISTEN_S = 10.0

Settings = Mapping[str, str]


class BenchError(LabError):
    """The benchmark could not measure; the text is one line."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no signal stop what has to be done to the end; it comes afterwards."""
    signals = {signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def nothing_left(engine: Engine, name: str) -> Iterator[None]:
    """Have nothing of lab `name` there before and after, whatever happens in between."""
    engine.remove(name)
    try:
        yield
    finally:
        with undisturbed():
            engine.remove(name)


def compose_up(name: str, *overrides: Path) -> list[str]:
    """The plain command that brings lab `name` up, without the command `lab`."""
    files = [word for path in (compose.FILE, *overrides) for word in ("--file", str(path))]
    return ["docker", "compose", *files, "--project-name", name, "up", "--detach"]


def run(argv: list[str], settings: Settings | None = None, timeout_s: float = 60) -> None:
    """Run a command of this machine, with `settings` in its environment.

    Raises `BenchError` with its last line.
    """
    clean = {k: v for k, v in os.environ.items() if k not in ("TCP_SERVER", "UDP_SERVER")}
    with subprocess.Popen(
        argv, env={**clean, **(settings or {})}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise BenchError(f"{' '.join(argv[:2])} took more than {timeout_s:g} s") from None
        except BaseException:
            process.terminate()  # asked, not killed: `with` waits, and it takes back what it began
            raise
    if process.returncode != 0:
        raise BenchError(f"{' '.join(argv[:2])} failed: {last_line(said)}")


def last_line(said: str) -> str:
    """What a program said last, which is why it failed."""
    return (said.strip() or "nothing").splitlines()[-1]


@contextmanager
def tools(engine: Engine) -> Iterator[str]:
    """Have the image with irtt and sockperf meanwhile; yield why not, or an empty text."""
    why = ""
    try:
        try:
            run(["docker", "build", "--network", "host", "--force-rm", "--tag", IMAGE, str(HERE)],
                timeout_s=BUILD_S)  # fmt: skip
        except BenchError as error:
            why = str(error)
        yield why
    finally:
        with undisturbed():
            if engine.image_label(IMAGE, "any") is not None:
                engine.client.images.remove(IMAGE, force=True)


@contextmanager
def standing(engine: Engine, name: str, *overrides: Path) -> Iterator[Lab]:
    """Have lab `name` up meanwhile, echoing."""
    with nothing_left(engine, name):
        run(compose_up(name, *overrides))
        lab = engine.lab(name)
        engine.python(lab.node("client"), "ready", user="root")
        yield lab


def start(engine: Engine, node: Node, protocol: str, port: int, argv: list[str]) -> None:
    """Start a server in a node, as a program's user; come back when it listens.

    It ends with the lab. Raises `BenchError` where it does not listen in time.
    """
    engine.run(node, ["sh", "-c", '"$@" </dev/null >/dev/null 2>&1 &', "sh", *argv])
    listening = ["ss", "-Hln", f"--{protocol}", f"sport = :{port}"]
    deadline = time.monotonic() + LISTEN_S
    while not engine.run(node, listening).stdout.strip():
        if time.monotonic() > deadline:
            raise BenchError(f"{node.name}: {' '.join(argv)} does not listen on port {port}")
