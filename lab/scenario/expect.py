"""Whether what a scenario expects was so, each expectation with its figures. Pure.

Chance breaks an expectation that is tested by statistics now and then, and the more of them the
sooner. So each is judged at the confidence that lets all of the run hold together at its own
(Bonferroni); the interval shown is that of the one figure, at the expectation's confidence.

A share is held where chance explains its distance from what is expected. An order is held only
where the figures show it: the exact intervals of both percentiles lie apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lab import wording
from lab.errors import LabError
from lab.scenario import said
from lab.scenario.model import Expectation, NoFigure, Scenario
from lab.scenario.terms import PERCENTILES, SERIES, Call, Figures, Formula, Name, with_series
from lab.stats import exact_interval, percentile, percentile_interval, run_confidence

Point = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """One expectation of one point, or of all of them (case None). found, expected: for a reader.

    confidence: of what is found; None where no chance is in it.
    """

    name: str
    statement: str
    case: str | None
    held: bool
    found: str
    expected: str
    confidence: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, as it is."""
        return asdict(self)


def judge(
    scenario: Scenario, points: Sequence[Point], series: Sequence[Mapping[str, Any]] = ()
) -> list[Judged]:
    """All expectations, point by point in the order of the settings, and then those of all points.

    points, series: as in result.json and samples.json, each with its `case`. What is not measured
    yet is not judged; a figure that a measurement lacks breaks every expectation that needs it.
    """
    columns = {each["case"]: each for each in series}
    measured = {each["case"]: with_series(each, columns.get(each["case"], {})) for each in points}
    judged: list[Judged] = []
    run = intervals(scenario)
    for setting in scenario.settings:
        if (case := setting.case.name) in measured:
            figures = {**setting.case.values, **measured[case]}
            judged += _of_point(scenario, figures, case, run)
    return judged + list(_of_all(scenario, measured, run))


def kept(
    scenario: Scenario, point: Point, series: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The point with the figures of each share that says where they are to be kept.

    `loss_ratio`, `expected`, `interval` and `held`, and in a table of their own, such as
    `udp.toward_server`, `sent` and `lost` too. series: the columns of the point, as in
    samples.json.
    """
    result = dict(point)
    figures = with_series(point, series or {})
    run = intervals(scenario)
    for each in scenario.expectations:
        if not each.keep or not _is_measured(each, scenario, figures):
            continue
        try:
            if each.when is None or each.when.holds(figures):
                _keep(result, each.keep.split("."), _share(each, figures, run))
        except NoFigure:
            continue  # which figure is missing is told where it is judged
    return result


def intervals(scenario: Scenario) -> int:
    """The intervals in a whole run that may miss by chance; at least 1.

    Of a share that is expected to be nothing or all no chance takes any.
    """
    found = 0
    for each in scenario.expectations:
        if each.kind == "that":
            continue
        cases: list[Figures] = [{}] if each.overall else [s.case.values for s in scenario.settings]
        for values in cases:
            if each.when is not None and _known(each.when, values) is False:
                continue
            if each.expected is not None and _known(each.expected, values) in (0, 1):
                continue
            found += len(each.parts) if each.kind == "order" else 1
    return max(1, found)


def _known(expression: Formula, values: Figures) -> Any:
    """Its value where what is varied tells it; None where it takes a measurement."""
    try:
        return expression.value(values)
    except NoFigure:
        return None


def _of_point(scenario: Scenario, figures: Figures, case: str, run: int) -> Iterator[Judged]:
    for each in scenario.expectations:
        if each.overall or not _is_measured(each, scenario, figures):
            continue
        try:
            if each.when is None or each.when.holds(figures):
                yield _judged(each, figures, case or None, run)
        except NoFigure as error:
            yield _broken(each, case or None, error)


def _of_all(scenario: Scenario, measured: Mapping[str, Figures], run: int) -> Iterator[Judged]:
    names = [setting.case.name for setting in scenario.settings]
    called = {name: name for name in names} | {"first": names[0], "last": names[-1]}
    points = {name: measured[case] for name, case in called.items() if case in measured}
    figures = with_series(points, {name: point[SERIES] for name, point in points.items()})
    for each in scenario.expectations:
        if not each.overall or not _is_measured(each, scenario, figures):
            continue
        try:
            yield _judged(each, figures, None, run)
        except NoFigure as error:
            yield _broken(each, None, error)


def _is_measured(each: Expectation, scenario: Scenario, figures: Figures) -> bool:
    """Whether all measurements that it is about are there, whatever they found."""
    measures = {one.name for group in scenario.settings[0].groups for one in group}
    for name in _names(each):
        path = name.path
        point: Any = figures
        if each.overall:
            point, path = figures.get(path[0]), path[1:]
        if point is None or (path[0] in measures and point.get(path[0]) is None):
            return False
    return True


def _names(each: Expectation) -> Iterator[Name]:
    for expression in (*each.parts, each.expected, each.when):
        if expression is not None:
            yield from expression.names


def _broken(each: Expectation, case: str | None, error: NoFigure) -> Judged:
    confidence = None if each.kind == "that" else each.confidence
    return Judged(each.name, each.statement, case, False, str(error), each.statement, confidence)


def _judged(each: Expectation, figures: Figures, case: str | None, run: int) -> Judged:
    confidence: float | None = each.confidence
    if each.kind == "share":
        share = _share(each, figures, run)
        # What is asked for is said as it was; of what was computed four digits say enough.
        held, expected = share["held"], wording.exact_percent(float(f"{share['expected']:.4g}"))
        found = f"{wording.percent(share['loss_ratio'])} ({wording.span(*share['interval'])})"
    elif each.kind == "order":
        held, found = _order(each, figures, run)
        expected = each.statement
    else:
        (statement,) = each.parts
        held, confidence = statement.holds(figures), None
        found, expected = said.said(statement, figures)
    return Judged(each.name, each.statement, case, held, found, expected, confidence)


def _share(each: Expectation, figures: Figures, run: int) -> dict[str, Any]:
    """The figures of a share. Raises `NoFigure` where it is none."""
    part, whole = (_whole(expression, figures) for expression in each.parts)
    if whole == 0:
        raise NoFigure(f"{each.parts[1].text} is 0, and nothing has no share")
    if part > whole:
        texts = [expression.text for expression in each.parts]
        raise NoFigure(f"{texts[0]} is {part}, which is no part of the {whole} of {texts[1]}")
    assert each.expected is not None  # noqa: S101 - a share has it, see the reader
    expected = each.expected.number(figures)
    low, high = exact_interval(part, whole, run_confidence(each.confidence, run))
    return {
        "sent": whole,
        "lost": part,
        "loss_ratio": part / whole,
        "expected": expected,
        "interval": list(exact_interval(part, whole, each.confidence)),
        "held": low <= expected <= high,
    }


def _whole(expression: Formula, figures: Figures) -> int:
    number = expression.number(figures)
    if number < 0 or number != int(number):
        raise NoFigure(f"{expression.text} is {number:g}, which is no count")
    return int(number)


def _keep(point: dict[str, Any], path: Sequence[str], share: Mapping[str, Any]) -> None:
    """Put a share's figures where they belong, in copies of the tables on the way."""
    table, is_new = point, False
    for name in path:
        is_new = name not in table
        if not isinstance(below := table.get(name, {}), Mapping):
            place = ".".join(path)
            raise LabError(f"keep: {place}: {name} is a figure already; choose another name")
        table[name] = dict(below)
        table = table[name]
    if is_new:
        table |= {"sent": share["sent"], "lost": share["lost"]}
    table |= {key: share[key] for key in ("loss_ratio", "expected", "interval", "held")}


def _order(each: Expectation, figures: Figures, run: int) -> tuple[bool, str]:
    """Whether the first percentile is below the second one, and both as they were found."""
    shown, bounds = [], []
    for expression in each.parts:
        call = expression.node
        assert isinstance(call, Call)  # noqa: S101 - the reader takes nothing else
        column, percent = call.column(figures), PERCENTILES[call.function]
        interval = percentile_interval(column, percent, each.confidence)
        shown.append(said.value_with_interval(percentile(column, percent), interval, call.unit))
        bounds.append(percentile_interval(column, percent, run_confidence(each.confidence, run)))
    (_, high), (low, _) = bounds
    return high < low, " and ".join(shown)
