"""What tc shows of netem, read back: by what the real one showed, and by our label."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.compose import ROOT
from lab.impairment import Impairment
from lab.link import netem
from lab.link.lane import COMMON
from lab.link.queue import UNLIMITED_PACKETS, queue_packets
from lab.link.tree import Shown

SERVER, CLIENT = COMMON
SHOWN = json.loads((Path(__file__).parent / "netem_shown.json").read_text())["shown"]
BY_NAME = {each["name"]: each for each in SHOWN}


def shown(options: Mapping[str, Any], alias: str = "") -> Shown:
    leaf = {"kind": "netem", "options": options, "drops": 7}
    return Shown(qdiscs={"1001:": leaf}, filters={}, alias=alias)


JITTER = Impairment(delay_ms=40, jitter_ms=5)


@pytest.mark.parametrize(
    ("server", "client", "text"),
    [
        (Impairment(loss=0.1), Impairment(), ""),
        (JITTER, JITTER, ""),
        (replace(JITTER, distribution="normal"), JITTER, "netlab 1=normal"),
        (
            replace(JITTER, distribution="normal"),
            replace(JITTER, distribution="pareto", limit=9),
            "netlab 1=normal 2=pareto,limit",
        ),
        (Impairment(rate_bps=8000, limit=9), Impairment(), "netlab 1=uniform,limit"),
    ],
)
def test_label(server: Impairment, client: Impairment, text: str) -> None:
    assert netem.label({SERVER: server, CLIENT: client}) == text


@pytest.mark.parametrize(
    ("labelled", "distribution", "limit"),
    [
        ("", "uniform", None),
        ("netlab", "uniform", None),
        ("uplink 1=normal", "uniform", None),
        ("netlab 2=normal", "uniform", None),
        ("netlab 1=normal,limit", "normal", 5000),
    ],
)
def test_a_label_of_any_kind(labelled: str, distribution: str, limit: int | None) -> None:
    found = netem.read(SERVER, shown(BY_NAME["change-normal-to-nodist"]["options"], labelled))
    assert found is not None
    assert found.distribution == distribution
    assert found.limit == (limit and 1000)


def test_an_old_label_does_no_harm() -> None:
    found = netem.read(SERVER, shown(BY_NAME["loss"]["options"], "netlab 1=normal,limit"))
    assert found == Impairment(loss=0.1)


# What the real netem showed, and what it means. Words of others are among it.
MEANINGS = [
    ("none", "none"),
    ("loss-exact", "loss 12.3457%"),
    ("loss-tiny", "loss 0.0001%"),
    ("loss-correlation", "loss 10% loss-correlation 25%"),
    ("gemodel-1", "gemodel 1%"),
    ("gemodel-4", "gemodel 1% 10% 70% 0.1%"),
    ("delay-exact", "delay 12.3457ms"),
    ("delay-hour", "delay 3600s"),
    ("jitter", "delay 40ms jitter 5ms order free"),
    ("reorder", "delay 10ms reorder 25%"),
    ("reorder-gap", "delay 10ms reorder 25% reorder-correlation 50% reorder-gap 5"),
    ("corrupt-correlation", "corrupt 0.1% corrupt-correlation 25%"),
    ("rate-64kbit", "rate 64kbit"),
    ("rate-100gbit", "rate 100gbit"),
    ("change-all-0", "none"),
    (
        "all",
        "gemodel 1% 10% 70% 0.1% delay 40ms jitter 5ms delay-correlation 25% reorder 25% "
        "reorder-correlation 50% reorder-gap 5 duplicate 1% corrupt 0.1% rate 10mbit",
    ),
]


@pytest.mark.parametrize(("name", "text"), MEANINGS)
def test_what_the_real_one_showed_is_read(name: str, text: str) -> None:
    assert str(netem.read(SERVER, shown(BY_NAME[name]["options"]))) == text


@pytest.mark.parametrize("name", ["state-4", "slot", "delay-ns", "rate-8bit"])
def test_what_we_never_set_is_not_ours(name: str) -> None:
    assert netem.read(SERVER, shown(BY_NAME[name]["options"])) is None


def test_another_leaf_is_not_ours() -> None:
    assert netem.read(CLIENT, shown({"limit": 1000})) is None
    other = Shown(qdiscs={"1001:": {"kind": "tbf", "options": {}}}, filters={})
    assert netem.read(SERVER, other) is None


@given(
    st.integers(1000, 12_500_000_000).map(lambda octets: 8 * octets),
    st.floats(0, 3_600_000),
    st.floats(0, 2000),
)
def test_the_queue_holds_what_the_rate_lets_in(rate: int, delay_ms: float, jitter: float) -> None:
    limit = queue_packets(rate, delay_ms, jitter)
    needed = rate / 8 * (delay_ms + 4 * jitter) / 1000 / 64
    assert limit == UNLIMITED_PACKETS or limit >= needed
    assert queue_packets(rate, delay_ms) <= limit <= UNLIMITED_PACKETS


def test_the_table_of_the_image_is_uniform() -> None:
    lines = (ROOT / "images/node/uniform.dist").read_text().splitlines()
    table = [int(word) for line in lines if not line.startswith("#") for word in line.split()]
    assert len(table) == 4096
    assert sum(table) == 0
    assert {later - earlier for earlier, later in pairwise(table)} == {4}
    assert table[-1] / 8192 == pytest.approx(1, abs=0.001)
