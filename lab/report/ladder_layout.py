"""Where the rows of a ladder stand: time made into height, and nothing drawn yet.

Time runs downward and no row stands above an earlier one. Between two moments the height is their
time by one scale for the whole ladder; more where labels need the room, less where nothing
happens for long: that is a Gap, which says how long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from lab.capture.packet import Packet
from lab.report.ladder_words import Fold, Told, ending, is_copy

LINE = 15.0  # of text
AIR = 14.0  # around the lines of the box that stands for a run
_WAY = 46.0  # what the median way of a packet falls by
_LONGEST = 130.0  # a silence taller than this is cut
_CUT = 52.0  # to this
_EVENT = 500  # parts of the whole time; what is shorter is not worth a word
_ROW = 5.0  # between one label and the next
_ARRIVALS = 15.0  # between two arrow heads on one side
_REPLY = 7.0  # between an arrow head and what leaves beside it


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence that was cut, and how long it was."""

    top: float
    bottom: float
    ns: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Heights by the index of the row. start: of its line, which is that of its label, too."""

    start: Mapping[int, float]
    end: Mapping[int, float]
    folds: Mapping[int, tuple[float, float]]
    gaps: Sequence[Gap]
    bottom: float

    def fall(self, index: int) -> float:
        """By how much the arrow of a row falls."""
        return self.end[index] - self.start[index]


@dataclass(frozen=True, slots=True)
class _Moment:
    ns: int
    index: int
    kind: str  # leave, arrive, copy, open, close: of a packet, of a fold
    on_left: bool = False


def arrange(
    rows: Sequence[Told | Fold], lines: Mapping[int, int], *, left: str, top: float
) -> Layout:
    """The heights of all rows. lines: of how many lines of text each row is."""
    moments = _in_order([e for index, row in enumerate(rows) for e in _moments(index, row, left)])
    # A silence that is nothing beside the whole is no event, however fast the network is.
    event_ns = (moments[-1].ns - moments[0].ns) / _EVENT if moments else 0
    scale = _scale([row.packet for row in rows if isinstance(row, Told)])
    # What is lost hangs in the air as far down as its neighbours fall, known after a first pass.
    hanging = {
        index: 0.5 * _WAY
        for index, row in enumerate(rows)
        if isinstance(row, Told) and ending(row.packet) != "arrow"
    }
    found = _pass(moments, lines, scale, hanging, top, event_ns)
    for _ in range(2):
        hanging = {index: _fall(rows, found, index) for index in hanging}
        found = _pass(moments, lines, scale, hanging, top, event_ns)
    return found


def _moments(index: int, row: Told | Fold, left: str) -> list[_Moment]:
    if isinstance(row, Fold):
        first, last = row.told[0].at_ns, row.told[-1].at_ns
        return [_Moment(first, index, "open"), _Moment(last, index, "close")]
    packet = row.packet
    from_left = packet.source == left
    if is_copy(packet):
        return [_Moment(row.at_ns, index, "copy", not from_left)]
    found = [_Moment(row.at_ns, index, "leave", from_left)]
    if packet.arrived_ns is not None:
        found.append(_Moment(max(packet.arrived_ns, row.at_ns), index, "arrive", not from_left))
    return found


def _in_order(moments: Sequence[_Moment]) -> list[_Moment]:
    """By time; but what left before a run was folded and arrives within it arrives above its box.

    Behind the box nobody would see it.
    """
    runs = {each.index: each.ns for each in moments if each.kind == "open"}
    ends = {each.index: each.ns for each in moments if each.kind == "close"}
    keyed = []
    for each in moments:
        within = (
            run for run, ns in runs.items()
            if each.kind == "arrive" and each.index < run and ns <= each.ns <= ends[run]
        )  # fmt: skip
        run = next(within, None)
        if run is None:
            keyed.append(((each.ns, float(each.index), each.ns), each))
        else:
            keyed.append(((runs[run], run - 0.5, each.ns), each))
    return [each for _, each in sorted(keyed, key=lambda pair: pair[0])]


def _scale(packets: Sequence[Packet]) -> float:
    """Height by the nanosecond."""
    ways = [
        packet.arrived_ns - packet.sent_ns
        for packet in packets
        if packet.arrived_ns is not None and packet.sent_ns is not None and packet.copy_of is None
    ]
    way = median(ways) if ways else 0
    return _WAY / way if way > 0 else _WAY / 1e6


def _pass(
    moments: Sequence[_Moment],
    lines: Mapping[int, int],
    scale: float,
    hanging: Mapping[int, float],
    top: float,
    event_ns: float,
) -> Layout:
    start: dict[int, float] = {}
    end: dict[int, float] = {}
    folds: dict[int, tuple[float, float]] = {}
    gaps: list[Gap] = []
    labels, leaving, arriving = ([top, top] for _ in range(3))  # where the next may be, by side
    field = top  # below what hangs in the air
    y, before, inside = top, moments[0].ns if moments else 0, -1
    for each in moments:
        step = max(0, each.ns - before) * scale if inside < 0 else 0.0
        passed, before = each.ns - before, each.ns
        side = int(each.on_left)
        if step > _LONGEST and passed < event_ns:
            y = max(y, field) + _ROW
        elif step > _LONGEST:
            upper = max(y, field) + 4
            y = upper + _CUT
            gaps.append(Gap(upper, y, round(step / scale)))
        else:
            y += step
        if each.kind == "open":
            y = max(y + 10, field)
            folds[each.index] = (y, y)
            inside = each.index
        elif each.kind == "close":
            y = max(y, folds[each.index][0] + LINE * lines[each.index] + AIR)
            folds[each.index] = (folds[each.index][0], y)
            y += 10
            inside = -1
        elif each.kind == "arrive":
            y = max(y, arriving[side], leaving[side])
            end[each.index] = y
            arriving[side] = y + _ARRIVALS
            leaving[side] = max(leaving[side], y + _REPLY)
        else:
            y = max(y, labels[side], leaving[side])
            if each.kind == "copy":
                y = max(y, arriving[side])
                end[each.index] = y
                arriving[side] = y + _ARRIVALS
            start[each.index] = y
            labels[side] = y + LINE * lines[each.index] + _ROW
            leaving[side] = y + _REPLY
            if each.index in hanging:
                field = max(field, y + hanging[each.index] + 12)
                end[each.index] = y + hanging[each.index]
    return Layout(start, end, folds, gaps, max(y, field, *(each - LINE for each in labels)))


def _fall(rows: Sequence[Told | Fold], layout: Layout, lost: int) -> float:
    """How far the arrow of a lost packet would have fallen: as the nearest that arrived."""
    itself = rows[lost]
    if isinstance(itself, Fold):
        return 0.0
    for distance in range(1, 8):
        for index in (lost - distance, lost + distance):
            row = rows[index] if 0 <= index < len(rows) else None
            if (
                isinstance(row, Told)
                and row.packet.source == itself.packet.source
                and row.packet.arrived_ns is not None
                and not is_copy(row.packet)
            ):
                return min(layout.fall(index), 6 * _WAY) * reach(itself.packet)
    return _WAY * reach(itself.packet)


def reach(packet: Packet) -> float:
    """The share of its way after which a packet that did not arrive ends in mid-air."""
    if packet.wan_out_ns is not None:
        return 0.88
    return 0.5 if packet.wan_in_ns is not None else 0.14
