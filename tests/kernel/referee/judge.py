"""Whether two samples are of one kind. Pure arithmetic; every test at confidence `EACH`."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby, pairwise
from math import exp, lgamma, log, log1p

EACH = 0.99999
"""Of a single test. So a hundred of them all hold with more than 99.9 %."""


def _log_choose(of: int, take: int) -> float:
    return lgamma(of + 1) - lgamma(take + 1) - lgamma(of - take + 1)


def fisher(hits: int, trials: int, other_hits: int, other_trials: int) -> float:
    """Fisher's exact test that two ratios are one; the two-sided p.

    The sum of all tables with these margins that are no likelier than the one found (R. A.
    Fisher, Statistical Methods for Research Workers, 1934).
    """
    total = hits + other_hits
    everything = _log_choose(trials + other_trials, total)

    def likelihood(mine: int) -> float:
        other = _log_choose(other_trials, total - mine)
        return exp(_log_choose(trials, mine) + other - everything)

    found = likelihood(hits) * (1 + 1e-7)
    possible = range(max(0, total - other_trials), min(trials, total) + 1)
    return min(1.0, sum(p for p in map(likelihood, possible) if p <= found))


def quantile_interval(
    values: Sequence[float], quantile: float, independent: int
) -> tuple[float, float]:
    """Bounds of a quantile (0 to 1) of what the values are drawn from, at confidence `EACH`.

    By order statistics, so of any distribution, exactly. independent: every so manieth value is
    independent of the ones before, which widens the bounds as if there were no others between.
    """
    ordered, trials = sorted(values), len(values) // independent
    tail, below, low, high = (1 - EACH) / 2, 0.0, 0, trials
    for rank in range(trials + 1):
        below += exp(
            _log_choose(trials, rank) + rank * log(quantile) + (trials - rank) * log1p(-quantile)
        )
        if below <= tail:
            low = rank
        if below >= 1 - tail:
            high = rank + 1
            break

    def at(rank: int) -> float:
        place = round(rank * len(ordered) / trials)
        return ordered[min(max(place, 0), len(ordered) - 1)]

    return at(low), at(high)


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """How far two intervals are from each other; 0 where they overlap."""
    return max(one[0] - other[1], other[0] - one[1], 0.0)


def runs(lost: Sequence[bool]) -> list[int]:
    """Lengths of the bursts of losses."""
    return [sum(1 for _ in each) for is_lost, each in groupby(lost) if is_lost]


def moves(lost: Sequence[bool], state: bool) -> tuple[int, int]:
    """Of the packets in a state (lost or not) that another follows: how many change it, and all."""
    pairs = [(now, then) for now, then in pairwise(lost) if now is state]
    return sum(now is not then for now, then in pairs), len(pairs)


def same_lengths(one: Sequence[int], other: Sequence[int], fewest: float = 10) -> float:
    """The chi-square test of homogeneity of two samples of lengths; its p.

    Lengths are put together until `fewest` of each sample can be expected in a class (Cochran's
    rule asks for 5).
    """
    from scipy.special import chdtrc

    both, smaller = sorted([*one, *other]), min(len(one), len(other))
    share = smaller / len(both)
    edges: list[int] = []
    taken = 0
    for length in sorted(set(both)):
        upto = bisect_right(both, length)
        if (upto - taken) * share >= fewest and (len(both) - upto) * share >= fewest:
            edges.append(length)
            taken = upto
    counts = [[0] * (len(edges) + 1) for _ in range(2)]
    for row, lengths in zip(counts, (one, other), strict=True):
        for length in lengths:
            row[sum(length > edge for edge in edges)] += 1
    chi_square = 0.0
    for row, lengths in zip(counts, (one, other), strict=True):
        for place, found in enumerate(row):
            expected = (counts[0][place] + counts[1][place]) * len(lengths) / len(both)
            chi_square += (found - expected) ** 2 / expected
    return float(chdtrc(len(edges), chi_square))
