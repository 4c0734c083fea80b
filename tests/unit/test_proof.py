"""The judge of a link: sound links pass, inert and wrong ones do not. Links are simulated here."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from lab import proof
from lab.impairment import Impairment
from lab.proof import Check, Flood, Passage, checks

PACKETS = 2000


def passage(asked: Impairment, seed: int = 1) -> Passage:
    """What a sound link does to so many packets."""
    chance = random.Random(seed)
    bad, waited = False, 0
    lost, delays, copies, dropped = [], [], 0, 0
    for _ in range(PACKETS):
        if model := asked.gemodel:
            drop = chance.random() < (model.loss_in_bad if bad else model.loss_in_good)
            bad = chance.random() >= model.r if bad else chance.random() < model.p
        else:
            drop = chance.random() < asked.loss
        dropped += drop
        broken = chance.random() < asked.corrupt
        lost.append(drop or broken)
        if lost[-1]:
            continue
        copies += chance.random() < asked.duplicate
        if asked.reorder and waited >= asked.reorder_gap - 1 and chance.random() < asked.reorder:
            waited = 0
            delays.append(0.05)
            continue
        waited += 1
        share = chance.uniform(0.0001, 0.9999)
        delays.append(0.1 + proof.quantile_ms(asked, share))
    return Passage(lost, copies, dropped, delays)


def knobs(found: list[Check], held: bool | None) -> set[str]:
    return {check.knob for check in found if check.held is held}


SOUND = [
    "none", "loss 5%", "loss 100%", "gemodel 2% 20%", "gemodel 1% 20% 50% 0.5%", "delay 10ms",
    "delay 10ms jitter 5ms", "delay 10ms jitter 2ms distribution normal",
    "delay 10ms jitter 2ms distribution pareto loss 2%",
    "delay 10ms jitter 2ms distribution paretonormal", "delay 10ms reorder 20%",
    "delay 10ms reorder 40% reorder-gap 5", "duplicate 5%", "corrupt 5%", "corrupt 5% loss 5%",
]  # fmt: skip


@pytest.mark.parametrize("words", SOUND)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sound_link_passes(words: str, seed: int) -> None:
    asked = Impairment.parse(words)
    found = list(checks(asked, passage(asked, seed)))
    assert knobs(found, False) == set(), found
    assert knobs(found, True) or words == "loss 100%"


WRONG: list[tuple[str, Callable[[Impairment], Impairment], str]] = [
    ("loss 5%", lambda _: Impairment(), "loss"),
    ("loss 5%", lambda _: Impairment(loss=0.1), "loss"),
    ("none", lambda _: Impairment(loss=0.01), "loss"),
    ("gemodel 2% 20%", lambda _: Impairment(loss=1 / 11), "gemodel"),  # as many, but alone
    ("gemodel 2% 20%", lambda _: Impairment(), "gemodel"),
    ("delay 10ms", lambda _: Impairment(), "delay"),
    ("delay 10ms", lambda _: Impairment(delay_ms=13), "delay"),
    ("delay 10ms jitter 5ms", lambda each: replace(each, jitter_ms=0), "jitter"),
    ("delay 10ms jitter 5ms", lambda each: replace(each, distribution="normal"), "jitter"),
    ("delay 10ms reorder 20%", lambda _: Impairment(delay_ms=10), "reorder"),
    ("delay 10ms reorder 20% reorder-gap 5", lambda each: replace(each, reorder_gap=1), "reorder"),
    ("duplicate 5%", lambda _: Impairment(), "duplicate"),
    ("none", lambda _: Impairment(duplicate=0.05), "duplicate"),
    ("corrupt 5%", lambda _: Impairment(), "corrupt"),
    ("none", lambda _: Impairment(corrupt=0.05), "corrupt"),
]


@pytest.mark.parametrize(("words", "wrong", "knob"), WRONG)
def test_a_wrong_link_is_found_out(
    words: str, wrong: Callable[[Impairment], Impairment], knob: str
) -> None:
    asked = Impairment.parse(words)
    found = list(checks(asked, passage(wrong(asked))))
    assert knobs(found, False) == {knob}, found


def test_a_correlated_loss_is_what_netem_makes_of_it() -> None:
    """Far less than asked (sch_netem.c, get_crandom): the mean of two draws is seldom small."""
    asked = Impairment.parse("loss 10% loss-correlation 25%")
    as_netem = Passage([number < 36 for number in range(PACKETS)], 0, 36, [0.1] * 1964)
    as_asked = Passage([number < 200 for number in range(PACKETS)], 0, 200, [0.1] * 1800)
    assert knobs(list(checks(asked, as_netem)), False) == set()
    assert knobs(list(checks(asked, as_asked)), False) == {"loss"}


@pytest.mark.parametrize(
    ("offered", "arrived", "held"),
    [(9e6, 5e6, True), (9e6, 5.1e6, True), (9e6, 5.3e6, False), (9e6, 9e6, False),
     (9e6, 4e6, False), (5e6, 5e6, None), (4e6, 3e6, False)],
)  # fmt: skip
def test_a_rate(offered: float, arrived: float, held: bool | None) -> None:
    asked = Impairment(rate_bps=5_000_000)
    found = list(checks(asked, passage(asked), Flood(offered, arrived, 200.0)))
    assert [check.held for check in found if check.knob == "rate"] == [held]


def test_what_can_not_be_told_apart_is_left_open() -> None:
    asked = Impairment.parse("loss 5% duplicate 5%")
    assert knobs(list(checks(asked, passage(asked))), None) == {"duplicate"}
    nothing = Passage([True] * 10, 0, 10, [])
    assert knobs(list(checks(Impairment(loss=1, delay_ms=5), nothing)), None) == {"delay"}
