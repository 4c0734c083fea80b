from itertools import groupby

import pytest
from scipy import stats

from lab.node.link.chance import U32, crandom, decision, generator, gilbert_elliott, never

DRAWS = 40_000
ALPHA = 1e-5  # the seeds are fixed, so these don't flake; the level says how sharp they are


def hits(count: int, ratio: float, correlation: float = 0.0, seed: int = 1) -> list[bool]:
    draw = decision(generator(seed, "loss"), ratio, correlation)
    return [draw() for _ in range(count)]


@pytest.mark.parametrize("ratio", [0.001, 0.05, 0.3, 0.9])
def test_ratio_lies_in_its_exact_interval(ratio: float) -> None:
    assert stats.binomtest(sum(hits(DRAWS, ratio)), DRAWS, ratio).pvalue > ALPHA


def test_all_and_nothing_are_exact() -> None:
    assert all(hits(1000, 1.0))
    assert decision(generator(1), 0.0) is never


def test_same_name_same_sequence_and_no_other() -> None:
    assert hits(500, 0.5) == hits(500, 0.5)
    assert hits(500, 0.5) != hits(500, 0.5, seed=2)


def test_the_sequence_is_pinned() -> None:
    # What a seed drops must not change with a version of Python or of ours.
    lost = [n for n, hit in enumerate(hits(100, 0.1, seed=7), 1) if hit]
    assert lost == [6, 23, 28, 34, 40, 42, 52, 57, 59, 66, 68, 84, 94, 96]


def test_crandom_is_netems() -> None:
    draw = crandom(generator("x"), 0.25)
    fresh = generator("x")
    last = fresh.getrandbits(32)
    rho = round(0.25 * U32) + 1
    for _ in range(100):
        # sch_netem.c, get_crandom
        last = (fresh.getrandbits(32) * (2**32 - rho) + last * rho) >> 32
        assert draw() == last


def test_correlated_numbers_are_correlated() -> None:
    draw = crandom(generator("x"), 0.5)
    drawn = [draw() for _ in range(DRAWS)]
    assert stats.pearsonr(drawn[1:], drawn[:-1]).statistic == pytest.approx(0.5, abs=0.03)


def test_gilbert_loses_in_bursts_of_geometric_length() -> None:
    r = 0.25
    lost = gilbert_elliott(generator("ge"), 0.02, r, 1.0, 0.0)
    fates = [lost() for _ in range(DRAWS * 3)]
    bursts = [len(list(group)) for hit, group in groupby(fates) if hit]
    expected = [len(bursts) * r * (1 - r) ** (n - 1) for n in range(1, 13)]
    expected.append(len(bursts) - sum(expected))
    seen = [sum(1 for burst in bursts if burst == n) for n in range(1, 13)]
    seen.append(len(bursts) - sum(seen))
    assert stats.chisquare(seen, expected).pvalue > ALPHA
    assert sum(fates) / len(fates) == pytest.approx(0.02 / (0.02 + r), rel=0.1)


def test_elliott_loses_in_each_state_by_its_own_ratio() -> None:
    p, r, h1, k1 = 0.1, 0.3, 0.6, 0.05
    lost = gilbert_elliott(generator("ge"), p, r, h1, k1)
    share = sum(lost() for _ in range(DRAWS * 3)) / (DRAWS * 3)
    bad = p / (p + r)
    assert share == pytest.approx(bad * h1 + (1 - bad) * k1, rel=0.05)


def test_bad_state_only_begins_with_the_packet_after() -> None:
    # netem moves first, but the packet's own loss is still that of the state it was in.
    lost = gilbert_elliott(generator("ge"), 1.0, 0.0, 1.0, 0.0)
    assert [lost() for _ in range(3)] == [False, True, True]
