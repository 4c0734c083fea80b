"""A run on the terminal: the chosen figures by case, what held, and small plots.

At most 100 columns wide, in less where the terminal has less; 80 suffice.

Plots are of characters, so that they work over ssh: braille dots, or plain ASCII where the
terminal's encoding lacks them.
"""

from collections.abc import Mapping, Sequence
from math import floor, log10
from textwrap import wrap
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.report import axes as a
from lab.report.chosen import case_name, in_words, shown
from lab.report.data import Case, cases, chosen
from lab.report.plots import measured
from lab.report.table import plain_table
from lab.scenario.expression import parse
from lab.wording import count, times

WIDTH = 100
_BARS, _ASCII = "▏▎▍▌▋▊▉█", "#"
_ROOM = 44  # columns for the longest bar
_PLOT = (64, 12)  # columns and rows of a plot of lines
_HEAD = 12  # letters of a line of a table's head, if its words allow
_MOST = 2  # plots; the report has all
_MARKS = "*ox+#@"
_COLOURS = ("blue", "yellow", "green", "magenta", "cyan", "white")


def run_table(
    result: Mapping[str, Any], samples: Mapping[str, Any] | None = None, *, width: int = WIDTH
) -> Table:
    """A row a case, of the figures that the run is about as many as fit."""
    points = cases(result, samples or {})
    columns = shown(result, points, most=12)
    cells = [[case_name(case), *(each.cell(case) for each in columns)] for case in points]
    heads, last = [["Case"]], ""
    for each in columns:
        # A measurement is named over the first of its figures.
        named = "" if each.group == last else each.group
        heads.append([named, *wrap(each.head, _HEAD, break_long_words=False)])
        last = each.group
    fit, used = 0, -1
    for index, head in enumerate(heads):
        used += max(map(len, [*head, *(row[index] for row in cells)])) + 2
        if used > width:
            break
        fit = index + 1
    deep = max(map(len, heads[:fit]))
    texts = [
        "\n".join([*head[:1], *[""] * (deep - len(head)), *head[1:]] if index else
                  [*[""] * (deep - 1), *head])
        for index, head in enumerate(heads[:fit])
    ]  # fmt: skip
    return plain_table(texts, [row[:fit] for row in cells])


def expectations_text(result: Mapping[str, Any]) -> RenderableType:
    """A line for each expectation that held in all cases, and one for each case where not."""
    told = result.get("expectations") or []
    lines = Table.grid(padding=(0, 1, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column()
    for name in dict.fromkeys(each["name"] for each in told):
        group = [each for each in told if each["name"] == name]
        broken = [each for each in group if not each["held"]]
        if not broken:
            where = f" ({times(len(group), 'case')})" if len(group) > 1 else ""
            found = f": {in_words(group[0]['found'])}" if len(group) == 1 else ""
            found = "" if found == ": " else found
            lines.add_row(Text("held", "green"), Text(f"{name}{where}{found}"))
        for each in broken:
            case = f" at {a.spaced(str(each['case']))}" if each.get("case") else ""
            found = in_words(str(each.get("found") or ""))
            expected = f", expected {in_words(each['expected'])}" if each.get("expected") else ""
            lines.add_row(Text("broken", "bold red"), Text(f"{name}{case}: {found}{expected}"))
    return lines


def plots(
    result: Mapping[str, Any],
    samples: Mapping[str, Any] | None = None,
    *,
    encoding: str = "utf-8",
    width: int = WIDTH,
) -> list[RenderableType]:
    """The first figures that characters can show: bars, lines and distributions."""
    plain = not _can_show(_BARS + "⣿│└─┤", encoding)
    points = cases(result, samples or {})
    drawn: list[RenderableType] = []
    more = []
    for asked in result.get("figures") or ():
        if len(drawn) == _MOST:
            more.append(asked["title"])
            continue
        spec, found = asked["spec"], None
        within = chosen(points, spec.get("cases", ()))
        if asked["kind"] == "bars" or (asked["kind"] == "lines" and len(within) < 3):
            found = _bars(spec, within, plain=plain, width=width)
        elif asked["kind"] == "lines":
            found = _lines(spec, within, result.get("varied") or {}, plain=plain, width=width)
        elif asked["kind"] == "cdf":
            found = _cdf(spec, within, plain=plain, width=width)
        if found is not None:
            drawn.append(Group(Text(asked["title"], "bold"), found, Text("")))
        else:
            more.append(asked["title"])
    if more:
        drawn.append(Text(f"in the report, too: {'; '.join(more)}\n", "dim"))
    return drawn


def _can_show(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _bars(
    spec: Mapping[str, Any], points: Sequence[Case], *, plain: bool, width: int
) -> Text | None:
    rows = []
    alone = len(spec["y"]) == 1
    for case in points:
        for index, y in enumerate(spec["y"]):
            if got := measured(y, case):
                named = "" if alone else y.get("label", "")
                label = ", ".join(part for part in (case_name(case), named) if part)
                rows.append((label, got[0], index))
    if not rows:
        return None
    most = max(value for _, value, _ in rows) or 1
    wide = min(38, width // 3, max(len(label) for label, _, _ in rows))
    room = min(_ROOM, width - wide - 18)
    log = spec.get("log") == "y"
    low = min((value for _, value, _ in rows if value > 0), default=1) / 2
    text = Text()
    for label, value, index in rows:
        share = log10(value / low) / log10(most / low) if log and value > 0 else value / most
        text.append(f"{label[:wide]:>{wide}}  ")
        text.append(_bar(max(0.0, share), room, plain=plain), _COLOURS[index % len(_COLOURS)])
        text.append(f" {a.shown(value, spec['y'][0].get('unit', ''))}\n")
    text.rstrip()
    return text


def _bar(share: float, room: int, *, plain: bool) -> str:
    if plain:
        return _ASCII * round(share * room)
    eighths = round(share * room * 8)
    return "█" * (eighths // 8) + (_BARS[eighths % 8 - 1] if eighths % 8 else "")


Curve = tuple[str, list[tuple[float, float]]]


def _lines(
    spec: Mapping[str, Any],
    points: Sequence[Case],
    varied: Mapping[str, Any],
    *,
    plain: bool,
    width: int,
) -> Text | None:
    of, log = spec["x"]["of"], spec.get("log", "")
    if of == "case" or any(isinstance(case.point.get(of), str) for case in points):
        return _bars(spec, points, plain=plain, width=width)
    within = [name.text for name in parse(of, "x").names]
    alone = len({case.number(of) for case in points}) == len(points)  # the rest goes with x
    others = [] if alone else [name for name in varied if name not in within]
    curves: dict[str, list[tuple[float, float]]] = {}
    for y in spec["y"]:
        for case in points:
            x, got = case.number(of), measured(y, case)
            if x is not None and got:
                parts = [y.get("label", ""), *(str(case.point.get(name)) for name in others)]
                curves.setdefault(", ".join(filter(None, parts)), []).append((x, got[0]))
    unit, words = spec["y"][0].get("unit", ""), list(varied.get(of, ()))
    ends = (words[0], words[-1]) if words else ("", "")
    x_unit = str(spec["x"].get("unit", ""))
    return _plot(
        list(curves.items()), log=log, unit=unit, x_unit=x_unit, ends=ends, plain=plain, width=width
    )


def _cdf(
    spec: Mapping[str, Any], points: Sequence[Case], *, plain: bool, width: int
) -> Text | None:
    columns = a.columns(spec)
    names = a.lines_named([case_name(case) for case in points], [label for _, label in columns])
    curves: list[Curve] = []
    for index, case in enumerate(points):
        for place, (of, _) in enumerate(columns):
            values = case.column(of)
            known = sorted(value for value in values if value is not None)
            share = 100 / max(1, len(values))
            steps = [(value, share * (number + 1)) for number, value in enumerate(known)]
            if known:
                curves.append((names[index][place], steps))
    log = "x" if spec.get("log") == "x" else ""
    return _plot(
        curves, log=log, unit="%", x_unit=a.unit_of(spec), plain=plain, width=width, dense=True
    )


def _plot(
    curves: Sequence[Curve],
    *,
    log: str,
    unit: str,
    x_unit: str = "",
    ends: tuple[str, str] = ("", ""),
    plain: bool,
    width: int,
    dense: bool = False,
) -> Text | None:
    """Curves over each other, a colour and a mark each. dense: the points are the whole curve."""
    kept = [
        (name, [(_place(x, log, "x"), _place(y, log, "y")) for x, y in points if _fits(x, y, log)])
        for name, points in curves
    ]
    kept = [(name, points) for name, points in kept if points]
    if not kept:
        return None
    xs = [x for _, points in kept for x, _ in points]
    ys = [y for _, points in kept for _, y in points]
    x0, x1 = min(xs), max(xs)
    y0, y1 = (min(ys) if log in ("y", "both") else min(0.0, *ys)), max(ys)
    grid = _Grid(plain=plain, width=width)
    for index, (_, points) in enumerate(kept):
        placed = [((x - x0) / (x1 - x0 or 1), (y - y0) / (y1 - y0 or 1)) for x, y in points]
        grid.curve(sorted(placed) if not dense else placed, index)
    left = [_edge(value, log, "y", unit) for value in (y1, (y0 + y1) / 2, y0)]
    left_end = ends[0] or _edge(x0, log, "x", x_unit)
    right_end = ends[1] or _edge(x1, log, "x", x_unit)
    return grid.text(left, (left_end, right_end), [name for name, _ in kept])


def _fits(x: float, y: float, log: str) -> bool:
    return (x > 0 or log not in ("x", "both")) and (y > 0 or log not in ("y", "both"))


def _place(value: float, log: str, axis: str) -> float:
    return log10(value) if log in (axis, "both") else value


def _edge(place: float, log: str, axis: str, unit: str) -> str:
    value = float(10.0**place) if log in (axis, "both") else place
    return a.ticked(float(f"{value:.3g}"), unit)


class _Grid:
    """A plot of characters: two by four braille dots each, or one mark each in plain ASCII."""

    def __init__(self, *, plain: bool, width: int = WIDTH) -> None:
        self._plain, self._width = plain, width
        self._columns, self._rows = min(_PLOT[0], max(20, width - 36)), _PLOT[1]
        self._per = (1, 1) if plain else (2, 4)
        self._dots: dict[tuple[int, int], int] = {}
        self._owner: dict[tuple[int, int], int] = {}
        self._ends: list[tuple[int, int]] = []  # the row where each curve ends

    def curve(self, points: Sequence[tuple[float, float]], index: int) -> None:
        """A line through points of the unit square."""
        wide = self._columns * self._per[0] - 1
        tall = self._rows * self._per[1] - 1
        last: tuple[float, float] | None = None
        for x, y in points:
            here = x * wide, y * tall
            start = last or here
            steps = max(1, round(max(abs(here[0] - start[0]), abs(here[1] - start[1]))))
            for step in range(steps + 1):
                share = step / steps
                self._dot(
                    floor(start[0] + (here[0] - start[0]) * share + 0.5),
                    floor(start[1] + (here[1] - start[1]) * share + 0.5),
                    index,
                )
            last = here
        if last is not None:
            self._ends.append((self._rows - 1 - round(last[1]) // self._per[1], index))

    def _dot(self, x: int, y: int, index: int) -> None:
        across, up = self._per
        cell = x // across, self._rows - 1 - y // up
        # Braille patterns, U+2800: dots 1-3 and 7 are the left column, 4-6 and 8 the right one.
        bit = 0 if self._plain else _BRAILLE[x % 2][3 - y % 4]
        self._dots[cell] = self._dots.get(cell, 0) | bit
        self._owner.setdefault(cell, index)

    def text(self, left: Sequence[str], ends: tuple[str, str], names: Sequence[str]) -> Text:
        """The plot with its axes, and the names of the curves at its right side."""
        wide = max(map(len, left))
        wall, corner, floor_ = ("|", "+", "-") if self._plain else ("│", "└", "─")
        at = {0: left[0], self._rows // 2: left[1], self._rows - 1: left[2]}
        named = self._named()
        text = Text()
        for row in range(self._rows):
            text.append(f"{at.get(row, ''):>{wide}} {wall}", "dim")
            for column in range(self._columns):
                cell = column, row
                owner = self._owner.get(cell)
                if owner is None:
                    text.append(" ")
                else:
                    mark = _MARKS[owner % len(_MARKS)]
                    mark = mark if self._plain else chr(0x2800 + self._dots[cell])
                    text.append(mark, _COLOURS[owner % len(_COLOURS)])
            if (index := named.get(row)) is not None and names[index]:
                mark = f"{_MARKS[index % len(_MARKS)]} " if self._plain else ""
                room = self._width - wide - 2 - self._columns - 1
                text.append(f" {mark}{names[index]}"[:room], _COLOURS[index % len(_COLOURS)])
            text.append("\n")
        text.append(f"{'':>{wide}} {corner}{floor_ * self._columns}\n", "dim")
        gap = self._columns - len(ends[0]) - len(ends[1])
        text.append(f"{'':>{wide}}  {ends[0]}{' ' * max(1, gap)}{ends[1]}", "dim")
        return text

    def _named(self) -> dict[int, int]:
        """In which row which curve is named: where it ends, or the next free one below or above."""
        found: dict[int, int] = {}
        for row, index in sorted(self._ends):
            free = [each for each in range(self._rows) if each not in found]
            if free:
                found[min(free, key=lambda each: (abs(each - row), -each))] = index
        return found


_BRAILLE = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def summary(result: Mapping[str, Any]) -> str:
    """The verdict in a line."""
    told = result.get("expectations") or []
    held = sum(bool(each["held"]) for each in told)
    if result.get("interrupted"):
        return f"interrupted: {times(len(result['points']), 'case')} measured so far"
    return f"{result['verdict']}: {count(held)} of {times(len(told), 'expectation')} held"
