"""What happened when: values over the time of a measurement, and when the network was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lab.errors import BadInput
from lab.report import axes as a
from lab.report.data import Case, chosen
from lab.report.drawing import BAD, GRID, INK, MUTED, SIZE, TEXT, label_ends, plot, sheet, svg
from lab.scenario.model import NoFigure
from lab.schedule import Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_PANELS = 6
_MOST_MARKS = 1200  # of a line or a cloud; more can't be seen, and make the page heavy

Rows = list[tuple[float, float | None]]
_End = tuple[float, str, str]


def timeline(
    spec: Mapping[str, Any], cases: Sequence[Case], _: Mapping[str, Any], name: str, title: str
) -> str:
    """A panel for each case, one below the other, with the same time."""
    panels = _panels(spec, chosen(cases, spec.get("cases", ())))
    if not panels:
        raise NoFigure("no series of it was kept")
    columns, unit = a.columns(spec), a.unit_of(spec)
    labels = [
        a.wrapped(label or (of if len(columns) > 1 else ""), a.LABEL) for of, label in columns
    ]
    # One column is named once above the axis, and not again beside its end.
    alone = labels[0].replace("\n", " ") if len(labels) == 1 else ""
    named = labels if len(labels) > 1 else [""]
    if alone[1:2].islower() and len(panels) > 1:  # it follows the name of the case
        alone = alone[0].lower() + alone[1:]
    label = spec.get("y_label") or alone or a.named(spec)
    heading, tall = a.heading(label, unit), 3.8 if len(panels) == 1 else 2.5
    figure = sheet((SIZE[0], tall * len(panels)))
    seen = [v for _, lines in panels for rows in lines for _, v in rows if v is not None]
    end = max(at for _, lines in panels for rows in lines for at, _ in rows)
    lost = ["lost"] if spec.get("style") == "dots" and len(labels) == 1 else []
    looks = a.styles([label or of for label, (of, _) in zip(labels, columns, strict=True)])
    for index, (case, lines) in enumerate(panels):
        last = index == len(panels) - 1
        words = ": ".join(
            part for part in (a.spaced(case.name) if len(panels) > 1 else "", heading) if part
        )
        left, low, width, high = a.box((*named, *lost), heading=words, below=47, height=tall)
        share = 1 / len(panels)
        axes = plot(figure, (left, 1 - (index + 1) * share + low * share, width, high * share))
        log = spec.get("log") == "y"
        bounds = {"least": spec.get("least"), "most": spec.get("most")}
        a.scale(axes, "y", seen, unit=unit, log=log, **bounds)
        a.scale(axes, "x", [0, end], unit="s", most=end)
        _bands(axes, case, case.in_force_s(spec["of"][0]["of"]), end)
        ends: list[_End] = []
        for rows, label, style in zip(lines, named, looks, strict=True):
            if rows:
                ends += _draw(axes, rows, spec.get("style", "line"), style, label)
        a.head(axes, words)
        a.foot(axes, "time since the start" if last else "")
        label_ends(axes, [each for each in dict.fromkeys(ends) if each[1]])
    return svg(figure, name, title)


def _panels(spec: Mapping[str, Any], cases: Sequence[Case]) -> list[tuple[Case, list[Rows]]]:
    found = []
    for case in cases:
        lines = []
        for each in spec["of"]:
            pairs = zip(
                case.times(each["of"], each.get("at", "")), case.column(each["of"]), strict=False
            )
            lines.append([(at, value) for at, value in pairs if at is not None])
        if any(value is not None for rows in lines for _, value in rows):
            found.append((case, lines))
    return found[:_MOST_PANELS]


def _draw(axes: Axes, rows: Rows, how: str, style: a.Style, label: str) -> list[_End]:
    """Draw one column; return at which height which name is to stand."""
    ends: list[_End] = []
    known = [(at, value) for at, value in rows if value is not None]
    if how == "dots":
        some = known[:: max(1, len(known) // _MOST_MARKS)]
        xs, ys = [at for at, _ in some], [value for _, value in some]
        size = 2.6 if len(some) > 150 else 5  # of few each is to be seen
        axes.plot(xs, ys, ls="", marker="o", ms=size, c=style.colour, mew=0, zorder=4,
                  clip_on=False)  # fmt: skip
        if lost := [at for at, value in rows if value is None]:
            lost = lost[:: max(1, len(lost) // _MOST_MARKS)]
            # They have a time of sending and no value: along the lower edge.
            axes.plot(lost, [0.015] * len(lost), ls="", marker="|", ms=6, mew=0.8, c=BAD, alpha=0.6,
                      transform=axes.get_xaxis_transform(), zorder=3)  # fmt: skip
            ends.append((axes.get_ylim()[0], "lost", BAD))
    else:
        # What was not measured is a gap and no line across it.
        thin = _thinned(rows)
        xs = [at for at, _ in thin]
        ys = [float("nan") if value is None else value for _, value in thin]
        axes.plot(xs, ys, ls=style.dash, c=style.colour, lw=1.8, zorder=4,
                  drawstyle="steps-post" if how == "steps" else "default")  # fmt: skip
    return [(known[-1][1], label, style.colour), *ends] if known else ends


def _thinned(rows: Rows) -> Rows:
    """Fewer rows with the same outline: the lowest and the highest of each stretch, and gaps."""
    if len(rows) <= _MOST_MARKS:
        return rows
    size = -(-len(rows) // (_MOST_MARKS // 2))
    found: Rows = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        known = [row for row in part if row[1] is not None]
        if known:
            ends = {min(known, key=_value), max(known, key=_value)}
            found += sorted(ends, key=lambda row: row[0])
        if len(known) < len(part) / 2:
            found.append((part[-1][0], None))
    return found


def _value(row: tuple[float, float | None]) -> float:
    return row[1] if row[1] is not None else 0.0


def spans(
    steps: Sequence[str], end: float, in_force_s: Mapping[float, float] = MappingProxyType({})
) -> list[tuple[float, float, str]]:
    """From when to when what was in force, in seconds, as the steps of a schedule have it.

    in_force_s: when a step really was, by when it was to be, as far as that was measured.
    """
    try:
        schedule = Schedule.from_texts(steps, "schedule")
    except BadInput:  # written by a newer lab
        return []
    times = [step.at_ms / 1000 for step in schedule.steps]
    changes = [
        (in_force_s.get(at_s, at_s), _words(str(step)))
        for at_s, step in zip(times, schedule.steps, strict=True)
    ]
    changes.append((end, ""))
    return [
        (start, min(until, end), words)
        for (start, words), (until, _) in pairwise(changes)
        if start < end
    ]


def _words(step: str) -> str:
    """`toward server loss 10%` of `5s toward server loss 10%`; nothing of what ends something."""
    words = step.partition(" ")[2]
    return "" if words.rpartition(" ")[2] in ("up", "clear") else words


def _bands(axes: Axes, case: Case, in_force_s: Mapping[float, float], end: float) -> None:
    """The stretches of the schedule, shaded where something was in force, with its words."""
    for start, until, words in spans(case.setting.get("schedule") or (), end, in_force_s):
        if words:
            axes.axvspan(start, until, color=GRID, alpha=0.55, lw=0, zorder=0)
            axes.annotate(
                words, ((start + until) / 2, 1), (0, -4), xycoords=axes.get_xaxis_transform(),
                textcoords="offset points", ha="center", va="top", color=INK, fontsize=TEXT,
                zorder=6,
            )  # fmt: skip
        for edge in (start, until):
            if edge < end:
                axes.axvline(edge, color=MUTED, lw=1, zorder=1)
