"""The trap of super-packets: one packet that tc drops may be many that TCP has to send again.

Segmentation offload hands a veth up to 64 KB in one packet, and tc draws once for it. So a loss
counted in tc's packets is another one than that counted in segments.
"""

from dataclasses import dataclass

from lab.impairment import Impairment
from tests.kernel.referee.ground import ground
from tests.kernel.referee.probe import SEGMENT, transfer
from tests.link.net import Net

ASKED = Impairment.parse("loss 5%")
SEGMENTS = 8000
CONTROL = 3
"""Packets without payload that a client sends: SYN, an ACK, FIN."""
_HEADERS = 52  # IP, and TCP with timestamps


@dataclass(frozen=True)
class Transfer:
    """One bulk transfer over TCP. gso_max_segs: of the hosts. drops: what tc counted."""

    gso_max_segs: int
    drops: int
    lost_octets: int

    @property
    def lost(self) -> int:
        """Full segments lost."""
        return round((self.lost_octets - _HEADERS * self.drops) / SEGMENT)


def trap(net: Net) -> list[Transfer]:
    """The same transfer with super-packets as the kernel makes them, and with none."""
    with ground(net, "netem") as on:
        found = []
        for most in (65535, 1):
            for host in (net.client, net.wan):
                net.ip(host, "link", "set", "dev", "eth0", "gso_max_segs", str(most))
            on.impair(ASKED)
            octets = transfer(net, SEGMENTS)
            found.append(Transfer(most, on.dropped(), octets))
    return found


def springs(found: list[Transfer]) -> bool:
    """Whether drops are far fewer than segments lost with super-packets, and the same without."""
    with_them, without = found
    same = without.drops - CONTROL <= without.lost <= without.drops
    return with_them.lost >= 3 * with_them.drops > 0 and without.drops > 0 and same
