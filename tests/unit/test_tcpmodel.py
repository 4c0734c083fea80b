"""The models of TCP's pace, against figures of their papers and the cases that bound them."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import tcpmodel

losses = st.floats(1e-6, 0.3)
times = st.floats(0.001, 1.0)


def test_mathis_is_the_square_root_law() -> None:
    # Table 1 of the paper: C = 1.22 for every segment acknowledged, 0.87 with delayed ACKs.
    assert tcpmodel.mathis(0.01, 1.0) == pytest.approx(12.2, abs=0.05)
    assert tcpmodel.mathis(0.01, 1.0, b=2) == pytest.approx(8.7, abs=0.05)
    assert tcpmodel.mathis(0.04, 0.05) == pytest.approx(tcpmodel.mathis(0.01, 0.05) / 2)


def test_pftk_worked_by_hand() -> None:
    # b = 2, p = 0.02, RTT 100 ms, T0 1 s: E[W] = 2/3 + sqrt(8 * 0.98 / 0.12 + 4/9) = 8.777.
    window = 2 / 3 + sqrt(65.7778)
    assert tcpmodel.peak_window(0.02, 2) == pytest.approx(window, rel=1e-5)
    # Q = (1 - 0.98^3) (1 + 0.98^3 (1 - 0.98^5.777)) / (1 - 0.98^8.777)
    #   = 0.058808 * 1.103656 / 0.162463
    share = tcpmodel.timeout_share(0.02, window)
    assert share == pytest.approx(0.3995, abs=2e-4)
    # (49 + 8.777 + Q / 0.98) / (0.1 * 9.777 + Q * f(p) / 0.98), f(p) = 1.02083
    assert tcpmodel.pftk(0.02, 0.1, 1.0, 2) == pytest.approx(58.1847 / 1.3938, rel=1e-3)


def test_where_the_window_is_too_small_for_three_duplicates_every_loss_is_a_timeout() -> None:
    assert tcpmodel.timeout_share(0.01, 3.0) == 1.0
    assert tcpmodel.timeout_share(0.01, 2.5) == 1.0
    # And for small p it is about 3 / w (equation 25 of the paper of 1998).
    assert tcpmodel.timeout_share(1e-6, 30) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("b", [1, 2])
def test_pftk_goes_over_into_mathis_where_losses_are_rare(b: int) -> None:
    ratios = [
        tcpmodel.pftk(p, 0.05, 0.25, b) / tcpmodel.mathis(p, 0.05, b) for p in (1e-2, 1e-4, 1e-7)
    ]
    assert ratios == sorted(ratios)
    assert ratios[-1] == pytest.approx(1, abs=0.01)


@given(losses, losses, times, times)
def test_more_loss_is_less_pace(p: float, q: float, rtt: float, more: float) -> None:
    low, high = sorted((p, q))
    for b in (1, 2):
        assert tcpmodel.mathis(low, rtt, b) >= tcpmodel.mathis(high, rtt, b)
        # The share of timeouts is cut off at 1, which leaves a step of less than a hundredth.
        assert tcpmodel.pftk(low, rtt, rtt + more, b) >= 0.99 * tcpmodel.pftk(
            high, rtt, rtt + more, b
        )


@given(losses, times, times, times)
def test_a_longer_way_is_less_pace(p: float, rtt: float, more: float, rto: float) -> None:
    assert tcpmodel.mathis(p, rtt) > tcpmodel.mathis(p, rtt + more)
    assert tcpmodel.pftk(p, rtt, rto) > tcpmodel.pftk(p, rtt + more, rto)
    assert tcpmodel.pftk(p, rtt, rto) > tcpmodel.pftk(p, rtt, rto + more)


@given(losses, times)
def test_timeouts_cost(p: float, rtt: float) -> None:
    none, some = (tcpmodel.pftk(p, rtt, 5 * rtt, timeouts=share) for share in (0.0, 0.5))
    assert some < none
    window = tcpmodel.peak_window(p)
    assert none == pytest.approx(((1 - p) / p + window) / (rtt * (window / 2 + 1)))


@pytest.mark.parametrize(
    ("p", "rtt", "b", "what"),
    [(0.0, 1, 1, "loss"), (1.0, 1, 1, "loss"), (0.1, 0, 1, "round trip"), (0.1, 1, 0, "segment")],
)
def test_what_no_model_knows(p: float, rtt: float, b: int, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        tcpmodel.mathis(p, rtt, b)
    with pytest.raises(ValueError, match=what):
        tcpmodel.pftk(p, rtt, 0.2, b)
    with pytest.raises(ValueError, match="timeout"):
        tcpmodel.pftk(0.1, 0.1, 0)
