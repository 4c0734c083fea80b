from pathlib import Path

import pytest
from scipy import stats

from lab.node.link.chance import generator
from lab.node.link.delays import delays, table

DIST = Path("/usr/lib").glob("**/tc/*.dist")
TABLES = {path.stem: path for path in DIST}
DRAWS = 20_000


def drawn(distribution: str, delay_ms: float = 50, jitter_ms: float = 10) -> list[float]:
    draw = delays(generator("delay"), delay_ms, jitter_ms, 0.0, distribution)
    return [draw() / 1e6 for _ in range(DRAWS)]


@pytest.mark.parametrize("name", ["normal", "pareto", "paretonormal"])
def test_table_is_iproute2s(name: str) -> None:
    if name not in TABLES:
        pytest.skip(f"iproute2 has no {name}.dist on this machine")
    lines = TABLES[name].read_text().splitlines()
    theirs = [int(word) for line in lines if not line.startswith("#") for word in line.split()]
    # Its authors step along the normal distribution by 0.00005, which is 0.4 of a unit here.
    assert max(abs(a - b) for a, b in zip(table(name), theirs, strict=True)) <= 1


def test_uniform_fills_its_range_and_no_more() -> None:
    got = drawn("uniform")
    assert min(got) >= 40 and max(got) < 60
    assert stats.kstest(got, stats.uniform(40, 20).cdf).pvalue > 1e-5


def test_normal_by_quantiles() -> None:
    quantiles = (0.01, 0.1, 0.5, 0.9, 0.99)
    got = [float(stats.scoreatpercentile(drawn("normal"), 100 * q)) for q in quantiles]
    assert got == pytest.approx([float(stats.norm(50, 10).ppf(q)) for q in quantiles], abs=0.6)


def test_pareto_by_quantiles() -> None:
    got = drawn("pareto")
    for q in (0.1, 0.5, 0.9, 0.99):
        wanted = 50 + 10 * min(((1 - q) ** (-1 / 3) - 1.5) * 4 / 3, 32767 / 8192)
        assert float(stats.scoreatpercentile(got, 100 * q)) == pytest.approx(wanted, abs=1.2)
    assert max(got) <= 50 + 10 * 32767 / 8192 + 1e-6


def test_paretonormal_lies_between() -> None:
    # But for the first: normal's own table has that cut to 16 bits.
    normal, pareto, both = (table(name)[1:] for name in ("normal", "pareto", "paretonormal"))
    middle = [a / 4 + b * 3 / 4 for a, b in zip(normal, pareto, strict=True)]
    assert max(abs(a - b) for a, b in zip(both, middle, strict=True)) <= 1


def test_without_jitter_it_is_exact() -> None:
    assert set(drawn("pareto", delay_ms=12.5, jitter_ms=0)) == {12.5}


def test_jitter_beyond_32_bits_still_fills_its_range() -> None:
    got = drawn("uniform", delay_ms=20_000, jitter_ms=10_000)
    assert stats.kstest(got, stats.uniform(10_000, 20_000).cdf).pvalue > 1e-5
