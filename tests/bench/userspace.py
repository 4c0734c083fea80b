"""The link in user space: what it carries, and how well it keeps a delay.

sockperf (C++) sends and reflects, so that the load costs little beside the link itself.
"""

from dataclasses import dataclass

from lab import measure
from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import Lab
from lab.stats import percentile
from tests.bench import pacing
from tests.bench.pacing import Paced

PER_S = 12_500  # round trips: 25 000 packets a second through the link
DELAY_MS, DELAYED_PER_S, DELAYED = 10.0, 2_500, 10_000  # 5 000 packets a second


@dataclass(frozen=True)
class Kept:
    """How much longer than asked packets took, in milliseconds, both directions together."""

    p50_ms: float
    p99_ms: float
    late: int
    dropped: int


def carried(engine: Engine, lab: Lab) -> dict[str, Paced]:
    """The same load by the kernel's backend and through the link in user space: medians."""
    link = Link(engine, lab)

    def through(backend: str) -> Paced:
        link.set({each: Impairment() for each in Direction}, backend)
        return pacing.sockperf_at(engine, lab, PER_S)

    kernel = str(link.laid().backend)
    try:
        return pacing.in_turn(
            {
                f"wan ({kernel})": lambda: through(kernel),
                "wan (userspace)": lambda: through("userspace"),
            }
        )
    finally:
        link.clear()


def kept(engine: Engine, lab: Lab) -> Kept:
    """A delay each way, by the one clock that all containers share."""
    link = Link(engine, lab)
    try:
        link.set({each: Impairment(delay_ms=DELAY_MS) for each in Direction}, "userspace")
        report = measure.udp(
            engine, lab, count=DELAYED, size=pacing.SIZE, interval_ms=1000 / DELAYED_PER_S,
            timeout_ms=500.0, details=True,
        )  # fmt: skip
    finally:
        link.clear()
    there = dict(report["arrivals"])
    errors = []
    for number, sent_ns, back_ns in report["samples"]:
        if number in there:
            errors.append((there[number] - sent_ns) / 1e6 - DELAY_MS)
            if back_ns is not None:
                errors.append((back_ns - there[number]) / 1e6 - DELAY_MS)
    return Kept(
        percentile(errors, 50), percentile(errors, 99), report["late_ticks"], report["lost"]
    )
