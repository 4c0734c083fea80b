"""What a ladder says of each packet, and which packets it takes to be worth a line of their own.

Knows packets and words, and nothing of where on a drawing they stand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lab.capture.packet import Packet
from lab.wording import DASH, SPACE, count, digits, times

Tone = Literal["plain", "strong", "muted", "bad"]
End = Literal["arrow", "lost", "open"]
Place = Literal["before wan", "in wan", "after wan", "on the way"]

_TOLD_DUPLICATES = 3  # the third duplicate ACK sends again (RFC 5681, 3.2); more only repeat it


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one tone, which stay on one line. note: not of its header, but what came of it."""

    text: str
    tone: Tone = "plain"
    note: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A packet and what is said of it.

    at_ns: when it was first seen, and a copy when it arrived. by_timer: it was sent again although
    nothing had come or gone at its sender for a round trip. eventful: no fold may hide it.
    """

    packet: Packet
    at_ns: int
    head: tuple[Span, ...]
    notes: tuple[Span, ...]
    eventful: bool
    duplicate_ack: bool
    by_timer: bool


@dataclass(frozen=True, slots=True)
class Fold:
    """A run of packets that is one row. cut: what follows the last row that there is room for."""

    told: tuple[Told, ...]
    cut: bool = False


def first_seen(packet: Packet) -> int | None:
    """When any station saw it first, in the order of its way; None where none did."""
    for seen in (packet.sent_ns, packet.wan_in_ns, packet.wan_out_ns, packet.arrived_ns):
        if seen is not None:
            return seen
    return None


def is_copy(packet: Packet) -> bool:
    """Whether the network made it, so that it is told where it arrives, not where it was sent."""
    return packet.copy_of is not None and packet.arrived_ns is not None


def told_at(packet: Packet) -> int | None:
    """The time of its line; None where no station saw it, so that it can't be drawn."""
    return packet.arrived_ns if is_copy(packet) else first_seen(packet)


def ending(packet: Packet) -> End:
    """How its arrow ends: at the receiver, with an X, or open where nobody saw what came of it."""
    if packet.arrived_ns is not None:
        return "arrow"
    return "lost" if packet.fate == "lost" else "open"


def place(packet: Packet, *, wan: bool) -> Place:
    """How far it came, by the last station that saw it. wan: wan's capture is among them."""
    if not wan:
        return "on the way"
    if packet.wan_out_ns is not None:
        return "after wan"
    return "before wan" if packet.wan_in_ns is None else "in wan"


def tell(packets: Sequence[Packet], *, wan: bool, ports: bool) -> list[Told]:
    """Each packet that any station saw, in the order of time. ports: several flows are shown."""
    seen = [(at, packet) for packet in packets if (at := told_at(packet)) is not None]
    seen.sort(key=lambda pair: (pair[0], pair[1].number))
    repeated = {packet.repeats for _, packet in seen} - {None}
    copied = {packet.copy_of for _, packet in seen} - {None}
    timers = _timers([packet for _, packet in seen])
    duplicates = _duplicate_acks([packet for _, packet in seen])
    answers = _answers([packet for _, packet in seen])
    found = []
    for at, packet in seen:
        waited = timers.get(packet.number)
        run = duplicates.get(packet.number, 0)
        notes = tuple(_notes(packet, waited, run, wan=wan))
        found.append(
            Told(
                packet=packet,
                at_ns=at,
                head=tuple(_head(packet, ports=ports)),
                notes=notes,
                eventful=(
                    run <= _TOLD_DUPLICATES
                    and (bool(notes) or bool({"SYN", "FIN", "RST"} & set(packet.flags)))
                )
                or packet.number in repeated | copied | answers,
                duplicate_ack=run > 0,
                by_timer=waited is not None,
            )
        )
    return found


def fold(told: Sequence[Told], *, unfolded: int, fewest: int, rows: int) -> list[Told | Fold]:
    """All of up to `unfolded` packets, else runs of `fewest` uneventful ones as a Fold.

    At most `rows` rows: what follows the last of them is one Fold more, whatever happened in it.
    """
    found: list[Told | Fold] = []
    run: list[Told] = []

    def close() -> None:
        found.extend([Fold(tuple(run))] if len(run) >= fewest else run)
        run.clear()

    for each in told:
        if each.eventful or len(told) <= unfolded:
            close()
            found.append(each)
        else:
            run.append(each)
    close()
    if len(found) <= rows:
        return found
    rest = [
        each
        for row in found[rows:]
        for each in (row.told if isinstance(row, Fold) else (row,))
    ]  # fmt: skip
    return [*found[:rows], Fold(tuple(rest), cut=True)]


def fold_lines(row: Fold, *, left: str, start_ns: int) -> list[str]:
    """`#20–#94 · 12.3–340 ms`, `→ 38 segments, 55.0 kB`, `← 37 ACKs`, `all arrived`."""
    packets = [each.packet for each in row.told]
    numbers = sorted(packet.number for packet in packets)
    kinds: dict[tuple[str, bool], list[Packet]] = defaultdict(list)
    for each in row.told:
        kinds[_kind(each), each.packet.source == left].append(each.packet)
    ways: dict[bool, list[str]] = {True: [], False: []}
    for (kind, rightward), same in kinds.items():
        octets = sum(packet.length for packet in same)
        ways[rightward].append(times(len(same), kind) + (f", {_size(octets)}" if octets else ""))
    first, last = row.told[0].at_ns - start_ns, row.told[-1].at_ns - start_ns
    more = f"and {count(len(packets))} more: " if row.cut else ""
    return [
        f"{more}#{count(numbers[0])}{DASH}#{count(numbers[-1])} · {_period(first, last)}",
        *(f"→ {', '.join(ways[True])}" for _ in range(bool(ways[True]))),
        *(f"← {', '.join(ways[False])}" for _ in range(bool(ways[False]))),
        _fates(packets),
    ]


def duration(ns: int) -> str:
    """`35 µs`, `20.1 ms`, `1.04 s`."""
    for limit, divisor, unit in ((1_000_000, 1000, "µs"), (1_000_000_000, 1_000_000, "ms")):
        if abs(ns) < limit:
            return f"{digits(ns / divisor)}{SPACE}{unit}"
    return f"{digits(ns / 1e9)}{SPACE}s"


def _head(packet: Packet, *, ports: bool) -> Iterable[Span]:
    yield Span(f"#{count(packet.number)}", "muted")
    if ports:
        yield Span(f":{packet.source_port}→{packet.target_port}", "muted")
    if packet.protocol != "tcp":
        yield Span(packet.protocol.upper() if packet.protocol != "other" else "other", "strong")
        yield Span(f"{count(packet.length)}{SPACE}B")
        return
    yield Span(" ".join(packet.flags) or "no flag", "strong")
    yield Span(f"seq\u00a0{count(packet.seq)}")
    if packet.ack is not None:
        yield Span(f"ack\u00a0{count(packet.ack)}")
    if packet.length:
        yield Span(f"{count(packet.length)}{SPACE}B")


def _notes(packet: Packet, waited: int | None, duplicate: int, *, wan: bool) -> Iterable[Span]:
    if ending(packet) == "lost":
        yield Span(f"lost {place(packet, wan=wan)}", "bad", note=True)
    elif packet.fate == "in flight":
        yield Span("still on its way at the end", "strong", note=True)
    elif packet.arrived_ns is None:
        yield Span("not seen arriving", "strong", note=True)
    if packet.repeats is not None:
        yield Span(f"again, of\u00a0#{count(packet.repeats)}", "strong", note=True)
    if waited is not None:
        yield Span(f"by timer, after\u00a0{duration(waited)}", "plain", note=True)
    if packet.copy_of is not None:
        yield Span(f"copy of\u00a0#{count(packet.copy_of)}", "strong", note=True)
    if packet.overtaken:
        yield Span("overtaken", "strong", note=True)
    if packet.protocol == "tcp" and packet.window == 0 and "RST" not in packet.flags:
        yield Span("window 0", "strong", note=True)
    if duplicate:
        yield Span("duplicate ACK", "strong", note=True)
    for low, high in packet.sack:
        yield Span(f"sack\u00a0{count(low)}{DASH}{count(high)}", "plain", note=True)


def _timers(packets: Sequence[Packet]) -> dict[int, int]:
    """How long each repetition waited that no packet provoked, by number (RFC 6298, RFC 8985).

    Seen from outside a timer is this: nothing left the sender or reached it for at least the
    shortest round trip, and then it repeats. What a duplicate ACK provokes follows it at once.
    """
    seen: dict[tuple[object, str], list[int]] = defaultdict(list)
    ways: dict[tuple[object, str], int] = {}
    sent: dict[int, list[int]] = defaultdict(list)
    for packet in packets:
        if packet.sent_ns is not None and packet.copy_of is None:
            seen[packet.flow, packet.source].append(packet.sent_ns)
            sent[packet.repeats or packet.number].append(packet.sent_ns)
        if packet.arrived_ns is not None:
            seen[packet.flow, packet.target].append(packet.arrived_ns)
            if packet.sent_ns is not None:
                way = packet.arrived_ns - packet.sent_ns
                known = ways.get((packet.flow, packet.source))
                ways[packet.flow, packet.source] = way if known is None else min(known, way)
    for moments in (*seen.values(), *sent.values()):
        moments.sort()
    found = {}
    for packet in packets:
        if packet.repeats is None or packet.sent_ns is None:
            continue
        trip = ways.get((packet.flow, packet.source), 0) + ways.get((packet.flow, packet.target), 0)
        before = _before(seen[packet.flow, packet.source], packet.sent_ns)
        same = _before(sent[packet.repeats], packet.sent_ns)
        if before is not None and same is not None and packet.sent_ns - before >= max(trip, 1):
            found[packet.number] = packet.sent_ns - same
    return found


def _before(moments: Sequence[int], moment: int) -> int | None:
    """The last of sorted moments before `moment`."""
    index = bisect_left(moments, moment)
    return moments[index - 1] if index else None


def _duplicate_acks(packets: Sequence[Packet]) -> dict[int, int]:
    """The place of each duplicate ACK in its run, from 1, by number (RFC 5681, section 2)."""
    last: dict[tuple[object, str], tuple[int, int | None, int]] = {}
    found = {}
    for packet in packets:
        if packet.protocol != "tcp" or packet.ack is None or packet.copy_of is not None:
            continue
        key = (packet.flow, packet.source)
        ack, window, run = last.get(key, (None, None, 0))
        bare = packet.flags == ("ACK",) and not packet.length and packet.repeats is None
        same = ack == packet.ack and (window == packet.window or bool(packet.sack))
        run = run + 1 if bare and same else 0
        last[key] = (packet.ack, packet.window, run)
        if run:
            found[packet.number] = run
    return found


def _answers(packets: Sequence[Packet]) -> set[int]:
    """The first ACK of each SYN and FIN, by number: without it an opening is not told whole."""
    awaited: dict[tuple[object, str], list[int]] = defaultdict(list)
    found = set()
    for packet in packets:
        waiting = awaited[packet.flow, packet.source]
        if packet.ack is not None and any(packet.ack >= each for each in waiting):
            found.add(packet.number)
            waiting[:] = [each for each in waiting if packet.ack < each]
        if {"SYN", "FIN"} & set(packet.flags):
            awaited[packet.flow, packet.target].append(packet.seq + packet.length + 1)
    return found


def _kind(told: Told) -> str:
    packet = told.packet
    if told.duplicate_ack:
        return "duplicate ACK"
    if packet.protocol == "tcp":
        return "segment" if packet.length or set(packet.flags) - {"ACK"} else "ACK"
    return {"udp": "datagram", "icmp": "ICMP message", "other": "packet"}[packet.protocol]


def _fates(packets: Sequence[Packet]) -> str:
    said = []
    for number, words in (
        (sum(ending(packet) == "lost" for packet in packets), "lost"),
        (sum(packet.repeats is not None for packet in packets), "sent again"),
        (sum(packet.copy_of is not None for packet in packets), "copied"),
        (sum(packet.overtaken for packet in packets), "overtaken"),
        (sum(ending(packet) == "open" for packet in packets), "not seen arriving"),
    ):
        said += [f"{count(number)} {words}"] if number else []
    arrived = sum(ending(packet) == "arrow" for packet in packets)
    whole = "all arrived" if arrived == len(packets) else f"{count(arrived)} arrived"
    return ", ".join([whole, *said])


def _size(octets: int) -> str:
    if octets < 10_000:
        return f"{count(octets)}{SPACE}B"
    kilo = octets / 1000
    return f"{digits(kilo)}{SPACE}kB" if kilo < 1000 else f"{digits(kilo / 1000)}{SPACE}MB"


def _period(first: int, last: int) -> str:
    """`12.3–340 ms`, or both with their own unit where it differs."""
    low, high = duration(first), duration(last)
    if low.split(SPACE)[-1] == high.split(SPACE)[-1]:
        low = low.rsplit(SPACE, 1)[0]
    return f"{low}{DASH}{high}"
