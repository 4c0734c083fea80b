"""netem's random decisions (Linux, net/sched/sch_netem.c), in its own 32-bit arithmetic.

Every kind of decision has a generator of its own, named by (seed, direction, client, kind), and
draws the same number of times for each packet. So with one seed the same packet numbers are
hit, however fast the packets come and whatever else the link does to them.
"""

import random
from collections.abc import Callable

U32 = 0xFFFFFFFF
Draw = Callable[[], int]
Decision = Callable[[], bool]


def generator(*name: object) -> random.Random:
    """A generator whose sequence depends on its name alone; the same on every Python."""
    return random.Random("/".join(map(str, name)))  # noqa: S311  (no secret, a coin)


def threshold(ratio: float) -> int:
    """A ratio as netem holds it: iproute2's set_percent, rint(ratio × (2^32 − 1))."""
    return round(ratio * U32)


def crandom(rng: random.Random, correlation: float) -> Draw:
    """netem's get_crandom: 32-bit numbers, each the mean of a new one and the last, weighted.

    netem takes them modulo something for delays, which hides most of a correlation there; so
    does this.
    """
    rho = threshold(correlation)
    fresh = rng.getrandbits
    if rho == 0:
        return lambda: fresh(32)
    weight = rho + 1
    rest = (1 << 32) - weight
    last = fresh(32)

    def draw() -> int:
        nonlocal last
        last = (fresh(32) * rest + last * weight) >> 32
        return last

    return draw


def never() -> bool:
    """The decision of a ratio of 0."""
    return False


def decision(rng: random.Random, ratio: float, correlation: float = 0.0) -> Decision:
    """True with this probability: netem's ``q->loss >= get_crandom()``."""
    limit = threshold(ratio)
    if limit == 0:
        return never
    draw = crandom(rng, correlation)
    return lambda: limit >= draw()


def gilbert_elliott(rng: random.Random, p: float, r: float, h1: float, k1: float) -> Decision:
    """netem's loss_gilb_ell, for ``loss gemodel P R 1-H 1-K`` of tc-netem(8), all ratios.

    p: good to bad; r: bad to good; h1 = 1-h: loss in bad; k1 = 1-k: loss in good. Starts in
    good. The chain moves before the loss is drawn, but the loss is that of the state it left.
    """
    to_bad, to_good, loss_in_good = threshold(p), threshold(r), threshold(k1)
    kept_in_bad = U32 - threshold(h1)
    draw = rng.getrandbits
    bad = False

    def lost() -> bool:
        nonlocal bad
        move, fate = draw(32), draw(32)
        if bad:
            bad = move >= to_good
            return fate > kept_in_bad
        bad = move < to_bad
        return fate < loss_in_good

    return lost
