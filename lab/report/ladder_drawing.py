"""A ladder drawn: rows that are told and laid out become SVG. See `ladder`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from lab.capture.packet import Packet
from lab.report.ladder_layout import LINE, arrange, reach
from lab.report.ladder_shapes import (
    TEXT,
    Part,
    arrow_head,
    between,
    broken,
    cuts,
    find_ties,
    line_width,
    stands_left,
    wrap,
    xy,
)
from lab.report.ladder_words import Fold, Span, Told, duration, ending, fold_lines, is_copy
from lab.report.markup import Html
from lab.report.svgtext import width
from lab.wording import SPACE, times

WIDTH = 912.0
_CLOCK = 54.0  # the column of times at either edge
_LABEL = (96.0, 256.0)  # the least and the most width of the labels of a side
_LANE = 7.0  # between two ties
_TOP = 72.0  # where the first packet leaves
_INSET = 16.0  # of the box of a run, so that arrow heads stay beside it
_WAN = 0.46  # the share of the field that is wan's column


@dataclass
class Drawing:
    """The drawing as it grows: its nodes, its clock, and the parts that are drawn so far."""

    left: str
    right: str
    wan: bool
    zero_ns: int
    in_ms: bool
    places: int
    parts: list[Part] = field(default_factory=list)
    bottom: float = _TOP

    def draw(self, rows: Sequence[Told | Fold], ports: tuple[str, str], unseen: int) -> None:
        """Lay the rows out and draw them. unseen: packets that no station gave a time."""
        self.rows = rows
        self.ties = find_ties(rows)
        gutters = [
            _LANE * (1 + max(lanes)) + 4 if (lanes := self._lanes(on_left)) else 0
            for on_left in (True, False)
        ]
        self.labels = {
            index: wrap((row.head, row.notes), _LABEL[1])
            for index, row in enumerate(rows)
            if isinstance(row, Told)
        }
        widths = [self._label_width(on_left) for on_left in (True, False)]
        self.lifelines = (
            _CLOCK + 10 + widths[0] + 12 + gutters[0],
            WIDTH - _CLOCK - 10 - widths[1] - 12 - gutters[1],
        )
        self.gutters = (gutters[0], gutters[1])
        self.folds = {
            index: self._fold_lines(row) for index, row in enumerate(rows) if isinstance(row, Fold)
        }
        lines = {index: len(label) for index, label in self.labels.items()}
        lines |= {index: len(told) for index, told in self.folds.items()}
        self.layout = arrange(rows, lines, left=self.left, top=_TOP)
        self.bottom = self.layout.bottom + 18
        self._stage(ports)
        for index, row in enumerate(rows):
            if isinstance(row, Told):
                self._arrow(index, row)
        for index, row in enumerate(rows):
            if isinstance(row, Fold):
                self._fold(index)
        self._gaps()
        self._tie_lines()
        for index, row in enumerate(rows):
            if isinstance(row, Told):
                self._label(index, row)
        self._legend(unseen)

    # The stage: names, lifelines, wan's column, silences.

    def _stage(self, ports: tuple[str, str]) -> None:
        x0, x1 = self.lifelines
        unit = "ms" if self.in_ms else "s"
        if self.wan:
            a, b = self._column()
            self._add(
                26, self.bottom,
                f'<rect class="wan" x="{xy(a)}" y="26" width="{xy(b - a)}"'
                f' height="{xy(self.bottom - 26)}"/>',
            )  # fmt: skip
            self._text((x0 + x1) / 2, 18, "wan", "h", "middle")
        for x, name, port in ((x0, self.left, ports[0]), (x1, self.right, ports[1])):
            # A long name at the edge of the drawing grows inward.
            self._text(x, 18, name, "h", "middle")
            if port:
                self._text(x, 35, port, "m", "middle")
        for x in (_CLOCK, WIDTH):
            self._text(x, 35, unit, "m", "end")
        cuts = [(gap.top, gap.bottom) for gap in self.layout.gaps]
        edges = [44.0, *(edge for cut in cuts for edge in cut), self.bottom]
        for number, (upper, lower) in enumerate(pairwise(edges)):
            dashed = ' stroke-dasharray="1.5 5"' if number % 2 else ""
            for x in self.lifelines:
                line = f'<path class="life"{dashed} d="M{xy(x)} {xy(upper)}V{xy(lower)}"/>'
                self._add(upper, lower, line)

    def _gaps(self) -> None:
        middle = sum(self.lifelines) / 2
        for gap in self.layout.gaps:
            y = (gap.top + gap.bottom) / 2
            said = f"{duration(gap.ns)} pass"
            half = width(said, TEXT) / 2 + 10
            self._add(
                y - 12, y + 12,
                f'<rect class="gap" x="{xy(middle - half)}" y="{xy(y - 11)}"'
                f' width="{xy(2 * half)}" height="22" rx="11"/>', solid=True,
            )  # fmt: skip
            self._text(middle, y + 4, said, "", "middle")

    # A packet: its arrow, its label, and the tie to what it repeats.

    def _arrow(self, index: int, row: Told) -> None:
        packet = row.packet
        path = self._path(index, packet)
        (x0, y0), (x1, y1) = path[-2:]
        end = ending(packet)
        classes: list[str] = [packet.protocol if packet.protocol in ("tcp", "udp") else "any"]
        classes += ["again"] if packet.repeats is not None else []
        classes += ["copy"] if is_copy(packet) else []
        points = " ".join(f"{xy(x)} {xy(y)}" for x, y in path)
        svg = f'<polyline points="{points}"/>'
        if end == "arrow":
            svg += arrow_head(x0, y0, x1, y1, hollow=is_copy(packet))
        elif end == "lost":
            svg += f'<path class="x" d="M{xy(x1 - 6)} {xy(y1 - 6)}l12 12m0 -12l-12 12"/>'
        else:
            svg += f'<circle class="open" cx="{xy(x1)}" cy="{xy(y1)}" r="4.5"/>'
        x, y = path[0]
        svg += f'<circle class="dot" cx="{xy(x)}" cy="{xy(y)}" r="2.5"/>'
        kind = " ".join(classes)
        said = f"<title>{escape(self._way(packet))}</title>"
        ys = [point[1] for point in path]
        self._add(min(ys) - 7, max(ys) + 7, f'<g class="{kind}">{said}{svg}</g>')

    def _path(self, index: int, packet: Packet) -> list[tuple[float, float]]:
        """Where its arrow goes: along the stations that saw it, each at its share of the time."""
        a, b = self._column()
        stops = [self.lifelines[0], a, b, self.lifelines[1]]
        stops = stops if packet.source == self.left else stops[::-1]
        layout = self.layout
        top, bottom = layout.start[index], layout.end[index]
        seen = [packet.sent_ns, packet.wan_in_ns, packet.wan_out_ns, packet.arrived_ns]
        if is_copy(packet):
            # It begins where the network made it, on its original's way into wan.
            original = self._index_of(packet.copy_of)
            start = layout.start.get(original, bottom - 46)
            if not self.wan:
                x = (stops[0] + stops[3]) / 2
                return [(x, (start + bottom) / 2), (stops[3], bottom)]
            return [(stops[1], start), (stops[2], bottom), (stops[3], bottom)]
        if packet.arrived_ns is None:
            share = reach(packet) if self.wan else 0.5
            share_x = {0.14: 0.5, 0.5: 1.5, 0.88: 2.5}.get(share, 1.5)
            leg = int(share_x)
            x = (stops[leg] + stops[leg + 1]) / 2
            path = [(stops[0], top)]
            if leg >= 1 and self.wan:
                path.append((stops[1], top))
            if leg == 2:
                path.append((stops[2], bottom))
            return [*path, (x, max(bottom, top + 4))]
        first_ns = next(each for each in seen if each is not None)
        span = packet.arrived_ns - first_ns
        known = [(x, ns) for x, ns in zip(stops, seen, strict=True) if ns is not None]
        if len(known) == 1:  # only its arrival was seen
            return [(stops[2], top), (stops[3], bottom)]
        path = []
        for x, ns in known:
            share = min(1.0, max(0.0, (ns - first_ns) / span)) if span > 0 else 0.0
            path.append((x, top + share * (bottom - top)))
        path[-1] = (stops[3], bottom)
        return path

    def _label(self, index: int, row: Told) -> None:
        on_left = stands_left(row, self.left)
        x, gutter = self.lifelines[not on_left], self.gutters[not on_left] + 12
        at = x - gutter if on_left else x + gutter
        anchor = "end" if on_left else "start"
        y = self.layout.start[index] + 4
        for number, line in enumerate(self.labels[index]):
            self._spans(at, y + LINE * number, line, anchor)
        self._text(_CLOCK if on_left else WIDTH, y, self._clock(row.at_ns), "m", "end")

    def _tie_lines(self) -> None:
        for first, (repeats, lane) in self.ties.items():
            on_left = self._on_left(first)
            x = self.lifelines[not on_left]
            out = -1 if on_left else 1
            lane_x = x + out * (8 + _LANE * lane)
            top = self.layout.start[first]
            for repeat in repeats:
                y = self.layout.start[repeat]
                bend = min(5.0, max(0.0, (y - top) / 2))
                self._add(
                    top - 4, y + 4,
                    f'<path class="tie" d="M{xy(x + out * 3)} {xy(top)}H{xy(lane_x - out * bend)}'
                    f"Q{xy(lane_x)} {xy(top)} {xy(lane_x)} {xy(top + bend)}V{xy(y - bend)}"
                    f"Q{xy(lane_x)} {xy(y)} {xy(lane_x - out * bend)} {xy(y)}"
                    f'H{xy(x + out * 3)}"/>',
                )  # fmt: skip

    def _fold(self, index: int) -> None:
        top, bottom = self.layout.folds[index]
        x0, x1 = self.lifelines
        self._add(
            top, bottom,
            f'<rect class="fold" x="{xy(x0 + _INSET)}" y="{xy(top)}"'
            f' width="{xy(x1 - x0 - 2 * _INSET)}" height="{xy(bottom - top)}" rx="5"/>', solid=True,
        )  # fmt: skip
        lines = self.folds[index]
        y = (top + bottom) / 2 - LINE * len(lines) / 2 + 11.5
        for number, line in enumerate(lines):
            tone = "b" if number == 0 else ""
            self._text((x0 + x1) / 2, y + LINE * number, line, tone, "middle")

    def _fold_lines(self, row: Fold) -> list[str]:
        room = self.lifelines[1] - self.lifelines[0] - 2 * _INSET - 16
        told = fold_lines(row, left=self.left, start_ns=self.zero_ns)
        return [line for number, each in enumerate(told)
                for line in broken(each, room, bold=number == 0)]  # fmt: skip

    def _legend(self, unseen: int) -> None:
        told = [
            each
            for row in self.rows
            for each in ((row,) if isinstance(row, Told) else ())
        ]  # fmt: skip
        marks = []
        if any(ending(each.packet) == "lost" for each in told):
            marks.append(('<polyline class="any" points="0 -4 20 -4"/>'
                          '<path class="x" d="M14 -10l12 12m0 -12l-12 12"/>',
                          "lost"))  # fmt: skip
        if any(each.packet.repeats is not None for each in told):
            marks.append(('<g class="again any"><polyline points="0 -4 28 -4"/></g>',
                          "sent again, tied to the first time"))  # fmt: skip
        if any(is_copy(each.packet) for each in told):
            marks.append((f'<g class="copy any"><polyline points="0 -4 28 -4"/>'
                          f'{arrow_head(0, -4, 28, -4, hollow=True)}</g>',
                          "a copy that the network made"))  # fmt: skip
        if any(ending(each.packet) == "open" for each in told):
            marks.append(('<g class="any"><polyline points="0 -4 20 -4"/>'
                          '<circle class="open" cx="22" cy="-4" r="4.5"/></g>',
                          "nobody saw what came of it"))  # fmt: skip
        if self.layout.folds:
            marks.append(('<rect class="fold" x="1" y="-11" width="26" height="13" rx="3"/>',
                          "a run of packets, folded"))  # fmt: skip
        if any(each.by_timer for each in told):
            marks.append(("", "by timer: for a round trip nothing had come or gone at the sender"))
        y, x = self.bottom + 24, 16.0
        for mark, words in marks:
            offset = 36 if mark else 0
            needed = offset + width(words, TEXT) + 28
            if x > 16 and x + needed > WIDTH:
                y, x = y + 22, 16.0
            self._add(y - 14, y + 8, f'<g transform="translate({xy(x)} {xy(y)})">{mark}</g>')
            self._text(x + offset, y, words, "m", "start")
            x += needed
        said = "Times are exact; heights are stretched where packets crowd"
        said += ", and cut where a pill says how much." if self.layout.gaps else "."
        if unseen:
            said += f" {times(unseen, 'packet')} without any time: not drawn."
        y += 22 if marks else 0
        self._text(16, y, said, "m", "start")
        self.bottom = y + 10

    # Small helpers.

    def _column(self) -> tuple[float, float]:
        """From where to where wan's column goes; without wan both are the middle."""
        x0, x1 = self.lifelines
        half = (x1 - x0) * (_WAN if self.wan else 0) / 2
        return (x0 + x1) / 2 - half, (x0 + x1) / 2 + half

    def _index_of(self, number: int | None) -> int:
        for index, row in enumerate(self.rows):
            if isinstance(row, Told) and row.packet.number == number:
                return index
        return -1

    def _label_width(self, on_left: bool) -> float:
        found = [
            line_width(line)
            for index, row in enumerate(self.rows)
            if isinstance(row, Told) and stands_left(row, self.left) == on_left
            for line in self.labels[index]
        ]
        name = width(self.left if on_left else self.right, 14, bold=True) / 2 - _CLOCK - 20
        return max(_LABEL[0], min(_LABEL[1], name), *found)

    def _lanes(self, on_left: bool) -> list[int]:
        return [
            lane for first, (_, lane) in self.ties.items() if self._on_left(first) == on_left
        ]  # fmt: skip

    def _on_left(self, index: int) -> bool:
        row = self.rows[index]
        return isinstance(row, Told) and stands_left(row, self.left)

    def _clock(self, ns: int) -> str:
        since = (ns - self.zero_ns) / (1_000_000 if self.in_ms else 1_000_000_000)
        return f"{since:,.{self.places}f}".replace(",", SPACE)

    def _way(self, packet: Packet) -> str:
        """`#4, client-1 to tcp-server: sent 12.3, in wan 12.4, …`: what a pointer is told."""
        names = ("sent", "into wan", "out of wan", "arrived")
        seen = (packet.sent_ns, packet.wan_in_ns, packet.wan_out_ns, packet.arrived_ns)
        told = [
            f"{name} {self._clock(ns)}"
            for name, ns in zip(names, seen, strict=True)
            if ns is not None
        ]
        unit = "ms" if self.in_ms else "s"
        return f"#{packet.number}, {packet.source} to {packet.target}: {', '.join(told)} {unit}"

    def _spans(self, x: float, y: float, line: Sequence[Span], anchor: str) -> None:
        tones = {"plain": "", "strong": "b", "muted": "m", "bad": "b bad"}
        inner = "".join(
            between(before, span)
            + (
                f'<tspan class="{tones[span.tone]}">{escape(span.text)}</tspan>'
                if tones[span.tone]
                else escape(span.text)
            )
            for before, span in zip([None, *line], line, strict=False)
        )
        self._add(
            y - 12, y + 4,
            f'<text x="{xy(x)}" y="{xy(y)}" text-anchor="{anchor}">{inner}</text>', solid=True,
        )  # fmt: skip

    def _text(self, x: float, y: float, text: str, kind: str, anchor: str) -> None:
        mark = f' class="{kind}"' if kind else ""
        self._add(
            y - 12, y + 4,
            f'<text{mark} x="{xy(x)}" y="{xy(y)}" text-anchor="{anchor}">{escape(text)}</text>',
            solid=True,
        )  # fmt: skip

    def _add(self, top: float, bottom: float, svg: str, *, solid: bool = False) -> None:
        self.parts.append(Part(top, bottom, svg, solid))

    def html(self, title: str, summary: str) -> Html:
        """The drawings, one below the other without a seam."""
        edges = [0.0, *cuts(self.parts, self.bottom), self.bottom]
        drawings = []
        for number, (top, bottom) in enumerate(pairwise(edges), 1):
            of = f", part {number} of {len(edges) - 1}" if len(edges) > 2 else ""
            name = escape(f"{title}{of}")
            inner = "\n".join(
                part.svg for part in self.parts if part.top < bottom and part.bottom > top
            )
            drawings.append(
                f'<svg class="ladder" role="img" aria-label="{name}"'
                f' viewBox="0 {xy(top)} {xy(WIDTH)} {xy(bottom - top)}">\n<title>{name}</title>\n'
                f"<desc>{escape(summary)}</desc>\n{inner}\n</svg>\n"
            )
        return Html("".join(drawings))
