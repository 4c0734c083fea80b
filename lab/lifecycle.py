"""A lab's life: up, wired and echoing; down with nothing left. One command at a time per lab."""

import getpass
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lab import catalogue, compose, images
from lab.engine import Engine, Lab
from lab.errors import BadInput, ComposeError, EngineError, LabError, ProbeError
from lab.link import Link

DEFAULT_NAME = "lab"
MAX_CLIENTS = 100
PATIENCE_S = 120.0
READY_S = 10

Say = Callable[[str], None]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def checked_name(name: str) -> str:
    """`name`, if Compose takes it for a project. Raises `BadInput`."""
    if not _NAME.fullmatch(name):
        allowed = "a-z, 0-9, - and _, at most 40 characters, the first a letter or digit"
        raise BadInput("--name", name, f"is no lab's name; allowed: {allowed}")
    return name


@contextmanager
def held(name: str, say: Say) -> Iterator[None]:
    """Keep other commands from changing lab `name` meanwhile; wait for one that does.

    The lock is the operating system's and ends with the process, however it ends.
    """
    folder = Path(tempfile.gettempdir()) / f"netlab-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another command is at work on lab {name!r}; waiting for it")
        try:
            lock.acquire(timeout=PATIENCE_S)
        except Timeout:
            raise LabError(
                f"another command has been at work on lab {name!r} for {PATIENCE_S:.0f} s"
            ) from None
    try:
        yield
    finally:
        lock.release()


def up(
    engine: Engine,
    name: str,
    say: Say,
    *,
    clients: int | None = None,
    tcp: str | None = None,
    udp: str | None = None,
) -> tuple[Lab, bool]:
    """Bring lab `name` up, or mend it; return it and whether anything had to be changed.

    What is not named stays as it is in a lab that is there, else it is the default. A first
    start that fails or is interrupted leaves nothing. Raises `LabError` and what it stands for.
    """
    _check_sources()
    with held(name, say):
        before = engine.find(name)
        if before is None and engine.foreign(name):
            raise BadInput("--name", name, "is a Compose project that is no lab; choose another")
        images.ensure(engine, say)
        try:
            compose.up(
                name,
                clients=clients or max(1, len(before.service("client")) if before else 1),
                tcp=tcp or _program(before, "tcp"),
                udp=udp or _program(before, "udp"),
            )
            lab = engine.lab(name)
            changed = before is None or set(before.nodes) != set(lab.nodes)
            if changed:
                if before:  # what came back may have another address
                    rewire(engine, lab)
                _ready(engine, lab)
                if before:
                    Link(engine, lab).heal()
        except BaseException:
            if before is None:
                _undo(engine, name)
            raise
        return lab, changed


def _undo(engine: Engine, name: str) -> None:
    """Remove what an `up` that did not end well has made, and what is still on its way.

    A Compose that is gone may have asked the engine for a container that is not there yet, so
    this goes on until nothing has turned up for half a second, and at most 15 s.
    """
    deadline, quiet_since = time.monotonic() + 15, time.monotonic()
    while time.monotonic() < min(deadline, quiet_since + 0.5):
        try:
            found = engine.remove(name)
        except EngineError:  # a network that a container has just joined
            found = (1, 0)
        if any(found):
            quiet_since = time.monotonic()
        time.sleep(0.05)
    engine.remove(name)


def _program(lab: Lab | None, protocol: str) -> str:
    nodes = lab.service(f"{protocol}-server") if lab else ()
    return nodes[0].program if nodes else catalogue.DEFAULT[protocol]


def rewire(engine: Engine, lab: Lab, *words: str) -> None:
    """Wire every end node again, TCP's settings of its route being these (ip-route(8)).

    No words: the settings that a lab comes up with. Raises `LabError`.
    """
    for node in lab.nodes:
        if node.service != "wan":
            done = engine.run(node, ["entrypoint", "rewire", *words], user="root")
            if done.code != 0:
                raise LabError(f"{node.name}: wiring: {done.stderr.strip()}")


def _check_sources() -> None:
    """The programs are mounted into containers, whose ordinary user has to be able to read them."""
    for path in (compose.ROOT / "lab" / "node", catalogue.ECHO):
        if not path.stat().st_mode & 0o005 == 0o005:
            raise LabError(
                f"{path} can't be read by an ordinary user in a container; mend it: "
                f"chmod -R a+rX {compose.ROOT}"
            )


def _ready(engine: Engine, lab: Lab) -> None:
    """Wait until the first client reaches both servers over wan; say what is wrong if not."""
    try:
        engine.python(lab.node("client"), "ready", str(READY_S), user="root")
    except ProbeError as error:
        for node in engine.lab(lab.name).nodes:  # a server that ended says so by its own log
            if node.program and (said := engine.logs(node).strip()):
                last = said.splitlines()[-1]
                if not last.startswith("{"):
                    raise ComposeError(f"{node.name} ({node.program}): {last}") from error
        raise
