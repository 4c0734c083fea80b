"""The sums of a capture by protocol and direction, and where they contradict other books. Pure.

It counts packets as they are on the wire; a datagram in fragments is several. What was lost and
what came twice was so by what the stations saw, not by what anybody meant to do.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.capture.packet import Packet
from lab.impairment import Direction

_ELSEWHERE = "elsewhere"


@dataclass
class Sums:
    """Packets of one protocol in one direction.

    packets, bytes, payload_bytes: of what was sent (as on Ethernet, without its checksum).
    lost_in_wan: seen going into wan and not out of it. past_wan: arrived, and wan saw nothing.
    """

    packets: int = 0
    bytes: int = 0
    payload_bytes: int = 0
    datagrams: int = 0
    arrived: int = 0
    lost: int = 0
    lost_before_wan: int = 0
    lost_in_wan: int = 0
    lost_after_wan: int = 0
    in_flight: int = 0
    copies: int = 0
    copies_arrived: int = 0
    overtaken: int = 0
    corrupted: int = 0
    past_wan: int = 0
    wan_in: int = 0
    wan_out: int = 0


@dataclass
class Segments(Sums):
    """TCP's. repeated_needlessly: an earlier one with these bytes did arrive."""

    repeated: int = 0
    repeated_needlessly: int = 0
    syn: int = 0
    syn_ack: int = 0
    fin: int = 0
    rst: int = 0
    data: int = 0
    pure_ack: int = 0


@dataclass
class Account:
    """All sums of one capture. started_ns: of its first packet, since 1970; None without any.

    unread: frames that the kernel dropped, or tcpdump had no time for, by station; bounded: frames
    that a station's file had no room for; missing: nodes that were not captured. With any of these
    the sums are of a part. contradictions: where other books say otherwise (`lab.capture.books`);
    unchecked: why they were not compared. counted: how they grew.
    """

    started_ns: int | None = None
    file: str = ""
    unread: Mapping[str, int] = field(default_factory=dict)
    bounded: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    cut_short: int = 0
    sums: dict[str, dict[str, Sums]] = field(default_factory=dict)
    counted: Mapping[str, Any] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    _missing: set[int] = field(default_factory=set)
    _sent: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, packet: Packet) -> None:
        """Count one packet."""
        by_way = self.sums.setdefault(packet.protocol, {})
        way = _way(packet)
        if way not in by_way:
            by_way[way] = Segments() if packet.protocol == "tcp" else Sums()
        sums = by_way[way]
        arrived = packet.arrived_ns is not None
        sums.wan_in += packet.wan_in_ns is not None
        sums.wan_out += packet.wan_out_ns is not None
        sums.corrupted += packet.corrupted
        if packet.copy_of is not None:
            sums.copies += 1
            sums.copies_arrived += arrived
            return
        self._by_sender(packet)
        sums.packets += 1
        sums.datagrams += not packet.fragment
        sums.bytes += packet.frame_bytes
        sums.payload_bytes += packet.length
        sums.arrived += arrived
        sums.overtaken += packet.overtaken
        sums.past_wan += arrived and packet.wan_in_ns is None and packet.wan_out_ns is None
        sums.in_flight += packet.fate == "in flight"
        if packet.fate == "lost":
            sums.lost += 1
            sums.lost_after_wan += packet.wan_out_ns is not None
            sums.lost_in_wan += packet.wan_out_ns is None and packet.wan_in_ns is not None
            sums.lost_before_wan += packet.wan_out_ns is None and packet.wan_in_ns is None
        if isinstance(sums, Segments):
            self._segment(sums, packet, arrived)

    def _segment(self, sums: Segments, packet: Packet, arrived: bool) -> None:
        flags = packet.flags
        sums.syn += "SYN" in flags and "ACK" not in flags
        sums.syn_ack += "SYN" in flags and "ACK" in flags
        sums.fin += "FIN" in flags
        sums.rst += "RST" in flags
        sums.data += packet.length > 0
        sums.pure_ack += flags == ("ACK",) and not packet.length
        if packet.repeats is None:
            if packet.fate == "lost":
                self._missing.add(packet.number)
            return
        sums.repeated += 1
        sums.repeated_needlessly += packet.repeats not in self._missing
        if arrived:
            self._missing.discard(packet.repeats)

    def _by_sender(self, packet: Packet) -> None:
        if packet.sent_ns is None:
            return
        sent = self._sent.setdefault(packet.source, Counter())
        sent[packet.protocol] += not packet.fragment
        if packet.repeats is not None:
            sent["repeated"] += 1
            sent["syn_ack_repeated"] += packet.flags == ("SYN", "ACK")

    def sent_by(self, node: str) -> Mapping[str, int]:
        """What a node sent: datagrams by protocol, segments `repeated`, `syn_ack_repeated`."""
        return self._sent.get(node, Counter())

    @property
    def complete(self) -> bool:
        """Whether every station has every frame."""
        return not (any(self.unread.values()) or self.bounded or self.missing or self.cut_short)

    @property
    def agrees(self) -> bool | None:
        """Whether all other books say the same; None where they were not compared."""
        return None if self.unchecked else not self.contradictions

    def as_dict(self) -> dict[str, Any]:
        """As a result has it: `udp`, `tcp`, … with `toward_server`, `toward_client` each."""
        found: dict[str, Any] = {
            "file": self.file, "started_ns": self.started_ns, "complete": self.complete,
            "unread": dict(self.unread), "bounded": dict(self.bounded),
            "missing": list(self.missing), "agrees": self.agrees,
            "contradictions": list(self.contradictions), "unchecked": list(self.unchecked),
            "counted": dict(self.counted),
        }  # fmt: skip
        for protocol in ("tcp", "udp", *sorted(self.sums.keys() - {"tcp", "udp"})):
            empty = Segments if protocol == "tcp" else Sums
            ways = {"toward_server": empty(), "toward_client": empty()}
            ways |= self.sums.get(protocol, {})
            found[protocol] = {way: asdict(sums) for way, sums in ways.items()}
        return found

    def of(self, protocol: str, direction: Direction) -> Sums:
        """The sums of a protocol in one direction."""
        empty = Segments() if protocol == "tcp" else Sums()
        return self.sums.get(protocol, {}).get(f"toward_{direction.value}", empty)

    def against_probe(self, report: Mapping[str, Any]) -> list[str]:
        """Where a probe's report (`lab.measure`: udp or tcp) says otherwise: a line for each.

        A TCP probe reads the kernels' counters when its last connection is closed, and a FIN may
        be repeated later: the captures then have more, as the kernels have at the end.
        """
        wrong: list[str] = []
        server, client = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
        if report.get("retransmissions_toward_server") is not None:
            for way in (server, client):
                sums = self.of("tcp", way)
                assert isinstance(sums, Segments)  # noqa: S101 - for the type; `of` makes them
                name = f"retransmissions_toward_{way.value}"
                if report[name] > sums.repeated:
                    wrong += differs(name, report[name], sums.repeated)
        if "server_received" in report and report["server_sent"] is not None:
            there, back = self.of("udp", server), self.of("udp", client)
            wrong += differs("UDP sent by the client", report["sent"], there.datagrams)
            wrong += differs("UDP sent by the server", report["server_sent"], back.datagrams)
            if there.packets == there.datagrams and not report["checksum_errors_toward_server"]:
                wrong += differs(
                    "UDP at the server", report["server_received"] + report["buffer_drops"],
                    there.arrived + there.copies_arrived,
                )  # fmt: skip
            if back.packets == back.datagrams and not report["checksum_errors_toward_client"]:
                came = report["received"] + report["late"] + report["duplicated"]
                wrong += differs(
                    "UDP at the client", came + report["corrupted"],
                    back.arrived + back.copies_arrived,
                )  # fmt: skip
        return wrong


def account_of(packets: Iterable[Packet], account: Account | None = None) -> Account:
    """The sums of some packets."""
    account = account or Account()
    for packet in packets:
        account.add(packet)
    return account


def _way(packet: Packet) -> str:
    """As wan has it: by whether a server is to have it, or else sent it."""
    if packet.target.endswith("-server"):
        return f"toward_{Direction.TOWARD_SERVER.value}"
    if packet.source.endswith("-server"):
        return f"toward_{Direction.TOWARD_CLIENT.value}"
    return _ELSEWHERE


def differs(what: str, told: int, captured: int) -> list[str]:
    """A line, unless both are the same."""
    return [] if told == captured else [f"{what}: {told} counted, {captured} captured"]
