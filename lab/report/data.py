"""What a figure is drawn from: the points of a run, each with the series that were measured.

Works out the expressions that the figures of a scenario are asked for by; draws nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

from lab.scenario.expression import parse
from lab.scenario.model import NoFigure
from lab.scenario.terms import Formula, with_series

Series = Mapping[str, Mapping[str, Sequence[Any]]]
"""Columns by name, by measurement."""

_TIMES = ("t_s", "sent_s", "at_s", "time_s")


@dataclass(frozen=True)
class Case:
    """One point of a run, under the name that its case has. setting: see `lab.scenario.told`."""

    name: str
    point: Mapping[str, Any]
    series: Series = field(default_factory=dict)
    setting: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def figures(self) -> Mapping[str, Any]:
        """The point with its series put in, as expressions have it."""
        return with_series(self.point, self.series)

    def number(self, text: str) -> float | None:
        """The value of an expression; None where something in it was not measured."""
        try:
            value = parse(text, "figures").value(self.figures)
        except NoFigure:
            return None
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if usable and isfinite(value) else None

    def column(self, text: str) -> list[float | None]:
        """A series column, a list of the report, or an expression of columns row by row."""
        columns = dict(self._columns(text))
        if list(columns) == [text.strip()]:
            return list(columns[text.strip()])
        if not columns:
            return self._reported(text)
        parsed = parse(text, "figures")
        rows = zip(*columns.values(), strict=False)
        return [_row(parsed, self.point, dict(zip(columns, row, strict=True))) for row in rows]

    def times(self, text: str, at: str = "") -> list[float | None]:
        """The seconds at which the rows of a column were measured, from the group's begin on.

        `at` is another column of times, and is taken as it is where it is no time of a series.
        """
        if at:
            measure, _, rest = at.partition(".")
            since_s = self._begun_s(measure) if rest.rpartition(".")[2] in _TIMES else 0.0
            return [None if each is None else each + since_s for each in self.column(at)]
        for name, _ in self._columns(text):
            measure, _, rest = name.partition(".")
            beside = rest.rpartition(".")[0]
            for prefix in dict.fromkeys((f"{beside}." if beside else "", "")):
                for each in _TIMES:
                    if (found := self.series[measure].get(prefix + each)) is not None:
                        return [each + self._begun_s(measure) for each in found]
        return []

    def _begun_s(self, measure: str) -> float:
        """When in its group a measurement began; 0 where that was not kept."""
        report = self.point.get(measure)
        return float(report.get("begun_s") or 0) if isinstance(report, Mapping) else 0.0

    def in_force_s(self, text: str) -> dict[float, float]:
        """When the steps of the schedule were in force in the group that `text` is of, by when
        they were to be."""
        for name, _ in self._columns(text):
            report = self.point.get(name.partition(".")[0])
            group = report.get("group", {}) if isinstance(report, Mapping) else {}
            return {each["at_s"]: each["in_force_s"] for each in group.get("steps", ())}
        return {}

    def _columns(self, text: str) -> Iterator[tuple[str, Sequence[Any]]]:
        for name in dict.fromkeys(each.text for each in parse(text, "figures").names):
            measure, _, rest = name.partition(".")
            if rest in self.series.get(measure, {}):
                yield name, self.series[measure][rest]

    def _reported(self, text: str) -> list[float | None]:
        """Of a table `{"1": 30, "2": 4}` each key as often as it was counted."""
        try:
            value = parse(text, "figures").value(self.figures)
        except NoFigure:
            return []
        if isinstance(value, Mapping):
            if not all(key.isdigit() and isinstance(times, int) for key, times in value.items()):
                return []  # a summary, such as that of a series that was not kept
            return [float(key) for key, times in value.items() for _ in range(times)]
        return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


def _row(
    parsed: Formula, point: Mapping[str, Any], row: Mapping[str, float | None]
) -> float | None:
    if None in row.values():
        return None
    figures = dict(point)
    for name, value in row.items():
        _put(figures, name.split("."), value)
    try:
        return float(parsed.value(figures))
    except NoFigure:
        return None


def _put(table: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set what stands at `path`, in copies of the tables on the way to it."""
    for part in path[:-1]:
        below = table.get(part)
        if isinstance(below, list):
            below = {str(index): each for index, each in enumerate(below)}
        table[part] = dict(below) if isinstance(below, Mapping) else {}
        table = table[part]
    table[path[-1]] = value


def cases(result: Mapping[str, Any], samples: Mapping[str, Any]) -> list[Case]:
    """The points of a run, each with what `samples` has of it."""
    kept = {str(each.get("case", "")): each for each in samples.get("points", [])}
    told = {str(each.get("case", "")): each for each in result.get("settings") or ()}
    found = []
    for number, point in enumerate(result["points"]):
        name = str(
            point.get("case") or (f"point {number + 1}" if len(result["points"]) > 1 else "")
        )
        raw = kept.get(str(point.get("case", "")), {})
        series = {measure: table for measure, table in raw.items() if isinstance(table, Mapping)}
        setting = told.get(str(point.get("case", "")), {})
        found.append(Case(name, point, series, setting))
    return found


def chosen(all_cases: Sequence[Case], names: Sequence[str]) -> list[Case]:
    """Those cases, in the order of the run; `first` and `last` are names too. All if none."""
    if not names or not all_cases:
        return list(all_cases)
    ends = {"first": all_cases[0].name, "last": all_cases[-1].name}
    wanted = {ends.get(name, name) for name in names}
    return [case for case in all_cases if case.name in wanted]
