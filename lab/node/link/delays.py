"""netem's delays: a mean and a jitter, spread by a distribution table (netem's tabledist).

The tables are those that iproute2's netem/{normal,pareto,paretonormal}.c print: the inverse of
the distribution function at 4096 points, in units of 1/8192 of the jitter, cut to 16 bits.
"""

import math
import random
from collections.abc import Callable
from functools import cache
from statistics import NormalDist

from lab.node.link.chance import crandom

SCALE = 8192  # NETEM_DIST_SCALE
STEPS = 4096
MAX, MIN = 32767, -32768
DISTRIBUTIONS = ("uniform", "normal", "pareto", "paretonormal")


def _normal(step: int) -> int:
    # iproute2 walks up the distribution in small steps and keeps the last that rounds to this
    # place of 16384, so half a place beyond it.
    value = NormalDist().inv_cdf((4 * step + 0.5) / 16384)
    return round(value * SCALE)


def _pareto(step: int) -> int:
    # Shape 3 (so u^(-1/3)), less its mean 1.5, times 4/3.
    value = math.pow((65536 - 16 * step) / 65536, -1 / 3) - 1.5
    return min(MAX, round(value * 4 / 3 * SCALE))


def _paretonormal(step: int) -> int:
    return int((_normal(step) + 3 * _pareto(step)) / 4)  # C's division: toward zero


@cache
def table(distribution: str) -> list[int]:
    """The table of a distribution other than uniform."""
    value = {"normal": _normal, "pareto": _pareto, "paretonormal": _paretonormal}[distribution]
    return [max(MIN, min(MAX, value(step))) for step in range(STEPS)]


def delays(
    rng: random.Random, delay_ms: float, jitter_ms: float, correlation: float, distribution: str
) -> Callable[[], int]:
    """A source of delays in nanoseconds, one a packet; below zero means at once, as in netem.

    Uniform is [delay − jitter, delay + jitter).
    """
    mean, jitter = round(delay_ms * 1e6), round(jitter_ms * 1e6)
    if jitter == 0:
        return lambda: mean
    draw = crandom(rng, correlation)
    if distribution == "uniform":
        lowest, width = mean - jitter, 2 * jitter
        if width >> 32:  # netem has no jitter over 2.1 s; a 32-bit number would not fill it
            return lambda: lowest + (draw() * width >> 32)
        return lambda: lowest + draw() % width
    spread = [mean + round(jitter * value / SCALE) for value in table(distribution)]
    return lambda: spread[draw() % STEPS]
