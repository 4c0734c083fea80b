"""Expressions: what they are worth, the equivalence with Python's arithmetic, and no figure."""

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import BadInput
from lab.scenario.expression import (
    Scope,
    parse,
    parse_number,
    parse_order,
    parse_share,
    parse_statement,
    with_series,
)
from lab.scenario.model import NoFigure

POINT: dict[str, Any] = {
    "case": "5%",
    "loss": 0.05,
    "cc": "cubic",
    "delay": 20.0,
    "udp": {
        "sent": 2000,
        "received": 1800,
        "late": 0,
        "rtt_ms": {"p50": 40.0, "p99": 41.5},
        "closed": True,
        "gone": None,
        "ratios": [0.25, 0.5],
    },
    "bulk": {"flows": [{"goodput_bps": 6e6}, {"goodput_bps": 2e6}], "empty": []},
}
SERIES = {
    "udp": {"rtt_ms": [40.0, None, 42.0, 38.0], "lost": [None, None]},
    "bulk": {"flows.0.cwnd": [10, 20, 30]},
}
FIGURES = with_series(POINT, SERIES)

WORTH: list[tuple[str, Any]] = [
    ("1", 1),
    ("5%", 0.05),
    ("20ms", 20.0),
    ("1.5s", 1500.0),
    ("250us", 0.25),
    ("10mbit", 10_000_000.0),
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("7 - 2 - 1", 4),
    ("16 / 4 / 2", 2.0),
    ("2 ^ 3 ^ 2", 512.0),
    ("-2 ^ 2", -4.0),
    ("2 ^ -1", 0.5),
    ("- - 3", 3),
    ("1 - (1 - loss)^2", pytest.approx(0.0975)),
    ("udp.sent - udp.received", 200),
    ("100 * udp.received / udp.sent", 90.0),
    ("udp.rtt_ms.p99", 41.5),
    ("udp.ratios.1", 0.5),
    ("bulk.flows.1.goodput_bps", 2e6),
    ("cc", "cubic"),
    ("min(3, 1, 2)", 1),
    ("max(3, loss)", 3),
    ("abs(udp.received - udp.sent)", 200),
    ("sqrt(16)", 4.0),
    ("count(udp.rtt_ms)", 3),
    ("sum(udp.rtt_ms)", 120.0),
    ("mean(udp.rtt_ms)", 40.0),
    ("p50(udp.rtt_ms)", 40.0),
    ("median(udp.rtt_ms)", 40.0),
    ("p99(udp.rtt_ms)", 42.0),
    ("min(udp.rtt_ms)", 38.0),
    ("max(bulk.flows.0.cwnd)", 30),
    ("sum(bulk.flows.goodput_bps)", 8e6),
    ("mean(udp.ratios)", 0.375),
    ("count(udp.lost)", 0),
    ("sum(bulk.empty)", 0),
    ("udp.sent = 2000", True),
    ("udp.sent != 2000", False),
    ("0.1 + 0.2 = 30%", True),  # not so in floats
    ("0.1 + 0.2 <= 30%", True),
    ("0.1 + 0.2 > 30%", False),
    ("loss < 5%", False),
    ("loss >= 5%", True),
    ("cc = 'cubic'", True),
    ('cc != "reno"', True),
    ("udp.rtt_ms.p50 within 5% of 2 * delay", True),
    ("42 within 5% of 2 * delay", True),
    ("42.1 within 5% of 2 * delay", False),
    ("-42 within 5% of -40", True),
    ("udp.rtt_ms.p99 within 1ms of 2 * delay", False),
    ("udp.rtt_ms.p99 within 1.5ms of 2 * delay", True),
    ("loss between 5% and 10%", True),
    ("loss between 5.1% and 10% or delay = 20ms", True),
    ("not loss > 10% and delay > 1ms", True),
    ("not (loss > 10% or delay > 1ms)", False),
    ("loss > 10% or loss > 1% and delay > 1s", False),
    ("udp.closed", True),
    ("not udp.closed", False),
    ("loss > 1 and udp.nothing = 1", False),  # what does not matter any more is not looked at
]

NO_FIGURE: list[tuple[str, str]] = [
    ("udp.lots", "udp.lots was not measured"),
    ("udp.gone > 1", "udp.gone was not measured"),
    ("tcp.sent", "tcp.sent was not measured"),
    ("udp.ratios.2", "udp.ratios.2 was not measured"),
    ("udp.rtt_ms > 1", "udp.rtt_ms is a table and no number"),
    ("bulk.flows.goodput_bps > 1", "bulk.flows.goodput_bps is a list and no number"),
    ("cc > 1", "cc is the word cubic and no number"),
    ("udp.closed + 1", "udp.closed is true and no number"),
    ("loss and loss > 1", "loss is a number, neither true nor false"),
    ("udp.sent / udp.late", "udp.sent / udp.late divides by 0"),
    ("0 ^ -1", "0 ^ -1 divides by 0"),
    ("10 ^ 10 ^ 10", "10 ^ 10 ^ 10 is too large"),
    ("10 ^ 300 * 10 ^ 300", "10 ^ 300 * 10 ^ 300 is no number"),
    ("(-1) ^ 0.5", "(-1) ^ 0.5 is no number"),
    ("sqrt(-1)", "-1 is below 0 and has no root"),
    ("p99(udp.lost)", "udp.lost has no values"),
    ("p99(udp.sent)", "udp.sent is a number and no column"),
    ("p99(udp.closes)", "udp.closes was not measured"),
    ("mean(bulk.flows)", "bulk.flows is no column of numbers"),
]


@pytest.mark.parametrize(("text", "value"), WORTH)
def test_what_it_is_worth(text: str, value: Any) -> None:
    found = parse(text, "here").value(FIGURES)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize(("text", "why"), NO_FIGURE)
def test_no_figure(text: str, why: str) -> None:
    formula = parse(text, "here")
    with pytest.raises(NoFigure) as caught:
        formula.value(FIGURES)
    assert str(caught.value) == why


def test_each_kind_of_expression() -> None:
    assert parse_number(" 1 + 1 ", "here").text == "1 + 1"
    assert parse_statement("loss > 1%", "here").value(FIGURES) is True
    part, whole = parse_share("udp.sent - udp.received of udp.sent", "here")
    assert (part.text, whole.text) == ("udp.sent - udp.received", "udp.sent")
    assert (part.value(FIGURES), whole.value(FIGURES)) == (200, 2000)
    low, high = parse_order("p99(tcp.rtt_ms) > p50(udp.rtt_ms)", "here")
    assert (low.text, high.text) == ("p50(udp.rtt_ms)", "p99(tcp.rtt_ms)")
    for text in ("1 > 0", "1 of 2"):
        with pytest.raises(BadInput, match=r"^here: "):
            parse_number(text, "here")


@pytest.mark.parametrize("name", ["in bursts", "'in bursts'", '"in bursts"'])
def test_the_name_of_a_case(name: str) -> None:
    scope = Scope({"loss": "share"}, ["udp"], ["5%", "in", "in bursts", "first", "last"])
    formula = parse(f"{name}.udp.sent > 5%.udp.sent + 5% and last.loss > 0", "here", scope)
    assert [each.path for each in formula.names] == [
        ("in bursts", "udp", "sent"),
        ("5%", "udp", "sent"),
        ("last", "loss"),
    ]
    points = {"in bursts": POINT, "5%": {"udp": {"sent": 1}}, "last": POINT}
    assert formula.value(points) is True


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("5%", "share"),
        ("delay", "ms"),
        ("2 * delay", "ms"),
        ("delay / 1s", ""),
        ("udp.sent / udp.received", ""),
        ("udp.loss_ratio", "share"),
        ("udp.rtt_ms.p99", "ms"),
        ("p99(udp.rtt_ms)", "ms"),
        ("count(udp.rtt_ms)", ""),
        ("udp.duration_s", "s"),
        ("max(bulk.flows.goodput_bps)", "bps"),
        ("udp.sent", ""),
        ("udp.ms", ""),
        ("5 within 5% of delay", "ms"),
    ],
)
def test_units(text: str, unit: str) -> None:
    scope = Scope({"delay": "ms"}, ["udp", "bulk"])
    assert parse(text, "here", scope).node.unit == unit


_leaves = st.integers(0, 1000).map(str) | st.floats(0, 1000).map(lambda x: f"{x:.4f}")


def _joined(below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(below, st.sampled_from(["+", "-", "*", "/", "^"]), below)
    return (
        pair.map(lambda parts: f"{parts[0]} {parts[1]} {parts[2]}")
        | below.map(lambda text: f"({text})")
        | below.map(lambda text: f"-{text}")
    )


@given(st.recursive(_leaves, _joined, max_leaves=8))
def test_arithmetic_is_pythons(text: str) -> None:
    formula = parse(text, "here")
    try:
        # In floats, as a whole number to the power of a whole number could take for ever.
        floats = re.sub(r"[0-9.]+", lambda found: repr(float(found[0])), text)
        expected = eval(floats.replace("^", "**"))  # noqa: S307 - of the text made above
    except (ZeroDivisionError, OverflowError):
        expected = math.nan
    if isinstance(expected, complex) or not math.isfinite(expected):
        with pytest.raises(NoFigure):
            formula.value({})
    else:
        assert formula.value({}) == pytest.approx(expected)


@given(st.integers(-100, 100), st.integers(-100, 100), st.integers(-100, 100))
def test_comparisons_are_pythons(a: int, b: int, c: int) -> None:
    figures = {"a": a, "b": b, "c": c}
    for operator in ("<", "<=", ">", ">=", "!="):
        expected = eval(f"{a} {operator} {b}")  # noqa: S307 - of the text made above
        assert parse(f"a {operator} b", "here").value(figures) is expected
    assert parse("a = b", "here").value(figures) is (a == b)
    assert parse("a between b and c", "here").value(figures) is (b <= a <= c)
    assert parse("a within b of c", "here").value(figures) is (c - b <= a <= c + b)
    assert parse("not a < b and b < c or a = c", "here").value(figures) is (
        (not a < b and b < c) or a == c
    )
