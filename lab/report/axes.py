"""What the figures of any scenario have in common: axes with units, styles, names of lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Any

from lab.report.drawing import (
    DASHES,
    MARKERS,
    MUTED,
    PALETTE,
    SIZE,
    TCP,
    TEXT,
    UDP,
    Box,
    plot,
    sheet,
)
from lab.scenario.expression import parse
from lab.scenario.figures import UNITS
from lab.wording import count, digits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HARD = "\u00a0"
_ATTACHED = ("%", "ms", "s", "µs")  # units short enough to stand at every tick
_NAMES = {"rtt_ms": "round-trip time of a message", "connect_ms": "time to connect"}
_LETTER = 8.0  # the mean width of a bold letter of 12 units


@dataclass(frozen=True)
class Style:
    """How a line looks. Two lines of one colour differ in dash, and in whether marks are filled."""

    colour: str
    dash: Any
    marker: str
    filled: bool


def styles(labels: Sequence[str]) -> list[Style]:
    """A style for each; what is about UDP or TCP alone has that protocol's colour."""
    own = [_protocol(label) for label in labels]
    # A colour says which protocol only where every line is of one.
    by_protocol = all(own) and len(set(own)) > 1
    found: list[Style] = []
    for number in range(len(labels)):
        colour = own[number] or TCP
        if not by_protocol and len(labels) > 1:
            colour = PALETTE[number % len(PALETTE)]
        same = sum(other.colour == colour for other in found)
        turn = same if by_protocol else number
        marker = MARKERS[PALETTE.index(colour) % len(MARKERS)]
        found.append(Style(colour, DASHES[turn % len(DASHES)], marker, same % 2 == 0))
    return found


def _protocol(label: str) -> str | None:
    words = label.lower().replace(".", " ").split()
    is_udp = any(word.startswith("udp") for word in words)
    is_tcp = any(word.startswith("tcp") for word in words)
    return None if is_udp == is_tcp else UDP if is_udp else TCP


def canvas(
    names: Iterable[str] = (), *, heading: str = "", below: float = 41, height: float = SIZE[1]
) -> tuple[Figure, Axes]:
    """An empty plot with room for `names` at its right end and for a heading of the y axis."""
    figure = sheet((SIZE[0], height))
    return figure, plot(figure, box(names, heading=heading, below=below, height=height))


def box(
    names: Iterable[str] = (), *, heading: str = "", below: float = 41, height: float = SIZE[1]
) -> Box:
    """The place of a plot in a drawing `height` inches high; `below`: units for the x axis."""
    width, tall = 72 * SIZE[0], 72 * height
    longest = max((len(line) for name in names for line in name.split("\n")), default=0)
    right = min(0.45 * width, 18 + _LETTER * longest) if longest else 12
    above = 30 if heading else 10
    left = 60
    return left / width, below / tall, (width - left - right) / width, (tall - below - above) / tall


def head(axes: Axes, text: str) -> None:
    """What the y axis shows, above it, where it reads without turning one's head."""
    if text:
        axes.annotate(
            text, (0, 1), (-60, 12), xycoords="axes fraction", textcoords="offset points",
            color=MUTED, fontsize=TEXT, annotation_clip=False,
        )  # fmt: skip


def foot(axes: Axes, text: str) -> None:
    """What the x axis shows."""
    axes.set_xlabel(text, color=MUTED, fontsize=TEXT, labelpad=6)


def spaced(words: str) -> str:
    """Values as typed, `corrupt 10%`, with the space that belongs before a unit."""
    return " ".join(map(_spaced, words.split(" ")))


def _spaced(word: str) -> str:
    digits = len(word.rstrip("%abcdefghijklmnopqrstuvwxyzµ,"))
    number = word[:digits].replace(".", "").isdecimal()
    return f"{word[:digits]}{HARD}{word[digits:]}" if number and word[digits:].strip(",") else word


LABEL = 19
"""Letters of a line of a label at the right of a plot, if its words allow."""


def wrapped(text: str, width: int = 13) -> str:
    """Words in lines of about so many letters."""
    lines: list[str] = []
    for word in spaced(text).split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def heading(label: str, unit: str) -> str:
    """`Goodput, Mbit/s`; a unit that stands at each tick is not said again."""
    return label if not unit or unit in _ATTACHED else f"{label}, {unit}" if label else unit


def shown(value: float, unit: str = "") -> str:
    """A value with its unit, as read from a figure: `91.2 %`, `0.08 ms`."""
    if not unit and value == int(value):  # a count
        text = count(int(value)).replace("-", "\N{MINUS SIGN}")
    else:
        text = digits(value) if value >= 0 else f"\N{MINUS SIGN}{digits(-value)}"
    return f"{text}{HARD}{unit}" if unit else text


def scale(
    axes: Axes,
    which: str,
    values: Iterable[float],
    *,
    unit: str = "",
    log: bool = False,
    least: float | None = None,
    most: float | None = None,
) -> None:
    """Limits and ticks of an axis that shows these values. A linear one begins at 0."""
    known = [value for value in values if isfinite(value) and (value > 0 or not log)]
    low, high = min(known, default=1.0), max(known, default=10.0)
    if log:
        low = least if least and least > 0 else low / 1.25
        high = most if most and most > low else high * 1.25
        getattr(axes, f"set_{which}scale")("log")
        ticks = _log_ticks(low, high)
    else:
        low = least if least is not None else min(0.0, low)
        high = most if most is not None else high + 0.04 * (high - low or 1)
        ticks = _even_ticks(low, high)
    getattr(axes, f"set_{which}lim")(low, high)
    getattr(axes, f"set_{which}ticks")(ticks, [ticked(tick, unit) for tick in ticks])
    getattr(axes, f"set_{which}ticks")([], minor=True)


def ticked(value: float, unit: str = "") -> str:
    """A round number as at an axis: `20 %`, `1 500`."""
    if unit in ("ms", "s") and value == 0:
        return "0"  # beside 500 ms and 1 s alike
    if unit == "ms" and abs(value) >= 1000:
        value, unit = value / 1000, "s"
    text = f"{value:,.10g}".replace(",", "\u202f").replace("-", "\N{MINUS SIGN}")
    return f"{text}{HARD}{unit}" if unit in _ATTACHED else text


def _even_ticks(low: float, high: float) -> list[float]:
    """About five round numbers in a range."""
    rough = (high - low) / 5
    size = 10.0 ** floor(log10(rough)) if rough > 0 else 1.0
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.9)
    first = ceil(low / step - 1e-9)
    return [round(step * n, 12) for n in range(first, floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten; where there are fewer than three of them, 2 and 5 of each too."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    whole = [10.0**power for power in powers if low <= 10.0**power <= high]
    if len(whole) >= 3:
        return whole[:: max(1, len(whole) // 6)]
    return [
        round(factor * 10.0**power, 12)
        for power in powers
        for factor in (1, 2, 5)
        if low <= factor * 10.0**power <= high
    ]


def columns(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The columns that a figure is `of`, each with the label that it goes by."""
    return [(each["of"], str(each.get("label", ""))) for each in spec["of"]]


def named(spec: Mapping[str, Any]) -> str:
    """What the values are, where they are all of one kind that has a name."""
    kinds = {of.rpartition(".")[2] for of, _ in columns(spec)}
    return _NAMES.get(next(iter(kinds)), "") if len(kinds) == 1 else ""


def unit_of(spec: Mapping[str, Any]) -> str:
    """The unit asked for, else the one that the name of the first column tells."""
    if "unit" in spec:
        return str(spec["unit"])
    return UNITS.get(parse(spec["of"][0]["of"], "figures").node.unit, "")


def lines_named(cases: Sequence[str], labels: Sequence[str]) -> list[list[str]]:
    """A name for each column of each case, no longer than it takes to tell them apart."""
    return [
        [
            ", ".join(part for part in (label, case if len(cases) > 1 else "") if part)
            if len(labels) > 1
            else (case if len(cases) > 1 else label)
            for label in labels
        ]
        for case in cases
    ]
