"""What the join has to know of a frame: IPv4, and TCP's header with its options. Pure.

Refuses nothing: what is cut short or no IPv4 is None, for a capture holds whatever was sent.
"""

import struct
from typing import NamedTuple

TCP, UDP, ICMP = 6, 17, 1
FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK")
_ORDER = (1, 0, 2, 3, 4)  # SYN before FIN
NAMED_FLAGS = tuple(tuple(FLAGS[i] for i in _ORDER if bits >> i & 1) for bits in range(32))


class Segment(NamedTuple):
    """A TCP header as it stands there. scale: None where no option tells it."""

    source_port: int
    target_port: int
    seq: int
    ack: int
    flags: int
    window: int
    length: int
    scale: int | None
    sack: tuple[tuple[int, int], ...]


def identity(frame: bytes) -> bytes | None:
    """What stays the same of an IPv4 packet on its way; None where it is none, as ARP.

    Left out: Ethernet, TOS (a router may mark it, RFC 3168), TTL, IP's checksum, and that of TCP
    and UDP, which is unfinished between two veths.
    """
    if len(frame) < 34 or frame[12:14] != b"\x08\x00":
        return None
    at = 14 + (frame[14] & 15) * 4
    end = 14 + (frame[16] << 8 | frame[17])  # without Ethernet's padding
    protocol = frame[23]
    if protocol == UDP and not (frame[20] & 31 or frame[21]):
        return b"%b%c%b%b" % (frame[16:22], UDP, frame[26 : at + 6], frame[at + 8 : end])
    if protocol == TCP:
        return b"%b%c%b%b" % (frame[16:22], TCP, frame[26 : at + 16], frame[at + 18 : end])
    return b"%b%c%b" % (frame[16:22], protocol, frame[26:end])


def segment(frame: bytes) -> Segment | None:
    """TCP's header; None where not all of its fixed part was kept."""
    at = 14 + (frame[14] & 15) * 4
    if len(frame) < at + 20:
        return None
    source, target, seq, ack, offset, flags, window = struct.unpack_from(">HHIIBBH", frame, at)
    size = (offset >> 4) * 4
    length = max((frame[16] << 8 | frame[17]) - (at - 14) - size, 0)
    scale: int | None = None
    sack: tuple[tuple[int, int], ...] = ()
    if size > 20:
        scale, sack = _options(frame[at + 20 : at + size])
    return Segment(source, target, seq, ack, flags & 31, window, length, scale, sack)


def _options(options: bytes) -> tuple[int | None, tuple[tuple[int, int], ...]]:
    """Window scale and SACK blocks (RFC 7323, RFC 2018)."""
    scale: int | None = None
    sack: tuple[tuple[int, int], ...] = ()
    at = 0
    while at + 1 < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        size = options[at + 1]
        value = options[at + 2 : at + size]
        if size < 2:
            break
        if options[at] == 3 and len(value) == 1:
            scale = min(value[0], 14)
        elif options[at] == 5 and len(value) % 8 == 0:
            edges = struct.unpack(f">{len(value) // 4}I", value)
            sack = tuple(zip(edges[::2], edges[1::2], strict=True))
        at += size
    return scale, sack
