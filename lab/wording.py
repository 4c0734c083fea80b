"""Numbers as a reader meets them: grouped, rounded, with their unit; never to be read back.

For syntax that reads back see `lab.units`. The spaces are narrow and do not break (U+202F).
"""

from datetime import datetime
from math import floor, log10

SPACE = "\u202f"
DASH = "\N{EN DASH}"
NOTHING = DASH


def count(number: int | None) -> str:
    """2000 is `2 000`."""
    return NOTHING if number is None else f"{number:,}".replace(",", SPACE)


def of(part: int, whole: int) -> str:
    """1990 and 2000 are `1 990 of 2 000`."""
    return f"{count(part)} of {count(whole)}"


def percent(ratio: float | None) -> str:
    """0.4921 is `49.2 %`. Only all is 100.0 % and only nothing 0.0 %: 0.9999 is `99.99 %`."""
    return NOTHING if ratio is None else f"{_percent_digits(ratio)}{SPACE}%"


def exact_percent(ratio: float) -> str:
    """A ratio that somebody chose (a setting, a confidence), with no digit too many: `5 %`."""
    return f"{ratio * 100:.6g}{SPACE}%"


def span(low: float, high: float) -> str:
    """The interval 0.455 to 0.529 as `45.5-52.9 %`, with an en dash."""
    return f"{_percent_digits(low)}{DASH}{_percent_digits(high)}{SPACE}%"


def digits(value: float | None) -> str:
    """Three significant digits at most three places behind the point: `0.08`, `4.17`, `1 650`."""
    if value is None:
        return NOTHING
    if value <= 0:
        return "0"
    places = min(3, max(0, 2 - floor(log10(value))))
    return f"{round(value, places):,.{places}f}".replace(",", SPACE)


def millis(value: float | None) -> str:
    """Milliseconds: `0.080 ms`, `410 ms`; from 10 s on in seconds."""
    if value is not None and value >= 10_000:
        return seconds(value / 1000)
    return NOTHING if value is None else f"{digits(value)}{SPACE}ms"


def seconds(value: float | None) -> str:
    """Seconds: `2.20 s`."""
    return NOTHING if value is None else f"{digits(value)}{SPACE}s"


def rate(bps: float | None) -> str:
    """Bits a second: `512 bit/s`, `1.50 Mbit/s`."""
    if bps is None:
        return NOTHING
    for size, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if bps >= size:
            return f"{digits(bps / size)}{SPACE}{unit}"
    return f"{digits(bps)}{SPACE}bit/s"


def exact_seconds(value: float) -> str:
    """Seconds that somebody chose (a timeout), with no digit too many: `0.5 s`."""
    return f"{value:g}{SPACE}s"


def moment(text: str) -> str:
    """An ISO 8601 time as `24 November 2026, 14:50 UTC`; what is none is left as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{at.day} {at:%B %Y, %H:%M} {at.tzname() or ''}".strip()


def times(number: int, noun: str, plural: str | None = None) -> str:
    """1 and `drop` are `1 drop`, 2 are `2 drops`."""
    return f"{count(number)} {noun if number == 1 else plural or noun + 's'}"


def join(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _percent_digits(ratio: float) -> str:
    for places in (1, 2, 3, 4):
        text = f"{ratio * 100:.{places}f}"
        if float(text) not in (0, 100) or ratio in (0, 1):
            return text
    return text
