"""What an expression is made of, and how each part of it is worked out. Values, pure.

For the language see `lab.scenario.expression`, which reads it. A name that stands for nothing
measured, a division by zero and whatever else has no value raise `NoFigure`, whose text says
which and why.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose, isfinite, sqrt
from statistics import fmean
from typing import Any, ClassVar

from lab.stats import percentile

Figures = Mapping[str, Any]

SERIES = ""
"""The key in figures, which is no name, of the series: the way to a column is the same there."""

PERCENTILES = {"p50": 50.0, "median": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}
COMPARISONS = ("<=", ">=", "!=", "=", "<", ">")
KEYWORDS = ("and", "or", "not", "within", "of", "between")

SHARE, MS, S, US, BPS = "share", "ms", "s", "us", "bps"
TIMES = {MS: 1.0, S: 1000.0, US: 0.001}
"""In milliseconds, in which a duration as typed is."""

_SUFFIXES = {"ms": MS, "s": S, "us": US, "bps": BPS, "ratio": SHARE}


class NoFigure(LookupError):
    """An expression that has no value with the figures of a point. The text says why."""


@dataclass(frozen=True)
class Node:
    """A part of an expression. text: as typed. truth: whether it is true or false, no number.

    unit: of its value, where that can be told; empty otherwise.
    """

    text: str

    truth: ClassVar[bool] = False

    @property
    def parts(self) -> "tuple[Node, ...]":
        """What it is made of."""
        return ()

    @property
    def unit(self) -> str:
        """Of a sum or a list, that of the first part that has one."""
        return next((part.unit for part in self.parts if part.unit), "")

    def value(self, figures: Figures) -> Any:
        """What it is with these figures. Raises `NoFigure`."""
        raise NotImplementedError

    def number(self, figures: Figures) -> float:
        """Its value, which is to be a number. Raises `NoFigure`."""
        value = self.value(figures)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NoFigure(f"{self.text} is {_kind(value)} and no number")
        return value

    def holds(self, figures: Figures) -> bool:
        """Its value, which is to be true or false. Raises `NoFigure`."""
        value = self.value(figures)
        if not isinstance(value, bool):
            raise NoFigure(f"{self.text} is {_kind(value)}, neither true nor false")
        return value

    def walk(self) -> "Iterator[Node]":
        """It and all below it, in the order of the text."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True)
class Number(Node):
    """A number as typed, in its base unit."""

    amount: float
    of_unit: str = ""

    @property
    def unit(self) -> str:
        """As typed."""
        return self.of_unit

    def value(self, figures: Figures) -> float:
        """The number."""
        return self.amount


@dataclass(frozen=True)
class Word(Node):
    """A word in quotes, to compare with."""

    word: str

    def value(self, figures: Figures) -> str:
        """The word."""
        return self.word


@dataclass(frozen=True)
class Name(Node):
    """The way to a figure. of_unit: of a variable, by its values."""

    path: tuple[str, ...]
    of_unit: str = ""

    @property
    def unit(self) -> str:
        """As the last part of the way has it that ends in a unit: `rtt_ms` in `tcp.rtt_ms.p50`."""
        for part in reversed(self.path):
            if suffix := _SUFFIXES.get(part.rpartition("_")[2] if "_" in part else ""):
                return suffix
        return self.of_unit

    def value(self, figures: Figures) -> Any:
        """The figure."""
        found = look_up(self.path, figures)
        if found is None:
            raise NoFigure(f"{self.text} was not measured")
        if isinstance(found, float) and not isfinite(found):
            raise NoFigure(f"{self.text} is {found}")
        return found

    def column(self, figures: Figures) -> list[float]:
        """The numbers of a column, without those that are missing. Raises `NoFigure`."""
        try:
            found = look_up(self.path, figures.get(SERIES, {}))
        except NoFigure:
            found = look_up(self.path, figures)
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise NoFigure(f"{self.text} is {_kind(found)} and no column")
        present = [each for each in found if each is not None]
        if not all(isinstance(each, int | float) for each in present):
            raise NoFigure(f"{self.text} is no column of numbers")
        return present


@dataclass(frozen=True)
class Call(Node):
    """A function of numbers or of a column."""

    function: str
    arguments: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        """Its arguments."""
        return self.arguments

    @property
    def unit(self) -> str:
        """That of its arguments; a count has none, and the root of one neither."""
        return "" if self.function in ("count", "sqrt") else super().unit

    @property
    def of_column(self) -> bool:
        """Whether its argument is a column."""
        if self.function in _OF_COLUMNS:
            return True
        return self.function in ("min", "max") and len(self.arguments) == 1

    def column(self, figures: Figures) -> list[float]:
        """The column that it is a function of. Raises `NoFigure`, also where that is empty."""
        (name,) = self.arguments
        assert isinstance(name, Name)  # noqa: S101 - the reader takes nothing else
        column = name.column(figures)
        if not column and self.function not in ("count", "sum"):
            raise NoFigure(f"{name.text} has no values")
        return column

    def value(self, figures: Figures) -> float:
        """What the function makes of its arguments."""
        if self.of_column:
            return {**_OF_NUMBERS, **_OF_COLUMNS}[self.function](self.column(figures))
        numbers = [argument.number(figures) for argument in self.arguments]
        if self.function == "sqrt" and numbers[0] < 0:
            raise NoFigure(f"{self.arguments[0].text} is below 0 and has no root")
        return _OF_NUMBERS[self.function](numbers)


@dataclass(frozen=True)
class Arithmetic(Node):
    """Two numbers and what is between them; the minus before a number has 0 for its left."""

    left: Node
    operator: str
    right: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        """Both sides."""
        return self.left, self.right

    @property
    def unit(self) -> str:
        """Of a product that of its one part with a unit; what is divided by its like has none."""
        left, right = self.left.unit, self.right.unit
        if self.operator in "+-":
            return left or right
        if self.operator == "*":
            return left or right if not (left and right) else ""
        return left if self.operator == "/" and not right else ""

    def value(self, figures: Figures) -> float:
        """The result, in floats but for sums of whole numbers."""
        left, right = self.left.number(figures), self.right.number(figures)
        try:
            result = _OPERATORS[self.operator](left, right)
        except ZeroDivisionError:
            raise NoFigure(f"{self.text} divides by 0") from None
        except OverflowError:
            raise NoFigure(f"{self.text} is too large") from None
        if isinstance(result, complex) or not isfinite(result):
            raise NoFigure(f"{self.text} is no number")
        number: float = result
        return number


@dataclass(frozen=True)
class Comparison(Node):
    """Two values and what they are to each other."""

    left: Node
    operator: str
    right: Node

    truth: ClassVar[bool] = True

    @property
    def parts(self) -> tuple[Node, ...]:
        """Both sides."""
        return self.left, self.right

    def value(self, figures: Figures) -> bool:
        """Whether it is so."""
        if self.operator in ("=", "!="):
            left, right = self.left.value(figures), self.right.value(figures)
            return _equal(left, right) == (self.operator == "=")
        low, high = self.left.number(figures), self.right.number(figures)
        if self.operator[0] == ">":
            low, high = high, low
        if _equal(low, high):
            return len(self.operator) == 2
        return low < high


@dataclass(frozen=True)
class Within(Node):
    """So near to another number: by a share of it (relative), or by a distance."""

    left: Node
    by: Node
    right: Node

    truth: ClassVar[bool] = True

    @property
    def parts(self) -> tuple[Node, ...]:
        """What is compared, how near, and to what."""
        return self.left, self.by, self.right

    @property
    def unit(self) -> str:
        """That of what is compared."""
        by = "" if self.relative else self.by.unit
        return self.left.unit or self.right.unit or by

    @property
    def relative(self) -> bool:
        """Whether `by` was typed as a percentage."""
        return isinstance(self.by, Number) and self.by.unit == SHARE

    def bounds(self, figures: Figures) -> tuple[float, float]:
        """From where to where it reaches."""
        middle, by = self.right.number(figures), self.by.number(figures)
        room = abs(middle) * by if self.relative else by
        return middle - room, middle + room

    def value(self, figures: Figures) -> bool:
        """Whether it is so near."""
        return _between(self.left.number(figures), *self.bounds(figures))


@dataclass(frozen=True)
class Between(Node):
    """From one number to another, both in it."""

    left: Node
    low: Node
    high: Node

    truth: ClassVar[bool] = True

    @property
    def parts(self) -> tuple[Node, ...]:
        """What is compared, and both ends."""
        return self.left, self.low, self.high

    def value(self, figures: Figures) -> bool:
        """Whether it lies there."""
        low, high = self.low.number(figures), self.high.number(figures)
        return _between(self.left.number(figures), low, high)


@dataclass(frozen=True)
class Logic(Node):
    """Statements joined by `and` or by `or`; one alone after `not`."""

    operator: str
    statements: tuple[Node, ...]

    truth: ClassVar[bool] = True

    @property
    def parts(self) -> tuple[Node, ...]:
        """The statements."""
        return self.statements

    def value(self, figures: Figures) -> bool:
        """Whether all, any, or not this; what does not matter any more is not looked at."""
        told = (statement.holds(figures) for statement in self.statements)
        if self.operator == "not":
            return not next(told)
        return all(told) if self.operator == "and" else any(told)


@dataclass(frozen=True)
class Formula:
    """An expression that was read. text: as it was typed."""

    text: str
    node: Node = field(compare=False, repr=False)

    def value(self, figures: Figures) -> Any:
        """Its value. Raises `NoFigure`."""
        return self.node.value(figures)

    def number(self, figures: Figures) -> float:
        """Its value, which is to be a number. Raises `NoFigure`."""
        return self.node.number(figures)

    def holds(self, figures: Figures) -> bool:
        """Its value, which is to be true or false. Raises `NoFigure`."""
        return self.node.holds(figures)

    @property
    def names(self) -> list[Name]:
        """The names in it, in their order."""
        return [each for each in self.node.walk() if isinstance(each, Name)]


def with_series(point: Figures, series: Figures) -> dict[str, Any]:
    """The figures of a point and its series columns, both by measurement, for expressions."""
    return {**point, SERIES: series}


def look_up(path: Sequence[str], figures: Any) -> Any:
    """What lies at the end of a way into tables and lists. Raises `NoFigure`."""
    found = figures
    for number, part in enumerate(path):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, Mapping) and (rest := ".".join(path[number:])) in found:
            return found[rest]  # as series are called: `flows.0.cwnd`
        elif isinstance(found, list | tuple) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, list | tuple) and not part.isdigit():
            return [look_up(path[number:], each) for each in found]
        else:
            raise NoFigure(f"{'.'.join(path)} was not measured")
    return found


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"the word {value}"
    return "a table" if isinstance(value, Mapping) else "a list"


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def _between(value: float, low: float, high: float) -> bool:
    above = low <= value or _equal(low, value)
    return above and (value <= high or _equal(value, high))


def _percentile(percent: float) -> Callable[[Sequence[float]], float]:
    return lambda column: percentile(column, percent)


_OPERATORS: Mapping[str, Callable[[float, float], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "^": lambda left, right: float(left) ** right,  # of whole numbers it might never end
}
_OF_NUMBERS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "max": max,
    "abs": lambda numbers: abs(numbers[0]),
    "sqrt": lambda numbers: sqrt(numbers[0]),
}
_OF_COLUMNS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "mean": fmean,
    "count": len,
    **{name: _percentile(percent) for name, percent in PERCENTILES.items()},
}
FUNCTIONS = (*_OF_NUMBERS, *_OF_COLUMNS)
RESERVED = frozenset((*KEYWORDS, "first", "last", "case"))
"""Names that nothing in a file may have for its own."""
