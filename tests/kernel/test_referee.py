"""Every backend does what real netem does; the trap of super-packets springs. See `referee`."""

from collections.abc import Iterator

import pytest

from tests.kernel.referee import gso
from tests.kernel.referee.cases import CASES, Case
from tests.kernel.referee.run import Row, referee
from tests.link.net import Net, network


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with network() as built:
        yield built


@pytest.fixture(scope="module")
def rows(net: Net) -> dict[str, Row]:
    """All measured together: a backend is set up once, and then does its part of every case.

    With half the packets of docs/referee.md, since time is short here.
    """
    return {row.case.words: row for row in referee(net, [case.halved() for case in CASES])}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words.replace(" ", "-"))
@pytest.mark.timeout(150)
def test_every_backend_does_what_netem_does(case: Case, rows: dict[str, Row]) -> None:
    verdict = rows[case.words].verdict
    assert verdict.figures.keys() == set(case.backends)
    assert verdict.holds, verdict


def test_a_correlation_makes_a_loss_far_smaller(rows: dict[str, Row]) -> None:
    """Of 10 % with 25 % less than 3 % is left, on both."""
    row = rows["loss 10% loss-correlation 25%"]
    shares = [float(text.rpartition("(")[2].rstrip("%)")) for text in row.verdict.figures.values()]
    assert len(shares) == 2
    assert all(0 < share < 3 for share in shares), shares


def test_super_packets_make_drops_far_fewer_than_segments_lost(net: Net) -> None:
    found = gso.trap(net)
    assert gso.springs(found), found
