"""A capture at every station of a lab: started, ended, joined, written, and held against others.

The order is what makes the books comparable: every station listens, then counters are read; at
the end nothing is on its way any more, counters are read, and then they stop listening.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from lab import measure
from lab.capture import SNAPLEN, tcpdump
from lab.capture.account import Account
from lab.capture.books import Books, contradictions, uncheckable
from lab.capture.join import Joining, Trace
from lab.capture.pcapng import Station, comments, write
from lab.capture.seen import Topology, seen
from lab.capture.tcpdump import Ended
from lab.engine import Engine
from lab.errors import LabError
from lab.link import Link, LinkState
from lab.nodes import Lab, Node, command_for
from lab.undo import undone

MOST_BYTES = 32_000_000
"""Of a station's file: a node keeps it in memory. 150 000 frames and more."""
QUIET_S = 40.0
"""As long as a peer that is not heard repeats its last words (tcp(7), tcp_orphan_retries)."""
_MARGIN_S = 0.25

T = TypeVar("T")


class AlreadyRuns(LabError):
    """Somebody captures in this lab now."""


@dataclass
class Capture:
    """A capture that ended: its account, and the file."""

    path: Path
    account: Account


def start(
    engine: Engine, lab: Lab, *, snaplen: int = SNAPLEN, most_bytes: int = MOST_BYTES
) -> None:
    """Capture at every station from now on. Raises `LabError`, and then none does."""
    if any(size is not None for size in status(engine, lab).values()):
        end = command_for(lab.name, "lab capture stop")
        raise AlreadyRuns(f"lab {lab.name!r}: a capture runs already; end it: {end}")
    link = Link(engine, lab)
    idle = link.laid()  # wan counts only where the tree is laid
    try:
        kernels = _everywhere(
            lab.nodes,
            lambda node: tcpdump.start(engine, node, snaplen=snaplen, most_bytes=most_bytes),
        )
        state = link.state()
        books = Books.of(state, kernels, busy=_moved(idle, state))
        tcpdump.keep(engine, lab.node("wan"), json.dumps(books.as_dict()))
    except LabError as error:
        with undone(lambda: remove(engine, lab)):
            raise error
    except BaseException:
        remove(engine, lab)
        raise


def stop(
    engine: Engine, lab: Lab, target: Path, *, comment: str = "", stay_s: float | None = None
) -> Capture:
    """End it, fetch what each station has, join it, and write it to `target`.

    Waits until nothing is on its way, but no longer than a packet can be.
    """
    listening = {name: size is not None for name, size in status(engine, lab).items()}
    if not any(listening.values()):
        begin = command_for(lab.name, "lab capture start")
        raise LabError(f"lab {lab.name!r}: no capture runs; start one: {begin}")
    with undone(lambda: remove(engine, lab)), TemporaryDirectory(prefix="netlab-") as name:
        if not listening["wan"]:
            raise LabError("wan: no capture runs here any more (was it started again?)")
        before = Books.from_dict(json.loads(tcpdump.kept(engine, lab.node("wan"))))
        stay = _stay_s(engine, lab) if stay_s is None else stay_s
        state, settled = _settled(Link(engine, lab), stay)
        nodes = [node for node in lab.nodes if listening[node.name]]
        ended = _everywhere(nodes, lambda node: tcpdump.stop(engine, node, Path(name)))
        kernels = {name: each.kernel for name, each in ended.items()}
        after = Books.of(state, kernels, busy=not settled)
        account = Account(
            file=target.name,
            unread={name: each.missed for name, each in ended.items() if each.missed},
            bounded={name: each.unwritten for name, each in ended.items() if each.unwritten},
            missing=tuple(name for name, has in listening.items() if not has),
        )
        _join(lab, ended, account, target, comment, round(stay * 1e9), settled)
        account.counted = after.since(before).as_dict()
        account.unchecked = uncheckable(account, before, after)
        if not account.unchecked:
            account.contradictions = contradictions(account, after.since(before))
        return Capture(target, account)


def remove(engine: Engine, lab: Lab) -> None:
    """Leave nothing of a capture in the nodes; one that does not run has nothing."""
    found = engine.find(lab.name)
    _everywhere(
        [node for node in (found.nodes if found else ()) if node.running],
        lambda node: tcpdump.remove(engine, node),
    )


def status(engine: Engine, lab: Lab) -> Mapping[str, int | None]:
    """By node how many bytes its capture has so far; None where none runs."""
    return _everywhere(lab.nodes, lambda node: tcpdump.size(engine, node))


@contextmanager
def capturing(
    engine: Engine, lab: Lab, target: Path, *, snaplen: int = SNAPLEN, comment: str = "",
    most_bytes: int = MOST_BYTES, stay_s: float | None = None, quiet_s: float = QUIET_S,
) -> Iterator[Capture]:  # fmt: skip
    """Capture what happens inside; afterwards the account is filled and the file is there.

    stay_s: the longest that a packet may be on its way; by default as the link says, before and
    after. quiet_s: so long may TCP's last words take, to be captured too. Nothing stays in the
    nodes, whatever happens inside.
    """
    capture = Capture(target, Account())
    before = _stay_s(engine, lab)
    start(engine, lab, snaplen=snaplen, most_bytes=most_bytes)
    ended = False

    def end() -> None:
        if not ended:
            remove(engine, lab)

    with undone(end):
        yield capture
        loud = measure.quiet(engine, lab, quiet_s)
        stay = max(before, _stay_s(engine, lab)) if stay_s is None else stay_s
        capture.account = stop(engine, lab, target, comment=comment, stay_s=stay).account
        ended = True
        if loud is not None:
            capture.account.unchecked.append(f"{loud} still had something to say over TCP")


def _settled(link: Link, stay_s: float) -> tuple[LinkState, bool]:
    """wan's counters once nothing waits in it and they stay the same; whether that came to be."""
    deadline = time.monotonic() + stay_s
    state = link.state()
    while True:
        before, state = state, link.state()
        if not _moved(before, state):
            return state, True
        if time.monotonic() > deadline:
            return state, False


def _moved(before: LinkState, after: LinkState) -> bool:
    return before.counters != after.counters or any(each.queued for each in after.counters.values())


def _join(
    lab: Lab, ended: Mapping[str, Ended], account: Account,
    target: Path, comment: str, stay_ns: int, settled: bool,
) -> None:  # fmt: skip
    """Fill the account and write the file."""
    names = {IPv4Address(node.address).packed: node.name for node in lab.nodes}
    topology = Topology(names, ended["wan"].mac)
    paths = {name: each.file for name, each in ended.items()}
    end_ns = time.time_ns()
    joining = Joining(topology, stay_ns=stay_ns, end_ns=end_ns, settled=settled)

    def counted() -> Iterator[Trace]:
        for trace in joining.traces(seen(paths, topology)):
            account.add(trace.packet)
            yield trace

    said = comments(counted())
    account.started_ns, account.cut_short = joining.start_ns, joining.cut_short
    target.parent.mkdir(parents=True, exist_ok=True)
    write(
        target, seen(paths, topology),
        [
            Station(node.name, IPv4Address(node.address).packed, ended[node.name].mac,
                    f"eth0 of {node.name}")
            for node in lab.nodes if node.name in ended
        ],
        said, comment=comment, snaplen=max(each.snaplen for each in ended.values()),
        stay_ns=stay_ns, end_ns=end_ns, settled=settled,
    )  # fmt: skip


def _stay_s(engine: Engine, lab: Lab) -> float:
    state = Link(engine, lab).state()
    clients = (None, *(node.name for node in lab.service("client")))
    return max(state.longest_stay_s(client) for client in clients) + _MARGIN_S


def _everywhere(nodes: Iterable[Node], do: Callable[[Node], T]) -> dict[str, T]:
    """Do something at some stations at the same time, to its end everywhere; the first failure."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        asked = {node.name: pool.submit(do, node) for node in nodes}
    return {name: each.result() for name, each in asked.items()}
