"""TCP's numbers as people read them, and which segments repeat earlier ones. Pure.

Follows each connection in the order of sending. A segment repeats where it carries a number that
was sent before (SYN and FIN have one each, RFC 9293, 3.4); a keep-alive or a window probe, which
asks with a number that was acknowledged already and at most one byte, repeats nothing (RFC 9293,
3.8.4 and 3.8.6.1). Whether a repetition was needed, the account knows and not this.
"""

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.capture.headers import NAMED_FLAGS, Segment

_KEPT_SEGMENTS = 16_384
_KEPT_CONNECTIONS = 4_096
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16


class Told(NamedTuple):
    """What a segment says, relative to its connection's first numbers."""

    flags: tuple[str, ...]
    seq: int
    ack: int | None
    length: int
    window: int
    sack: tuple[tuple[int, int], ...]
    repeats: int | None


@dataclass(slots=True)
class _Side:
    first: int | None = None
    scale: int | None = None
    next: int = 0  # relative, after the highest number sent
    acked: int = 0  # by the peer, relative
    starts: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


class Connections:
    """The connections of a capture; of many, the latest."""

    def __init__(self) -> None:
        self._sides: OrderedDict[tuple[bytes, int, int], tuple[_Side, _Side]] = OrderedDict()

    def told(self, ends: bytes, segment: Segment, number: int) -> Told:
        """Take in packet `number` between two addresses, and say what it is."""
        mine, peer = self._both(ends, segment)
        flags = segment.flags
        if flags & _SYN:
            if mine.first is not None and mine.first != segment.seq:  # the ports are used again
                mine.first, mine.next, mine.acked, mine.starts, mine.numbers = None, 0, 0, [], []
                if not flags & _ACK:
                    peer.first, peer.next, peer.acked, peer.starts, peer.numbers = (
                        None,
                        0,
                        0,
                        [],
                        [],
                    )
            mine.scale = segment.scale
        if mine.first is None:
            mine.first = segment.seq if flags & _SYN else (segment.seq - 1) & 0xFFFFFFFF
            mine.next = 0 if flags & _SYN else 1
        seq = _near(segment.seq - mine.first, mine.next)
        ack = None
        if flags & _ACK:
            if peer.first is None:
                peer.first, peer.next = (segment.ack - 1) & 0xFFFFFFFF, 1
            ack = _near(segment.ack - peer.first, peer.next)
            peer.acked = max(peer.acked, ack)
        scaled = not flags & _SYN and mine.scale is not None and peer.scale is not None
        return Told(
            NAMED_FLAGS[flags],
            seq,
            ack,
            segment.length,
            segment.window << (mine.scale or 0) if scaled else segment.window,
            tuple(
                (_near(left - peer.first, peer.next), _near(right - peer.first, peer.next))
                for left, right in segment.sack
            )
            if peer.first is not None
            else (),
            self._repeated(mine, seq, segment, number),
        )

    def _repeated(self, mine: _Side, seq: int, segment: Segment, number: int) -> int | None:
        span = segment.length + bool(segment.flags & _SYN) + bool(segment.flags & _FIN)
        if not span or segment.flags & _RST:
            return None
        if seq >= mine.next:
            mine.starts.append(seq)
            mine.numbers.append(number)
            mine.next = seq + span
            if len(mine.starts) > _KEPT_SEGMENTS:
                del mine.starts[: _KEPT_SEGMENTS // 2], mine.numbers[: _KEPT_SEGMENTS // 2]
            return None
        asks = segment.length <= 1 and not segment.flags & (_SYN | _FIN)
        if asks and seq + span <= mine.acked and seq == mine.next - 1:
            return None
        at = bisect_right(mine.starts, seq) - 1
        found = mine.numbers[max(at, 0)] if mine.numbers else None
        if seq + span > mine.next:  # old bytes and new ones together
            mine.starts.append(mine.next)
            mine.numbers.append(number)
            mine.next = seq + span
        return found

    def _both(self, ends: bytes, segment: Segment) -> tuple[_Side, _Side]:
        key = (ends, segment.source_port, segment.target_port)
        if found := self._sides.get(key):
            return found
        turned = (ends[4:] + ends[:4], segment.target_port, segment.source_port)
        mine, peer = _Side(), _Side()
        self._sides[key], self._sides[turned] = (mine, peer), (peer, mine)
        while len(self._sides) > 2 * _KEPT_CONNECTIONS:
            self._sides.popitem(last=False)
        return mine, peer


def _near(number: int, around: int) -> int:
    """A 32-bit difference as the number nearest to where the connection is."""
    return around + ((number - around + 0x80000000) & 0xFFFFFFFF) - 0x80000000
