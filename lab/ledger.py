"""The books of one UDP measurement: is every datagram accounted for, and where not? Pure.

Each direction is a way of three stations, and what leaves one has to be seen at the next:

    sender: entered  ->  wan: passed + dropped + queued  ->  receiver: arrived

A packet that goes past wan would come back whole and look like good luck; here it shows, as wan
has not seen it.
"""

from dataclasses import dataclass

FRAGMENT_BYTES = 1480
"""What one IPv4 packet carries of a datagram where the MTU is 1500 (RFC 791, 3.2): UDP's header
included, and a multiple of 8."""


def packets(size: int) -> int:
    """How many IPv4 packets a datagram of `size` bytes of payload travels in."""
    return -(-(size + 8) // FRAGMENT_BYTES)


@dataclass(frozen=True)
class Way:
    """One direction of a measurement.

    entered: datagrams that the sender's kernel took. passed, dropped, queued: packets by wan's
    counters: sent on, dropped for whatever reason, still waiting. arrived: datagrams at the
    receiver, with those that found its buffer full or their checksum wrong. packets: of each
    datagram. duplicated, corrupted: packets that wan made so; None where it does, uncounted.
    """

    entered: int
    passed: int
    dropped: int
    queued: int
    arrived: int
    packets: int = 1
    duplicated: int | None = 0
    corrupted: int | None = 0

    @property
    def unexplained(self) -> int:
        """Datagrams that no counter explains; 0 where the books are closed.

        A datagram in several packets is lost with any one of them, so that so many dropped
        packets explain any number of lost datagrams between a share of them and all. A bit that
        flips may hit a header, and the packet is lost without a trace, or payload alone.
        """
        gone = self.dropped + self.queued
        seen = self.passed + gone
        copies = self.duplicated
        if copies is None:
            copies = max(seen - self.entered * self.packets, 0)
        past_wan = abs(self.entered * self.packets + copies - seen)
        missing = self.entered + copies // self.packets - self.arrived
        broken = max(missing, 0) if self.corrupted is None else self.corrupted
        least, most = -(-gone // self.packets), gone + broken
        after_wan = max(least - missing, missing - most, 0)
        return max(-(-past_wan // self.packets), after_wan)
