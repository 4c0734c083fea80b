"""The referee's statistics: against scipy, and that each finds what it is there to find."""

import random

import numpy
import pytest
from scipy.stats import binom, fisher_exact

from lab.node.link.chance import gilbert_elliott
from lab.node.link.delays import delays
from tests.kernel.referee import judge
from tests.kernel.referee.cases import BOUND_MS


@pytest.mark.parametrize("table", [(5, 50, 9, 40), (0, 30, 7, 30), (480, 5000, 520, 5000)])
def test_fisher_is_what_scipy_has(table: tuple[int, int, int, int]) -> None:
    hits, trials, other, other_trials = table
    known = fisher_exact(numpy.array([[hits, trials - hits], [other, other_trials - other]]))
    assert judge.fisher(*table) == pytest.approx(known[1], rel=1e-6)


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("independent", [1, 4])
def test_a_quantile_lies_between_the_ranks_of_the_binomial(
    quantile: float, independent: int
) -> None:
    values = [float(each) for each in range(2000)]
    low, high = judge.quantile_interval(values, quantile, independent)
    trials = 2000 // independent
    tail = (1 - judge.EACH) / 2
    first, last = (binom.ppf(p, trials, quantile) * independent for p in (tail, 1 - tail))
    assert low == pytest.approx(first, abs=2 * independent)
    assert high == pytest.approx(last, abs=2 * independent)


def drawn(distribution: str, seed: int) -> list[float]:
    source = delays(random.Random(seed), 80, 20, 0, distribution)
    return [source() / 1e6 for _ in range(350)]


def gaps(one: list[float], other: list[float]) -> list[float]:
    return [
        judge.apart(judge.quantile_interval(one, q, 1), judge.quantile_interval(other, q, 1))
        for q in (0.05, 0.25, 0.5, 0.75, 0.9)  # as in cases.py
    ]


def test_quantiles_tell_distributions_apart_and_nothing_else() -> None:
    assert max(gaps(drawn("uniform", 1), drawn("uniform", 2))) == 0
    assert max(gaps(drawn("uniform", 1), [each + 12 for each in drawn("uniform", 2)])) > BOUND_MS
    assert max(gaps(drawn("uniform", 1), drawn("normal", 2))) > BOUND_MS
    assert max(gaps(drawn("pareto", 1), drawn("normal", 2))) > BOUND_MS


def test_bursts_tell_models_apart_and_nothing_else() -> None:
    def lost(p: float, r: float, seed: int) -> list[bool]:
        decide = gilbert_elliott(random.Random(seed), p, r, 1, 0)
        return [decide() for _ in range(3500)]

    one, same, shorter = lost(0.05, 0.25, 1), lost(0.05, 0.25, 2), lost(0.05, 0.5, 3)
    assert judge.same_lengths(judge.runs(one), judge.runs(same)) > 1e-3
    assert judge.same_lengths(judge.runs(one), judge.runs(shorter)) < 1e-5
    moves = judge.fisher(*judge.moves(one, True), *judge.moves(shorter, True))
    assert moves < 1e-5 < judge.fisher(*judge.moves(one, True), *judge.moves(same, True))


def test_runs_and_moves() -> None:
    lost = [False, True, True, False, True]
    assert judge.runs(lost) == [2, 1]
    assert judge.moves(lost, True) == (1, 2)
    assert judge.moves(lost, False) == (2, 2)
