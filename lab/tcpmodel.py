"""How fast TCP's congestion avoidance is, by two models that are known to every textbook. Pure.

Mathis: M. Mathis, J. Semke, J. Mahdavi, T. Ott, "The macroscopic behavior of the TCP congestion
avoidance algorithm", ACM CCR 27(3), 1997. PFTK: J. Padhye, V. Firoiu, D. Towsley, J. Kurose,
"Modeling TCP throughput: a simple model and its empirical validation", SIGCOMM 1998, and
"Modeling TCP Reno performance", IEEE/ACM ToN 8(2), 2000.

Both are of segments a second. p: the loss ratio, 0 < p < 1. rtt_s: the round trip. b: how many
acknowledged segments count as one when the window opens: 2 where a receiver that delays its ACKs
meets a sender that counts ACKs, 1 where each segment counts.
"""

from math import sqrt

MATHIS_C = sqrt(3 / 2)
"""For losses that come at even distances, b = 1 (the paper's table of C: 1.22; drawn at random:
1.31)."""


def mathis(p: float, rtt_s: float, b: int = 1) -> float:
    """Segments a second by the square root law: C / sqrt(b) / (RTT sqrt(p)). No timeouts in it."""
    _check(p, rtt_s, b)
    return MATHIS_C / (rtt_s * sqrt(b * p))


def pftk(
    p: float, rtt_s: float, rto_s: float, b: int = 1, *, timeouts: float | None = None
) -> float:
    """Segments sent a second by PFTK's full model, B(p) with timeouts, no bound on the window.

    rto_s: the retransmission timeout before it is doubled, T0. timeouts: the share of losses that
    end in one (None: `timeout_share`). A segment that is sent twice counts twice, so that what
    arrives is (1 - p) of it.
    """
    _check(p, rtt_s, b)
    if rto_s <= 0:
        raise ValueError(f"a timeout is longer than nothing, not {rto_s!r} s")
    window = peak_window(p, b)
    if timeouts is None:
        timeouts = timeout_share(p, window)
    backoff = 1 + p + 2 * p**2 + 4 * p**3 + 8 * p**4 + 16 * p**5 + 32 * p**6  # f(p)
    segments = (1 - p) / p + window + timeouts / (1 - p)
    duration_s = rtt_s * (b / 2 * window + 1) + timeouts * rto_s * backoff / (1 - p)
    return segments / duration_s


def peak_window(p: float, b: int = 1) -> float:
    """The window that a loss meets, in segments: E[W] of PFTK; its mean over time is 3/4 of it."""
    part = (2 + b) / (3 * b)
    return part + sqrt(8 * (1 - p) / (3 * b * p) + part * part)


def timeout_share(p: float, window: float) -> float:
    """The share of losses that end in a timeout, too few duplicate ACKs coming: Q(w) of PFTK."""
    if window <= 3:
        return 1.0
    kept = 1 - p
    three = 1 - kept**3
    share: float = three * (1 + kept**3 * (1 - kept ** (window - 3))) / (1 - kept**window)
    return min(1.0, share)


def _check(p: float, rtt_s: float, b: int) -> None:
    if not 0 < p < 1:
        raise ValueError(f"a loss ratio lies between 0 and 1 here, not {p!r}")
    if rtt_s <= 0:
        raise ValueError(f"a round trip takes longer than nothing, not {rtt_s!r} s")
    if b < 1:
        raise ValueError(f"at least 1 segment an ACK, not {b}")
