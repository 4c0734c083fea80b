"""Packets as a TUN device would give them, and a link that writes to a list."""

import socket
import struct
from dataclasses import dataclass, field
from typing import Any

from lab.node.link.core import Link
from lab.node.link.packet import FLAGS

CLIENT, OTHER, SERVER = "10.0.0.3", "10.0.0.5", "10.0.0.4"


def checksum(data: bytes) -> int:
    """RFC 1071; 0 over a header whose checksum is right."""
    total: int = sum(word for (word,) in struct.iter_unpack("!H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(
    protocol: int,
    payload: bytes,
    source: str = CLIENT,
    destination: str = SERVER,
    *,
    ttl: int = 63,
    fragment: int = 0,
    number: int = 0,
    options: bytes = b"",
) -> bytes:
    length = 20 + len(options)
    start = struct.pack("!BBHHHBB", 0x40 | length // 4, 0, length + len(payload), number,
                        fragment, ttl, protocol)  # fmt: skip
    end = socket.inet_aton(source) + socket.inet_aton(destination) + options
    return start + struct.pack("!H", checksum(start + b"\0\0" + end)) + end + payload


def udp(payload: bytes = b"", ports: tuple[int, int] = (4000, 7), **rest: Any) -> bytes:
    return ip(17, struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload, **rest)


def tcp(
    *flags: str, payload: bytes = b"", ports: tuple[int, int] = (4000, 7), **rest: Any
) -> bytes:
    bits = sum(FLAGS[flag] for flag in flags)
    header = struct.pack("!HHIIBBHHH", *ports, 0, 0, 5 << 4, bits, 0, 0, 0)
    return ip(6, header + payload, **rest)


def numbers(packets: list[bytes]) -> list[int]:
    """The numbers that `ip(number=…)` wrote."""
    return [packet[4] << 8 | packet[5] for packet in packets]


@dataclass
class Bench:
    """A link whose wire is a list; the time (ns) is what the test says it is."""

    written: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.link = Link(lambda packet: self.written.append(bytes(packet)))

    def set(self, server: dict[str, Any] | None = None, now: int = 0, **rest: Any) -> None:
        ways = {"impairments": {"server": server}} if server is not None else {}
        self.link.set({"servers": [SERVER], "seed": 7, **ways, **rest}, now)

    def send(self, count: int, now: int = 0, gap: int = 0, first: int = 0) -> None:
        """Receive datagrams numbered from `first` on, `gap` ns apart, letting go what is due."""
        for number in range(first, first + count):
            self.link.queue.release(now)
            self.link.receive(udp(number=number), now)
            now += gap

    def counters(self, direction: str = "server") -> dict[str, int]:
        counters: dict[str, int] = self.link.state()["counters"][direction]
        return counters

    def departures(self, until: int, step: int) -> list[tuple[int, int]]:
        """Let the time run in steps to `until`: (when, number) of each packet as it leaves."""
        left = []
        for now in range(0, until + 1, step):
            before = len(self.written)
            self.link.queue.release(now)
            left += [(now, number) for number in numbers(self.written[before:])]
        return left
