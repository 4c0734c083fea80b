"""An Impairment: what cannot be built, and that every form of it reads back the same."""

import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import BadInput
from lab.gemodel import Gemodel
from lab.impairment import Direction, Impairment
from lab.knobs import KNOBS

# What is built, how it is written, and the numbers for a program of ours.
WRITTEN: list[tuple[Impairment, str, dict[str, Any]]] = [
    (Impairment(), "none", {}),
    (Impairment(loss=0.1), "loss 10%", {"loss": 0.1}),
    (
        Impairment(loss=0.1, rate_bps=1_000_000),
        "loss 10% rate 1mbit",
        {"loss": 0.1, "rate_bps": 1_000_000},
    ),
    (
        Impairment(loss=0.001, loss_correlation=0.25, delay_ms=40, rate_bps=64_000),
        "loss 0.1% loss-correlation 25% delay 40ms rate 64kbit",
        {"loss": 0.001, "loss_correlation": 0.25, "delay_ms": 40.0, "rate_bps": 64_000},
    ),
    (
        Impairment(gemodel=Gemodel(0.01, 0.1), rate_bps=8_000, limit=100),
        "gemodel 1% 10% rate 8kbit limit 100",
        {"gemodel": [0.01, 0.1, 1.0, 0.0], "rate_bps": 8_000, "limit": 100},
    ),
    (
        Impairment(delay_ms=40, jitter_ms=5, distribution="normal", order_free=True),
        "delay 40ms jitter 5ms distribution normal order free",
        {"delay_ms": 40.0, "jitter_ms": 5.0, "distribution": "normal", "order_free": True},
    ),
    (
        Impairment(delay_ms=40, jitter_ms=40, delay_correlation=0.5),
        "delay 40ms jitter 40ms delay-correlation 50%",
        {"delay_ms": 40.0, "jitter_ms": 40.0, "delay_correlation": 0.5},
    ),
    (
        Impairment(delay_ms=10, reorder=0.25, reorder_correlation=0.5, reorder_gap=5),
        "delay 10ms reorder 25% reorder-correlation 50% reorder-gap 5",
        {"delay_ms": 10.0, "reorder": 0.25, "reorder_correlation": 0.5, "reorder_gap": 5},
    ),
    (
        Impairment(
            duplicate=0.01, duplicate_correlation=0.1, corrupt=0.02, corrupt_correlation=0.2
        ),
        "duplicate 1% duplicate-correlation 10% corrupt 2% corrupt-correlation 20%",
        {
            "duplicate": 0.01,
            "duplicate_correlation": 0.1,
            "corrupt": 0.02,
            "corrupt_correlation": 0.2,
        },
    ),
]

MODELS: list[tuple[str, Gemodel, str]] = [
    ("1%", Gemodel(0.01, 0.99), "1%"),
    ("7%", Gemodel(0.07, 0.93), "7%"),  # 1 - 0.07 as a float is not 0.93
    ("1% 99%", Gemodel(0.01, 0.99), "1%"),
    ("1% 10%", Gemodel(0.01, 0.1), "1% 10%"),
    ("1% 10% 100% 0%", Gemodel(0.01, 0.1), "1% 10%"),
    ("1% 10% 70%", Gemodel(0.01, 0.1, 0.7), "1% 10% 70%"),
    ("1%  10% 70% 0.1%", Gemodel(0.01, 0.1, 0.7, 0.001), "1% 10% 70% 0.1%"),
    ("1% 99% 100% 0.1%", Gemodel(0.01, 0.99, 1, 0.001), "1% 99% 100% 0.1%"),
    ("100% 100% 0% 5%", Gemodel(1, 1, 0, 0.05), "100% 100% 0% 5%"),
]

UNBUILDABLE: list[tuple[dict[str, Any], str]] = [
    ({"loss": 1.1}, "loss: '1.1' is out of range; allowed 0 to 1"),
    ({"loss": -0.1}, "loss: '-0.1' is out of range; allowed 0 to 1"),
    ({"loss": float("nan")}, "loss: 'nan' is out of range; allowed 0 to 1"),
    ({"loss": "10%"}, "loss: '10%' is no number; allowed 0 to 1"),
    ({"loss": True}, "loss: 'True' is no number; allowed 0 to 1"),
    ({"loss": 1e-10}, "loss: '0.00000001%' is too small; allowed 0%, or 0.0000001% and up"),
    ({"duplicate": 2}, "duplicate: '2' is out of range; allowed 0 to 1"),
    ({"loss_correlation": 1}, "loss_correlation: '1' is out of range; allowed 0 to 0.999"),
    ({"delay_ms": -1}, "delay_ms: '-1' is out of range; allowed 0 to 3600000"),
    ({"delay_ms": float("inf")}, "delay_ms: 'inf' is out of range; allowed 0 to 3600000"),
    ({"delay_ms": 0.0001}, "delay_ms: '0.1us' is too small; allowed 0ms, or 1us and up"),
    ({"jitter_ms": 2001}, "jitter_ms: '2001' is out of range; allowed 0 to 2000"),
    ({"rate_bps": 0}, "rate_bps: '0' is out of range; allowed 8000 to 100000000000"),
    ({"rate_bps": 8001}, "rate_bps: '8001' is no multiple of 8"),
    (
        {"rate_bps": 1e6},
        "rate_bps: '1000000.0' is no whole number; allowed 8000 to 100000000000",
    ),
    ({"limit": 0}, "limit: '0' is out of range; allowed 1 to 100000"),
    ({"limit": True}, "limit: 'True' is no whole number; allowed 1 to 100000"),
    ({"reorder_gap": 1.0}, "reorder_gap: '1.0' is no whole number; allowed 1 to 1000000"),
    ({"reorder_gap": None}, "reorder_gap: 'None' is no whole number; allowed 1 to 1000000"),
    ({"gemodel": "1% 10%"}, "gemodel: '1% 10%' is no Gemodel"),
    ({"order_free": "free"}, "order_free: 'free' is neither True nor False"),
    (
        {"distribution": "gamma"},
        "distribution: 'gamma' is none of these; allowed uniform, normal, pareto, paretonormal",
    ),
]

# As typed: what makes no sense together, and the line that says so.
SENSELESS: list[tuple[str, str]] = [
    *(
        (text, f"{text.split()[0]}: '{text.split()[1]}' makes no sense without {others}; add it")
        for text, others in (
            ("loss-correlation 25%", "loss"),
            ("loss-correlation 25% gemodel 1%", "loss"),
            ("jitter 5ms", "delay"),
            ("delay-correlation 25% delay 40ms", "jitter"),
            ("distribution normal delay 40ms", "jitter"),
            ("order free delay 40ms", "jitter"),
            ("reorder 1%", "delay"),
            ("reorder 1% rate 1mbit", "delay"),
            ("reorder-correlation 1% delay 40ms", "reorder"),
            ("reorder-gap 5 delay 40ms", "reorder"),
            ("duplicate-correlation 1%", "duplicate"),
            ("corrupt-correlation 1%", "corrupt"),
            ("limit 100", "rate or delay"),
            ("limit 100 loss 1%", "rate or delay"),
        )
    ),
    ("gemodel 1% 10% loss 1%", "gemodel: '1% 10%' does not go with loss: two models of loss"),
    ("order free delay 9ms jitter 5ms rate 1mbit", "order: 'free' does not go with rate: what"),
    ("delay 4ms jitter 5ms", "jitter: '5ms' is more than the delay; allowed 0ms to 4ms"),
]

MISWRITTEN: list[tuple[str, str]] = [
    ("loss", "loss: '' is no percentage; write 10%"),
    ("loss 0.00000001%", "loss: '0.00000001%' is too small; allowed 0%, or 0.0000001% and up"),
    ("delay 0.1us", "delay: '0.1us' is too small; allowed 0ms, or 1us and up"),
    ("delay 1ms jitter 0.1us", "jitter: '0.1us' is too small; allowed 0ms, or 1us and up"),
    ("gemodel 0.00000001%", "gemodel p: '0.00000001%' is too small; allowed 0%, or 0.0000001%"),
    ("gemodel 1% 10% 0%", "gemodel 1-h: '0%' never loses a packet; leave gemodel out"),
    ("loss 10% 20%", "loss: '10% 20%' is no percentage; write"),
    ("loss-correlation 100% loss 1%", "loss-correlation: '100%' is out of range; allowed 0% to 99"),
    ("loss-correlation 101% loss 1%", "loss-correlation: '101%' is out of range; allowed 0% to 10"),
    ("gemodel 1% 2% 3% 4% 5%", "gemodel: '1% 2% 3% 4% 5%' is no gemodel; write P [R [1-H [1-K]]]"),
    ("gemodel 1", "gemodel: '1' has no unit; write 1% or 100%"),
    ("jitter 3s delay 3s", "jitter: '3s' is out of range; allowed 0ms to 2s"),
    ("distribution gamma", "distribution: 'gamma' is none of these; allowed uniform, normal"),
    ("order strict", "order: 'strict' is none of these; allowed kept, free"),
    ("reorder-gap five", "reorder-gap: 'five' is no whole number; allowed 1 to 1000000"),
    ("reorder-gap 0", "reorder-gap: '0' is out of range; allowed 1 to 1000000"),
    (f"limit {'9' * 5000}", f"limit: '{'9' * 47}…' is out of range; allowed 1 to 100000"),
]


@pytest.mark.parametrize(("impairment", "text", "wire"), WRITTEN)
def test_written(impairment: Impairment, text: str, wire: dict[str, Any]) -> None:
    assert str(impairment) == text
    assert impairment.wire() == wire
    table = impairment.as_dict()
    assert " ".join(f"{knob} {value}" for knob, value in table.items()) == text.replace("none", "")
    assert impairment.knobs() == set(table)
    assert impairment.is_clear is (not table)
    assert Impairment.from_dict(table) == impairment
    assert Impairment.parse(text) == impairment
    assert Impairment.from_wire(wire) == impairment


def test_every_field_is_a_knob() -> None:
    assert [knob.field for knob in KNOBS.values()] == [field.name for field in fields(Impairment)]


@given(st.from_type(Impairment))
def test_every_form_reads_back(impairment: Impairment) -> None:
    assert Impairment.from_dict(json.loads(json.dumps(impairment.as_dict()))) == impairment
    assert Impairment.parse(str(impairment)) == impairment
    assert Impairment.from_wire(json.loads(json.dumps(impairment.wire()))) == impairment
    assert impairment.close_to(impairment)


@pytest.mark.parametrize(("text", "model", "shortest"), MODELS)
def test_gemodel_both_ways(text: str, model: Gemodel, shortest: str) -> None:
    assert Gemodel.parse(text, "--gemodel") == model
    assert str(model) == shortest
    assert Gemodel.parse(shortest, "--gemodel") == model


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0% 10%", "--gemodel p: '0%' never enters the bad state; for loss alone write loss"),
        ("1% 0%", "--gemodel r: '0%' never leaves the bad state; for loss alone write loss"),
        ("100%", "--gemodel r: '0%' never leaves the bad state; for loss alone write loss"),
        ("1% 10% 0%", "--gemodel 1-h: '0%' never loses a packet; leave gemodel out"),
        ("1% 101%", "--gemodel: '101%' is out of range; allowed 0% to 100%"),
        ("", "--gemodel: '' is no gemodel; write P [R [1-H [1-K]]], for example 1% 10%"),
    ],
)
def test_gemodel_refused(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Gemodel.parse(text, "--gemodel")
    assert str(caught.value) == line


def test_loss_in_the_long_run() -> None:
    assert Impairment(loss=0.1).loss_ratio == 0.1
    assert Impairment(gemodel=Gemodel(0.01, 0.09)).loss_ratio == pytest.approx(0.1)
    assert Gemodel(0.01, 0.09, 0.5, 0.1).loss == pytest.approx(0.1 * 0.5 + 0.9 * 0.1)


def test_zero_is_clear_and_equal() -> None:
    assert Impairment(loss=0, delay_ms=-0.0) == Impairment()
    assert str(Impairment(loss=-0.0)) == "none"
    assert Impairment.from_dict({"loss": "0%", "delay": "0ms", "order": "kept"}).is_clear
    assert hash(Impairment(loss=0)) == hash(Impairment())
    assert isinstance(Impairment(loss=1).loss, float)


@pytest.mark.parametrize(("values", "line"), UNBUILDABLE)
def test_cannot_be_built_wrong(values: dict[str, Any], line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Impairment(**values)
    assert str(caught.value) == line


@pytest.mark.parametrize(("text", "line"), SENSELESS + MISWRITTEN)
def test_senseless_is_refused(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Impairment.parse(text, "--at")
    assert str(caught.value).startswith(f"--at.{line}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("10% loss", "--at: '10%' is no knob; allowed loss, loss-correlation, gemodel, delay"),
        ("none loss 1%", "--at: 'none' is no knob; allowed loss"),
        ("loss 1% delay 4ms loss 2%", "--at: 'loss' is given twice"),
    ],
)
def test_words_out_of_place(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Impairment.parse(text, "--at")
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"loss": 10}, "link.loss: '10' has no unit; write 10%"),
        ({"loss": None}, "link.loss: 'None' is no percentage; write 10%"),
        ({"rate": "1mbps"}, "link.rate: '1mbps' may mean bytes; write bits, 1mbit"),
        ({"los": "10%"}, "link: 'los' is no knob; allowed loss, loss-correlation, gemodel"),
        ({"jitter": "5ms"}, "link.jitter: '5ms' makes no sense without delay; add it"),
        (["loss"], "link: \"['loss']\" is no table of knobs; write for example {loss: 10%}"),
    ],
)
def test_a_wrong_table_is_refused(table: Mapping[str, object], line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Impairment.from_dict(table, "link")
    assert str(caught.value).startswith(line)


def test_a_wrong_wire_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^impairment: 'los' is no field; allowed loss, loss_corr"):
        Impairment.from_wire({"los": 0.1})


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        impairment = Impairment.parse(text)
    except BadInput as error:
        assert str(error).isprintable()
    else:
        assert not text.split() or text.split() == ["none"] or not impairment.is_clear


@pytest.mark.parametrize(
    ("one", "other", "close"),
    [
        (Impairment(loss=0.123456789), Impairment(loss=0.123457), True),
        (Impairment(loss=0.1), Impairment(loss=0.1001), False),
        (Impairment(delay_ms=12.345678), Impairment(delay_ms=12.3457), True),
        (Impairment(delay_ms=1), Impairment(delay_ms=1.001), False),
        (Impairment(rate_bps=8000), Impairment(rate_bps=8008), False),
        (Impairment(loss=1e-9), Impairment(), False),
        (Impairment(gemodel=Gemodel(0.01, 0.1)), Impairment(gemodel=Gemodel(0.01, 0.2)), False),
        (
            Impairment(delay_ms=9, jitter_ms=1),
            Impairment(delay_ms=9, jitter_ms=1, distribution="normal"),
            False,
        ),
    ],
)
def test_close(one: Impairment, other: Impairment, close: bool) -> None:
    assert one.close_to(other) is close


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Impairment().loss = 0.5  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Gemodel(0.1, 0.1).p = 0.5  # type: ignore[misc]


def test_direction() -> None:
    assert [(way.value, way.label) for way in Direction] == [
        ("server", "toward server"),
        ("client", "toward client"),
    ]
    assert Direction("client") is Direction.TOWARD_CLIENT
