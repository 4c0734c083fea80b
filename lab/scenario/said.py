"""A statement about figures in words for a reader: what was found, and what was expected. Pure."""

from collections.abc import Callable, Iterator, Mapping
from math import isinf
from typing import Any

from lab import wording
from lab.scenario.terms import (
    BPS,
    MS,
    SHARE,
    US,
    Between,
    Call,
    Comparison,
    Figures,
    Formula,
    Name,
    Node,
    NoFigure,
    S,
    Within,
)

_WRITTEN: Mapping[str, Callable[[float], str]] = {
    SHARE: wording.percent,
    MS: wording.millis,
    S: wording.seconds,
    US: lambda number: f"{wording.digits(number)}{wording.SPACE}µs",
    BPS: wording.rate,
}
_IS = {
    "=": "",
    "!=": "not ",
    "<": "below ",
    "<=": "at most ",
    ">": "above ",
    ">=": "at least ",
}


def said(statement: Formula, figures: Figures) -> tuple[str, str]:
    """What was found, and what was expected. Raises `NoFigure`."""
    node = statement.node
    unit = node.unit
    if isinstance(node, Comparison):
        found = _value(node.left, figures, unit)
        return found, _IS[node.operator] + _value(node.right, figures, unit)
    if isinstance(node, Within):
        low, high = (value(bound, unit) for bound in node.bounds(figures))
        return _value(node.left, figures, unit), f"{low} to {high}"
    if isinstance(node, Between):
        low, high = _value(node.low, figures, unit), _value(node.high, figures, unit)
        return _value(node.left, figures, unit), f"{low} to {high}"
    return ", ".join(_each_name(node, figures)), statement.text


def _each_name(node: Node, figures: Figures) -> list[str]:
    """Each figure in a longer statement with its value; of what did not matter, maybe none."""
    found = {}
    for each in _figures(node):
        try:
            found[each.text] = f"{each.text} {_value(each, figures, each.unit)}"
        except NoFigure as error:
            found[each.text] = str(error)
    return list(found.values())


def _figures(node: Node) -> Iterator[Node]:
    """The names in it; where a function takes them together, as for a column, that function."""
    if isinstance(node, Name | Call):
        yield node
        return
    for part in node.parts:
        yield from _figures(part)


def _value(node: Node, figures: Figures, unit: str) -> str:
    return value(node.value(figures), node.unit or unit)


def value(number: Any, unit: str) -> str:
    """A figure with its unit, rounded: `41.2 ms`, `2 000`, `9.75 %`; a word as it is."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return str(number).lower() if isinstance(number, bool) else str(number)
    if isinf(number):
        return "unknown"
    if number < 0:
        return f"−{value(-number, unit)}"
    if unit in _WRITTEN:
        return _WRITTEN[unit](number)
    return wording.count(number) if isinstance(number, int) else wording.digits(number)


def value_with_interval(number: float, interval: tuple[float, float], unit: str) -> str:
    """`41.2 ms (40.1 ms to 44.0 ms)`; an end that so few values do not tell is unknown."""
    low, high = (value(end, unit) for end in interval)
    return f"{value(number, unit)} ({low} to {high})"
