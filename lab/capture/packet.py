"""One packet on its way through the lab, as the captures of all stations have it together. Values.

Times are nanoseconds since the first packet of the capture, by the one clock of the machine that
all containers share. None where a station did not see the packet.
"""

from dataclasses import dataclass
from typing import Literal

Fate = Literal["arrived", "lost", "in flight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One transmission. What TCP sends again is another one, which `repeats` the first.

    number: from 1, in the order of sending, of the whole capture. source, target: names of nodes,
    such as `client-1` (an address where no node has it). flags: of the TCP header (RFC 9293, 3.1),
    in the order SYN FIN RST PSH ACK. seq, ack: relative to the first of the connection, so that
    SYN is 0 and the first byte of data 1. length: bytes of payload. window: in bytes, scaled.
    sack: blocks as (left, right), relative (RFC 2018).

    sent_ns at the sender, wan_in_ns and wan_out_ns on wan, arrived_ns at the receiver. fate: lost
    is what left and did not arrive while the capture ran; in flight what its end cut off.
    repeats: the number of the packet that first carried these bytes. copy_of: that of the packet
    that the network made this copy of; a copy was never sent (sent_ns is that of the original).
    overtaken: it arrived after a packet of the same flow that was sent later. corrupted: a bit of
    it changed on the way. frame_bytes: as on Ethernet, without its checksum. fragment: it is not
    the first one of its datagram.
    """

    number: int
    protocol: Literal["tcp", "udp", "icmp", "other"]
    source: str
    target: str
    source_port: int = 0
    target_port: int = 0
    sent_ns: int | None = None
    wan_in_ns: int | None = None
    wan_out_ns: int | None = None
    arrived_ns: int | None = None
    flags: tuple[str, ...] = ()
    seq: int = 0
    ack: int | None = None
    length: int = 0
    window: int | None = None
    sack: tuple[tuple[int, int], ...] = ()
    fate: Fate = "arrived"
    repeats: int | None = None
    copy_of: int | None = None
    overtaken: bool = False
    corrupted: bool = False
    frame_bytes: int = 0
    fragment: bool = False

    @property
    def flow(self) -> tuple[str, str, int, str, int]:
        """Protocol and both ends, the same for either direction."""
        one, other = (self.source, self.source_port), (self.target, self.target_port)
        low, high = sorted((one, other))
        return (self.protocol, *low, *high)
