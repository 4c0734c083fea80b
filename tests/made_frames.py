"""Frames made up byte by byte for figures and tests (FIXTURES)."""

from __future__ import annotations

import struct

_CLIENT, _SERVER = bytes([172, 20, 0, 5]), bytes([172, 20, 0, 3])
_ETHERNET = bytes.fromhex("0242ac140002 0242ac140005 0800")
SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a 0012d687 00000000 01 030307")


def checksum(data: bytes) -> int:
    """The Internet checksum; sums of 16-bit words with end-around carry are sums modulo 65535."""
    return -int.from_bytes(data + b"\0" * (len(data) % 2), "big") % 0xFFFF


def udp(data: bytes = b"echo me, please") -> bytes:
    """A datagram to the echo server."""
    return _frame(17, struct.pack("!HHHH", 50102, 7, 8 + len(data), 0) + data, 6)


def tcp_syn() -> bytes:
    """The first segment of a connection, with the options that Linux gives it."""
    return _tcp(2834557000, 0, 2, 64240, SYN_OPTIONS, b"")


def tcp_data(data: bytes = b"echo me, please") -> bytes:
    """A segment with data and a selective acknowledgement."""
    return _tcp(101, 201, 0x18, 502, bytes.fromhex("0101 050a 000003e9 000007d1"), data)


def ping() -> bytes:
    """An echo request."""
    return _frame(1, struct.pack("!BBHHH", 8, 0, 0, 77, 1) + b"abcdefgh", 2)


def _tcp(seq: int, ack: int, flags: int, window: int, options: bytes, data: bytes) -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack("!HHIIBBHHH", 50102, 7, seq, ack, words << 4, flags, window, 0, 0)
    return _frame(6, head + options + data, 16)


def _frame(protocol: int, inner: bytes, sum_at: int) -> bytes:
    pseudo = _CLIENT + _SERVER + struct.pack("!HH", protocol, len(inner))
    inner = _summed(inner, sum_at, b"" if protocol == 1 else pseudo)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inner), 0x1C46, 0x4000, 64, protocol, 0)
    return _ETHERNET + _summed(header + _CLIENT + _SERVER, 10) + inner


def _summed(data: bytes, at: int, before: bytes = b"") -> bytes:
    return data[:at] + struct.pack("!H", checksum(before + data)) + data[at + 2 :]


FRAMES = {
    "One echo by UDP": udp(),
    "The SYN of an echo by TCP": tcp_syn(),
    "A segment with data": tcp_data(),
    "A ping": ping(),
}
