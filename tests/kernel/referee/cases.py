"""What is refereed: each impairment, the probe for it, and how what it found is compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lab.impairment import Impairment
from lab.stats import percentile
from tests.kernel.referee import judge
from tests.kernel.referee.probe import Flight

BOUND_MS = 2.0
"""How far quantiles may be apart beyond chance: what one slow CPU takes on a packet's way.

Where the CPU was busy with other things, three times what nine of ten senders were late."""
RATE_BOUND = 0.03
TC, ALL = ("netem", "userspace"), ("netem", "tc-bpf", "userspace")
Flights = Mapping[str, Flight]


@dataclass(frozen=True)
class Verdict:
    """What was measured on each backend, what it was compared by, and whether that held."""

    figures: Mapping[str, str]
    test: str
    holds: bool


@dataclass(frozen=True)
class Case:
    """An impairment, in the words of the command line, with its probe and its judge."""

    words: str
    judge: Callable[[Flights], Verdict]
    count: int
    interval_ms: float = 0.0
    size: int = 64
    backends: tuple[str, ...] = TC

    def halved(self) -> "Case":
        """With half the packets, where there are many; a burst is one as it is."""
        return self if self.count < 500 else replace(self, count=self.count // 2)

    @property
    def asked(self) -> Impairment:
        return Impairment.parse(self.words)

    @property
    def probe(self) -> str:
        pace = f"{self.interval_ms:g} ms apart" if self.interval_ms else "at once"
        return f"{self.count} of {self.size} B, {pace}"


def _exactly(
    what: str, counted: Callable[[Flight], tuple[int, int]]
) -> Callable[[Flights], Verdict]:
    """Compare a share by Fisher's test; with three backends each with netem."""

    def compare(flights: Flights) -> Verdict:
        found = {name: counted(flight) for name, flight in flights.items()}
        tests = {
            name: judge.fisher(*found["netem"], *each)
            for name, each in found.items()
            if name != "netem"
        }
        return Verdict(
            {
                name: f"{hits} of {of} {what} ({hits / of:.2%})"
                for name, (hits, of) in found.items()
            },
            f"Fisher: p = {_listed(tests.values())}",
            min(tests.values()) > 1 - judge.EACH,
        )

    return compare


def _listed(ps: object) -> str:
    return ", ".join(f"{p:.2g}" for p in ps)  # type: ignore[attr-defined]


def _lost(flight: Flight) -> tuple[int, int]:
    return sum(flight.lost), len(flight.lost)


def _third_lost(flight: Flight) -> tuple[int, int]:
    lost = flight.lost[::3]
    return sum(lost), len(lost)


def _doubled(flight: Flight) -> tuple[int, int]:
    return len(flight.doubled), len(flight.sent_ns)


def _third_doubled(flight: Flight) -> tuple[int, int]:
    numbers = range(0, len(flight.sent_ns), 3)
    return len(flight.doubled.intersection(numbers)), len(numbers)


def _damaged(flight: Flight) -> tuple[int, int]:
    return len(flight.damaged), len(flight.sent_ns)


def _early(flight: Flight) -> list[bool]:
    """By number: whether it came far sooner than delayed ones do."""
    delays = flight.delays_ms().values()
    middle = percentile(list(delays), 90) / 2
    return [delay < middle for delay in delays]


def _early_share(flight: Flight) -> tuple[int, int]:
    early = _early(flight)
    return sum(early), len(early)


def _both(flights: Flights) -> Verdict:
    """Compare how many never arrive, and how many do twice."""
    one, other = _exactly("lost", _lost)(flights), _exactly("doubled", _doubled)(flights)
    return Verdict(
        {name: f"{text}, {other.figures[name]}" for name, text in one.figures.items()},
        f"{one.test}; {other.test}",
        one.holds and other.holds,
    )


def _reordered(gap: int) -> Callable[[Flights], Verdict]:
    """Compare how many overtake, and that of `gap` packets no two do."""
    share = _exactly("overtook", _early_share)

    def compare(flights: Flights) -> Verdict:
        verdict = share(flights)
        closest = {}
        for name, flight in flights.items():
            places = [place for place, early in enumerate(_early(flight)) if early]
            closest[name] = min(b - a for a, b in pairwise(places))
        if gap == 1:
            return verdict
        return Verdict(
            {name: f"{text}, {closest[name]} apart" for name, text in verdict.figures.items()},
            f"{verdict.test}; no two closer than {gap}",
            verdict.holds and min(closest.values()) >= gap,
        )

    return compare


def _bursts(markov: bool) -> Callable[[Flights], Verdict]:
    """Compare the lengths of bursts; where each state shows, the moves between them, too."""

    def compare(flights: Flights) -> Verdict:
        lost = {name: flight.lost for name, flight in flights.items()}
        lengths = {name: judge.runs(each) for name, each in lost.items()}
        tests = {
            "chi-square of burst lengths": judge.same_lengths(
                lengths["netem"], lengths["userspace"]
            )
        }
        if markov:
            for state, name in ((False, "into"), (True, "out of")):
                one, other = (judge.moves(each, state) for each in lost.values())
                tests[f"Fisher of moves {name} bursts"] = judge.fisher(*one, *other)
        return Verdict(
            {
                name: f"{sum(each)} of {len(each)} lost ({sum(each) / len(each):.2%}), "
                f"{len(lengths[name])} bursts of {sum(each) / len(lengths[name]):.2f}"
                for name, each in lost.items()
            },
            "; ".join(f"{name}: p = {p:.2g}" for name, p in tests.items()),
            min(tests.values()) > 1 - judge.EACH,
        )

    return compare


def _delays(
    quantiles: Sequence[int], independent: int = 1, ordered: bool = True
) -> Callable[[Flights], Verdict]:
    """Compare quantiles of the delay, and whether the order is kept.

    independent: so manieth packets do not share what delayed the ones between.
    """

    def compare(flights: Flights) -> Verdict:
        delays = {name: list(flight.delays_ms().values()) for name, flight in flights.items()}
        gaps = {}
        for quantile in quantiles:
            one, other = (
                judge.quantile_interval(each, quantile / 100, independent)
                for each in delays.values()
            )
            gaps[quantile] = judge.apart(one, other)
        late = max(percentile(flight.lateness_ms, 90) for flight in flights.values())
        bound = max(BOUND_MS, 3 * late)
        overtaken = {name: flight.overtaken for name, flight in flights.items()}
        in_order = all((count == 0) == ordered for count in overtaken.values())
        return Verdict(
            {
                name: " / ".join(f"{percentile(each, q):.2f}" for q in quantiles)
                + f" ms, {overtaken[name]} overtaken"
                for name, each in delays.items()
            },
            f"p{' / p'.join(map(str, quantiles))}: beyond chance apart by "
            f"{max(gaps.values()):.2f} ms at most (bound {bound:.3g} ms); "
            f"order {'kept' if ordered else 'not kept'}",
            max(gaps.values()) <= bound and in_order,
        )

    return compare


def _goodput(bps: int) -> Callable[[Flights], Verdict]:
    """Compare the rate at which a burst arrives, with its headers.

    The median over all halves of the burst, so that a CPU that stalls once does not count.
    """

    def compare(flights: Flights) -> Verdict:
        rates = {}
        for name, flight in flights.items():
            times = [at for _, at in flight.arrived]
            half, bits = len(times) // 2, (flight.size + 14 + 20 + 8) * 8
            spans = [late - early for early, late in zip(times, times[half:], strict=False)]
            rates[name] = half * bits / percentile(spans, 50) * 1e9
        error = max(abs(rate / bps - 1) for rate in rates.values())
        return Verdict(
            {name: f"{rate / 1e6:.3f} Mbit/s" for name, rate in rates.items()},
            f"each within {RATE_BOUND:.0%} of what was asked: {error:.2%}",
            error <= RATE_BOUND,
        )

    return compare


def _room(packets: int) -> Callable[[Flights], Verdict]:
    """Compare how many of a burst find room in the queue."""

    def compare(flights: Flights) -> Verdict:
        passed = {name: len(flight.arrived) for name, flight in flights.items()}
        return Verdict(
            {name: f"{count} passed" for name, count in passed.items()},
            f"each exactly {packets}",
            set(passed.values()) == {packets},
        )

    return compare


_MIDDLE, _SPREAD = (5, 50), (5, 25, 50, 75, 90)


def _jitter(distribution: str, independent: int) -> list[Case]:
    """Order kept, then free, where each packet tells of the distribution's shape.

    independent: so manieth packet no longer waits for one before it; of normal and pareto, less
    than 2 % still do.
    """
    shape = "" if distribution == "uniform" else f" distribution {distribution}"
    kept, free = f"delay 40ms jitter 8ms{shape}", f"delay 80ms jitter 20ms{shape} order free"
    return [
        Case(kept, _delays(_SPREAD, independent=independent), 400, interval_ms=4),
        Case(free, _delays(_SPREAD, ordered=False), 700, interval_ms=2),
    ]


CASES = (
    Case("loss 10%", _exactly("lost", _lost), 5000, backends=ALL),
    Case("loss 1%", _exactly("lost", _lost), 5000, backends=ALL),
    # Of neighbours one draw resembles the other; 0.25³ of it is left at the third.
    Case("loss 10% loss-correlation 25%", _exactly("of every third lost", _third_lost), 8000),
    Case("gemodel 5% 25%", _bursts(markov=True), 7000),
    Case("gemodel 5% 25% 70% 1%", _bursts(markov=False), 7000),
    Case("delay 40ms", _delays(_MIDDLE), 300, interval_ms=2),
    *_jitter("uniform", 4),
    *_jitter("normal", 6),
    *_jitter("pareto", 6),
    Case(
        "delay 80ms jitter 20ms delay-correlation 50% order free",
        _delays(_SPREAD, ordered=False), 700, interval_ms=2,
    ),
    Case("delay 20ms reorder 25%", _reordered(1), 1200, interval_ms=1),
    Case("delay 20ms reorder 25% reorder-gap 5", _reordered(5), 1200, interval_ms=1),
    Case("duplicate 10%", _exactly("doubled", _doubled), 4000),
    Case(
        "duplicate 30% duplicate-correlation 25%",
        _exactly("of every third doubled", _third_doubled), 4000,
    ),
    # A packet that is both lost and doubled is one packet; its copy may be lost by itself.
    Case("loss 20% duplicate 20%", _both, 4000),
    Case("corrupt 10%", _exactly("damaged", _damaged), 4000, size=400),
    Case("delay 20ms rate 1mbit", _delays(_MIDDLE), 300, interval_ms=5, size=400),
    Case("rate 5mbit", _goodput(5_000_000), 80, size=1400, backends=ALL),
    Case("rate 200kbit limit 10", _room(10), 30, size=1400),
)  # fmt: skip
