"""Losses in bursts: the Gilbert–Elliott model of tc-netem(8), `gemodel P [R [1-H [1-K]]]`.

A link is in a good state or in a bad one, and draws for each packet whether to change over.
Sources: Gilbert (1960) and Elliott (1963), Bell System Technical Journal; Salsano, Ludovici,
Ordine and Giannuzzi (2012), "Definition of a general and intuitive loss model for packet
networks and its implementation in the Netem module in the Linux kernel".
"""

from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Self

from lab import units
from lab.errors import BadInput
from lab.units import refusal

_NAMES = ("p", "r", "1-h", "1-k")


@dataclass(frozen=True)
class Gemodel:
    """The four probabilities, ratios from 0 to 1.

    p: from good to bad. r: from bad to good, so a bad spell is 1/r packets long on average.
    loss_in_bad: what tc calls 1-h. loss_in_good: 1-k. Raises `BadInput` for what is out of
    range, never enters or never leaves the bad state, or never loses a packet.
    """

    p: float
    r: float
    loss_in_bad: float = 1.0
    loss_in_good: float = 0.0

    def __post_init__(self) -> None:
        """Check each, and make equal values the same."""
        fields = zip(self.__dataclass_fields__, _NAMES, astuple(self), strict=True)
        for field, name, value in fields:
            where = f"gemodel {name}"
            object.__setattr__(self, field, units.checked_share(value, where))
            if field in ("p", "r") and not value:
                verb = "enters" if field == "p" else "leaves"
                raise refusal(where, "0%", f"never {verb} the bad state; for loss alone write loss")
        if not self.loss_in_bad and not self.loss_in_good:
            raise refusal("gemodel 1-h", "0%", "never loses a packet; leave gemodel out")

    @property
    def loss(self) -> float:
        """The share of packets lost in the long run, a ratio."""
        bad = self.p / (self.p + self.r)
        return bad * self.loss_in_bad + (1 - bad) * self.loss_in_good

    def __str__(self) -> str:
        """The shortest text that `parse` reads back: `1% 10%`."""
        values = astuple(self)
        count = next(n for n in (1, 2, 3, 4) if _completed(values[:n]) == values)
        return " ".join(units.format_share(value) for value in values[:count])

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """One to four percentages, in tc's order and with tc's defaults. Raises `BadInput`."""
        words = text.split()
        if not 1 <= len(words) <= len(_NAMES):
            problem = "is no gemodel; write P [R [1-H [1-K]]], for example 1% 10%"
            raise refusal(where, text, problem)
        given = tuple(units.parse_share(word, where) for word in words)
        try:
            return cls(*_completed(given))
        except BadInput as error:
            name = error.where.removeprefix("gemodel")
            raise BadInput(f"{where}{name}", error.got, error.problem) from error


def _completed(given: tuple[float, ...]) -> tuple[float, ...]:
    """With what tc(8) takes for the values left out: r = 1 - p, 1-h = 100 %, 1-k = 0 %."""
    complement = float(1 - Decimal(repr(given[0])))  # exact: 1 - 0.07 as a float is not 0.93
    return given + (given[0], complement, 1.0, 0.0)[len(given) :]
