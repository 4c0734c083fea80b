"""The first bytes of every probe message, so that a reply is matched and a server can note it.

Layout, network byte order, 20 bytes: magic ``LABP``, run (u32, tells probes apart), number
(u32, counts from 0), sent_ns (u64, CLOCK_MONOTONIC at the sender). What follows is padding
that depends on the number alone, so that every byte of a reply can be checked.
"""

import struct
from hashlib import shake_128
from typing import NamedTuple

MAGIC = b"LABP"
HEADER = struct.Struct("!4sIIQ")
MIN_SIZE = HEADER.size  # 20: a header and no padding
MAX_SIZE = 1 << 20  # 1 MiB: more than any probe sends in one message
MAX_DATAGRAM = 65507  # 65535 less 20 bytes of IPv4 header and 8 of UDP header

# Bytes without any pattern of their own, the same on every machine. The padding of a number
# is this text read from that number on, so that neighbours differ at almost every byte and a
# byte that was lost, doubled or moved shows. The period is prime, to share no rhythm with
# segment or page sizes. Equal padding (numbers 4093 apart) is told apart by the header.
_PERIOD = 4093
_TEXT = shake_128(MAGIC).digest(_PERIOD) * (MAX_SIZE // _PERIOD + 2)


class Header(NamedTuple):
    """What a probe message says of itself."""

    run: int
    number: int
    sent_ns: int


def padding(number: int, length: int) -> bytes:
    """Return the ``length`` bytes (0 to MAX_SIZE) that follow the header of message ``number``."""
    start = number % _PERIOD
    return _TEXT[start : start + length]


def pack(run: int, number: int, sent_ns: int, size: int) -> bytes:
    """Build a whole message of ``size`` bytes, from MIN_SIZE to MAX_SIZE."""
    return HEADER.pack(MAGIC, run, number, sent_ns) + padding(number, size - MIN_SIZE)


def unpack(message: bytes) -> Header:
    """Read the header; ValueError when there is none to read. The padding is not looked at."""
    if len(message) < MIN_SIZE:
        raise ValueError(f"{len(message)} bytes are too few for a header of {MIN_SIZE}")
    magic, run, number, sent_ns = HEADER.unpack_from(message)
    if magic != MAGIC:
        raise ValueError(f"magic is {magic!r}, not {MAGIC!r}")
    return Header(run, number, sent_ns)


def verify(message: bytes, header: Header, size: int) -> bool:
    """Tell whether ``message`` is, byte for byte, the one of ``size`` bytes with this header."""
    return message == pack(*header, size)
