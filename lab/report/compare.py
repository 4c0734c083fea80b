"""Two runs of one scenario side by side: what differs by more than chance, and what was set so."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from typing import Any

from rich.console import RenderableType

from lab.errors import BadInput
from lab.report.axes import spaced
from lab.report.chosen import case_name, in_words, shown
from lab.report.data import Case, cases
from lab.report.drawn import drawn
from lab.report.markup import Cell, Column, Html, items, page, paragraph, section, table
from lab.report.table import plain_table
from lab.stats import exact_interval, percentile, percentile_interval, run_confidence
from lab.wording import NOTHING, SPACE, count, digits, exact_percent, times

CONFIDENCE = 0.999
"""Of the interval of each difference, for all of them together."""

Result = Mapping[str, Any]
Names = tuple[str, str]

_SETTINGS = (
    ("Command", "command"),
    ("Verdict", "verdict"),
    ("Started", "started"),
    ("Lab", "lab_version"),
    ("Backend", "backend"),
    ("Kernel", "kernel"),
    ("Docker Engine", "engine"),
    ("Docker Compose", "compose"),
    ("Congestion control", "congestion_control"),
    ("TCP's settings", "tcp_route"),
    ("Programs", "programs"),
    ("Clients", "clients"),
    ("Seed", "seed"),
    ("Scenario's file", "scenario_sha256"),
)


@dataclass(frozen=True)
class Difference:
    """A figure in one case of both runs, and the interval of what is between them.

    The interval is exact and wide: each run's own at half of what may go wrong, end against end.
    """

    case: str
    what: str
    unit: str
    one: float
    other: float
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval of the difference leaves 0 out."""
        return not self.low <= 0 <= self.high

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """The figure in both runs, the difference, its interval, and what that says."""
        return (
            _value(self.one, self.unit),
            _value(self.other, self.unit),
            _signed(self.other - self.one, self.unit),
            f"{_signed(self.low, '')} to {_signed(self.high, self.unit)}",
            "beyond chance" if self.beyond_chance else "as chance may do",
        )


def check_same(results: Sequence[Result], where: str = "DIR") -> None:
    """Raise `BadInput` unless both are runs of one scenario."""
    one, other = (str(result["scenario"]) for result in results)
    if one != other:
        raise BadInput(where, other, f"is another scenario than {one}; compare two runs of one")


def differences(results: Sequence[Result], samples: Sequence[Result]) -> list[Difference]:
    """Of each case in both runs: the shares, and the median and p99 of each series of delays."""
    found = list(_pairs(results, samples))
    each = run_confidence(CONFIDENCE, max(1, len(found)))
    ends = 1 - (1 - each) / 2
    return [_between(*pair, ends) for pair in found]


@dataclass(frozen=True)
class _Hits:
    hits: int
    of: int

    def value(self) -> float:
        return 100 * self.hits / self.of

    def interval(self, confidence: float) -> tuple[float, float]:
        low, high = exact_interval(self.hits, self.of, confidence)
        return 100 * low, 100 * high


@dataclass(frozen=True)
class _Delays:
    values: Sequence[float]
    percent: float

    def value(self) -> float:
        return percentile(self.values, self.percent)

    def interval(self, confidence: float) -> tuple[float, float]:
        return percentile_interval(self.values, self.percent, confidence)


_Figure = _Hits | _Delays
_Pair = tuple[str, str, str, _Figure, _Figure]


def _between(
    case: str, what: str, unit: str, one: _Figure, other: _Figure, confidence: float
) -> Difference:
    (low, high), (other_low, other_high) = one.interval(confidence), other.interval(confidence)
    between = other_low - high, other_high - low
    return Difference(case, what, unit, one.value(), other.value(), *between)


def _pairs(results: Sequence[Result], samples: Sequence[Result]) -> Iterator[_Pair]:
    for one, other in _matched(results, samples):
        for part, whole in _shares(results):
            hits = [_hits(case, part, whole) for case in (one, other)]
            if hits[0] and hits[1]:
                yield case_name(one), f"{part} of {whole}", "%", hits[0], hits[1]
        for measure, columns in one.series.items():
            for name in columns:
                both = [_known(case.series.get(measure, {}).get(name)) for case in (one, other)]
                if name.endswith(_DELAYS) and all(both):
                    for percent, word in ((50.0, "median"), (99.0, "p99")):
                        first, second = (_Delays(values, percent) for values in both)
                        yield case_name(one), f"{measure}.{name} {word}", "ms", first, second


_DELAYS = ("rtt_ms", "connect_ms", "one_way_ms")


def _matched(results: Sequence[Result], samples: Sequence[Result]) -> list[tuple[Case, Case]]:
    one, other = (cases(r, s) for r, s in zip(results, samples, strict=True))
    named = {case.name: case for case in other}
    return [(case, named[case.name]) for case in one if case.name in named]


def _shares(results: Sequence[Result]) -> list[tuple[str, str]]:
    """The shares that expectations and figures are about, PART of WHOLE."""
    found = []
    for result in results:
        for each in result.get("expectations") or ():
            if told := _SHARE.match(str(each.get("statement", ""))):
                found.append((told[1], told[2]))
        for asked in result.get("figures") or ():
            ys = asked["spec"].get("y") or ()
            found += [(y["share"]["part"], y["share"]["whole"]) for y in ys if "share" in y]
    return list(dict.fromkeys(found))


_SHARE = re.compile(r"([\w.]+) of ([\w.]+) is ")


def _hits(case: Case, part: str, whole: str) -> _Hits | None:
    hits, of = case.number(part), case.number(whole)
    known = hits is not None and of is not None and 0 <= hits <= of and of > 0
    return _Hits(round(hits), round(of)) if known and hits is not None and of else None


def _known(column: Sequence[float | None] | None) -> list[float]:
    return [value for value in column or () if value is not None]


def settings_that_differ(results: Sequence[Result]) -> list[tuple[str, str, str]]:
    """What the runs were made with, only where it is not the same; a name and both values."""
    found = []
    for name, key in _SETTINGS:
        one, other = (_said(result.get(key)) for result in results)
        if one != other:
            found.append((name, one, other))
    told = [{s["case"]: s for s in result.get("settings") or ()} for result in results]
    for case in dict.fromkeys([*told[0], *told[1]]):
        one, other = (_setting(each.get(case)) for each in told)
        if one != other:
            found.append((f"Case {spaced(case)}" if case else "Impairments", one, other))
    return found


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    text = NOTHING if value is None or value == "" else str(value)
    return f"{text[:12]}…" if len(text) == 64 and text.isalnum() else text  # a hash


def _setting(setting: Result | None) -> str:
    if setting is None:
        return "not in this run"
    told = [f"{way}: {what}" for way, what in (setting.get("impairments") or {}).items()]
    return "; ".join([*told, *(setting.get("schedule") or ())]) or "nothing impaired"


def compare_page(
    results: Sequence[Result],
    samples: Sequence[Result],
    *,
    names: Names = ("A", "B"),
    where: str = "DIR",
) -> str:
    """Both runs as one self-contained HTML document. Raises `BadInput` for different scenarios."""
    check_same(results, where)
    found = differences(results, samples)
    settings = settings_that_differ(results)
    beyond = [each for each in found if each.beyond_chance]
    return page(
        f"{results[0]['title']}: two runs",
        f"A is {names[0]}, B is {names[1]}",
        section("What differs", *_words(found, beyond, settings)),
        *([section("Differences", _difference_table(found))] if found else []),
        section("The numbers", _numbers(results, samples)),
        section("The figures", *_figures(results, samples)),
    )


def _words(
    found: Sequence[Difference], beyond: Sequence[Difference], settings: Sequence[Any]
) -> Iterator[Html]:
    yield paragraph(headline(found))
    told = [
        f"{in_words(each.what)}, {each.case}: {each.cells[0]} in A, {each.cells[1]} in B"
        for each in beyond
    ]
    yield items(told[:8])
    if settings:
        rows = [[Cell(name), Cell(one), Cell(other)] for name, one, other in settings]
        yield table("Settings that differ", [Column(""), Column("A"), Column("B")], rows)
    else:
        yield paragraph("Both were made with the same settings.")


def headline(found: Sequence[Difference]) -> str:
    """In one sentence whether the runs differ."""
    beyond = sum(each.beyond_chance for each in found)
    if not found:
        return "Nothing that has an interval was measured in both runs."
    of = f"of {times(len(found), 'figure')} that both runs have"
    if not beyond:
        return f"Chance explains every difference: none {of} is further apart than it may bring."
    are = "is" if beyond == 1 else "are"
    return f"{count(beyond)} {of} {are} further apart than chance brings about."


def _difference_table(found: Sequence[Difference]) -> Html:
    heads = ("Case", "Figure", "A", "B", "B \N{MINUS SIGN} A", "Interval", "")
    rows = [
        [
            Cell(each.case),
            Cell(in_words(each.what)),
            *map(Cell, each.cells[:4]),
            Cell(each.cells[4], each.beyond_chance),
        ]
        for each in found
    ]
    return table(
        "Each figure that has an interval",
        [Column(head) for head in heads],
        rows,
        f"The intervals of the differences hold all together with {exact_percent(CONFIDENCE)}"
        " confidence. They are of single shares and percentiles, taken for independent, and exact"
        " for each run, so that they are rather too wide.",
    )


def _numbers(results: Sequence[Result], samples: Sequence[Result]) -> Html:
    pairs = _matched(results, samples)
    chosen = shown(results[0], [one for one, _ in pairs])[:5]
    columns = [Column("Case")] + [
        Column(run, f"{each.group} {each.head}") for each in chosen for run in ("A", "B")
    ]
    rows = [
        [
            Cell(case_name(one)),
            *(Cell(each.cell(case)) for each in chosen for case in (one, other)),
        ]
        for one, other in pairs
    ]
    return table("By case", columns, rows)


def _figures(results: Sequence[Result], samples: Sequence[Result]) -> Iterator[Html]:
    """Lines of both runs in one plot; what has no room for two, beside each other."""
    varied = dict(results[0].get("varied") or {})
    both = [cases(r, s) for r, s in zip(results, samples, strict=True)]
    for number, asked in enumerate(results[0].get("figures") or (), start=1):
        if asked["kind"] == "lines" and asked["spec"]["x"]["of"] != "case":
            over = [
                Case(f"{run}: {case.name}", {**case.point, RUN: run}, case.series, case.setting)
                for run, each in zip("AB", both, strict=True)
                for case in each
            ]
            yield drawn(asked, over, varied | {RUN: ["A", "B"]}, {}, f"both-{number}")
        elif asked["kind"] in ("ladder", "layers"):
            continue  # of single packets: nothing to compare
        else:
            for run, each in zip("AB", both, strict=True):
                alone = {**asked, "title": f"{run}: {asked['title']}"}
                yield drawn(alone, each, varied, {}, f"{run.lower()}-{number}")


RUN = "run"
"""The variable that tells the runs apart where their lines are drawn into one plot."""


def compare_text(
    results: Sequence[Result], samples: Sequence[Result], *, where: str = "DIR"
) -> list[RenderableType]:
    """The same for a terminal. Raises `BadInput` for different scenarios."""
    check_same(results, where)
    found = differences(results, samples)
    told: list[RenderableType] = [headline(found)]
    if settings := settings_that_differ(results):
        told.append(plain_table(("", "A", "B"), settings))
    if found:
        rows = [(each.case, in_words(each.what), *each.cells) for each in found]
        heads = ("Case", "Figure", "A", "B", "B \N{MINUS SIGN} A", "interval", "")
        told.append(plain_table(heads, rows, bold=[each.beyond_chance for each in found]))
    return told


def _value(value: float, unit: str) -> str:
    return f"{digits(value)}{SPACE}{unit}"


def _signed(value: float, unit: str) -> str:
    if isinf(value):
        return "unknown"
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{digits(abs(value))}" + (f"{SPACE}{unit}" if unit else "")
