"""The one probe of every backend: numbered datagrams, one way, and a TCP transfer.

A datagram leaves at a time that its sender notes and arrives at one that the kernel notes
(SO_TIMESTAMPNS, socket(7)), however late it is read. Its checksum is off, so that a flipped bit
arrives, too.
"""

import select
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.link.net import SERVER, Net, within

PORT = 7
SEGMENT = 1448  # bytes of payload in a full one, with timestamps
QUIET_S = 0.2  # this long after the last packet can have come nothing more is waited for
BATCH = 16
LATE_MS = 1.0
_SO_NO_CHECK, _SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 11, 35, 33  # asm-generic/socket.h
_NUMBER, _TIME = struct.Struct("!I"), struct.Struct("@ll")


@dataclass
class Flight:
    """What became of datagrams 0, 1, …: when each left, and what arrived, in order of arrival.

    sent_ns: by number. arrived: (number, ns) of those that are intact. damaged: ns of those that
    are not. Times are CLOCK_REALTIME. lateness_ms: how long after it was due each left.
    """

    size: int
    sent_ns: list[int] = field(default_factory=list)
    arrived: list[tuple[int, int]] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    lateness_ms: list[float] = field(default_factory=list)

    @property
    def late(self) -> int:
        """How many left more than `LATE_MS` after they were due."""
        return sum(each > LATE_MS for each in self.lateness_ms)

    @property
    def lost(self) -> list[bool]:
        """By number: whether it never arrived intact."""
        numbers = {number for number, _ in self.arrived}
        return [number not in numbers for number in range(len(self.sent_ns))]

    @property
    def doubled(self) -> set[int]:
        """Numbers that arrived more than once."""
        counts = Counter(number for number, _ in self.arrived)
        return {number for number, count in counts.items() if count > 1}

    def delays_ms(self) -> dict[int, float]:
        """Delay of the first arrival, by number, in order of the numbers."""
        first: dict[int, int] = {}
        for number, at in self.arrived:
            first.setdefault(number, at)
        return {number: (first[number] - self.sent_ns[number]) / 1e6 for number in sorted(first)}

    @property
    def overtaken(self) -> int:
        """Arrivals after one with a higher number (RFC 4737, 3.3)."""
        highest, count = -1, 0
        for number, _ in self.arrived:
            count += number < highest
            highest = max(highest, number)
        return count


def fly(
    net: Net, count: int, *, interval_ms: float, size: int, longest_ms: float, doubled: bool
) -> Flight:
    """Send `count` datagrams of `size` bytes, one each `interval_ms`; wait for what may come.

    longest_ms: how long one can be on its way. doubled: whether more may come than are sent.
    """
    flight, filling = Flight(size), bytes(range(256)) * 6
    with (
        net.socket(net.client, socket.SOCK_DGRAM) as sender,
        net.socket(net.server, socket.SOCK_DGRAM) as receiver,
    ):
        sender.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        receiver.bind((SERVER, PORT))
        receiver.setblocking(False)
        sender.connect((SERVER, PORT))
        start, interval_ns = time.time_ns(), round(interval_ms * 1e6)
        for number in range(count):
            payload = _NUMBER.pack(number) + filling[: size - 4]
            due = start + number * interval_ns
            while interval_ns and (left := due - time.time_ns()) > 0:
                select.select([receiver], [], [], left / 1e9)
                _take(receiver, flight, filling)
            flight.sent_ns.append(now := time.time_ns())
            flight.lateness_ms.append((now - due) / 1e6)
            sender.send(payload)
        deadline = time.monotonic() + 30
        while doubled or len(flight.arrived) < count:
            if not select.select([receiver], [], [], QUIET_S + longest_ms / 1e3)[0]:
                break
            _take(receiver, flight, filling)
            assert time.monotonic() < deadline, "packets do not end"
    return flight


def _take(receiver: socket.socket, flight: Flight, filling: bytes) -> None:
    for _ in range(BATCH):
        try:
            payload, ancillary, _, _ = receiver.recvmsg(2048, 64)
        except BlockingIOError:
            return
        seconds, rest = _TIME.unpack(ancillary[0][2][: _TIME.size])
        at = seconds * 1_000_000_000 + rest
        number = int.from_bytes(payload[:4], "big")
        if number < len(flight.sent_ns) and payload[4:] == filling[: flight.size - 4]:
            flight.arrived.append((number, at))
        else:
            flight.damaged.append(at)


def transfer(net: Net, segments: int) -> int:
    """Send so many full segments by one TCP connection; the octets lost on their way.

    Octets of IP packets, by the counters of the two hosts: of a super-packet as of its one header
    and all that it carries. Cubic, so that every kernel does the same.
    """
    size, got = segments * SEGMENT, 0

    def serve() -> None:
        nonlocal got
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(20)
            while chunk := connection.recv(1 << 20):
                got += len(chunk)

    before = _octets(net.client, "OutOctets") - _octets(net.server, "InOctets")
    with (
        net.socket(net.server, socket.SOCK_STREAM) as listener,
        net.socket(net.client, socket.SOCK_STREAM) as client,
    ):
        listener.bind((SERVER, PORT))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        client.connect((SERVER, PORT))
        client.sendall(bytes(size))
        client.shutdown(socket.SHUT_WR)
        client.recv(1)  # its end comes when all has arrived
        thread.join()
    assert got == size
    return _octets(net.client, "OutOctets") - _octets(net.server, "InOctets") - before


def _octets(namespace: str, name: str) -> int:
    with within(namespace):
        lines = Path("/proc/thread-self/net/netstat").read_text(encoding="ascii").splitlines()
    names, values = (line.split() for line in lines if line.startswith("IpExt:"))
    return int(values[names.index(name)])
