"""The knobs of an impairment: the name of each, and the one syntax of its value.

The name is the word on the command line (`--loss-correlation`), in files and in JSON. A further
knob is a field of `Impairment` and a line in `KNOBS`. What goes together and what does not is
`lab.impairment`'s matter.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lab import units
from lab.gemodel import Gemodel
from lab.units import refusal

MAX_CORRELATION = 0.999
"""A correlation of 1 repeats the first draw for ever: all packets or none."""

MAX_JITTER_MS = 2_000.0
"""netem keeps a jitter in 31 bits of nanoseconds and silently cuts what is above 2.147 s."""

MAX_PACKETS = 100_000
"""The longest queue: some 150 MB of full frames."""

MAX_GAP = 1_000_000

DISTRIBUTIONS = ("uniform", "normal", "pareto", "paretonormal")
"""tc-netem(8): of the jitter around the delay. In all but uniform, jitter is the deviation."""

_ORDERS = ("kept", "free")


class Knob(NamedTuple):
    """How one knob is kept and written: `parse(text, where)` raises `BadInput`."""

    field: str
    parse: Callable[[str, str], Any]
    format: Callable[[Any], str]
    help: str


def parse_choice(text: str, where: str, words: tuple[str, ...]) -> str:
    """One of some words. Raises `BadInput`."""
    if text not in words:
        raise refusal(where, text, f"is none of these; allowed {', '.join(words)}")
    return text


def parse_whole(text: str, where: str, low: int, high: int) -> int:
    """A whole number in a range, written in plain digits. Raises `BadInput`."""
    if not (text.isascii() and text.isdigit()):
        raise refusal(where, text, f"is no whole number; allowed {low} to {high}")
    if len(text) > len(str(high)) + 20 or not low <= int(text) <= high:
        raise refusal(where, text, f"is out of range; allowed {low} to {high}")
    return int(text)


def _ratio(text: str, where: str) -> float:
    return units.checked_share(units.parse_share(text, where), where)


def _correlation(text: str, where: str) -> float:
    ratio = _ratio(text, where)
    if ratio > MAX_CORRELATION:
        allowed = f"allowed 0% to {units.format_share(MAX_CORRELATION)}"
        raise refusal(where, text, f"is out of range; {allowed}")
    return ratio


def _delay(text: str, where: str) -> float:
    return units.checked_duration(units.parse_duration(text, where), where)


def _jitter(text: str, where: str) -> float:
    jitter_ms = units.parse_duration(text, where, high_ms=MAX_JITTER_MS)
    return units.checked_duration(jitter_ms, where)


def _distribution(text: str, where: str) -> str:
    return parse_choice(text, where, DISTRIBUTIONS)


def _order_free(text: str, where: str) -> bool:
    return parse_choice(text, where, _ORDERS) == "free"


def _order(free: bool) -> str:
    return _ORDERS[free]


def _gap(text: str, where: str) -> int:
    return parse_whole(text, where, 1, MAX_GAP)


def _limit(text: str, where: str) -> int:
    return parse_whole(text, where, 1, MAX_PACKETS)


def _share(name: str, words: str) -> dict[str, Knob]:
    """A knob that is a share of the packets, and its correlation."""
    return {
        name: Knob(name, _ratio, units.format_share, words),
        f"{name}-correlation": Knob(
            f"{name}_correlation", _correlation, units.format_share,
            f"how much one draw of {name} resembles the one before, as 25%",
        ),
    }  # fmt: skip


# In the order in which they are written; the names are those of tc-netem(8).
KNOBS: Mapping[str, Knob] = {
    **_share("loss", "share of packets lost, each by itself, as 10%"),
    "gemodel": Knob("gemodel", Gemodel.parse, str, "losses in bursts, P [R [1-H [1-K]]]"),
    "delay": Knob("delay_ms", _delay, units.format_duration, "added to each way, as 40ms"),
    "jitter": Knob("jitter_ms", _jitter, units.format_duration, "spread of the delay, as 5ms"),
    "delay-correlation": Knob(
        "delay_correlation", _correlation, units.format_share,
        "how much one delay resembles the one before, as 25%",
    ),
    "distribution": Knob(
        "distribution", _distribution, str, f"of the jitter: {', '.join(DISTRIBUTIONS)}"
    ),
    "order": Knob("order_free", _order_free, _order, "of packets under jitter: kept or free"),
    **_share("reorder", "share of packets that overtake the delay, as 1%"),
    "reorder-gap": Knob("reorder_gap", _gap, str, "only every Nth packet may overtake, as 5"),
    **_share("duplicate", "share of packets sent twice, as 1%"),
    **_share("corrupt", "share of packets with one bit flipped, as 1%"),
    "rate": Knob("rate_bps", units.parse_rate, units.format_rate, "of the link, as 1mbit"),
    "limit": Knob("limit", _limit, str, "packets that may wait in the queue, as 100"),
}  # fmt: skip
