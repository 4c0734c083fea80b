"""When packets leave: one queue by time for all directions, and the counters of what left.

Knows nothing of impairments. What was put in keeps its time, whatever is set afterwards.
"""

import heapq
from collections.abc import Callable
from dataclasses import asdict, dataclass

LATE_NS = 1_000_000
MAX_PACKETS = 100_000  # of all lanes: about 170 MB in packets of 1500 bytes


@dataclass(slots=True)
class Counters:
    """What became of the packets of one direction.

    arrived + duplicated = passed + lost + ruled + overflowed + overrun + delayed_now.
    Of those that go on, `corrupted` had a bit flipped, `broken` of these in the IP header, so that
    the kernel drops them after the link; `reordered` were sent at once, ahead of others.
    """

    arrived: int = 0
    duplicated: int = 0
    passed: int = 0
    lost: int = 0
    ruled: int = 0
    overflowed: int = 0
    overrun: int = 0
    corrupted: int = 0
    broken: int = 0
    reordered: int = 0
    delayed_now: int = 0

    def spelled(self) -> dict[str, int]:
        """The counters by name, as `state` has them."""
        counts = asdict(self)
        return {"in": counts.pop("arrived"), **counts}


class Flow:
    """What a queue knows of those whose packets it holds: how many, and where they are counted."""

    def __init__(self, counters: Counters) -> None:
        """Start with none."""
        self.counters = counters
        self.queued = 0


class Queue:
    """Packets in order of their time, first come first out among equals.

    `put` writes one packet to the wire and raises `OSError` where it can't.
    """

    def __init__(self, put: Callable[[bytes | bytearray], object]) -> None:
        self._put = put
        self._waiting: list[tuple[int, int, Flow, bytearray, bool]] = []
        self._serial = 0
        self._late = 0
        self._latest = 0

    def is_full(self) -> bool:
        """Whether it holds all that it may; then nothing is to be pushed."""
        return len(self._waiting) >= MAX_PACKETS

    def next_due(self) -> int | None:
        """When the next packet leaves, in ns of the monotonic clock; None if none waits."""
        return self._waiting[0][0] if self._waiting else None

    def write(self, counters: Counters, packet: bytes | bytearray, broken: bool = False) -> None:
        """Let a packet go now."""
        try:
            self._put(packet)
        except OSError:
            # A flipped version is refused here already (EINVAL), the rest of a broken header
            # only later. Else the kernel had no room: ours to answer for.
            if not broken:
                counters.overrun += 1
                return
        counters.passed += 1

    def push(self, flow: Flow, due: int, packet: bytearray, broken: bool) -> None:
        """Let a packet go when it is due."""
        self._serial += 1
        flow.queued += 1
        flow.counters.delayed_now += 1
        heapq.heappush(self._waiting, (due, self._serial, flow, packet, broken))

    def lateness(self) -> dict[str, float]:
        """How many left more than 1 ms after their time, for want of a CPU, and the worst."""
        return {"packets": self._late, "max_ms": self._latest / 1e6}

    def release(self, now: int) -> None:
        """Let go what is due."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            late = now - waiting[0][0]
            if late > LATE_NS:
                self._late += 1
                self._latest = max(self._latest, late)
            self._write_first()

    def flush(self) -> None:
        """Let everything go, in order, whenever it was due."""
        while self._waiting:
            self._write_first()

    def _write_first(self) -> None:
        _, _, flow, packet, broken = heapq.heappop(self._waiting)
        flow.queued -= 1
        flow.counters.delayed_now -= 1
        self.write(flow.counters, packet, broken)
