"""Conversations made up packet by packet (FIXTURES, measured nowhere), to be drawn as ladders."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from lab.capture.packet import Packet

MS = 1_000_000
MSS = 1448
CLIENT, SERVER = "client-1", "tcp-server"


@dataclass
class Wire:
    """A link with a delay, on which a packet is sent and lost on demand."""

    delay_ms: float = 20.0
    protocol: Any = "tcp"
    server: str = SERVER
    sent: list[Packet] = field(default_factory=list)

    def send(
        self, at_ms: float, *flags: str, back: bool = False, lost: str = "", **more: Any
    ) -> Packet:
        """One packet; lost: before, in, after (wan)."""
        at, way = round(at_ms * MS), round(self.delay_ms * MS)
        source, target = (self.server, CLIENT) if back else (CLIENT, self.server)
        ports = (7, 50102) if back else (50102, 7)
        packet = Packet(
            number=len(self.sent) + 1,
            protocol=self.protocol,
            source=source, target=target, source_port=ports[0], target_port=ports[1],
            sent_ns=at,
            wan_in_ns=None if lost == "before" else at + 30_000,
            wan_out_ns=None if lost in ("before", "in") else at + way - 30_000,
            arrived_ns=None if lost else at + way,
            fate="lost" if lost else "arrived",
            flags=flags, **more,
        )  # fmt: skip
        self.sent.append(packet)
        return packet

    def open(self) -> None:
        d = self.delay_ms
        self.send(0, "SYN", seq=0, window=64240)
        self.send(d + 0.05, "SYN", "ACK", seq=0, ack=1, back=True, window=65160)
        self.send(2 * d + 0.1, "ACK", seq=1, ack=1, window=64256)


def handshake() -> list[Packet]:
    wire = Wire()
    wire.open()
    wire.send(40.3, "PSH", "ACK", seq=1, ack=1, length=64, window=64256)
    wire.send(60.4, "ACK", seq=1, ack=65, back=True, window=65152)
    wire.send(60.5, "PSH", "ACK", seq=1, ack=65, length=64, back=True, window=65152)
    wire.send(80.6, "ACK", seq=65, ack=65, window=64256)
    wire.send(81, "FIN", "ACK", seq=65, ack=65, window=64256)
    wire.send(101.2, "FIN", "ACK", seq=65, ack=66, back=True, window=65152)
    wire.send(121.3, "ACK", seq=66, ack=66, window=64256)
    return wire.sent


def burst_with_a_loss() -> list[Packet]:
    """Ten segments in 100 µs, the third lost, repaired after duplicate ACKs with SACK."""
    wire = Wire()
    wire.open()
    for n in range(10):
        wire.send(
            41 + 0.01 * n, *(("PSH", "ACK") if n == 9 else ("ACK",)), seq=1 + MSS * n, ack=1,
            length=MSS, window=64256, lost="in" if n == 2 else "",
        )  # fmt: skip
    gap = 1 + 2 * MSS
    wire.send(61.1, "ACK", seq=1, ack=gap, back=True, window=62000)
    for n in range(3, 10):
        wire.send(
            61.2 + 0.01 * n, "ACK", seq=1, ack=gap, back=True, window=62000,
            sack=((gap + MSS, 1 + MSS * (n + 1)),),
        )  # fmt: skip
    wire.send(81.3, "ACK", seq=gap, ack=1, length=MSS, window=64256, repeats=6)
    wire.send(101.4, "ACK", seq=1, ack=1 + 10 * MSS, back=True, window=65000)
    return wire.sent


def lost_syns() -> list[Packet]:
    """The first three SYNs are lost: the fourth leaves after 1, 3 and 7 s (RFC 6298)."""
    wire = Wire(delay_ms=0.08)
    for n, at in enumerate((0, 1024, 3072)):
        wire.send(at, "SYN", seq=0, window=64240, lost="in", repeats=1 if n else None)
    wire.send(7168, "SYN", seq=0, window=64240, repeats=1)
    wire.send(7168.1, "SYN", "ACK", seq=0, ack=1, back=True, window=65160)
    wire.send(7168.2, "ACK", seq=1, ack=1, window=64256)
    return wire.sent


def lossy_udp() -> list[Packet]:
    """Twelve datagrams: losses at each place, a copy, one that was overtaken."""
    wire = Wire(delay_ms=10, protocol="udp", server="udp-server")
    lost = {2: "in", 5: "before", 8: "after"}
    for n in range(12):
        wire.send(2.0 * n, length=120, lost=lost.get(n, ""))
        if n not in lost:
            wire.send(2.0 * n + 10.05, length=120, back=True, lost="in" if n == 9 else "")
    packets = sorted(wire.sent, key=lambda each: each.sent_ns or 0)
    packets = [replace(each, number=n) for n, each in enumerate(packets, 1)]
    slow = packets[3]
    assert slow.arrived_ns is not None
    packets[3] = replace(
        slow, arrived_ns=slow.arrived_ns + 7 * MS, wan_out_ns=slow.arrived_ns + 7 * MS - 30_000,
        overtaken=True,
    )  # fmt: skip
    of = packets[0]
    assert of.arrived_ns is not None
    copy = replace(
        of, number=len(packets) + 1, copy_of=of.number, arrived_ns=of.arrived_ns + 300_000
    )
    return [*packets, copy]


def transfer(count: int = 1000, loss: float = 0.004, seed: int = 3) -> list[Packet]:
    """`count` segments toward the server with an ACK each, some lost and sent again."""
    rng = random.Random(seed)
    wire = Wire()
    wire.open()
    at, got, missing = 41.0, 1, None
    for n in range(count):
        seq = 1 + MSS * n
        at += 0.4
        lost = missing is None and rng.random() < loss and n < count - 80
        packet = wire.send(at, "ACK", seq=seq, ack=1, length=MSS, window=64256,
                           lost="in" if lost else "")  # fmt: skip
        if lost:
            missing = (packet, n)
            continue
        if missing is None:
            got = seq + MSS
            wire.send(at + 20.02, "ACK", seq=1, ack=got, back=True, window=65000)
            continue
        first, where = missing
        wire.send(at + 20.02, "ACK", seq=1, ack=first.seq, back=True, window=65000,
                  sack=((first.seq + MSS, seq + MSS),))  # fmt: skip
        if n - where == 60:
            wire.send(at + 0.1, "ACK", seq=first.seq, ack=1, length=MSS, window=64256,
                      repeats=first.number)  # fmt: skip
            missing, got = None, seq + MSS
    end = at + 60
    wire.send(end, "FIN", "ACK", seq=1 + MSS * count, ack=1, window=64256)
    wire.send(end + 20.1, "FIN", "ACK", seq=1, ack=2 + MSS * count, back=True, window=65000)
    wire.send(end + 40.2, "ACK", seq=2 + MSS * count, ack=2, window=64256)
    ordered = sorted(wire.sent, key=lambda each: each.sent_ns or 0)
    new = {each.number: n for n, each in enumerate(ordered, 1)}
    return [
        replace(each, number=new[each.number], repeats=new.get(each.repeats or 0))
        for each in ordered
    ]


def half_close_and_reset() -> list[Packet]:
    """The client ends its half, the server goes on until the client, gone by then, resets."""
    wire = Wire(delay_ms=5)
    wire.open()
    wire.send(10.2, "FIN", "ACK", seq=1, ack=1, window=64256)
    wire.send(15.3, "ACK", seq=1, ack=2, back=True, window=65160)
    wire.send(515.4, "PSH", "ACK", seq=1, ack=2, length=512, back=True, window=65160)
    wire.send(520.5, "ACK", seq=2, ack=513, window=0)
    wire.send(725.4, "PSH", "ACK", seq=513, ack=2, length=512, back=True, window=65160)
    wire.send(730.5, "RST", seq=2)
    return wire.sent


def lost_tail() -> list[Packet]:
    """The last segment is lost, and the timer repeats it twice, doubling; then the capture ends."""
    wire = Wire(delay_ms=1)
    wire.open()
    wire.send(2.5, "PSH", "ACK", seq=1, ack=1, length=900, window=64256, lost="in")
    wire.send(206.5, "PSH", "ACK", seq=1, ack=1, length=900, window=64256, lost="after", repeats=4)
    wire.send(614.5, "PSH", "ACK", seq=1, ack=1, length=900, window=64256, repeats=4)
    wire.send(615.55, "ACK", seq=1, ack=901, back=True, window=64000)
    last = wire.send(617, "PSH", "ACK", seq=901, ack=1, length=100, window=64256)
    wire.sent[-1] = replace(last, arrived_ns=None, wan_out_ns=None, fate="in flight")
    return wire.sent


ALL = {
    "Three segments before the first byte, and three to part": handshake,
    "Ten segments at once, one lost": burst_with_a_loss,
    "Three SYNs lost": lost_syns,
    "UDP: what is lost stays lost": lossy_udp,
    "A thousand segments": transfer,
    "Half-closed, then reset": half_close_and_reset,
    "The last segment lost": lost_tail,
}
