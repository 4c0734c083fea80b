"""The arithmetic behind a verdict: exact intervals, two-way loss, percentiles. All pure.

Knows numbers only. scipy is imported inside the functions that need it, because its import
takes longer than most commands of `lab` take in all.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, inf, sqrt
from statistics import fmean, stdev


def exact_interval(hits: int, trials: int, confidence: float) -> tuple[float, float]:
    """The Clopper-Pearson interval for the ratio behind `hits` of `trials`: (low, high).

    Two-sided and exact: it covers the true ratio with at least `confidence` (0 < c < 1), at any
    ratio and any size. No trials tell nothing: (0.0, 1.0). Source: C. J. Clopper and
    E. S. Pearson, Biometrika 26 (1934), in its beta-quantile form. Raises `ValueError`.
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"hits lie in 0 to the {trials} trials, not {hits}")
    _check_confidence(confidence)
    from scipy.special import betaincinv  # noqa: PLC0415 - slow to import, rarely needed

    tail = (1 - confidence) / 2
    # At either end the beta distribution degenerates and the bound is the end itself.
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return low, high


def mean_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Student's interval for the mean behind some independent values: (low, high).

    Two-sided; exact for normal values, good for others of one hump. One value has no spread:
    (-inf, inf). Raises `ValueError` for no values and for a confidence out of (0, 1).
    """
    if not values:
        raise ValueError("no values, no mean")
    _check_confidence(confidence)
    if len(values) == 1:
        return -inf, inf
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import, rarely needed

    quantile = float(stdtrit(len(values) - 1, (1 + confidence) / 2))
    half = quantile * stdev(values) / sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


def two_way_loss(toward_server: float, toward_client: float) -> float:
    """The ratio of echoes that do not come back, when each way loses its own ratio.

    1 - (1 - p)(1 - p'), written so that small losses keep their digits. Raises `ValueError`.
    """
    for ratio in (toward_server, toward_client):
        if not 0 <= ratio <= 1:
            raise ValueError(f"a loss ratio lies in 0 to 1, not {ratio!r}")
    return toward_server + toward_client - toward_server * toward_client


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was measured, never one in between.

    The smallest value with at least `percent` (0 to 100) of the values at or below it: rank
    ceil(percent / 100 * n), counted from 1 (0 gives the smallest); see RFC 2330, section 11.3.
    The rank is counted in fractions, since 99.9 / 100 * 1000 is above 999 in floats.
    Raises `ValueError` for no values and for a percent out of range.
    """
    if not values:
        raise ValueError("no values, no percentile")
    if not 0 <= percent <= 100:
        raise ValueError(f"a percentile lies in 0 to 100, not {percent!r}")
    rank = ceil(Fraction(repr(percent)) / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def percentile_interval(
    values: Sequence[float], percent: float, confidence: float
) -> tuple[float, float]:
    """The interval for the percentile behind some independent values: (low, high).

    Two-sided, and exact whatever the distribution: how many of n values lie at or below the
    percentile is binomial, so that two of the values, in order, enclose it with at least
    `confidence`. Where so few values can't tell, an end is infinite. Source: W. J. Conover,
    Practical Nonparametric Statistics (1999), 3.2; H. A. David and H. N. Nagaraja, Order
    Statistics (2003), 7.1. Raises `ValueError`.
    """
    _check_confidence(confidence)
    if not 0 < percent < 100:
        raise ValueError(f"a percentile lies between 0 and 100, not {percent!r}")
    from scipy.special import bdtr, bdtrc  # noqa: PLC0415 - slow to import, rarely needed

    ordered, count, share = sorted(values), len(values), percent / 100
    tail = (1 - confidence) / 2
    # low: the largest rank r with P(B < r) <= tail; high: the smallest with P(B >= r) <= tail.
    low = bisect_right(range(count), tail, key=lambda k: float(bdtr(k, count, share)))
    above = bisect_left(range(count), -tail, key=lambda k: -float(bdtrc(k, count, share)))
    return (
        ordered[low - 1] if low else -inf,
        ordered[above] if above < count else inf,
    )


def run_confidence(confidence: float, tests: int) -> float:
    """The confidence that each of `tests` intervals needs for all of them to hold at `confidence`.

    Bonferroni: the chances of being wrong add up to at most 1 - confidence, dependent or not.
    Raises `ValueError` for fewer than 1 test and for a confidence out of (0, 1).
    """
    _check_confidence(confidence)
    if tests < 1:
        raise ValueError(f"a run has at least 1 test, not {tests}")
    return 1 - (1 - confidence) / tests


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not {confidence!r}")
