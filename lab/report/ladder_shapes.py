"""The small parts of a ladder: lines of text, ties, arrow heads, where a page may cut. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from lab.report.ladder_words import Fold, Span, Told, is_copy
from lab.report.svgtext import width

TEXT = 12.0
_LANES = 7
_SHORT = 175.0  # a label of this width or less takes one line
_PAPER = 1050.0  # the tallest drawing that fits a printed page


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of SVG and from where to where it reaches; what is solid no page may cut."""

    top: float
    bottom: float
    svg: str
    solid: bool = False


def stands_left(row: Told, left: str) -> bool:
    """Whether its label stands at the left: with its sender, that of a copy where it arrived."""
    return (row.packet.source == left) != is_copy(row.packet)


def find_ties(rows: Sequence[Told | Fold]) -> dict[int, tuple[list[int], int]]:
    """What is shown and repeated, by its index: its repetitions, and the lane of the tie."""
    at = {row.packet.number: index for index, row in enumerate(rows) if isinstance(row, Told)}
    found: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        if isinstance(row, Told) and not is_copy(row.packet) and row.packet.repeats is not None:
            first = at.get(row.packet.repeats)
            original = rows[first] if first is not None and first < index else None
            if isinstance(original, Told) and original.packet.source == row.packet.source:
                found.setdefault(at[row.packet.repeats], []).append(index)
    placed: dict[int, tuple[list[int], int]] = {}
    for first in sorted(found, key=lambda each: found[each][-1] - each):
        taken = {
            lane
            for other, (repeats, lane) in placed.items()
            if other <= found[first][-1] and repeats[-1] >= first
        }
        free = (lane for lane in range(_LANES) if lane not in taken)
        placed[first] = (found[first], next(free, _LANES - 1))
    return dict(sorted(placed.items()))


def wrap(groups: Iterable[Sequence[Span]], room: float) -> list[list[Span]]:
    """Spans in lines of at most `room`; each group begins its own line, unless all is short."""
    groups = list(groups)
    whole = [span for group in groups for span in group]
    if whole and line_width(whole) <= _SHORT:
        return [whole]
    lines: list[list[Span]] = []
    for group in groups:
        line: list[Span] = []
        for span in group:
            if line and line_width([*line, span]) > room:
                lines.append(line)
                line = []
            line.append(span)
        lines += [line] if line else []
    return lines


def broken(text: str, room: float, *, bold: bool) -> list[str]:
    """A sentence in lines of at most `room`, broken at ordinary spaces."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, TEXT, bold=bold) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def line_width(line: Sequence[Span]) -> float:
    """How wide a line of a label is, with what stands between its spans."""
    bold = ("strong", "bad")
    words = sum(width(span.text, TEXT, bold=span.tone in bold) for span in line)
    return words + sum(width(between(*pair), TEXT) for pair in pairwise(line))


def between(before: Span | None, span: Span) -> str:
    """What stands between two spans of a line: values are listed, notes set apart."""
    if before is None:
        return ""
    if before.tone == "plain" == span.tone:
        return ", "
    return " " if before.tone == "muted" or not span.note else " · "


def cuts(parts: Sequence[Part], bottom: float) -> list[float]:
    """Where one drawing ends and the next begins: through no text, as far down as a page goes."""
    cuts: list[float] = []
    top = 0.0
    while bottom - top > _PAPER:
        aim = (bottom - top) / ceil((bottom - top) / (_PAPER - 60)) + 30
        solid = [part for part in parts if part.solid and part.bottom > top]
        whole = (
            y
            for step in range(300)
            if not any(part.top < (y := top + aim - step) < part.bottom for part in solid)
        )
        top = next(whole, top + aim)
        cuts.append(top)
    return cuts


def arrow_head(x0: float, y0: float, x1: float, y1: float, *, hollow: bool) -> str:
    """An arrow head at the end of a line, along it."""
    long = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-9)
    dx, dy = (x1 - x0) / long, (y1 - y0) / long
    back_x, back_y = x1 - 10 * dx, y1 - 10 * dy
    kind = "hollow" if hollow else "tip"
    return (
        f'<path class="{kind}" d="M{xy(x1)} {xy(y1)}L{xy(back_x - 4 * dy)} {xy(back_y + 4 * dx)}'
        f'L{xy(back_x + 4 * dy)} {xy(back_y - 4 * dx)}z"/>'
    )


def xy(value: float) -> str:
    """A coordinate, short."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
