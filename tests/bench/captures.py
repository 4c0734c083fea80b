"""How fast captures are read and joined, against dpkt that only reads the same files.

Counted in captured frames: a packet that arrives is four of them. In seconds of one processor.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import dpkt  # type: ignore[import-untyped]

from lab.capture.account import account_of
from lab.capture.join import Joining
from lab.capture.seen import seen
from lab.impairment import Direction
from tests import made_captures
from tests.bench.ground import BenchError

PACKETS, ROUNDS = 25_000, 3
GOAL_PER_S = 50_000


@dataclass(frozen=True)
class Reading:
    """Frames a second, each way."""

    dpkt_per_s: float
    joined_per_s: float

    @property
    def ratio(self) -> float:
        """How fast reading and joining is, for 1 of dpkt's reading alone."""
        return self.joined_per_s / self.dpkt_per_s

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.joined_per_s >= GOAL_PER_S


def measure() -> Reading:
    """Read made-up captures in both ways in turn."""
    with tempfile.TemporaryDirectory() as folder:
        paths, frames = made_captures.stations(Path(folder), PACKETS)
        taken = [(_seconds(_dpkt, paths), _seconds(_joined, paths)) for _ in range(ROUNDS)]
    plain, joined = (median(each) for each in zip(*taken, strict=True))
    return Reading(frames / plain, frames / joined)


def _seconds(read: Callable[[Mapping[str, Path]], int], paths: Mapping[str, Path]) -> float:
    begun = time.process_time_ns()
    if read(paths) < PACKETS:
        raise BenchError("captures: not all was read")
    return (time.process_time_ns() - begun) / 1e9


def _dpkt(paths: Mapping[str, Path]) -> int:
    found = 0
    for path in paths.values():
        with path.open("rb") as file:
            found += sum(1 for _ in dpkt.pcap.Reader(file))
    return found


def _joined(paths: Mapping[str, Path]) -> int:
    joining = Joining(made_captures.TOPOLOGY, stay_ns=made_captures.STAY_NS, settled=True)
    account = account_of(
        trace.packet for trace in joining.traces(seen(paths, made_captures.TOPOLOGY))
    )
    return account.of("udp", Direction.TOWARD_SERVER).packets
