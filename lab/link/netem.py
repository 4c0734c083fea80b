"""The kernel's own network emulator, tc-netem(8): every knob, where the kernel has it."""

from lab.impairment import Direction, Impairment
from lab.link.backend import Backend
from lab.link.queue import queue_packets
from lab.link.tree import Argv, Shown, class_of, leaf_of, tc


def install(direction: Direction) -> list[Argv]:
    """A netem that impairs nothing yet. It stays, since taking it away would drop its queue."""
    return [
        tc("qdisc", "add", "parent", class_of(direction), "handle", leaf_of(direction),
           *_words(Impairment()))
    ]  # fmt: skip


def change(direction: Direction, wanted: Impairment) -> list[Argv]:
    """Set all knobs in one step; packets in the queue stay in it."""
    return [
        tc("qdisc", "change", "parent", class_of(direction), "handle", leaf_of(direction),
           *_words(wanted))
    ]  # fmt: skip


def _words(wanted: Impairment) -> list[str]:
    # The kernel keeps an old rate where none is named, so 0 (no rate) is said aloud.
    return [
        "netem",
        "limit", str(queue_packets(wanted.rate_bps, wanted.delay_ms)),
        "delay", f"{wanted.delay_ms:.6f}ms",
        "loss", "random", f"{wanted.loss * 100:.10f}%",
        "rate", f"{wanted.rate_bps or 0}bit",
    ]  # fmt: skip


def read(direction: Direction, shown: Shown) -> Impairment | None:
    """The impairment in force; None where this direction has no netem."""
    leaf = shown.qdiscs.get(leaf_of(direction), {})
    if leaf.get("kind") != "netem":
        return None
    options = leaf["options"]
    rate = options.get("rate", {}).get("rate", 0)
    return Impairment(
        # tc prints ratios and seconds with six digits.
        loss=round(options.get("loss-random", {}).get("loss", 0.0), 9),
        delay_ms=round(options.get("delay", {}).get("delay", 0.0) * 1000, 6),
        rate_bps=int(rate) * 8 if rate else None,
    )


def drops(direction: Direction, shown: Shown) -> tuple[int, int]:
    """Packets dropped by loss and by a full queue, since the leaf is there.

    netem counts both as one, so a queue that overflows shows as loss; it is sized not to.
    """
    return int(shown.qdiscs[leaf_of(direction)]["drops"]), 0


BACKEND = Backend(
    name="netem",
    needs=("netem",),
    knobs=frozenset({"loss", "delay", "rate"}),
    install=install,
    change=change,
    read=read,
    drops=drops,
)
