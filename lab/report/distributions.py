"""How measured values are spread: the share of them up to each value, and how often each was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from lab.report import axes as a
from lab.report.data import Case, chosen
from lab.report.drawing import PAPER, label_ends, svg
from lab.scenario.model import NoFigure

_MOST_STEPS = 300  # of a curve; more can't be seen, and make the page heavy
_TAIL = 60  # of them kept one by one at the upper end, where a step is to be seen


def _collected(
    spec: Mapping[str, Any], cases: Sequence[Case]
) -> list[tuple[str, list[float | None]]]:
    """The columns of each case, each under its name; those without a row are left out."""
    cases = chosen(cases, spec.get("cases", ()))
    columns = a.columns(spec)
    names = a.lines_named(
        [a.spaced(case.name) for case in cases],
        [label or (of if len(columns) > 1 else "") for of, label in columns],
    )
    found = [
        (a.wrapped(names[i][j], a.LABEL), case.column(of))
        for i, case in enumerate(cases)
        for j, (of, _) in enumerate(columns)
    ]
    found = [(name, values) for name, values in found if values]
    if not found:
        raise NoFigure("no series of it was kept")
    return found


def cdf(
    spec: Mapping[str, Any], cases: Sequence[Case], _: Mapping[str, Any], name: str, title: str
) -> str:
    """The share of all values up to each one. What was lost is never there, so a curve ends lower.

    cf. RFC 7679, section 4: the delay of a lost packet is infinite.
    """
    log, unit = spec.get("log") == "x", a.unit_of(spec)
    found = _collected(spec, cases)
    known = {label: sorted(v for v in values if v is not None) for label, values in found}
    seen = [value for values in known.values() for value in values]
    if not seen:
        raise NoFigure("all that it shows was lost")
    measured = "took at most so long" if unit in ("ms", "s") else "are at most so much"
    heading = f"share of all that {measured}"
    figure, axes = a.canvas([label for label, _ in found], heading=heading, below=47)
    a.scale(axes, "x", seen, unit=unit, log=log, least=spec.get("least"), most=spec.get("most"))
    a.scale(axes, "y", [0, 100], unit="%", most=102)
    right = axes.get_xlim()[1]
    ends = []
    looks = a.styles([label for label, _ in found])
    for (label, values), style in zip(found, looks, strict=True):
        rising = known[label]
        if not rising:
            continue
        xs, ys = _steps(rising, len(values))
        top = 100 * len(rising) / len(values)
        axes.plot([*xs, max(right, xs[-1])], [*ys, top], drawstyle="steps-post", ls=style.dash,
                  c=style.colour, lw=2, zorder=4)  # fmt: skip
        ends.append((top, label, style.colour))
    a.head(axes, heading)
    a.foot(axes, spec.get("x_label", a.named(spec)))
    label_ends(axes, ends)
    return svg(figure, name, title)


def _steps(rising: Sequence[float], of: int) -> tuple[list[float], list[float]]:
    """Where the curve steps, thinned in the middle and whole at its end."""
    number = len(rising)
    wanted = {0, *range(max(0, number - _TAIL), number)}
    wanted |= {index * number // _MOST_STEPS for index in range(_MOST_STEPS)}
    order = sorted(wanted)
    first = rising[order[0]]
    return (
        [first, *(rising[index] for index in order)],
        [0.0, *(100 * (index + 1) / of for index in order)],
    )


def histogram(
    spec: Mapping[str, Any], cases: Sequence[Case], _: Mapping[str, Any], name: str, title: str
) -> str:
    """How often each value was, or how many fell into each of some even bins."""
    unit, log = a.unit_of(spec), spec.get("log") == "y"
    found = [
        (label, [value for value in values if value is not None])
        for label, values in _collected(spec, cases)
    ]
    everything = [value for _, values in found for value in values]
    if not everything:
        raise NoFigure("all that it shows was lost")
    low, width, number = _bins(everything, spec.get("bins"))
    counts = [
        Counter(min(number - 1, int((value - low) / width + 1e-9)) for value in values)
        for _, values in found
    ]
    heading = spec.get("y_label", "how many")
    labels = [label for label, _ in found]
    figure, axes = a.canvas(labels, heading=heading, below=47)
    most = max(max(each.values()) for each in counts)
    a.scale(axes, "x", [], least=low - 0.02 * width, most=low + number * width, unit=unit)
    if width == 1 and low % 1 == 0.5:
        a.scale(axes, "x", [], least=low, most=low + number, unit=unit)
        ticks = [tick for tick in axes.get_xticks() if tick % 1 == 0]
        axes.set_xticks(ticks, [a.ticked(tick, unit) for tick in ticks])
    a.scale(axes, "y", [1, most], log=log, least=0.5 if log else 0)
    share = 0.86 * width / len(found)
    ends = []
    for index, ((label, _values), each, style) in enumerate(
        zip(found, counts, a.styles(labels), strict=True)
    ):
        lefts = [low + (bin_ + 0.07) * width + index * share for bin_ in sorted(each)]
        axes.bar(
            lefts, [each[bin_] for bin_ in sorted(each)], share, align="edge", zorder=3,
            color=style.colour if index % 2 == 0 else PAPER, edgecolor=style.colour,
            lw=1.2 if share > 0.01 * width * number else 0.4,
        )  # fmt: skip
        ends.append((axes.get_ylim()[1] / (3**index if log else 1), label, style.colour))
    a.head(axes, heading)
    a.foot(axes, spec.get("x_label", a.named(spec)))
    if any(labels):
        label_ends(axes, [(value, label, colour) for value, label, colour in ends])
    return svg(figure, name, title)


def _bins(values: Sequence[float], wanted: int | None) -> tuple[float, float, int]:
    """The lower edge, the width and the number of bins; whole numbers have one each if they fit."""
    low, high = min(values), max(values)
    if all(value % 1 == 0 for value in values) and (high - low < (wanted or 60)):
        return low - 0.5, 1.0, int(high - low) + 1
    number = wanted or 40
    width = (high - low) / number or 1.0
    assert width < inf  # noqa: S101 - values are finite
    return low, width, number
