"""netem's words: what they leave in force, by a fake held to what the real netem showed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.gemodel import Gemodel
from lab.impairment import Impairment
from lab.knobs import KNOBS
from lab.link import netem
from lab.link.lane import COMMON, Lane
from lab.link.queue import UNLIMITED_PACKETS
from lab.link.tree import Shown, leaf_of

SERVER, CLIENT = COMMON
WORD = 2**32 - 1
SHOWN = json.loads((Path(__file__).parent / "netem_shown.json").read_text())["shown"]


_LISTS = {
    "limit": 1,
    "delay": 3,
    "distribution": 1,
    "random": 2,
    "gemodel": 4,
    "duplicate": 2,
    "corrupt": 2,
    "reorder": 2,
    "gap": 1,
    "rate": 1,
}
_UNITS = {"bit": 1, "kbit": 1000, "mbit": 10**6, "gbit": 10**9}


class Netem:
    """One netem qdisc, as tc and the kernel make it of the words of a command.

    After tc/q_netem.c of iproute2 6.15 (what is sent) and net/sched/sch_netem.c of Linux 6.1 (what
    a change keeps).
    """

    def __init__(self) -> None:
        self.distribution = ""  # the kernel's own, uniform
        self._kept: dict[str, Any] = {"correlation": (0, 0, 0)}

    def take(self, words: Sequence[str]) -> None:
        """`netem …`, by add or by change."""
        said = dict(_parsed(words))
        kept = self._kept
        delay, loss, copies = (said.get(word, []) for word in ("delay", "random", "duplicate"))
        kept.update({word: said[word] for word in said if word in ("rate", "reorder", "corrupt")})
        # iproute2 sends these three where any correlation but duplicate's is named.
        others = (loss, said.get("reorder", []), said.get("corrupt", []))
        if len(delay) > 2 or any(len(values) > 1 for values in others):
            kept["correlation"] = tuple(
                _share(values[at]) if len(values) > at else 0
                for values, at in ((delay, 2), (loss, 1), (copies, 1))
            )
        if "distribution" in said:
            assert _ns(delay[0]) and _ns(delay[1]), "no distribution without delay and jitter"
            (self.distribution,) = said["distribution"]
        reorder = _share(said["reorder"][0]) if "reorder" in said else 0
        assert not reorder or _ns(delay[0]), "reordering not possible without some delay"
        assert reorder or "gap" not in said, "gap without reorder"
        kept["limit"] = int(said.get("limit", ["1000"])[0])
        kept["gap"] = int(said.get("gap", ["1" if reorder else "0"])[0])
        kept["delay"] = [_ns(each) for each in delay[:2]]
        kept["loss"] = _share(loss[0]) if loss else 0
        kept["gemodel"] = [_share(each) for each in said.get("gemodel", [])]
        kept["duplicate"] = _share(copies[0]) if copies else 0

    def options(self) -> dict[str, Any]:
        """The `options` of `tc -j qdisc show`."""
        kept = self._kept
        delays, losses, copies = kept["correlation"]
        shown: dict[str, Any] = {"limit": kept["limit"]}
        delay, jitter = (kept["delay"] + [0, 0])[:2]
        if delay:
            shown["delay"] = {"delay": _g(delay / 1e9), "jitter": _g(jitter / 1e9)}
            shown["delay"]["correlation"] = _g(delays / WORD)
        if kept["loss"]:
            shown["loss-random"] = {"loss": _g(kept["loss"] / WORD)}
            shown["loss-random"]["correlation"] = _g(losses / WORD)
        if kept["gemodel"]:
            given = kept["gemodel"]
            model = given + [given[0], WORD - given[0], WORD, 0][len(given) :]
            names = ("p", "r", "1-h", "1-k")
            shown["loss-gemodel"] = {
                name: _g(value / WORD) for name, value in zip(names, model, strict=True)
            }
        if kept["duplicate"]:
            shown["duplicate"] = {"duplicate": _g(kept["duplicate"] / WORD)}
            shown["duplicate"]["correlation"] = _g(copies / WORD)
        for word in ("reorder", "corrupt"):
            share, correlation = ([_share(each) for each in kept.get(word, [])] + [0, 0])[:2]
            if share:
                shown[word] = {word: _g(share / WORD), "correlation": _g(correlation / WORD)}
        if rate := _rate(kept.get("rate", ["0bit"])[0]):
            none = dict.fromkeys(("packetoverhead", "cellsize", "celloverhead"), 0)
            shown["rate"] = {"rate": rate, **none}
        return {**shown, "ecn": False, "gap": kept["gap"]}


def _parsed(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    kind, *left = words
    assert kind == "netem"
    while left:
        word = left.pop(0)
        if word == "loss":
            word = left.pop(0) if left[0] in _LISTS else "random"
        values = [left.pop(0)]
        while left and left[0][0].isdigit() and len(values) < _LISTS[word]:
            values.append(left.pop(0))
        yield word, values


def _share(text: str) -> int:
    return round(float(text.removesuffix("%")) / 100 * WORD)


def _ns(text: str) -> int:
    number = float(text.rstrip("mus"))
    return int(number * {"ms": 1e6, "us": 1e3, "s": 1e9}[text.lstrip("0123456789.")])


def _rate(text: str) -> int:
    return int(float(text.rstrip("kmgbit")) * _UNITS[text.lstrip("0123456789.").lower()] / 8)


def _g(number: float) -> float:
    return float(f"{number:g}")


def words(argv: list[str]) -> list[str]:
    return argv[argv.index("netem") :]


def shown(options: Mapping[str, Any], lane: Lane = SERVER, alias: str = "") -> Shown:
    handle = leaf_of(lane)
    leaf = {"kind": "netem", "handle": handle, "options": options, "drops": 7}
    return Shown(qdiscs={handle: leaf}, filters={}, alias=alias)


def applied(*wanted: Impairment) -> Netem:
    """A leaf installed, then changed to each in turn."""
    leaf = Netem()
    commands = netem.install(SERVER)
    for each in wanted:
        commands += netem.change(SERVER, each)
    for argv in commands:
        leaf.take(words(argv))
    return leaf


def read(leaf: Netem, labelled: str) -> Impairment | None:
    return netem.read(SERVER, shown(json.loads(json.dumps(leaf.options())), alias=labelled))


@pytest.mark.parametrize(
    "each", [each for each in SHOWN if each["name"] not in ("state-4", "slot")],
    ids=lambda each: each["name"],
)  # fmt: skip
def test_the_fake_shows_what_the_real_one_showed(each: Mapping[str, Any]) -> None:
    leaf = Netem()
    for command in each["commands"]:
        leaf.take(command.split())
    assert leaf.options() == each["options"]


def test_one_step_in_tc_words() -> None:
    wanted = Impairment(
        delay_ms=40, jitter_ms=5, delay_correlation=0.25, distribution="normal",
        gemodel=Gemodel(0.01, 0.1, 0.7, 0.001), duplicate=0.01, duplicate_correlation=0.5,
        corrupt=0.001, reorder=0.25, reorder_correlation=0.5, reorder_gap=5,
        rate_bps=10_000_000, limit=300,
    )  # fmt: skip
    (argv,) = netem.change(CLIENT, wanted)
    assert " ".join(argv) == (
        "tc qdisc change dev eth0 parent 1:2 handle 1002: netem limit 300 "
        "delay 40.000000ms 5.000000ms 25.0000000000% distribution normal "
        "loss gemodel 1.0000000000% 10.0000000000% 70.0000000000% 0.1000000000% "
        "duplicate 1.0000000000% 50.0000000000% corrupt 0.1000000000% 0.0000000000% "
        "reorder 25.0000000000% 50.0000000000% gap 5 rate 10000000bit"
    )


def test_nothing_in_tc_words() -> None:
    (argv,) = netem.install(SERVER)
    assert " ".join(argv) == (
        f"tc qdisc add dev eth0 parent 1:1 handle 1001: netem limit {UNLIMITED_PACKETS} "
        "delay 0.000000ms 0.000000ms 0.0000000000% loss random 0.0000000000% 0.0000000000% "
        "duplicate 0.0000000000% 0.0000000000% corrupt 0.0000000000% 0.0000000000% "
        "reorder 0.0000000000% 0.0000000000% rate 0bit"
    )


@given(st.from_type(Impairment))
def test_what_was_set_is_read(wanted: Impairment) -> None:
    found = read(applied(wanted), netem.label({SERVER: wanted}))
    assert found is not None
    assert found.close_to(wanted)
    assert read(applied(found), netem.label({SERVER: found})) == found


@given(st.from_type(Impairment), st.from_type(Impairment))
def test_nothing_of_an_earlier_one_stays(before: Impairment, wanted: Impairment) -> None:
    leaf = applied(before, wanted)
    assert leaf.options() == applied(wanted).options()
    assert leaf.distribution == wanted.distribution or not wanted.jitter_ms


@given(st.from_type(Impairment), st.from_type(Impairment))
def test_a_label_is_of_both_directions(server: Impairment, client: Impairment) -> None:
    labelled = netem.label({SERVER: server, CLIENT: client})
    assert len(labelled) <= 255  # IFALIASZ of linux/if.h
    for lane, wanted in ((SERVER, server), (CLIENT, client)):
        found = netem.read(lane, shown(applied(wanted).options(), lane, labelled))
        assert found is not None
        assert (found.distribution, found.limit) == (wanted.distribution, wanted.limit)


JITTER = Impairment(delay_ms=40, jitter_ms=5)


def test_order_is_kept_by_a_rate_that_nobody_can_ask_for() -> None:
    kept = applied(JITTER).options()
    assert kept["rate"]["rate"] == 125_000_000_000
    assert netem.read(SERVER, shown(kept)) == JITTER
    assert "rate" not in applied(replace(JITTER, order_free=True)).options()
    assert applied(replace(JITTER, rate_bps=8000)).options()["rate"]["rate"] == 1000


def test_all_knobs_and_drops() -> None:
    assert netem.BACKEND.knobs == set(KNOBS)
    assert netem.drops(SERVER, shown({})) == (7, 0)
    # Where it is to lose nothing, it was the queue.
    full = applied(Impairment(rate_bps=8000)).options()
    assert netem.drops(SERVER, shown(full)) == (0, 7)
    both = applied(Impairment(rate_bps=8000, loss=0.1)).options()
    assert netem.drops(SERVER, shown(both)) == (7, 0)
