"""Whether the packets met what was asked: measured figures against an `Impairment`. Pure.

Every statement is held to `CONFIDENCE`: a sound link fails one check in ten thousand. What is
one trial a packet is judged by its exact binomial interval; what is not (losses in bursts, draws
that resemble each other, every Nth packet) by the interval of so many simulated links, which
follow sch_netem.c. A delay may be `SLACK_MS` longer than asked, as programs wake up late, and
never shorter by more than `EARLY_MS`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any

from lab.impairment import Impairment
from lab.stats import exact_interval
from lab.units import format_duration, format_rate, format_share

CONFIDENCE = 0.9999
SLACK_MS, EARLY_MS = 1.5, 0.05
LINKS = 20_000
"""Simulated, so that the outermost ten-thousandth of them is a handful and not one."""
RATE_SLACK = 0.03
QUANTILES = (0.1, 0.5, 0.9)
OVERTOOK = 0.5
"""Of the least delay under jitter: a packet that took less has overtaken."""


@dataclass(frozen=True)
class Check:
    """One statement. held: None where it can't be decided here, and `found` says why."""

    knob: str
    asked: str
    found: str
    held: bool | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Passage:
    """What became of the numbered datagrams of one direction.

    lost: by packet in the order of their sending, whether it was. copies: packets that came
    beyond the first of their number. dropped: by wan's own count; what else is lost was broken.
    delays_ms: of the first arrivals, in the order of their sending.
    """

    lost: Sequence[bool]
    copies: int
    dropped: int
    delays_ms: Sequence[float]


@dataclass(frozen=True)
class Flood:
    """What came of sending faster than the link's rate: bits a second by the arrivals, and the
    longest delay, in milliseconds. offered_bps: what was sent, Ethernet header included."""

    offered_bps: float
    arrived_bps: float
    longest_ms: float


def checks(asked: Impairment, seen: Passage, flood: Flood | None = None) -> Iterator[Check]:
    """All that can be said of a direction, each knob in turn."""
    yield _loss(asked, seen)
    if asked.corrupt or _vanished(seen):
        yield _corrupt(asked, seen)
    yield from _delays(asked, seen)
    if asked.reorder:
        yield _reorder(asked, seen)
    if asked.duplicate or seen.copies:
        yield _duplicate(asked, seen)
    if asked.rate_bps and flood:
        yield _rate(asked, flood)


def _loss(asked: Impairment, seen: Passage) -> Check:
    trials = len(seen.lost)
    if asked.gemodel:
        words, knob = str(asked.gemodel), "gemodel"
        # Every packet's loss but the last tells whether the next is lost, too.
        bursts = _bursts(seen.lost)
        many, few = _simulated_losses(asked, trials)
        held = many[0] <= seen.dropped <= many[1] and few[0] <= bursts <= few[1]
        found = (
            f"{seen.dropped} of {trials} in {bursts} bursts, simulated "
            f"{many[0]}–{many[1]} in {few[0]}–{few[1]}"
        )
        return Check(knob, words, found, held)
    words = format_share(asked.loss)
    if asked.loss_correlation:
        (low, high), _ = _simulated_losses(asked, trials)
        words += f" correlation {format_share(asked.loss_correlation)}"
        found = f"{seen.dropped} of {trials}, simulated {low}–{high}"
        return Check("loss", words, found, low <= seen.dropped <= high)
    return _binomial("loss", words, asked.loss, seen.dropped, trials)


def _vanished(seen: Passage) -> int:
    return max(sum(seen.lost) - seen.dropped, 0)


def _corrupt(asked: Impairment, seen: Passage) -> Check:
    """A flipped bit costs the datagram, wherever it is: UDP's checksum is over all of it, and
    the IP header has one of its own (RFC 768, RFC 791)."""
    if asked.corrupt_correlation:
        (low, high), _ = _simulated(asked.corrupt, asked.corrupt_correlation, len(seen.lost))
        held = low <= _vanished(seen) <= high
        found = f"{_vanished(seen)} of {len(seen.lost)}, simulated {low}–{high}"
        return Check("corrupt", format_share(asked.corrupt), found, held)
    trials = len(seen.lost) - seen.dropped
    return _binomial("corrupt", format_share(asked.corrupt), asked.corrupt, _vanished(seen), trials)


def _duplicate(asked: Impairment, seen: Passage) -> Check:
    words = format_share(asked.duplicate)
    if asked.loss or asked.gemodel or asked.corrupt:
        return Check("duplicate", words, "not told apart where packets are lost, too", None)
    if asked.duplicate_correlation:
        (low, high), _ = _simulated(asked.duplicate, asked.duplicate_correlation, len(seen.lost))
        found = f"{seen.copies} of {len(seen.lost)}, simulated {low}–{high}"
        return Check("duplicate", words, found, low <= seen.copies <= high)
    return _binomial("duplicate", words, asked.duplicate, seen.copies, len(seen.lost))


def _binomial(knob: str, words: str, ratio: float, hits: int, trials: int) -> Check:
    low, high = exact_interval(hits, trials, CONFIDENCE)
    share = f"{hits / trials:.2%}" if trials else "nothing"
    found = f"{hits} of {trials}: {share}, {low:.2%}–{high:.2%}"
    return Check(knob, words, found, low <= ratio <= high)


def _delays(asked: Impairment, seen: Passage) -> Iterator[Check]:
    in_line = [
        delay for delay in seen.delays_ms if not asked.reorder or not _overtook(asked, delay)
    ]
    if not in_line:
        yield Check("delay", format_duration(asked.delay_ms), "no packet came", None)
        return
    in_line.sort()
    if asked.jitter_ms:
        yield from _quantiles(asked, in_line)
        return
    soonest, median = in_line[0], in_line[len(in_line) // 2]
    # What a rate adds to each packet by itself is known: its own transmission.
    held = soonest >= asked.delay_ms - EARLY_MS and median <= asked.delay_ms + _slack(asked)
    found = f"{soonest:.3f} ms at least, {median:.3f} ms in the middle"
    yield Check("delay", format_duration(asked.delay_ms), found, held)


def _slack(asked: Impairment) -> float:
    return SLACK_MS + (PROBE_BITS / asked.rate_bps * 1000 if asked.rate_bps else 0)


PROBE_BITS = (64 + 28 + 14) * 8
"""A probe's datagram on the wire, as a rate counts it."""


def _quantiles(asked: Impairment, delays: Sequence[float]) -> Iterator[Check]:
    """So many delays lie below the asked quantile, moved by what the lab adds, and above it."""
    for share in QUANTILES:
        wanted = quantile_ms(asked, share)
        # More than this share may not be sooner, nor fewer than it sooner by the slack.
        before = sum(delay < wanted - EARLY_MS for delay in delays)
        within = sum(delay < wanted + _slack(asked) for delay in delays)
        sooner, _ = exact_interval(before, len(delays), CONFIDENCE)
        _, later = exact_interval(within, len(delays), CONFIDENCE)
        found = delays[min(int(share * len(delays)), len(delays) - 1)]
        yield Check(
            "jitter",
            f"{asked.distribution} {format_duration(asked.jitter_ms)}, {share:.0%} within "
            f"{wanted:.3f} ms",
            f"{found:.3f} ms",
            sooner <= share <= later,
        )


def quantile_ms(asked: Impairment, share: float) -> float:
    """The delay that this share of the packets is to have at most, in milliseconds.

    iproute2's tables, as tc-netem(8) takes them: in all but uniform, jitter is the deviation.
    """
    pareto = ((1 - share) ** (-1 / 3) - 1.5) * 4 / 3
    normal = NormalDist().inv_cdf(share)
    unit: float = {
        "uniform": 2 * share - 1,
        "normal": normal,
        "pareto": min(pareto, 4.0),
        "paretonormal": (normal + 3 * min(pareto, 4.0)) / 4,
    }[asked.distribution]
    return asked.delay_ms + float(unit) * asked.jitter_ms


def _overtook(asked: Impairment, delay_ms: float) -> bool:
    if not asked.jitter_ms:
        return delay_ms < asked.delay_ms - EARLY_MS
    return delay_ms < OVERTOOK * (asked.delay_ms - asked.jitter_ms)


def _reorder(asked: Impairment, seen: Passage) -> Check:
    words = format_share(asked.reorder)
    trials = len(seen.delays_ms)
    hits = sum(_overtook(asked, delay) for delay in seen.delays_ms)
    if asked.jitter_ms >= asked.delay_ms * OVERTOOK:
        return Check("reorder", words, "not told apart from so much jitter", None)
    if asked.reorder_gap <= 1 and not asked.reorder_correlation:
        return _binomial("reorder", words, asked.reorder, hits, trials)
    words += f", gap {asked.reorder_gap}"
    low, high = _simulated_reorder(asked, trials)
    return Check(
        "reorder", words, f"{hits} of {trials}, simulated {low}–{high}", low <= hits <= high
    )


def _rate(asked: Impairment, flood: Flood) -> Check:
    rate = asked.rate_bps or 0
    words = format_rate(rate)
    if flood.offered_bps < 1.2 * rate and flood.arrived_bps > flood.offered_bps * (1 - RATE_SLACK):
        # By the probe, or by the other direction, whose packets these are the echoes of.
        reached = f"{flood.offered_bps / 1e6:.4g} Mbit/s"
        return Check("rate", words, f"no more than {reached} could be sent into it", None)
    found = f"{flood.arrived_bps / 1e6:.4g} Mbit/s, waiting at most {flood.longest_ms:.0f} ms"
    return Check("rate", words, found, abs(flood.arrived_bps / rate - 1) <= RATE_SLACK)


def _bursts(lost: Sequence[bool]) -> int:
    return sum(now and not before for before, now in zip([False, *lost], lost, strict=False))


def _middle(counts: Any) -> tuple[int, int]:
    """The interval that holds `CONFIDENCE` of the simulated counts, both ends in it."""
    import numpy as np  # noqa: PLC0415 - slow to import, rarely needed

    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(counts, [tail, 1 - tail], method="closest_observation")
    return int(low), int(high)


Interval = tuple[int, int]


def _simulated_losses(asked: Impairment, trials: int) -> tuple[Interval, Interval]:
    if asked.gemodel is None:
        return _simulated(asked.loss, asked.loss_correlation, trials)
    model = asked.gemodel
    return _simulated_chain((model.p, model.r, model.loss_in_bad, model.loss_in_good), trials)


@cache
def _simulated(ratio: float, correlation: float, trials: int) -> tuple[Interval, Interval]:
    """How many of so many packets are hit, and in how many bursts, as netem's get_crandom has it:
    each number is the mean of a new one and the one before, weighted."""
    import numpy as np  # noqa: PLC0415 - as above

    rng = np.random.default_rng(1)
    last = rng.random(LINKS)
    hits, bursts, before = _counters()
    for _ in range(trials):
        last = rng.random(LINKS) * (1 - correlation) + last * correlation
        now = last <= ratio
        hits += now
        bursts += now & ~before
        before = now
    return _middle(hits), _middle(bursts)


@cache
def _simulated_chain(
    model: tuple[float, float, float, float], trials: int
) -> tuple[Interval, Interval]:
    """The same of the Gilbert-Elliott chain. It may be anywhere when the probe begins."""
    import numpy as np  # noqa: PLC0415 - as above

    p, r, in_bad, in_good = model
    rng = np.random.default_rng(1)
    bad = rng.random(LINKS) < (p / (p + r) if p + r else 0)
    hits, bursts, before = _counters()
    for _ in range(trials):
        now = rng.random(LINKS) < np.where(bad, in_bad, in_good)
        move = rng.random(LINKS)
        bad = np.where(bad, move >= r, move < p)
        hits += now
        bursts += now & ~before
        before = now
    return _middle(hits), _middle(bursts)


def _simulated_reorder(asked: Impairment, trials: int) -> Interval:
    return _simulated_gaps(asked.reorder, asked.reorder_correlation, asked.reorder_gap, trials)


@cache
def _simulated_gaps(share: float, correlation: float, gap: int, trials: int) -> Interval:
    """How many packets overtake where of every `gap` one at most may: sch_netem.c, reorder."""
    import numpy as np  # noqa: PLC0415 - as above

    rng = np.random.default_rng(1)
    last = rng.random(LINKS)
    counter = rng.integers(0, gap, LINKS)
    hits, _, _ = _counters()
    for _ in range(trials):
        may = counter >= gap - 1
        # A number is drawn only where a packet may overtake.
        last = np.where(may, rng.random(LINKS) * (1 - correlation) + last * correlation, last)
        now = may & (last <= share)
        counter = np.where(now, 0, counter + 1)
        hits += now
    return _middle(hits)


def _counters() -> tuple[Any, Any, Any]:
    import numpy as np  # noqa: PLC0415 - as above

    return np.zeros(LINKS, int), np.zeros(LINKS, int), np.zeros(LINKS, bool)
