"""tcpdump in the nodes of a lab: all at once, from before the first packet to after the last.

State is in the nodes alone (a folder under /tmp, which is memory and goes with the node), so that
who stops a capture need not be who started it. tcpdump runs as a detached exec and not as a
child of the node's program, which would never reap it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from lab.capture.account import Account
from lab.capture.join import Joining, Topology, seen
from lab.capture.pcapng import Station, comments, write
from lab.engine import Engine
from lab.errors import LabError, last_words
from lab.link import Link
from lab.nodes import Lab, Node
from lab.undo import undone

SNAPLEN = 192
MOST_BYTES = 32_000_000
_FOLDER = "/tmp/netlab-capture"  # noqa: S108 - in a node
_MARGIN_S = 0.25

# -Z root: it stays who it is, as the folder is root's. --immediate-mode: the kernel otherwise
# keeps the last frames of a block for a second, and SIGINT would lose them (pcap(3PCAP)).
# The bridge floods a frame for a MAC that it does not know (any more); a node does not take what is
# for another one, and so we don't either: it would look like an arrival past wan.
_START = """
rm -rf {folder}
mkdir {folder}
cat /sys/class/net/eth0/address >{folder}/mac
echo '{about}' >{folder}/about
echo $$ >{folder}/pid
exec tcpdump -i eth0 -Z root -n --immediate-mode -B 16384 --time-stamp-precision=nano \
    -s {snaplen} -c {most} -w {folder}/pcap \
    "ether host $(cat {folder}/mac) or ether multicast" 2>{folder}/said
"""
_WAIT = """
for _ in $(seq 500); do
    grep -q 'listening on' {folder}/said 2>/dev/null && exit 0
    sleep 0.02
done
cat {folder}/said >&2
exit 1
"""
# One that sleeps has read all there is: it waits for a frame.
_STOP = """
pid=$(cat {folder}/pid) || { echo 'no capture runs here' >&2; exit 4; }
for _ in $(seq 250); do
    grep -q '^State:.S' /proc/$pid/status 2>/dev/null || ! kill -0 $pid 2>/dev/null && break
    sleep 0.02
done
kill -INT $pid 2>/dev/null
for _ in $(seq 250); do
    kill -0 $pid 2>/dev/null || { cat {folder}/said >&2; cat {folder}/about {folder}/mac; exit 0; }
    sleep 0.02
done
echo 'tcpdump does not end' >&2
exit 1
"""
_REMOVE = """
pid=$(cat {folder}/pid 2>/dev/null) && kill -KILL $pid 2>/dev/null
rm -rf {folder}
"""

T = TypeVar("T")


class AlreadyRuns(LabError):
    """Somebody captures in this lab now."""


@dataclass
class Capture:
    """A capture that ended: its account, and the file."""

    path: Path
    account: Account


def stations(lab: Lab) -> tuple[Node, ...]:
    """Where a lab is captured: everywhere."""
    return lab.nodes


def start(
    engine: Engine, lab: Lab, *, snaplen: int = SNAPLEN, most_bytes: int = MOST_BYTES
) -> None:
    """Capture at every station from now on. Raises `LabError`, and then none does."""
    most = max(most_bytes // (snaplen + 16), 1)
    about = json.dumps({"snaplen": snaplen, "most": most})
    script = _filled(_START, about=about, snaplen=str(snaplen), most=str(most))

    def one(node: Node) -> None:
        if (
            engine.run(node, ["sh", "-c", _filled("kill -0 $(cat {folder}/pid)")], user="root").code
            == 0
        ):
            raise AlreadyRuns(f"{node.name}: a capture runs already; end it: lab capture stop")
        engine.detach(node, ["sh", "-c", script])
        done = engine.run(node, ["sh", "-c", _filled(_WAIT)], user="root")
        if done.code != 0:
            raise LabError(f"{node.name}: tcpdump: {last_words(done.stderr, done.code)}")

    _everywhere(lab, one)


def stop(
    engine: Engine, lab: Lab, target: Path, *, comment: str = "", stay_s: float | None = None
) -> Capture:
    """End it, fetch what each station has, join it, and write it to `target`."""
    try:
        stay = _stay_s(engine, lab) if stay_s is None else stay_s
        end_ns = time.time_ns()
        with TemporaryDirectory(prefix="netlab-") as name:
            folder = Path(name)

            def one(node: Node) -> tuple[bytes, int, int, int, bool]:
                done = engine.run(node, ["sh", "-c", _filled(_STOP)], user="root")
                if done.code != 0:
                    why = last_words(done.stderr, done.code)
                    raise LabError(f"{node.name}: the capture: {why}")
                about, mac = done.stdout.splitlines()
                told = json.loads(about)
                engine.save(node, ["cat", f"{_FOLDER}/pcap"], folder / node.name)
                captured, received, dropped = _figures(node, done.stderr)
                full = captured >= told["most"]
                return (bytes.fromhex(mac.replace(":", "")), told["snaplen"], dropped,
                        0 if full else max(received - captured, 0), full)  # fmt: skip

            ended = _everywhere(lab, one)
            return _joined(lab, folder, ended, target, comment, round(stay * 1e9), end_ns)
    finally:
        remove(engine, lab)


def remove(engine: Engine, lab: Lab) -> None:
    """Leave nothing of a capture in the nodes, where they run."""

    def one(node: Node) -> None:
        engine.run(node, ["sh", "-c", _filled(_REMOVE)], user="root")

    _everywhere(lab, one)


def status(engine: Engine, lab: Lab) -> Mapping[str, int | None]:
    """By node how many bytes its capture has so far; None where none runs."""

    def one(node: Node) -> int | None:
        script = _filled("kill -0 $(cat {folder}/pid) && stat -c %s {folder}/pcap")
        done = engine.run(node, ["sh", "-c", script], user="root")
        return int(done.stdout) if done.code == 0 else None

    return _everywhere(lab, one)


@contextmanager
def capturing(
    engine: Engine, lab: Lab, target: Path, *, snaplen: int = SNAPLEN, comment: str = "",
    most_bytes: int = MOST_BYTES, stay_s: float | None = None,
) -> Iterator[Capture]:  # fmt: skip
    """Capture what happens inside; afterwards the account is filled and the file is there.

    stay_s: the longest that a packet may be on its way; by default as the link says, before and
    after. Nothing stays in the nodes, whatever happens inside.
    """
    capture = Capture(target, Account())
    if any(size is not None for size in status(engine, lab).values()):
        raise AlreadyRuns(f"lab {lab.name!r}: a capture runs already; end it: lab capture stop")
    before = _stay_s(engine, lab)
    with undone(lambda: remove(engine, lab)):
        start(engine, lab, snaplen=snaplen, most_bytes=most_bytes)
        yield capture
        stay = max(before, _stay_s(engine, lab)) if stay_s is None else stay_s
        capture.account = stop(engine, lab, target, comment=comment, stay_s=stay).account


def _joined(
    lab: Lab, folder: Path, ended: Mapping[str, tuple[bytes, int, int, int, bool]],
    target: Path, comment: str, stay_ns: int, end_ns: int,
) -> Capture:  # fmt: skip
    nodes = {node.name: node for node in lab.nodes}
    names = {IPv4Address(node.address).packed: node.name for node in lab.nodes}
    topology = Topology(names, ended["wan"][0])
    paths = {name: folder / name for name in ended}
    joining = Joining(topology, stay_ns=stay_ns, end_ns=end_ns)
    account = Account(
        file=target.name,
        unread={name: each[2] + each[3] for name, each in ended.items() if each[2] + each[3]},
        bounded=tuple(name for name, each in ended.items() if each[4]),
    )

    def counted() -> Iterator[object]:
        for trace in joining.traces(seen(paths, topology)):
            account.add(trace.packet)
            yield trace

    said = comments(counted())  # type: ignore[arg-type]
    account.started_ns, account.cut_short = joining.start_ns, joining.cut_short
    target.parent.mkdir(parents=True, exist_ok=True)
    write(
        target, seen(paths, topology, 0),
        [Station(name, IPv4Address(nodes[name].address).packed, ended[name][0],
                 f"eth0 of {name}") for name in paths],
        said, comment=comment, snaplen=max(each[1] for each in ended.values()),
        stay_ns=stay_ns, end_ns=end_ns,
    )  # fmt: skip
    return Capture(target, account)


def _stay_s(engine: Engine, lab: Lab) -> float:
    state = Link(engine, lab).state()
    clients = (None, *(node.name for node in lab.service("client")))
    return max(state.longest_stay_s(client) for client in clients) + _MARGIN_S


def _figures(node: Node, said: str) -> tuple[int, int, int]:
    """What tcpdump says at its end: captured, received by filter, dropped by kernel."""
    found = []
    for words in ("captured", "received by filter", "dropped by kernel"):
        line = next((each for each in said.splitlines() if each.endswith(words)), "")
        if not line.split(" ")[0].isdigit():
            raise LabError(f"{node.name}: tcpdump: {last_words(said, None)}")
        found.append(int(line.split(" ")[0]))
    return found[0], found[1], found[2]


def _filled(script: str, **words: str) -> str:
    for word, value in {"folder": _FOLDER, **words}.items():
        script = script.replace("{" + word + "}", value)
    return script


def _everywhere(lab: Lab, do: Callable[[Node], T]) -> dict[str, T]:
    """Do something at all stations at the same time, to its end everywhere; the first failure."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        asked = {node.name: pool.submit(do, node) for node in stations(lab)}
    return {name: each.result() for name, each in asked.items()}
