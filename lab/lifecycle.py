"""A lab's life: up, wired and echoing; down with nothing left. One command at a time per lab."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from lab import catalogue, compose, images
from lab.engine import Engine
from lab.errors import BadInput, ComposeError, EngineError, ImpairmentError, LabError
from lab.link import Link
from lab.lock import alone
from lab.nodes import SERVERS, Lab, Node
from lab.undo import undone

DEFAULT_NAME = "lab"
MAX_CLIENTS = 100
PATIENCE_S = 120.0
READY_S = 10

Say = Callable[[str], None]

# One program a node, as this is done at every node of every run; it says whether it did anything.
_REWIRE = """before=$(ip -4 route show); entrypoint rewire "$@" || exit
[ "$before" = "$(ip -4 route show)" ] || echo rewired"""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def checked_name(name: str, where: str = "--name") -> str:
    """`name`, if Compose takes it for a project. Raises `BadInput`."""
    if not _NAME.fullmatch(name):
        allowed = "a-z, 0-9, - and _, at most 40 characters, the first a letter or digit"
        raise BadInput(where, name, f"is no lab's name; allowed: {allowed}")
    return name


@contextmanager
def held(name: str, say: Say) -> Iterator[None]:
    """Keep other commands from changing lab `name` meanwhile; wait for one that does."""
    with alone(name, f"lab {name!r}", say, PATIENCE_S):
        yield


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
    with held(name, say):
        return bring(engine, name, say, clients=clients, tcp=tcp, udp=udp)


def bring(
    engine: Engine,
    name: str,
    say: Say,
    *,
    clients: int | None = None,
    tcp: str | None = None,
    udp: str | None = None,
) -> tuple[Lab, bool]:
    """As `up`, for callers that hold the lab."""
    _check_sources()
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
        if before is None:
            _ready(engine, lab, end_to_end=True)
        else:
            if not all(node.running for node in before.service("wan")):
                say("wan was started again; what was impaired is so no more")
            changed |= _mend(engine, lab, say)
    except BaseException:
        if before is None:
            _undo(engine, name)
        raise
    return lab, changed


@contextmanager
def fitted(
    engine: Engine, name: str, say: Say, *, clients: int, servers: Mapping[str, str]
) -> Iterator[Lab]:
    """Lab `name`, which the caller holds, with at least so many clients and these programs.

    servers: by protocol. Afterwards it has what it had before, also after Ctrl-C.
    """
    before = engine.lab(name)
    had = len(before.service("client"))
    programs = {each: before.node(f"{each}-server").program for each in catalogue.PROTOCOLS}
    if had >= clients and programs == programs | dict(servers):
        yield before
        return

    def has(number: int, tcp: str, udp: str) -> Lab:
        words = f"{tcp}, {udp}, {number} client{'' if number == 1 else 's'}"
        say(f"lab {name!r} is made to have {words}")
        return bring(engine, name, say, clients=number, tcp=tcp, udp=udp)[0]

    with undone(lambda: has(had, **programs)):
        yield has(max(had, clients), **(programs | dict(servers)))


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


def _mend(engine: Engine, lab: Lab, say: Say) -> bool:
    """Make a lab that was there as it should be; return whether anything was not.

    Whatever ended and came back may have another address: every route and every filter is
    looked at, and what is in force stays in force.
    """
    changed = rewire(engine, lab)
    link = Link(engine, lab)
    try:
        before = link.state()
    except ImpairmentError as error:
        link.remove()
        say(f"{error}; what was impaired is so no more")
        before, changed = link.state(), True
    if before.stale:
        link.heal()
        changed = True
    # An impairment may drop whatever asks, so then each server is asked in its own node.
    _ready(engine, lab, end_to_end=before.is_clear)
    return changed


def rewire(engine: Engine, lab: Lab, *words: str) -> bool:
    """Wire every end node again, TCP's settings of its route being these (ip-route(8)).

    No words: the settings that a lab comes up with. Returns whether any route was another
    before. Raises `LabError`.
    """

    def wire(node: Node) -> bool:
        done = engine.run(node, ["sh", "-c", _REWIRE, "rewire", *words], user="root")
        if done.code != 0:
            raise LabError(f"{node.name}: wiring: {done.stderr.strip()}")
        return bool(done.stdout)

    ends = [node for node in lab.nodes if node.service in ("client", *SERVERS)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return any(list(pool.map(wire, ends)))


def _check_sources() -> None:
    """The programs are mounted into containers, whose ordinary user has to be able to read them."""
    for path in (compose.ROOT / "lab" / "node", catalogue.ECHO):
        if not path.stat().st_mode & 0o005 == 0o005:
            raise LabError(
                f"{path} can't be read by an ordinary user in a container; mend it: "
                f"chmod -R a+rX {compose.ROOT}"
            )


def _ready(engine: Engine, lab: Lab, *, end_to_end: bool) -> None:
    """Wait until both servers echo, the first client reaching them over wan (`end_to_end`), or
    each asked in its own node. Says what is wrong if not, in a server's own last words."""
    patience = str(READY_S)
    try:
        if end_to_end:
            engine.python(lab.node("client"), "ready", patience, user="root")
            return
        for server in SERVERS:
            engine.python(lab.node(server), "ready", patience, "--only", server, user="root")
    except LabError as error:
        for node in engine.lab(lab.name).nodes:  # a server that ended says so by its own log
            if node.program and (said := engine.logs(node).strip()):
                last = said.splitlines()[-1]
                if not last.startswith("{"):
                    raise ComposeError(f"{node.name} ({node.program}): {last}") from error
        raise
