"""Ladders: every packet is there or counted, losses end where they were, no text overlaps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.capture.packet import Packet
from lab.report.ladder import Flow, flows, ladder
from lab.report.ladder_drawing import WIDTH
from lab.report.svgtext import width
from tests import made_packets
from tests.made_packets import CLIENT, MS, SERVER, Wire

Box = tuple[float, float, float, str]  # left, right, the line it stands on, its words


class Seen:
    """A ladder as its SVG has it: texts with their boxes, and the parts of its packets."""

    def __init__(self, svg: str) -> None:
        self.drawings = [
            ElementTree.fromstring(f"{each}</svg>")  # noqa: S314 - our own text
            for each in svg.split("</svg>")[:-1]
        ]
        texts: dict[str, Box] = {}
        middle: dict[str, str] = {}
        self.packets: dict[int, Any] = {}
        for drawing in self.drawings:
            for text in drawing.iter("text"):
                # What two drawings share at their seam is the same text.
                key = ElementTree.tostring(text, "unicode")
                texts[key] = _box(text)
                if text.get("text-anchor") == "middle" and text.get("class") in (None, "b"):
                    middle[key] = texts[key][3]
            for group in drawing.iter("g"):
                found = re.match(r"#(\d+), ", group.findtext("title") or "")
                if found:
                    self.packets[int(found[1])] = group
        self.folds = " ".join(middle.values()).replace("\u202f", " ")
        self.boxes = list(texts.values())
        self.texts = [box[3].replace("\u00a0", " ").replace("\u202f", " ") for box in self.boxes]

    def labels(self) -> list[str]:
        return [text for text in self.texts if text.startswith("#") and "–" not in text]

    def ends(self) -> dict[int, tuple[float, float]]:
        """Where each line ends."""
        return {number: _points(group)[-1] for number, group in self.packets.items()}

    def overlaps(self) -> list[tuple[str, str]]:
        def apart(one: Box, other: Box) -> bool:
            return abs(one[2] - other[2]) >= 12 or one[1] <= other[0] or other[1] <= one[0]

        return [
            (one[3], other[3])
            for index, one in enumerate(self.boxes)
            for other in self.boxes[:index]
            if not apart(one, other)
        ]


def _box(text: Any) -> Box:
    bold = "b" in text.get("class", "").split() or text.get("class") == "h"
    words = "".join(text.itertext())
    size = 14 if text.get("class") == "h" else 12
    across = width(text.text or "", size, bold=bold) + sum(
        width(each.text or "", size, bold="b" in each.get("class", "").split())
        + width(each.tail or "", size)
        for each in text
    )
    x, y = float(text.get("x")), float(text.get("y"))
    left = x - {"start": 0.0, "middle": across / 2, "end": across}[text.get("text-anchor")]
    return left, left + across, y, words


def _points(group: Any) -> list[tuple[float, float]]:
    numbers = list(map(float, group.find("polyline").get("points").split()))
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def see(packets: Sequence[Packet], **more: Any) -> Seen:
    return Seen(ladder(packets, title="A title", **more))


def column(seen: Seen) -> tuple[float, float]:
    """Where wan's column begins and ends."""
    wan = next(r for d in seen.drawings for r in d.iter("rect") if r.get("class") == "wan")
    left = float(wan.get("x", "nan"))
    return left, left + float(wan.get("width", "nan"))


def folded(seen: Seen) -> int:
    """How many packets the lines of the folds count."""
    kinds = r"([\d ]*\d) (?:segment|ACK|duplicate|datagram|ICMP|packet)"
    return sum(int(number.replace(" ", "")) for number in re.findall(kinds, seen.folds))


@pytest.mark.parametrize("make", made_packets.ALL.values(), ids=lambda make: make.__name__)
def test_every_packet_is_there_or_counted(make: Callable[[], list[Packet]]) -> None:
    packets = make()
    seen = see(packets)
    assert len(seen.packets) + folded(seen) == len(packets)
    assert seen.overlaps() == []
    assert all(left >= 0 and right <= WIDTH for left, right, _, _ in seen.boxes)
    for packet in packets:
        eventful = packet.fate == "lost" or packet.repeats or {"SYN", "FIN"} & set(packet.flags)
        assert packet.number in seen.packets or not eventful


def test_the_labels_of_a_handshake() -> None:
    assert see(made_packets.handshake()).labels() == [
        "#1 SYN seq 0",
        "#2 SYN ACK seq 0, ack 1",
        "#3 ACK seq 1, ack 1",
        "#4 PSH ACK seq 1, ack 1, 64 B",
        "#5 ACK seq 1, ack 65",
        "#6 PSH ACK seq 1, ack 65, 64 B",
        "#7 ACK seq 65, ack 65",
        "#8 FIN ACK seq 65, ack 65",
        "#9 FIN ACK seq 65, ack 66",
        "#10 ACK seq 66, ack 66",
    ]


def test_names_ports_and_times() -> None:
    texts = see(made_packets.handshake()).texts
    for expected in (
        CLIENT, SERVER, "wan", "TCP port 50102", "TCP port 7", "ms", "0.00", "20.05", "121.30",
    ):  # fmt: skip
        assert expected in texts


def test_time_runs_downward_and_arrows_fall_by_the_way() -> None:
    seen = see(made_packets.handshake())
    a, b = column(seen)
    starts = [_points(seen.packets[number])[0] for number in range(1, 11)]
    assert [y for _, y in starts] == sorted(y for _, y in starts)
    for group in seen.packets.values():
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = _points(group)
        assert {x1, x2} == {a, b}
        assert {x0, x3} == {_points(seen.packets[1])[0][0], _points(seen.packets[2])[0][0]}
        assert y0 <= y1 < y2 <= y3  # the delay is in wan
        assert y2 - y1 > 0.9 * (y3 - y0)


def test_what_is_lost_ends_in_mid_air_where_it_was_lost() -> None:
    packets = made_packets.lossy_udp()
    seen = see(packets)
    a, b = column(seen)
    left, right = _points(seen.packets[1])[0][0], _points(seen.packets[1])[-1][0]
    lost = {packet.number: packet for packet in packets if packet.fate == "lost"}
    assert len(lost) == 4
    for number, group in seen.packets.items():
        crosses = [each for each in group.iter("path") if each.get("class") == "x"]
        tips = [each for each in group.iter("path") if each.get("class") in ("tip", "hollow")]
        assert (len(crosses), len(tips)) == ((1, 0) if number in lost else (0, 1))
        x = seen.ends()[number][0]
        if number not in lost:
            assert x in (left, right)
        elif lost[number].wan_in_ns is None:
            assert left < x < a
        elif lost[number].wan_out_ns is None:
            assert a < x < b
        else:
            assert b < x < right
    for place in ("before wan", "in wan", "after wan"):
        assert f"lost {place}" in seen.texts
    assert any("overtaken" in text for text in seen.texts)
    assert "copy of #1" in seen.texts


def test_lost_without_a_capture_on_wan() -> None:
    packets = [replace(p, wan_in_ns=None, wan_out_ns=None) for p in made_packets.lost_syns()]
    seen = see(packets)
    assert "wan" not in seen.texts
    assert "lost on the way" in seen.texts
    assert [len(_points(group)) for group in seen.packets.values()] == [2] * 6


def test_what_is_sent_again_is_dashed_told_and_tied() -> None:
    seen = see(made_packets.burst_with_a_loss())
    assert seen.packets[22].get("class") == "tcp again"
    assert [n for n, group in seen.packets.items() if "again" in group.get("class")] == [22]
    assert "again, of #6" in seen.texts  # a duplicate ACK brought it, no timer
    ties = [p for d in seen.drawings for p in d.iter("path") if p.get("class") == "tie"]
    numbers = list(map(float, re.findall(r"[\d.]+", ties[0].get("d", ""))))
    assert len({tie.get("d") for tie in ties}) == 1
    assert _points(seen.packets[6])[0][1] == pytest.approx(numbers[1], abs=0.1)
    assert _points(seen.packets[22])[0][1] == pytest.approx(numbers[-2], abs=0.1)
    assert len([text for text in seen.texts if text.startswith("duplicate ACK")]) == 7
    assert "duplicate ACK · sack 4 345–5 793" in seen.texts


def test_timers_and_silences() -> None:
    seen = see(made_packets.lost_syns())
    assert [text for text in seen.texts if "timer, after" in text] == [
        "by timer, after 1.02 s",
        "by timer, after 2.05 s",
        "again, of #1 · by timer, after 4.10 s",
    ]
    assert [text for text in seen.texts if text.endswith(" pass")] == [
        "1.02 s pass", "2.05 s pass", "4.10 s pass",
    ]  # fmt: skip
    assert seen.packets[2].get("class") == "tcp again"


def test_zero_window_and_what_is_still_on_its_way() -> None:
    assert "window 0" in see(made_packets.half_close_and_reset()).texts
    seen = see(made_packets.lost_tail())
    assert "still on its way at the end" in seen.texts
    assert seen.packets[8].find("circle[@class='open']") is not None


def test_a_run_is_folded_into_its_sums() -> None:
    wire = Wire()
    wire.open()
    for n in range(50):
        wire.send(50 + n, "ACK", seq=1 + 1448 * n, ack=1, length=1448, window=64256)
    wire.send(140, "RST", seq=1)
    seen = see(wire.sent)
    start = seen.texts.index("#4–#53 · 50.0–99.0 ms")
    assert seen.texts[start : start + 3] == [
        "#4–#53 · 50.0–99.0 ms", "→ 50 segments, 72.4 kB", "all arrived",
    ]  # fmt: skip
    assert list(seen.packets) == [1, 2, 3, 54]
    # What left before the run and arrives within it ends above the box, not behind it.
    rects = [rect for drawing in seen.drawings for rect in drawing.iter("rect")]
    box = next(float(each.get("y", "nan")) for each in rects if each.get("class") == "fold")
    points = _points(seen.packets[3])
    assert points[-1][1] < box
    assert points[-1][1] - points[0][1] > 40  # and falls as the others do
    assert list(see(wire.sent, unfolded=54).packets) == list(range(1, 55))


def test_duplicate_acks_after_the_third_are_folded() -> None:
    wire = Wire()
    wire.send(0, "ACK", seq=1, ack=1, window=500, back=True)
    for n in range(60):
        wire.send(1 + n, "ACK", seq=1, ack=1, window=500, back=True)
    seen = see(wire.sent, left=CLIENT)
    assert "← 57 duplicate ACKs" in seen.texts
    assert list(seen.packets) == [1, 2, 3, 4]


def test_much_is_cut_and_counted() -> None:
    """Ten thousand packets of which a tenth is lost: one page, and nothing goes unsaid."""
    packets = made_packets.transfer(5000, loss=0.1)
    assert len(packets) > 10_000
    svg = ladder(packets, title="Much")
    assert len(svg) < 150_000
    seen = Seen(svg)
    more = len(packets) - len(seen.packets)
    assert re.search(r" and [\d ]+ more: #", f" {seen.folds}")
    assert more > 9000
    assert len(seen.packets) + folded(seen) == len(packets)
    assert seen.overlaps() == []


def test_a_tall_ladder_is_pieces_that_fit_a_page_and_cut_no_text() -> None:
    seen = see(made_packets.transfer())
    frames = [list(map(float, d.get("viewBox", "").split())) for d in seen.drawings]
    assert len(frames) == 3
    for (_, top, _, tall), after in zip(frames, [*frames[1:], None], strict=True):
        assert 300 < tall <= 1050
        assert after is None or after[1] == pytest.approx(top + tall, abs=0.11)
    for _, top, _, _ in frames[1:]:
        assert not any(y - 12 < top - 0.1 and top + 0.1 < y + 4 for _, _, y, _ in seen.boxes)
    names = [drawing.get("aria-label") for drawing in seen.drawings]
    assert names == [f"A title, part {n} of 3" for n in (1, 2, 3)]


def test_it_is_told_to_who_cannot_see_it() -> None:
    drawing = see(made_packets.lost_syns()).drawings[0]
    assert (drawing.get("role"), drawing.get("aria-label")) == ("img", "A title")
    assert drawing.findtext("title") == "A title"
    assert drawing.findtext("desc") == (
        "Time runs downward. 5 packets from client-1 to tcp-server, 3 of them lost and 3 sent"
        " again and 1 packet from tcp-server to client-1, 0 of them lost and 0 sent again."
    )


def test_several_flows() -> None:
    first = made_packets.handshake()
    second = [
        replace(packet, number=packet.number + 10,
                source_port=50103 if packet.source == CLIENT else 7,
                target_port=7 if packet.source == CLIENT else 50103)
        for packet in first
    ]  # fmt: skip
    both = [*first, *second]
    assert flows(both) == [first[0].flow, second[0].flow]
    chosen: Flow = second[0].flow
    assert see(both, flow=chosen).labels()[0] == "#11 SYN seq 0"
    assert "TCP port 50103" in see(both, flow=chosen).texts
    labels = see(both).labels()
    assert len(labels) == 20
    assert labels[:2] == ["#1 :50102→7 SYN seq 0", "#11 :50103→7 SYN seq 0"]


def test_only_what_goes_between_the_two() -> None:
    other = replace(made_packets.handshake()[0], number=99, source="client-2")
    packets = [*made_packets.handshake(), other]
    assert len(see(packets).packets) == 10
    assert list(see(packets, left="client-2").packets) == [99]
    assert SERVER in see(packets, left="client-2").texts
    swapped = see(packets, left=SERVER, right=CLIENT)
    assert _points(swapped.packets[1])[0][0] > _points(swapped.packets[1])[-1][0]


def test_names_are_escaped() -> None:
    packet = replace(made_packets.handshake()[0], source='<b a="&">')
    svg = ladder([packet], title="<i>")
    assert "<b " not in svg
    assert "<i>" not in svg
    assert Seen(svg).texts.count('<b a="&">') == 1


def test_nothing() -> None:
    assert see([]).packets == {}
    assert "5 packets without any time: not drawn." in " ".join(
        see([replace(packet, sent_ns=None, wan_in_ns=None, wan_out_ns=None, arrived_ns=None)
             for packet in made_packets.handshake()[:5]],
            left=CLIENT, right=SERVER).texts
    )  # fmt: skip


moments = st.none() | st.integers(0, 10_000 * MS) | st.integers(0, 1000)
numbers = st.none() | st.integers(1, 30)
ports = st.sampled_from([0, 7, 50102])
words = st.integers(0, 2**32)
anything: st.SearchStrategy[Packet] = st.builds(
    Packet,
    number=st.just(0), source=st.just(CLIENT), target=st.just(SERVER),
    protocol=st.sampled_from(["tcp", "udp", "icmp", "other"]),
    source_port=ports, target_port=ports,
    sent_ns=moments, wan_in_ns=moments, wan_out_ns=moments, arrived_ns=moments,
    flags=st.sampled_from([(), ("SYN",), ("ACK",), ("FIN", "ACK"), ("RST",)]),
    seq=words, ack=st.none() | words, length=st.integers(0, 65535),
    window=st.none() | st.integers(0, 9),
    sack=st.lists(st.tuples(words, words), max_size=4).map(tuple),
    fate=st.sampled_from(["arrived", "lost", "in flight"]),
    repeats=numbers, copy_of=numbers, overtaken=st.booleans(),
)  # fmt: skip
# Packets that no lab would show: anything anywhere, but numbered.
conversations = st.lists(st.tuples(anything, st.booleans()), max_size=50).map(
    lambda drawn: [
        replace(packet, number=number)
        if onward
        else replace(packet, number=number, source=SERVER, target=CLIENT)
        for number, (packet, onward) in enumerate(drawn, 1)
    ]
)


@given(conversations, st.sampled_from([0, 40]), st.sampled_from([5, 120]))
def test_whatever_a_capture_holds(packets: list[Packet], unfolded: int, rows: int) -> None:
    seen = see(packets, unfolded=unfolded, rows=rows, left=CLIENT, right=SERVER)
    drawn = [
        packet
        for packet in packets
        if {packet.sent_ns, packet.wan_in_ns, packet.wan_out_ns, packet.arrived_ns} != {None}
    ]
    assert len(seen.packets) + folded(seen) == len(drawn)
    assert len(seen.packets) <= max(rows, 0)
    assert seen.overlaps() == []
