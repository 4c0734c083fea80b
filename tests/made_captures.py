"""Captures made up frame by frame: a client, wan, a server, and what each of them saw."""

import random
import struct
from dataclasses import dataclass, field
from pathlib import Path

from lab.capture.headers import identity
from lab.capture.join import Joining
from lab.capture.packet import Packet
from lab.capture.seen import ARRIVED, SENT, WAN_IN, WAN_OUT, Seen, Topology

CLIENT, SERVER, WAN = bytes([10, 0, 0, 5]), bytes([10, 0, 0, 3]), bytes([10, 0, 0, 2])
WAN_MAC, OTHER_MAC = b"\2\0\0\0\0\2", b"\2\0\0\0\0\5"
TOPOLOGY = Topology({CLIENT: "client-1", SERVER: "tcp-server", WAN: "wan"}, WAN_MAC)
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ALL = (SENT, WAN_IN, WAN_OUT, ARRIVED)
SECOND = 1_000_000_000
STAY_NS = 300_000_000
"""As long as a packet may be on its way; as on a link with a delay of 25 ms."""


def ipv4(protocol: int, body: bytes, *, ident: int = 0, back: bool = False, cut: int = 0) -> bytes:
    """A frame from the client, or (back) from the server; cut: its flags and fragment offset."""
    source, target = (SERVER, CLIENT) if back else (CLIENT, SERVER)
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, cut, 64, protocol, 0, source, target
    )
    return WAN_MAC + OTHER_MAC + b"\x08\x00" + header + body


def udp(data: bytes, *, ident: int = 0, back: bool = False, port: int = 4000) -> bytes:
    """A datagram."""
    ports = (7, port) if back else (port, 7)
    return ipv4(17, struct.pack(">HHHH", *ports, 8 + len(data), 0) + data, ident=ident, back=back)


def tcp(
    seq: int, flags: int = ACK, data: bytes = b"", *, ack: int = 0, window: int = 1000,
    options: bytes = b"", ident: int = 0, back: bool = False, port: int = 4000,
) -> bytes:  # fmt: skip
    """A segment."""
    ports = (7, port) if back else (port, 7)
    header = struct.pack(
        ">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
        (5 + len(options) // 4) << 4, flags, window, 0, 0,
    )  # fmt: skip
    return ipv4(6, header + options + data, ident=ident, back=back)


def hop(frame: bytes, stage: int) -> bytes:
    """A frame as a stage sees it: wan sends it on with another MAC, a lower TTL, another sum."""
    if stage < WAN_OUT:
        return frame
    return b"\2\0\0\0\0\3" + WAN_MAC + frame[12:22] + b"\x3f" + frame[23:24] + b"xx" + frame[26:]


@dataclass
class Made:
    """What the stations saw, in the order in which it was said here."""

    rows: list[tuple[int, int, bytes]] = field(default_factory=list)
    snaplen: int = 65_535

    def see(self, time_ns: int, frame: bytes, *stages: int) -> None:
        """Let stages see a frame, each 1 us after the other; none named: all of them."""
        for number, stage in enumerate(stages or ALL):
            self.rows.append((time_ns + 1000 * number, stage, hop(frame, stage)))

    def seen(self) -> list[Seen]:
        """As the join takes it."""
        found = []
        for place, (time, stage, frame) in enumerate(self.rows):
            kept = frame[: self.snaplen]
            if (key := identity(kept)) is not None:
                found.append(Seen(time, stage, 0, place, key, kept, len(frame)))
        return sorted(found)

    def joined(self, *, end_ns: int | None = None, settled: bool = True) -> list[Packet]:
        """The packets."""
        joining = Joining(TOPOLOGY, stay_ns=STAY_NS, end_ns=end_ns, settled=settled)
        return [trace.packet for trace in joining.traces(self.seen())]


def pcap(path: Path, frames: list[tuple[int, bytes]], *, nano: bool, order: str = "<") -> None:
    """A pcap file (pcap-savefile(5)): frames with their times in ns."""
    with path.open("wb") as file:
        magic = 0xA1B23C4D if nano else 0xA1B2C3D4
        file.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, 1))
        for time, frame in frames:
            part = time % SECOND if nano else time % SECOND // 1000
            file.write(struct.pack(order + "IIII", time // SECOND, part, len(frame), len(frame)))
            file.write(frame)


def stations(folder: Path, packets: int) -> tuple[dict[str, Path], int]:
    """Files of a lab by station, and how many frames are in them: 25 000 packets a second, of
    which 3 in 100 are lost in wan and the others wait there for up to 20 ms."""
    chance = random.Random(1)
    made = Made()
    for number in range(packets):
        sent = 1_700_000_000 * SECOND + number * 40_000
        frame = udp(number.to_bytes(4, "big") + bytes(60))
        made.see(sent, frame, SENT, WAN_IN)
        if chance.random() >= 0.03:
            made.see(sent + int(chance.uniform(0.1, 20) * 1e6), frame, WAN_OUT, ARRIVED)
    made.rows.sort()
    names = {SENT: "client-1", WAN_IN: "wan", WAN_OUT: "wan", ARRIVED: "tcp-server"}
    paths = {}
    for name in dict.fromkeys(names.values()):
        paths[name] = folder / f"{name}-{packets}"
        pcap(paths[name], [(t, f) for t, stage, f in made.rows if names[stage] == name], nano=True)
    return paths, len(made.rows)
