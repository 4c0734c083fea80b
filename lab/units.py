"""Numbers with their unit: shares, durations and rates, read once and written back the same.

Knows the one syntax that the command line, files and JSON share. Refuses a bare number:
`10` may mean 10 % or a ratio of 0.10, and no guess is made. Parse and format are inverse:
`parse(format(x)) == x` for every value in range, because both go through `Decimal` and never
through a rounding multiplication of floats (`0.07 * 100 == 7.000000000000001`).

Units are those of tc(8): decimal SI (`1kbit` is 1000 bit/s). Nothing here touches a kernel.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from lab.errors import BadInput

MAX_DURATION_MS = 3_600_000.0
"""One hour: longer than any lesson, and far inside netem's 64-bit nanoseconds."""

MIN_SHARE = 1e-9
"""0.0000001%: the kernel keeps a share in 32 bits, and what is far smaller would become 0."""

MIN_DURATION_MS = 0.001
"""1 us: tc keeps nanoseconds, and no timer here is finer than this."""

MIN_RATE_BPS = 8_000
"""8 kbit/s: one full Ethernet frame then takes 1.5 s; below that TCP only retransmits."""

MAX_RATE_BPS = 100_000_000_000
"""100 Gbit/s: above any veth pair, so that more would be an impairment that does nothing."""

RATE_STEP_BPS = 8
"""The kernel keeps a rate in whole bytes a second; 8001bit would silently become 8000bit."""

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_QUANTITY = re.compile(rf"({_NUMBER.pattern})([A-Za-z]+)")
_DURATIONS = {"us": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1000)}
_RATES = {"bit": Decimal(1), "kbit": Decimal(10**3), "mbit": Decimal(10**6), "gbit": Decimal(10**9)}
_BYTE_RATE = re.compile(rf"({_NUMBER.pattern})([kmgt]?)i?(?:bps|b|b/s|bytes?(?:/s)?)", re.I)
_SHOWN = 48


def refusal(where: str, got: object, problem: str) -> BadInput:
    """A `BadInput` of one readable line, whatever was typed.

    Long input is cut here; `BadInput` writes it as a Python literal, so that a control
    character (a line break, an escape sequence for the terminal) is shown and not obeyed.
    """
    text = str(got)
    return BadInput(where, text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…", problem)


def checked_share(value: float, where: str, high: float = 1.0) -> float:
    """A ratio from 0 to `high` as a float, 0 or large enough to be kept. Raises `BadInput`."""
    number = _checked(value, where, high)
    if 0 < number < MIN_SHARE:
        least = format_share(MIN_SHARE)
        raise refusal(where, format_share(number), f"is too small; allowed 0%, or {least} and up")
    return number


def checked_duration(value: float, where: str, high: float = MAX_DURATION_MS) -> float:
    """Milliseconds from 0 to `high` as a float, 0 or at least 1 us. Raises `BadInput`."""
    number = _checked(value, where, high)
    if 0 < number < MIN_DURATION_MS:
        least = format_duration(MIN_DURATION_MS)
        problem = f"is too small; allowed 0ms, or {least} and up"
        raise refusal(where, format_duration(number), problem)
    return number


def parse_share(text: str, where: str) -> float:
    """A percentage (`10%`, `0.1%`; 0 to 100) as a ratio, 0.0 to 1.0. Raises `BadInput`."""
    if _NUMBER.fullmatch(text):
        raise refusal(where, text, f"has no unit; write {_bare_share(Decimal(text))}")
    if not (text.endswith("%") and _NUMBER.fullmatch(text[:-1])):
        point = text.replace(",", ".")  # as half of Europe writes it
        word = re.fullmatch(rf"({_NUMBER.pattern})\s*(?:%|percent|pct|per cent)", point, re.I)
        meant = Decimal(word[1]) if word else Decimal(10)
        raise refusal(where, text, f"is no percentage; write {_share_example(meant)}")
    percent = Decimal(text[:-1])
    if not 0 <= percent <= 100:
        raise refusal(where, text, "is out of range; allowed 0% to 100%")
    return abs(float(percent.scaleb(-2)))  # abs: "-0%" is plain zero


def format_share(ratio: float) -> str:
    """A ratio, 0.0 to 1.0, as `parse_share` reads it: 0.1 is `10%`. Raises `ValueError`."""
    if not 0 <= ratio <= 1:
        raise ValueError(f"a share lies in 0 to 1, not {ratio!r}")
    return f"{_plain(_exact(ratio).scaleb(2))}%"


def parse_duration(
    text: str, where: str, *, low_ms: float = 0.0, high_ms: float = MAX_DURATION_MS
) -> float:
    """A duration (`250us`, `40ms`, `1.5s`) in milliseconds, in bounds. Raises `BadInput`."""
    value = _quantity(text, where, _DURATIONS, "duration", "40ms")
    if not Decimal(low_ms) <= value <= Decimal(high_ms):
        allowed = f"{format_duration(low_ms)} to {format_duration(high_ms)}"
        raise refusal(where, text, f"is out of range; allowed {allowed}")
    return abs(float(value))


def format_duration(ms: float) -> str:
    """Milliseconds as `parse_duration` reads them, in the unit that keeps the number above 1.

    Raises `ValueError` for what is negative, infinite or no number.
    """
    if not 0 <= ms < float("inf"):
        raise ValueError(f"a duration is finite and not negative, not {ms!r}")
    value = _exact(ms)
    if value == 0 or 1 <= value < 1000:
        return f"{_plain(value)}ms"
    return f"{_plain(value.scaleb(3))}us" if value < 1 else f"{_plain(value.scaleb(-3))}s"


def parse_rate(text: str, where: str) -> int:
    """A rate (`64kbit`, `1.5mbit`) in bits a second, 8 kbit/s to 100 Gbit/s. Raises `BadInput`.

    Byte units are refused: tc(8) reads `1mbps` as a million *bytes*, most people as bits.
    """
    if _BYTE_RATE.fullmatch(text):
        raise refusal(where, text, f"may mean bytes; write bits, 1mbit ({', '.join(_RATES)})")
    value = _quantity(text, where, _RATES, "rate", "1mbit")
    if not MIN_RATE_BPS <= value <= MAX_RATE_BPS:
        allowed = f"{format_rate(MIN_RATE_BPS)} to {format_rate(MAX_RATE_BPS)}"
        raise refusal(where, text, f"is out of range; allowed {allowed}")
    if value % RATE_STEP_BPS:
        whole = int(value) // RATE_STEP_BPS * RATE_STEP_BPS
        raise refusal(where, text, f"is no whole number of bytes a second; write {whole}bit")
    return int(value)


def format_rate(bps: int) -> str:
    """Bits a second as `parse_rate` reads them: 1_500_000 is `1.5mbit`. Raises `ValueError`."""
    if bps <= 0:
        raise ValueError(f"a rate is above 0, not {bps!r}")
    value = Decimal(bps)
    unit = max((unit for unit, size in _RATES.items() if size <= value), key=_RATES.__getitem__)
    return f"{_plain(value / _RATES[unit])}{unit}"


def parse_number(text: str, where: str) -> tuple[float, str]:
    """A number of any size and what it counts: `share`, `ms`, `bps`, or nothing where it is bare.

    In the base unit: a ratio, milliseconds, bits a second. Whole numbers are ints but for ratios
    and times. Raises `BadInput`.
    """
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text), ""
    if text.endswith("%") and _NUMBER.fullmatch(text[:-1]):
        return float(Decimal(text[:-1]).scaleb(-2)), "share"
    found = _QUANTITY.fullmatch(text)
    if found and (unit := found[2].lower()) in _DURATIONS:
        return float(Decimal(found[1]) * _DURATIONS[unit]), "ms"
    if found and unit in _RATES:
        return float(Decimal(found[1]) * _RATES[unit]), "bps"
    allowed = ", ".join(("%", *_DURATIONS, *_RATES))
    raise refusal(where, text, f"is no number with a unit; write for example 20ms ({allowed})")


def _checked(value: float, where: str, high: float) -> float:
    """Refuse what is no number (a bool is none) and what is out of range (NaN is)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal(where, value, f"is no number; allowed 0 to {high:.15g}")
    if not 0 <= value <= high:
        raise refusal(where, value, f"is out of range; allowed 0 to {high:.15g}")
    return abs(float(value))  # abs: -0.0 is plain zero


def _quantity(
    text: str, where: str, units: Mapping[str, Decimal], noun: str, example: str
) -> Decimal:
    """`text` as a number times its unit, exact; upper case is read as tc reads it."""
    found = _QUANTITY.fullmatch(text)
    if found and found[2].lower() in units:
        return Decimal(found[1]) * units[found[2].lower()]
    if _NUMBER.fullmatch(text):
        raise refusal(where, text, f"has no unit; write {example} ({', '.join(units)})")
    raise refusal(where, text, f"is no {noun}; write {example} ({', '.join(units)})")


def _share_example(percent: Decimal) -> str:
    """What was probably meant, as it should be written; `10%` where that cannot be told."""
    text = f"{_plain(percent)}%"
    return text if 0 <= percent <= 100 and len(text) <= len("12.3456%") else "10%"


def _bare_share(number: Decimal) -> str:
    """What a bare number may have meant: `0.1` may be 0.1 % or a ratio of 10 %."""
    readings = (number, number * 100) if 0 < number <= 1 else (number,)
    return " or ".join(dict.fromkeys(_share_example(reading) for reading in readings))


def _exact(number: float) -> Decimal:
    """The shortest decimal that reads back as this float (what `repr` prints)."""
    return Decimal(repr(float(number))) + 0  # + 0: "-0.0" becomes 0


def _plain(number: Decimal) -> str:
    """A decimal without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
