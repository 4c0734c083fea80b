"""The arithmetic of a verdict, against scipy's own test and against what it promises."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from lab import stats


@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.999, 0.99999]))
def test_interval_is_scipys_exact_one(trials: int, share: float, confidence: float) -> None:
    hits = round(share * trials)
    low, high = stats.exact_interval(hits, trials, confidence)
    theirs = binomtest(hits, trials).proportion_ci(confidence, method="exact")
    assert low == pytest.approx(theirs.low, abs=1e-9)
    assert high == pytest.approx(theirs.high, abs=1e-9)
    assert 0 <= low <= hits / trials <= high <= 1


def test_interval_at_the_ends() -> None:
    assert stats.exact_interval(0, 0, 0.999) == (0.0, 1.0)
    low, high = stats.exact_interval(0, 2000, 0.999)
    assert low == 0.0
    assert high == pytest.approx(1 - 0.0005 ** (1 / 2000))  # closed form
    low, high = stats.exact_interval(2000, 2000, 0.999)
    assert low == pytest.approx(0.0005 ** (1 / 2000))
    assert high == 1.0


@pytest.mark.parametrize("ratio", [0.0, 0.001, 0.01, 0.0975, 0.51, 0.99, 1.0])
@pytest.mark.parametrize("confidence", [0.95, 0.999])
def test_interval_covers_what_it_promises(ratio: float, confidence: float) -> None:
    # Not sampled but summed: the probability of every outcome whose interval holds the truth.
    trials = 200
    covered = 0.0
    for hits in range(trials + 1):
        low, high = stats.exact_interval(hits, trials, confidence)
        if low <= ratio <= high:
            covered += float(binom.pmf(hits, trials, ratio))
    assert covered >= confidence


@pytest.mark.parametrize(("hits", "trials", "confidence"), [(-1, 5, 0.9), (6, 5, 0.9), (1, 5, 1.0)])
def test_no_interval(hits: int, trials: int, confidence: float) -> None:
    with pytest.raises(ValueError, match=r"hits|confidence"):
        stats.exact_interval(hits, trials, confidence)


def test_two_way_loss() -> None:
    assert stats.two_way_loss(0.05, 0.05) == pytest.approx(0.0975)
    assert stats.two_way_loss(0.3, 0.3) == pytest.approx(0.51)
    assert stats.two_way_loss(0, 0.1) == 0.1
    assert stats.two_way_loss(1, 0.5) == 1
    with pytest.raises(ValueError, match="ratio"):
        stats.two_way_loss(0.1, 1.5)


@pytest.mark.parametrize(
    ("percent", "value"),
    [(0, 1), (0.1, 1), (0.2, 2), (50, 500), (99, 990), (99.9, 999), (100, 1000)],
)
def test_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert stats.percentile(range(1000, 0, -1), percent) == value


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_percentile_was_measured(values: list[float], percent: float) -> None:
    found = stats.percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-9


def test_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        stats.percentile([], 50)
    with pytest.raises(ValueError, match="0 to 100"):
        stats.percentile([1.0], 101)


@pytest.mark.parametrize(
    ("count", "percent", "confidence", "low", "high"),
    [
        # For the median of 10 at 95 %: the 2nd and the 9th, as P(B < 2) = 11 / 1024 = 1.1 % and
        # P(B < 3) = 56 / 1024 = 5.5 % (Conover 1999, 3.2).
        (10, 50, 0.95, 2, 9),
        (6, 50, 0.95, 1, 6),  # 1 / 64 = 1.6 % at either end
        (5, 50, 0.95, 0, 6),  # 1 / 32 = 3.1 %: so few can't tell
        (368, 99, 0.95, 360, 368),  # 0.99^368 = 2.48 %: the first number that has an upper end
        (367, 99, 0.95, 359, 368),
        (1, 50, 0.5, 0, 2),
    ],
)
def test_percentile_interval(
    count: int, percent: float, confidence: float, low: int, high: int
) -> None:
    # The values are their ranks, so that 0 and one more than there are stand for no end.
    found = stats.percentile_interval(range(count, 0, -1), percent, confidence)
    assert found == (low or -math.inf, high if high <= count else math.inf)


@given(st.integers(1, 400), st.sampled_from([50, 90, 95, 99]), st.sampled_from([0.9, 0.99, 0.9999]))
def test_percentile_interval_covers_what_it_promises(
    count: int, percent: float, confidence: float
) -> None:
    # Not sampled but summed: the chance that the percentile lies between the two of that rank.
    low, high = stats.percentile_interval(range(1, count + 1), percent, confidence)
    at_least_low = 0 if low == -math.inf else int(low)
    below_high = count if high == math.inf else int(high) - 1
    ranks = range(at_least_low, below_high + 1)
    covered = sum(float(binom.pmf(rank, count, percent / 100)) for rank in ranks)
    assert covered >= confidence - 1e-12
    # No narrower one is promised: one rank off at either end, and that end misses too often.
    tail = (1 - confidence) / 2
    assert binom.cdf(at_least_low, count, percent / 100) > tail
    assert binom.sf(below_high - 1, count, percent / 100) > tail
    assert low <= stats.percentile(range(1, count + 1), percent) <= high


def test_no_percentile_interval() -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        stats.percentile_interval([1.0], 100, 0.9)
    with pytest.raises(ValueError, match="confidence"):
        stats.percentile_interval([1.0], 50, 1.0)
    assert stats.percentile_interval([], 50, 0.9) == (-math.inf, math.inf)


def test_run_confidence() -> None:
    assert stats.run_confidence(0.999, 1) == pytest.approx(0.999)
    assert stats.run_confidence(0.999, 18) == pytest.approx(1 - 0.001 / 18)
    # Independent tests at that confidence hold together at the run's, and hardly above it.
    assert 0.999 <= stats.run_confidence(0.999, 18) ** 18 < 0.999001
    with pytest.raises(ValueError, match="at least 1"):
        stats.run_confidence(0.999, 0)


def test_the_import_stays_fast() -> None:
    code = "import sys, lab.stats, lab.units, lab.impairment; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_mean_interval_is_students() -> None:
    # From the table of t: 2.776 for 4 degrees of freedom at 95 %.
    low, high = stats.mean_interval([1.0, 2.0, 3.0, 4.0, 5.0], 0.95)
    assert (low, high) == pytest.approx((3 - 2.776 / 2**0.5, 3 + 2.776 / 2**0.5), abs=1e-3)
    assert stats.mean_interval([7.0, 7.0], 0.95) == (7.0, 7.0)


def test_mean_interval_of_next_to_nothing() -> None:
    assert stats.mean_interval([1.0], 0.95) == (float("-inf"), float("inf"))
    with pytest.raises(ValueError, match="no values"):
        stats.mean_interval([], 0.95)
    with pytest.raises(ValueError, match="confidence"):
        stats.mean_interval([1.0, 2.0], 1.0)
