"""Two runs of one scenario side by side: what differs by more than chance, and what was set so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from rich.text import Text

from lab.errors import BadInput
from lab.report.axes import spaced
from lab.report.chosen import Shown, case_name, shown
from lab.report.data import Case, cases
from lab.report.drawn import drawn
from lab.report.markup import Cell, Column, Html, facts, items, page, paragraph, section, table
from lab.report.markup import beside as side_by_side
from lab.report.plots import measured
from lab.report.table import plain_table
from lab.stats import difference_interval
from lab.wording import DASH, NOTHING, count, digits, exact_percent, moment

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
    """A share in one case of both runs, in per cent, and what is between them."""

    case: str
    what: str
    one: float
    other: float
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval of the difference leaves 0 out."""
        return not self.low <= 0 <= self.high
