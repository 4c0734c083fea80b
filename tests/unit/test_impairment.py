"""An Impairment: what cannot be built, and that every form of it reads back the same."""

import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import BadInput
from lab.impairment import Direction, Impairment

impairments = st.builds(
    Impairment,
    loss=st.floats(0, 1),
    delay_ms=st.floats(0, 3_600_000),
    rate_bps=st.none() | st.integers(1000, 12_500_000_000).map(lambda octets: 8 * octets),
)

WRITTEN: list[tuple[Impairment, str, dict[str, str]]] = [
    (Impairment(), "none", {}),
    (Impairment(loss=0.1), "loss 10%", {"loss": "10%"}),
    (
        Impairment(loss=0.1, rate_bps=1_000_000),
        "loss 10% rate 1mbit",
        {"loss": "10%", "rate": "1mbit"},
    ),
    (
        Impairment(loss=0.001, delay_ms=40, rate_bps=64_000),
        "loss 0.1% delay 40ms rate 64kbit",
        {"loss": "0.1%", "delay": "40ms", "rate": "64kbit"},
    ),
]


@pytest.mark.parametrize(("impairment", "text", "table"), WRITTEN)
def test_written(impairment: Impairment, text: str, table: dict[str, str]) -> None:
    assert str(impairment) == text
    assert impairment.as_dict() == table
    assert impairment.knobs() == set(table)
    assert impairment.is_clear is (not table)
    assert Impairment.from_dict(table) == impairment


@given(impairments)
def test_json_round_trip(impairment: Impairment) -> None:
    assert Impairment.from_dict(json.loads(json.dumps(impairment.as_dict()))) == impairment


def test_zero_is_clear_and_equal() -> None:
    assert Impairment(loss=0, delay_ms=-0.0) == Impairment()
    assert str(Impairment(loss=-0.0)) == "none"
    assert Impairment.from_dict({"loss": "0%", "delay": "0ms"}).is_clear
    assert hash(Impairment(loss=0)) == hash(Impairment())
    assert isinstance(Impairment(loss=1).loss, float)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"loss": 1.1}, "loss: '1.1' is out of range; allowed 0 to 1"),
        ({"loss": -0.1}, "loss: '-0.1' is out of range; allowed 0 to 1"),
        ({"loss": float("nan")}, "loss: 'nan' is out of range; allowed 0 to 1"),
        ({"loss": "10%"}, "loss: '10%' is no number; allowed 0 to 1"),
        ({"loss": True}, "loss: 'True' is no number; allowed 0 to 1"),
        ({"delay_ms": -1}, "delay_ms: '-1' is out of range; allowed 0 to 3600000"),
        ({"delay_ms": float("inf")}, "delay_ms: 'inf' is out of range; allowed 0 to 3600000"),
        ({"rate_bps": 0}, "rate_bps: '0' is out of range; allowed 8000 to 100000000000"),
        ({"rate_bps": 8001}, "rate_bps: '8001' is no multiple of 8"),
        ({"rate_bps": 1e6}, "rate_bps: '1000000.0' is no whole number of bits a second"),
    ],
)
def test_cannot_be_built_wrong(values: dict[str, Any], line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Impairment(**values)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"loss": 10}, "link.loss: '10' has no unit; write 10%"),
        ({"loss": None}, "link.loss: 'None' is no percentage; write 10%"),
        ({"rate": "1mbps"}, "link.rate: '1mbps' may mean bytes; write bits, 1mbit"),
        ({"los": "10%"}, "link: 'los' is no knob; allowed loss, delay, rate"),
        (["loss"], "link: \"['loss']\" is no table of knobs; write for example {loss: 10%}"),
    ],
)
def test_a_wrong_table_is_refused(table: Mapping[str, object], line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Impairment.from_dict(table, "link")
    assert str(caught.value).startswith(line)


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Impairment().loss = 0.5  # type: ignore[misc]


def test_direction() -> None:
    assert [(way.value, way.label) for way in Direction] == [
        ("server", "toward server"),
        ("client", "toward client"),
    ]
    assert Direction("client") is Direction.TOWARD_CLIENT
