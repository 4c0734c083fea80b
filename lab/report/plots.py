"""The figures that a scenario file asks for, drawn. Which there are: `lab.scenario.figures`.

A kind is a function from a figure's spec and the cases of a run to an SVG. What was not measured
is left out; where nothing is left `NoFigure` says what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import log10
from typing import Any

from lab.report import axes as a
from lab.report.data import Case, chosen
from lab.report.drawing import INK, MUTED, PAPER, TEXT, label_ends, svg
from lab.scenario.expression import parse
from lab.scenario.model import NoFigure
from lab.stats import exact_interval

CONFIDENCE = 0.999
"""Of the exact intervals drawn around shares."""


@dataclass
class _Line:
    """What is to be drawn with one style; `xs` are places on the axis, in rising order."""

    name: str
    xs: list[float] = field(default_factory=list)
    ys: list[float] = field(default_factory=list)
    spans: list[tuple[float, float] | None] = field(default_factory=list)


def lines(
    spec: Mapping[str, Any], cases: Sequence[Case], varied: Mapping[str, Any], name: str, title: str
) -> str:
    """Values over a variable or over the cases, with intervals where there are any."""
    cases = chosen(cases, spec.get("cases", ()))
    log, unit = spec.get("log", ""), spec["y"][0]["unit"]
    axis = _axis(spec, cases, varied, log in ("x", "both"))
    drawn = _lines(spec, cases, axis, varied)
    if not drawn:
        raise NoFigure("nothing of what it shows was measured")
    heading = a.heading(spec.get("y_label", ""), unit)
    curves = [each for each in _curves(spec, cases, axis) if each.xs]
    for each in (*drawn, *curves):
        each.name = a.wrapped(each.name, a.LABEL)
    names = [each.name for each in (*drawn, *curves)]
    figure, axes = a.canvas(names, heading=heading, below=axis.below)
    ends: list[tuple[float, str, str]] = []
    for curve in curves:
        axes.plot(curve.xs, curve.ys, ":", c=MUTED, lw=1.8, zorder=2)
        ends.append((curve.ys[-1], curve.name, MUTED))
    seen = [value for each in curves for value in each.ys]
    for line, style in zip(drawn, a.styles([each.name for each in drawn]), strict=True):
        face = style.colour if style.filled else PAPER
        axes.plot(line.xs, line.ys, ls=style.dash, marker=style.marker, c=style.colour, mfc=face,
                  mew=1.8, ms=6, clip_on=False, zorder=5)  # fmt: skip
        for x, span in zip(line.xs, line.spans, strict=True):
            if span:
                axes.plot([x, x], span, "-_", c=style.colour, lw=1.6, ms=8, mew=1.6, zorder=4)
        ends.append((line.ys[-1], line.name, style.colour))
        seen += [*line.ys, *(end for span in line.spans if span for end in span)]
    most = spec.get("most", 104 if unit == "%" and max(seen) > 90 and max(seen) <= 104 else None)
    a.scale(axes, "y", seen, unit=unit, log=log in ("y", "both"),
            least=spec.get("least"), most=most)  # fmt: skip
    axis.draw(axes)
    a.head(axes, heading)
    label_ends(axes, ends)
    return svg(figure, name, title)


@dataclass(frozen=True)
class _Axis:
    """The x axis: where each case stands, and what is written there."""

    of: str
    places: Mapping[str, float]
    ticks: Mapping[float, str]
    log: bool
    label: str
    unit: str
    words: bool = False  # places stand for words and are no numbers

    @property
    def variables(self) -> list[str]:
        """The variables that x is made of."""
        return [] if self.of == "case" else [name.text for name in parse(self.of, "x").names]

    @property
    def below(self) -> float:
        rows = max((tick.count("\n") + 1 for tick in self.ticks.values()), default=1)
        return (22 if self.label else 6) + 20 * rows

    def draw(self, axes: Any) -> None:
        """Limits, ticks, and what the axis shows."""
        xs = list(self.places.values())
        low, high = min(xs), max(xs)
        if not self.ticks:
            a.scale(axes, "x", xs, unit=self.unit, log=self.log)
        elif self.log:
            axes.set_xscale("log")
            axes.set_xlim(low / (high / low or 1) ** 0.03, high * (high / low) ** 0.03)
        else:
            room = 0.03 * (high - low) or 0.5
            axes.set_xlim(low - room, high + room)
        if self.ticks:
            axes.set_xticks(list(self.ticks), list(self.ticks.values()))
            axes.set_xticks([], minor=True)
        a.foot(axes, a.heading(self.label, self.unit) if not self.ticks else self.label)


def _axis(
    spec: Mapping[str, Any], cases: Sequence[Case], varied: Mapping[str, Any], log: bool
) -> _Axis:
    x = spec["x"]
    of, unit = x["of"], x.get("unit", "")
    label = x.get("label") or spec.get("x_label") or ("" if of == "case" else of)
    if of == "case":
        places = {case.name: float(index) for index, case in enumerate(cases)}
        ticks = {place: a.wrapped(name) for name, place in places.items()}
        return _Axis(of, places, ticks, log=False, label=label, unit="", words=True)
    values = {case.name: case.point.get(of) if of in varied else case.number(of) for case in cases}
    if any(isinstance(value, str) for value in values.values()):  # a word, such as cubic
        order = list(dict.fromkeys(str(value) for value in values.values() if value is not None))
        places = {n: float(order.index(str(v))) for n, v in values.items() if v is not None}
        ticks = {float(index): a.wrapped(word) for index, word in enumerate(order)}
        return _Axis(of, places, ticks, log=False, label=label, unit="", words=True)
    places = {n: float(v) for n, v in values.items() if v is not None and (v > 0 or not log)}
    ticks = {}
    if of in varied:  # as typed, and only as many as do not print over each other
        words = _typed(varied[of], cases, of)
        ticks = _apart({places[n]: words.get(places[n], "") for n in places}, log)
    return _Axis(of, places, ticks, log, label, unit)


def _typed(words: Sequence[str], cases: Sequence[Case], of: str) -> dict[float, str]:
    """The values of a variable as the file has them, by their numbers."""
    numbers = list(dict.fromkeys(case.point.get(of) for case in cases))
    if len(numbers) != len(words):
        return {float(n): f"{n:g}" for n in numbers if isinstance(n, int | float)}
    pairs = zip(numbers, words, strict=True)
    return {float(n): a.spaced(w) for n, w in pairs if isinstance(n, int | float)}


def _apart(ticks: Mapping[float, str], log: bool) -> dict[float, str]:
    """The ticks, without the words of those too near to the one before."""
    place = log10 if log else float
    if not ticks:
        return {}
    span = place(max(ticks)) - place(min(ticks)) or 1
    found: dict[float, str] = {}
    last = float("-inf")
    for tick in sorted(ticks):
        near = place(tick) - last < 0.014 * span * (len(ticks[tick]) + 1)
        found[tick] = "" if near else ticks[tick]
        last = last if near else place(tick)
    return found


def _lines(
    spec: Mapping[str, Any], cases: Sequence[Case], axis: _Axis, varied: Mapping[str, Any]
) -> list[_Line]:
    others = [name for name in varied if axis.of != "case" and name not in axis.variables]
    others = [each for each in others if len({str(case.point.get(each)) for case in cases}) > 1]
    alone = len(set(axis.places.values())) == len(axis.places)  # what else varies goes with x
    by = spec.get("by", [] if alone else others)
    found: list[_Line] = []
    for y in spec["y"]:
        label = y.get("label", "" if by else _said(y))
        for value, group in _parted(cases, by, varied):
            line = _Line(", ".join(part for part in (label, value) if part))
            placed = [case for case in group if case.name in axis.places]
            for case in sorted(placed, key=lambda case: axis.places[case.name]):
                got = measured(y, case)
                if got is not None:
                    line.xs.append(axis.places[case.name])
                    line.ys.append(got[0])
                    line.spans.append(got[1])
            if line.xs:
                found.append(line)
    if len({line.name for line in found}) == 1 and len(spec["y"]) == 1 and not spec.get("curves"):
        found[0].name = spec["y"][0].get("label", "")
    return found


def _said(y: Mapping[str, Any]) -> str:
    return f"{y['share']['part']} of {y['share']['whole']}" if "share" in y else str(y["of"])


def _parted(
    cases: Sequence[Case], by: Sequence[str], varied: Mapping[str, Any]
) -> list[tuple[str, list[Case]]]:
    """The cases by the values of some variables, each under the words that were typed."""
    words = {name: _typed(varied.get(name, ()), cases, name) for name in by}

    def key(case: Case) -> str:
        said = []
        for name in by:
            value = case.point.get(name)
            word = words[name].get(value, f"{value:g}") if isinstance(value, float | int) else value
            said.append(str(word))
        return ", ".join(said)

    order = list(dict.fromkeys(map(key, cases)))
    ranked = sorted(cases, key=lambda case: order.index(key(case)))
    return [(value, list(group)) for value, group in groupby(ranked, key=key)]


def measured(y: Mapping[str, Any], case: Case) -> tuple[float, tuple[float, float] | None] | None:
    """A value in a case, with its interval if it has one; None where it was not measured."""
    if "share" in y:
        part, whole = case.number(y["share"]["part"]), case.number(y["share"]["whole"])
        if part is None or not whole or not 0 <= part <= whole:
            return None
        low, high = exact_interval(round(part), round(whole), CONFIDENCE)
        return 100 * part / whole, (100 * low, 100 * high)
    value = case.number(y["of"])
    if value is None:
        return None
    low_end, high_end = (case.number(y[end]) if end in y else None for end in ("low", "high"))
    return value, None if low_end is None or high_end is None else (low_end, high_end)


def _curves(spec: Mapping[str, Any], cases: Sequence[Case], axis: _Axis) -> list[_Line]:
    """Expressions over x: smooth where they need nothing measured, else from case to case."""
    found = []
    for curve in spec.get("curves", ()):
        line = _Line(curve["label"])
        if len(axis.variables) == 1 and len(set(axis.places.values())) > 1 and not axis.words:
            line.xs, line.ys = _smooth(curve["of"], cases, axis)
        if not line.xs:
            for case in sorted(cases, key=lambda case: axis.places.get(case.name, 0)):
                value = case.number(curve["of"])
                if value is not None and case.name in axis.places:
                    line.xs.append(axis.places[case.name])
                    line.ys.append(value)
        found.append(line)
    return found


def _smooth(text: str, cases: Sequence[Case], axis: _Axis) -> tuple[list[float], list[float]]:
    """A curve of what is varied alone, everything else as in the first case; else nothing."""
    variable = axis.variables[0]
    values = [case.point.get(variable) for case in cases if case.name in axis.places]
    known = [value for value in values if isinstance(value, int | float)]
    if len(known) < 2:
        return [], []
    low, high = min(known), max(known)
    steps = [step / 60 for step in range(61)]
    grid = [low * (high / low) ** s if axis.log else low + (high - low) * s for s in steps]
    plain = {key: v for key, v in cases[0].point.items() if isinstance(v, int | float | str)}
    at = [Case("", {**plain, variable: value}) for value in grid]
    pairs = [(each.number(axis.of), each.number(text)) for each in at]
    found = [(x, y) for x, y in pairs if x is not None and y is not None]
    return [x for x, _ in found], [y for _, y in found]


def bars(
    spec: Mapping[str, Any], cases: Sequence[Case], varied: Mapping[str, Any], name: str, title: str
) -> str:
    """A group of bars for each case, lying, each with its value written at its end."""
    cases = chosen(cases, spec.get("cases", ()))
    unit = spec["y"][0]["unit"]
    alone = len(spec["y"]) == 1  # then the axis has its name
    labels: list[Any] = ["" if alone else y.get("label", _said(y)) for y in spec["y"]]
    looks = a.styles([y.get("label", _said(y)) for y in spec["y"]])
    rows: list[tuple[float, str, float, tuple[float, float] | None, a.Style]] = []
    places: dict[float, str] = {}
    at = 0.0
    for case in cases:
        found = [
            (measured(y, case), *more) for y, *more in zip(spec["y"], labels, looks, strict=True)
        ]
        known = [each for each in found if each[0] is not None]
        if not known:
            continue
        places[at + (len(known) - 1) / 2] = a.wrapped(case.name, 16)
        for got, label, style in known:
            assert got is not None  # noqa: S101 - for the type checker
            rows.append((at, label, *got, style))
            at += 1
        at += 0.7 if len(spec["y"]) > 1 else 0.25
    if not rows:
        raise NoFigure("nothing of what it shows was measured")
    return _lying(spec, rows, places, unit, name, title)


def _lying(
    spec: Mapping[str, Any], rows: Sequence[Any], places: Mapping[float, str], unit: str,
    name: str, title: str,
) -> str:  # fmt: skip
    deep = max(row[0] for row in rows) + 1
    longest = max((len(line) for tick in places.values() for line in tick.split("\n")), default=0)
    height = (24 * deep + 56) / 72
    figure, axes = a.canvas(heading="", height=height, below=44)
    left, bottom, width, tall = axes.get_position().bounds
    more = max(44, 7 * longest + 18) / (72 * 6.6) - left
    axes.set_position((left + more, bottom, width - more, tall))
    log = spec.get("log") == "y"
    values = [row[2] for row in rows]
    ends = [row[3][1] if row[3] else row[2] for row in rows]
    words = [f"{a.shown(row[2], unit)} {row[1]}".strip() for row in rows]
    # The words behind the longest bar need room inside of the frame.
    room = 1 - min(0.6, (8 * max(map(len, words)) + 10) / ((width - more) * 72 * 6.6))
    positive = [value for value in values if value > 0]
    base = (min(positive, default=1) / 2) if log else min(0.0, *values)
    base = spec.get("least", base)
    high = max(*ends, base * 1.01 if log else 0) or 1
    top = base * (high / base) ** (1 / room) if log else base + (high - base) / room
    a.scale(axes, "x", values, unit=unit, log=log, least=base, most=spec.get("most", top))
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color="#dddfe3", lw=1)
    for (at, _, value, span, style), text in zip(rows, words, strict=True):
        axes.barh(at, value - base, left=base, height=0.72, zorder=3, edgecolor=style.colour,
                  color=style.colour if style.filled else PAPER, lw=1.5)  # fmt: skip
        if span:
            axes.plot(span, [at, at], "-|", c=INK, lw=1.4, ms=7, mew=1.4, zorder=4)
        axes.annotate(
            text, (max(value, span[1] if span else value, base), at), (7, 0),
            textcoords="offset points", va="center", color=style.colour, fontsize=TEXT,
            fontweight="bold", bbox={"fc": PAPER, "ec": "none", "pad": 1.5}, zorder=5,
        )  # fmt: skip
    axes.set_ylim(deep - 0.35, -0.65)
    axes.set_yticks(list(places), list(places.values()))
    axes.tick_params(axis="y", labelcolor=INK)
    label = spec["y"][0].get("label", "") if len(spec["y"]) == 1 else ""
    a.foot(axes, a.heading(spec.get("y_label", label), unit))
    return svg(figure, name, title)
