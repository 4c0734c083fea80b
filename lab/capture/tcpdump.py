"""tcpdump in one node of a lab: from before the first packet to after the last.

State is in the node alone (a folder under /tmp, which is memory and goes with the node), so that
who stops a capture need not be who started it. tcpdump runs as a detached exec and not as a
child of the node's program, which would never reap it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.capture.read import cut_to_whole_frames
from lab.engine import Engine
from lab.errors import LabError, last_words
from lab.nodes import Node

FOLDER = "/tmp/netlab-capture"  # noqa: S108 - in a node
BUFFER_KIB = 16_384
"""The kernel's, for frames that tcpdump has not read yet: with 192 bytes of each about 50 000,
two seconds of 25 000 a second."""
_BLOCK = 512
"""What `ulimit -f` counts in (POSIX, sh)."""

# The bound is the kernel's: beyond it a write fails, tcpdump writes no more and goes on counting
# (with SIGXFSZ ignored, setrlimit(2); pcap_dump(3PCAP) leaves a file alone that failed once).
# -Z root: it stays who it is, as the folder is root's. --immediate-mode: the kernel otherwise
# keeps the last frames of a block for a second, and SIGINT would lose them (pcap(3PCAP)).
# The filter: a bridge that does not know a station (yet) floods its frames to all, and those of
# others, seen here, would look as if they had come past wan.
_START = """
rm -rf {folder}
mkdir {folder}
cat /sys/class/net/eth0/address >{folder}/mac
echo '{about}' >{folder}/about
echo $$ >{folder}/pid
trap '' XFSZ
ulimit -f {blocks}
exec tcpdump -i eth0 -Z root -n --immediate-mode -B {buffer} --time-stamp-precision=nano \
    -s {snaplen} -w {folder}/pcap "ether host $(cat {folder}/mac) or ether multicast" \
    2>{folder}/said
"""
_WAIT = """
for _ in $(seq 500); do
    grep -q 'listening on' {folder}/said 2>/dev/null && exec python3 -m lab.node.kernel
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
kernel=$(python3 -m lab.node.kernel) || exit 1
kill -INT $pid 2>/dev/null
for _ in $(seq 250); do
    kill -0 $pid 2>/dev/null || {
        cat {folder}/said >&2
        cat {folder}/about {folder}/mac
        echo "$kernel"
        exit 0
    }
    sleep 0.02
done
echo 'tcpdump does not end' >&2
exit 1
"""
_SIZE = "kill -0 $(cat {folder}/pid) 2>/dev/null && stat -c %s {folder}/pcap"
_REMOVE = """
pid=$(cat {folder}/pid 2>/dev/null) && kill -KILL $pid 2>/dev/null
rm -rf {folder}
"""


@dataclass(frozen=True)
class Ended:
    """A capture that ended in a node, and its file here.

    unwritten: frames that the file had no room for. missed: those that the kernel dropped as its
    buffer was full, or that tcpdump had no time for. kernel: the node's counters at the end.
    """

    file: Path
    mac: bytes
    snaplen: int
    unwritten: int
    missed: int
    kernel: Mapping[str, int]


def start(engine: Engine, node: Node, *, snaplen: int, most_bytes: int) -> Mapping[str, int]:
    """Listen from now on; the node's kernel counters just then."""
    blocks = max(most_bytes // _BLOCK, 1)
    about = json.dumps({"snaplen": snaplen, "most_bytes": blocks * _BLOCK})
    words = {"snaplen": snaplen, "blocks": blocks, "buffer": BUFFER_KIB}
    engine.detach(node, ["sh", "-c", _filled(_START, about=about, **words)])
    done = engine.run(node, ["sh", "-c", _filled(_WAIT)], user="root")
    if done.code != 0:
        raise LabError(f"{node.name}: tcpdump: {last_words(done.stderr, done.code)}")
    return _counters(done.stdout)


def stop(engine: Engine, node: Node, folder: Path) -> Ended:
    """End it and fetch the file into a folder of this machine."""
    done = engine.run(node, ["sh", "-c", _filled(_STOP)], user="root")
    if done.code != 0:
        raise LabError(f"{node.name}: the capture: {last_words(done.stderr, done.code)}")
    about, mac, kernel = done.stdout.splitlines()
    told = json.loads(about)
    file = folder / node.name
    engine.save(node, ["cat", f"{FOLDER}/pcap"], file)
    captured, received, dropped = _figures(node, done.stderr)
    full = file.stat().st_size >= told["most_bytes"]
    return Ended(
        file, bytes.fromhex(mac.replace(":", "")), told["snaplen"],
        captured - cut_to_whole_frames(file) if full else 0,
        dropped + max(received - captured, 0), _counters(kernel),
    )  # fmt: skip


def size(engine: Engine, node: Node) -> int | None:
    """How many bytes the capture has so far; None where none runs."""
    done = engine.run(node, ["sh", "-c", _filled(_SIZE)], user="root")
    return int(done.stdout) if done.code == 0 else None


def remove(engine: Engine, node: Node) -> None:
    """Leave nothing of a capture in the node."""
    engine.run(node, ["sh", "-c", _filled(_REMOVE)], user="root")


def keep(engine: Engine, node: Node, text: str) -> None:
    """Keep a JSON text beside the capture, for who ends it."""
    script = _filled('echo "$1" >{folder}/kept')
    done = engine.run(node, ["sh", "-c", script, "sh", text], user="root")
    if done.code != 0:
        raise LabError(f"{node.name}: the capture: {last_words(done.stderr, done.code)}")


def kept(engine: Engine, node: Node) -> str:
    """What was kept."""
    done = engine.run(node, ["cat", f"{FOLDER}/kept"], user="root")
    if done.code != 0:
        raise LabError(f"{node.name}: the capture: {last_words(done.stderr, done.code)}")
    return done.stdout


def _counters(text: str) -> Mapping[str, int]:
    counters: dict[str, int] = json.loads(text)
    return counters


def _figures(node: Node, said: str) -> tuple[int, int, int]:
    """What tcpdump says at its end: captured, received by filter, dropped by kernel."""
    found = []
    for words in ("captured", "received by filter", "dropped by kernel"):
        line = next((each for each in said.splitlines() if each.endswith(words)), "")
        if not line.split(" ")[0].isdigit():
            raise LabError(f"{node.name}: tcpdump: {last_words(said, None)}")
        found.append(int(line.split(" ")[0]))
    return found[0], found[1], found[2]


def _filled(script: str, **words: object) -> str:
    for word, value in {"folder": FOLDER, **words}.items():
        script = script.replace("{" + word + "}", str(value))
    return script
