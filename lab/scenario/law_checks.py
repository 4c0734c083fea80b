"""What a run of the TCP law expects of each point, and whether that held. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab import wording
from lab.scenario.checks import Check

FACTOR_PFTK = 2.0
"""A point lies within this factor of PFTK, up or down: what RFC 5348 (section 1) calls reasonably
fair to TCP, whose formula is PFTK's. Measured on Linux 6.18 (userspace, three runs) and 6.1 (netem,
one): 1.1 times PFTK where losses are rare and 1.5 times at 5 %, since SACK, limited transmit and
RACK-TLP (RFC 8985) repair what took a Reno of 1998 a timeout: 9 200 losses made 14 timeouts."""

FACTOR_SEEN = 1.5
"""With the timeouts that happened in place of those that PFTK expects, what is left of the
deviation is 0.97 to 1.10: losses are drawn one by one here (1.07, by the constants of Mathis),
where PFTK loses the rest of a round with the first. The room is for chance, at 0.1 % some 8 % (one
standard deviation, of 80 losses and 6 flows)."""

FACTOR_MATHIS = 1.5
"""No point lies above the square root law by more (measured: 0.90 to 1.09), for the same reasons.
Below it there is no bound: it knows no timeouts, and is to be too high where there are some."""

MAX_LIMITED = 0.05
"""Of the time in which data are on the way a buffer may set the pace in so much."""

LOSS, FREE, PFTK, SEEN, MATHIS = "Loss", "Free flow", "PFTK", "PFTK, seen", "Mathis"
NAMES = (LOSS, FREE, PFTK, SEEN, MATHIS)


def checks(point: Mapping[str, Any]) -> dict[str, Check]:
    """The expectations of a point, by name."""
    return {check.name: check for check in _checks(point)}


def _checks(point: Mapping[str, Any]) -> Iterator[Check]:
    low, high = point["loss_bounds"]
    yield Check(
        LOSS,
        low <= point["loss"] <= high,
        f"{wording.digits(100 * point['measured_loss'])}{wording.SPACE}% lost",
    )
    over, limited = point["overflowed"], point["limited"]
    figures = [f"{wording.count(over)} dropped by a full queue"] if over else []
    if limited is not None:
        figures.append(f"{wording.percent(limited)} held back by a buffer")
    held = not over and (limited is None or limited <= MAX_LIMITED)
    yield Check(FREE, held, ", ".join(figures) or "no queue was full")
    yield Check(PFTK, _within(point["ratio_pftk"], FACTOR_PFTK), _times(point["ratio_pftk"]))
    if (ratio := point["ratio_pftk_seen"]) is not None:
        yield Check(SEEN, _within(ratio, FACTOR_SEEN), _times(ratio))
    ratio = point["ratio_mathis"]
    yield Check(MATHIS, ratio is not None and ratio <= FACTOR_MATHIS, _times(ratio))


def _within(ratio: float | None, factor: float) -> bool:
    return ratio is not None and 1 / factor <= ratio <= factor


def _times(ratio: float | None) -> str:
    return "no loss, no model" if ratio is None else f"{ratio:.2f} of it"


def broken(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where a run failed, a line for each expectation that did not hold."""
    return [
        f"{wording.exact_percent(point['loss'])} loss: {check.name}: {check.figures}"
        for point in points
        for check in checks(point).values()
        if not check.held
    ]
