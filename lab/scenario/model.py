"""What an experiment is, as a scenario file has it. Values only; see `lab.scenario.file`.

A scenario is measured at one `Setting` after another, a point each: one value of what is varied,
with everything that it stands in put in. So a mistake in any of them is found before the first
packet is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.impairment import Direction, Impairment
from lab.link import Script
from lab.scenario.terms import Formula, NoFigure
from lab.schedule import Schedule

__all__ = [
    "Case", "Expectation", "Figure", "Formula", "Measure", "NoFigure", "Scenario", "Setting",
    "Value",
]  # fmt: skip

Value = float | str
"""In an expression: a ratio, milliseconds, bit/s, a count; or a word such as `cubic`."""


@dataclass(frozen=True)
class Case:
    """One value of all that is varied. name: `5%`, `20ms, cubic`, or as the file calls it.

    words: each variable as typed. values: the same as an expression has it.
    """

    name: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """One measurement. kind: see `lab.scenario.measures`. name: its key in a point.

    options: parsed by its kind. start_ms: after the begin of its group.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    start_ms: float = 0.0


@dataclass(frozen=True)
class Setting:
    """All that one point is measured with.

    impairments: by client, None for what all have in common. schedule: its times count from the
    start of each group. route: words of ip-route(8) for the ends' routes, such as rto_min 10ms.
    groups: one after another; the measurements of a group at the same time.
    """

    case: Case
    impairments: Mapping[str | None, Mapping[Direction, Impairment]]
    schedule: Schedule | None
    script: Script
    route: tuple[str, ...]
    groups: tuple[tuple[Measure, ...], ...]


@dataclass(frozen=True)
class Expectation:
    """A statement about each point, or about all of them together (overall).

    kind: `that` (true or false as it stands), `share` (part of whole is `expected`, judged by the
    exact binomial interval), `order` (a percentile of one series is below that of another, judged
    by exact intervals of both). confidence: of each interval shown. The verdict of a run is held
    to it as a whole. when: only of points where this is true. keep: where in the point the
    figures of a share are kept, such as `udp.toward_server`; empty for nowhere.
    """

    name: str
    kind: Literal["that", "share", "order"]
    statement: str
    parts: tuple[Formula, ...]
    expected: Formula | None = None
    confidence: float = 0.999
    when: Formula | None = None
    overall: bool = False
    keep: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure of the report. kind: see `lab.report.plots`. spec: as plain data, JSON as it is."""

    kind: str
    title: str
    caption: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """One experiment. text: the file as it was read, to be kept with the results.

    servers: programs by protocol, only those that the scenario needs. clients: at least so many.
    varied: variables and their values as typed. by: whether all of a point is measured before the
    next one, or all points by one measurement before the next. number: its place in a catalogue.
    """

    name: str
    title: str
    claim: str
    source: str
    text: str
    settings: Sequence[Setting]
    expectations: Sequence[Expectation]
    figures: Sequence[Figure] = ()
    varied: Mapping[str, Sequence[str]] = field(default_factory=dict)
    servers: Mapping[str, str] = field(default_factory=dict)
    clients: int = 1
    by: Literal["points", "measurements"] = "points"
    backend: str = "auto"
    capture: bool = False
    number: int | None = None
