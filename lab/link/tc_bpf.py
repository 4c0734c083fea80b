"""Loss and rate on kernels without netem: classic BPF drops, a token bucket limits.

    leaf 1001: htb default 1    filter: bpf in direct action, drops by the kernel's random word
     └── class 1001:1
          └── tbf 2001:         the rate; where none is asked, one that cannot be felt

Classic BPF needs CAP_NET_ADMIN only. Sources: tc-bpf(8), tc-tbf(8); SKF_AD_RANDOM in
linux/filter.h; TC_ACT_SHOT and TC_ACT_UNSPEC in linux/pkt_cls.h.
"""

from lab import units
from lab.impairment import Impairment
from lab.link.backend import Backend
from lab.link.lane import Lane
from lab.link.queue import FRAME_BYTES, queue_bytes
from lab.link.tree import UNFELT, Argv, Shown, class_of, leaf_of, minor_of, tc

_WORD = 1 << 32
_BUCKETS = 0x2000
_RANDOM = 4294963256  # SKF_AD_OFF + SKF_AD_RANDOM: load a random 32-bit word
_FILTER = ["protocol", "all", "prio", "1", "handle", "1", "bpf"]
_UNFELT_BPS = units.MAX_RATE_BPS + units.RATE_STEP_BPS
"""Stands for no rate: one that nobody can ask for, and no veth pair reaches."""


def program(loss: float) -> str:
    """Load a random word; up to the threshold return 2 (SHOT), above it -1 (no match).

    The words are uniform over 2**32 values, and threshold + 1 of them drop.
    """
    threshold = round(loss * _WORD) - 1
    return f"4,32 0 0 {_RANDOM},37 1 0 {threshold},6 0 0 2,6 0 0 4294967295"


def _class(lane: Lane) -> str:
    return f"{leaf_of(lane)}1"


def _bucket(lane: Lane) -> str:
    return f"{_BUCKETS + minor_of(lane):x}:"


def _tbf(rate_bps: int | None) -> list[str]:
    rate = rate_bps or _UNFELT_BPS
    # The bucket holds a millisecond of the rate, so that bursts stay short, and at least two
    # frames: with one alone, whatever the kernel's timer is late is lost to the rate.
    burst = max(rate // 8 // 1000, 2 * FRAME_BYTES)
    return ["tbf", "rate", f"{rate}bit", "burst", f"{burst}b", "limit", f"{queue_bytes(rate)}b"]


def install(lane: Lane) -> list[Argv]:
    """The leaf, impairing nothing yet. It stays, since taking it away would drop its queue."""
    leaf = leaf_of(lane)
    return [
        tc("qdisc", "add", "parent", class_of(lane), "handle", leaf, "htb", "default", "1"),
        tc("class", "add", "parent", leaf, "classid", _class(lane), "htb", *UNFELT),
        tc("qdisc", "add", "parent", _class(lane), "handle", _bucket(lane), *_tbf(None)),
        # A filter is there from the start, so that changing it is one atomic step.
        tc("filter", "add", "parent", leaf, *_FILTER, "da", "bytecode", "1,6 0 0 4294967295"),
    ]


def change(lane: Lane, wanted: Impairment) -> list[Argv]:
    """Replace the filter's program and the bucket's rate; packets in the queue stay in it."""
    # No threshold stands for "never": a loss of 0 is a program without the question.
    drop = program(wanted.loss) if round(wanted.loss * _WORD) else "1,6 0 0 4294967295"
    return [
        tc("qdisc", "change", "parent", _class(lane), "handle", _bucket(lane),
           *_tbf(wanted.rate_bps)),
        tc("filter", "replace", "parent", leaf_of(lane), *_FILTER, "da", "bytecode", drop),
    ]  # fmt: skip


def read(lane: Lane, shown: Shown) -> Impairment | None:
    """The impairment in force; None where this lane has no such leaf."""
    bucket = shown.qdiscs.get(_bucket(lane), {})
    programs = [
        each["options"]["bytecode"]["insns"]
        for each in shown.filters.get(leaf_of(lane), ())
        if "bytecode" in each.get("options", {})
    ]
    if bucket.get("kind") != "tbf" or len(programs) != 1:
        return None
    (instructions,) = programs
    rate = int(bucket["options"]["rate"]) * 8
    return Impairment(
        # 2**-32 is finer than 9 decimals, so that 10% comes back as 10%.
        loss=round((instructions[1]["k"] + 1) / _WORD, 9) if len(instructions) > 1 else 0.0,
        rate_bps=rate if rate != _UNFELT_BPS else None,
    )


def drops(lane: Lane, shown: Shown) -> tuple[int, int]:
    """Packets dropped by loss and by a full queue, since the leaf is there.

    The leaf counts what its filter drops and what the bucket below refuses; the bucket its own.
    """
    overflow = int(shown.qdiscs[_bucket(lane)]["drops"])
    return int(shown.qdiscs[leaf_of(lane)]["drops"]) - overflow, overflow


BACKEND = Backend(
    name="tc-bpf",
    needs=("tc-bpf", "tbf"),
    knobs=frozenset({"loss", "rate"}),
    install=install,
    change=change,
    read=read,
    drops=drops,
)
