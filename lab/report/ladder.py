"""A ladder: the packets between two nodes as a sequence diagram, time downward. Pure, SVG by hand.

Who sent a packet says at the side what it is; its arrow falls by the time that it took, through
wan's column, where the network's delay and loss are. Nothing is said by colour alone: what is
lost ends in mid-air with an X, what is sent again is dashed and tied to what it repeats, and both
are told in words. Of many packets the uneventful ones are folded, so that the drawing stays small.

A tall ladder is several drawings without a seam, so that a printer may change the page between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.capture.packet import Packet
from lab.report.ladder_drawing import Drawing
from lab.report.ladder_words import Told, ending, fold, tell, told_at
from lab.report.markup import Html
from lab.wording import count, join, times

Flow = tuple[str, str, int, str, int]


def flows(packets: Iterable[Packet]) -> list[Flow]:
    """The flows of a capture, in the order of their first packets, to choose one from."""
    return list(dict.fromkeys(packet.flow for packet in packets))


def ladder(
    packets: Sequence[Packet],
    *,
    title: str,
    left: str | None = None,
    right: str | None = None,
    flow: Flow | None = None,
    unfolded: int = 40,
    rows: int = 120,
) -> Html:
    """The packets between two nodes, one arrow each, or a line for a run of uneventful ones.

    left, right: the two nodes; without them those of the first packet, its sender at the left.
    flow: that one only (see `flows`); of several flows each label has its ports. unfolded: up to
    so many packets each has its arrow. rows: what comes after so many is told in one line.
    """
    chosen = [packet for packet in packets if flow is None or packet.flow == flow]
    left, right = _ends(chosen, left, right)
    chosen = [packet for packet in chosen if {packet.source, packet.target} == {left, right}]
    wan = any(packet.wan_in_ns is not None or packet.wan_out_ns is not None for packet in chosen)
    told = tell(chosen, wan=wan, ports=len(flows(chosen)) > 1)
    lines = fold(told, unfolded=unfolded, fewest=4, rows=rows)
    drawing = Drawing(left, right, wan, told[0].at_ns if told else 0, *_clock(told))
    drawing.draw(lines, _ports(chosen, left, right), len(chosen) - len(told))
    return drawing.html(title, _summary(chosen, left, right))


def _ends(packets: Sequence[Packet], left: str | None, right: str | None) -> tuple[str, str]:
    """Both nodes: as given, else those of the first packet that goes with what is given."""
    if left is not None and right is not None:
        return left, right
    first = min(packets, key=lambda each: (told_at(each) or 0, each.number), default=None)
    for packet in (first, *packets) if first else ():
        if left is None and right in (None, packet.target):
            return packet.source, packet.target
        if left in (packet.source, packet.target):
            return left, packet.target if left == packet.source else packet.source
    return left or "sender", right or "receiver"


def _ports(packets: Sequence[Packet], left: str, right: str) -> tuple[str, str]:
    """What stands below the names: `TCP port 7`, or nothing where there are several."""
    found: list[str] = []
    for node in (left, right):
        seen = {
            (each.protocol, each.source_port if each.source == node else each.target_port)
            for each in packets
        }
        protocol, port = next(iter(seen)) if len(seen) == 1 else ("", 0)
        found.append(f"{protocol.upper()} port\u00a0{port}" if port else "")
    return found[0], found[1]


def _clock(told: Sequence[Told]) -> tuple[bool, int]:
    """Whether times are in milliseconds, not seconds, and with how many decimals."""
    span_ms = (told[-1].at_ns - told[0].at_ns) / 1_000_000 if told else 0
    if span_ms < 10_000:
        return True, 3 if span_ms < 100 else 2 if span_ms < 1000 else 1
    return False, 3


def _summary(packets: Sequence[Packet], left: str, right: str) -> str:
    """What the drawing shows, in a sentence, for who can't see it."""
    said = []
    for source, target in ((left, right), (right, left)):
        sent = [packet for packet in packets if packet.source == source]
        lost = sum(ending(packet) == "lost" for packet in sent)
        again = sum(packet.repeats is not None for packet in sent)
        said.append(
            f"{times(len(sent), 'packet')} from {source} to {target},"
            f" {count(lost)} of them lost and {count(again)} sent again"
        )
    return f"Time runs downward. {join(said)}."
