"""Expectations: exact figures at their boundaries, the run as a whole, and what is missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lab.errors import LabError
from lab.scenario.expect import Judged, intervals, judge, kept
from lab.scenario.file import read
from lab.scenario.model import Scenario
from lab.stats import exact_interval, run_confidence
from tests.unit.scenario_kinds import KINDS

START = """\
title: t
vary: {loss: [0%, 10%]}
impair: {loss: $loss}
measure: [{udp: {}}, {udp: {as: tcp}}]
"""
SHARE = "expect: [{share: udp.sent - udp.received of udp.sent, is: loss, keep: udp.way}]\n"


def _scenario(text: str) -> Scenario:
    return read(START + text, "my.yaml", "my", KINDS)


def _point(loss: float, **udp: Any) -> dict[str, Any]:
    return {"case": f"{loss * 100:g}%", "loss": loss, "udp": udp, "tcp": {"rtt_ms": {"p50": 1.0}}}


def _one(text: str, point: Mapping[str, Any], series: Mapping[str, Any] | None = None) -> Judged:
    columns = [{"case": point["case"], **series}] if series else []
    (judged,) = judge(_scenario(text), [point], columns)
    return judged


def test_a_share() -> None:
    assert _one(SHARE, _point(0.1, sent=2000, received=1810)) == Judged(
        name="udp.sent - udp.received of udp.sent is loss",
        statement="udp.sent - udp.received of udp.sent is loss",
        case="10%",
        held=True,
        found="9.5\u202f% (7.5\N{EN DASH}11.8\u202f%)",
        expected="10\u202f%",
        confidence=0.999,
    )


def test_a_share_is_judged_by_the_run_and_shown_by_itself() -> None:
    # Of the two points the one without loss takes no chance; three such shares are three tests.
    three = SHARE.replace("]\n", ", {share: udp.sent of udp.sent, is: 1 - loss}" * 2 + "]\n")
    assert (intervals(_scenario(SHARE)), intervals(_scenario(three))) == (1, 3)
    # The number lost that lies without the interval of one test, and within that of three.
    edge = next(
        lost
        for lost in range(200, 400)
        if exact_interval(lost, 2000, 0.999)[0] > 0.1
        and exact_interval(lost, 2000, run_confidence(0.999, 3))[0] <= 0.1
    )
    point = _point(0.1, sent=2000, received=2000 - edge)
    alone, among = _one(SHARE, point), judge(_scenario(three), [point])[0]
    assert (alone.held, among.held) == (False, True)
    assert alone.found == among.found


def test_a_share_that_is_nothing_or_all() -> None:
    assert _one(SHARE, _point(0.0, sent=2000, received=2000)).held
    broken = _one(SHARE, _point(0.0, sent=2000, received=1999))
    assert not broken.held
    assert broken.found == "0.1\u202f% (0.0000\N{EN DASH}0.5\u202f%)"


@pytest.mark.parametrize(
    ("udp", "found"),
    [
        ({"sent": 10}, "udp.received was not measured"),
        ({"sent": 10, "received": None}, "udp.received was not measured"),
        ({"sent": 0, "received": 0}, "udp.sent is 0, and nothing has no share"),
        ({"sent": 9, "received": 10}, "udp.sent - udp.received is -1, which is no count"),
        ({"sent": 9, "received": 8.5}, "udp.sent - udp.received is 0.5, which is no count"),
        ({"sent": "x", "received": 8}, "udp.sent is the word x and no number"),
    ],
)
def test_a_share_without_its_figures_is_broken(udp: dict[str, Any], found: str) -> None:
    judged = _one(SHARE, _point(0.1, **udp))
    assert (judged.held, judged.found, judged.confidence) == (False, found, 0.999)
    assert kept(_scenario(SHARE), _point(0.1, **udp)) == _point(0.1, **udp)


def test_more_than_the_whole_is_no_share() -> None:
    text = "expect: [{share: udp.received of udp.sent, is: 1 - loss}]\n"
    judged = _one(text, _point(0.1, sent=9, received=10))
    assert judged.found == "udp.received is 10, which is no part of the 9 of udp.sent"


def test_what_is_kept() -> None:
    point = _point(0.1, sent=2000, received=1810)
    found = kept(_scenario(SHARE), point)
    assert found["udp"] == {
        "sent": 2000,
        "received": 1810,
        "way": {
            "sent": 2000,
            "lost": 190,
            "loss_ratio": 0.095,
            "expected": 0.1,
            "interval": list(exact_interval(190, 2000, 0.999)),
            "held": True,
        },
    }
    assert point == _point(0.1, sent=2000, received=1810)  # untouched
    into = kept(_scenario(SHARE.replace("udp.way", "udp")), point)
    assert into["udp"].keys() == {"sent", "received", "loss_ratio", "expected", "interval", "held"}
    assert into["udp"]["sent"] == 2000
    assert kept(_scenario(SHARE), {**point, "udp": None}) == {**point, "udp": None}


def test_nothing_is_kept_over_a_figure() -> None:
    with pytest.raises(LabError, match=r"^keep: udp.sent: sent is a figure already; choose"):
        kept(_scenario(SHARE.replace("udp.way", "udp.sent")), _point(0.1, sent=9, received=9))


THAT: list[tuple[str, bool, str, str]] = [
    ("udp.sent = 2000", True, "2\u202f000", "2\u202f000"),
    ("udp.sent != 2000", False, "2\u202f000", "not 2\u202f000"),
    ("udp.ms.p50 < 50ms", True, "41.2\u202fms", "below 50.0\u202fms"),
    ("udp.ms.p50 > 1s", False, "41.2\u202fms", "above 1\u202f000\u202fms"),
    ("udp.rtt_ms within 5% of 40", True, "41.2\u202fms", "38.0\u202fms to 42.0\u202fms"),
    ("udp.rtt_ms within 1ms of 40ms", False, "41.2\u202fms", "39.0\u202fms to 41.0\u202fms"),
    ("udp.rate_bps >= 1mbit", True, "1.50\u202fMbit/s", "at least 1.00\u202fMbit/s"),
    ("udp.received / udp.sent <= 90%", True, "50.0\u202f%", "at most 90.0\u202f%"),
    ("loss between 5% and 20%", True, "10.0\u202f%", "5.0\u202f% to 20.0\u202f%"),
    ("udp.drift_ms > -2ms", True, "\N{MINUS SIGN}1.00\u202fms", "above \N{MINUS SIGN}2.00\u202fms"),
    ("udp.cc = 'cubic'", True, "cubic", "cubic"),
    ("udp.closed", True, "udp.closed true", "udp.closed"),
    (
        "udp.sent = 2000 and not udp.received > 2000",
        True,
        "udp.sent 2\u202f000, udp.received 1\u202f000",
        "udp.sent = 2000 and not udp.received > 2000",
    ),
    (
        "udp.sent > 0 or udp.nothing > 0",
        True,
        "udp.sent 2\u202f000, udp.nothing was not measured",
        "udp.sent > 0 or udp.nothing > 0",
    ),
    ("udp.nothing > 0", False, "udp.nothing was not measured", "udp.nothing > 0"),
    ("udp.sent / 0 > 0", False, "udp.sent / 0 divides by 0", "udp.sent / 0 > 0"),
    ("udp.sent", False, "udp.sent is a number, neither true nor false", "udp.sent"),
]


@pytest.mark.parametrize(("text", "held", "found", "expected"), THAT)
def test_that(text: str, held: bool, found: str, expected: str) -> None:
    point = _point(
        0.1, sent=2000, received=1000, rtt_ms=41.2, ms={"p50": 41.2}, rate_bps=1.5e6,
        drift_ms=-1.0, cc="cubic", closed=True,
    )  # fmt: skip
    yaml = text.replace("'", "''")
    judged = _one(f"expect: [{{name: It, that: '{yaml}'}}]\n", point)
    assert judged == Judged("It", text, "10%", held, found, expected, None)


ORDER = "expect: [{order: p99(udp.rtt_ms) < p50(tcp.rtt_ms), confidence: 99%}]\n"


def _order(udp: Sequence[float | None], tcp: Sequence[float | None]) -> Judged:
    point = _point(0.1, rtt_ms={"p50": 1.0})
    return _one(ORDER, point, {"udp": {"rtt_ms": udp}, "tcp": {"rtt_ms": tcp}})


def test_an_order() -> None:
    low = [1 + number / 1000 for number in range(2000)]  # 1.000 to 2.999
    assert _order([*low, None, None], [each + 9 for each in low]) == Judged(
        name="p99(udp.rtt_ms) < p50(tcp.rtt_ms)",
        statement="p99(udp.rtt_ms) < p50(tcp.rtt_ms)",
        case="10%",
        held=True,
        found="2.98\u202fms (2.97\u202fms to 2.99\u202fms) and "
        "11.0\u202fms (10.9\u202fms to 11.1\u202fms)",
        expected="p99(udp.rtt_ms) < p50(tcp.rtt_ms)",
        confidence=0.99,
    )
    assert not _order(low, low).held
    assert not _order([each + 9 for each in low], low).held


def test_an_order_that_so_few_values_do_not_tell() -> None:
    judged = _order([1.0] * 100, [9.0] * 100)
    assert not judged.held
    assert judged.found.startswith("1.00\u202fms (1.00\u202fms to unknown) and ")
    assert _order([None], [1.0]).found == "udp.rtt_ms has no values"


def test_when_it_matters() -> None:
    text = SHARE.replace("keep: udp.way", "when: loss > 0")
    points = [_point(0.0, sent=10, received=9), _point(0.1, sent=10, received=9)]
    assert [each.case for each in judge(_scenario(text), points)] == ["10%"]
    text = text.replace("loss > 0", "udp.missing > 0")
    assert [each.found for each in judge(_scenario(text), points)] == [
        "udp.missing was not measured"
    ] * 2
    assert intervals(_scenario(text)) == 1  # at 10 %; whether it matters there is not known before


OVERALL = "overall: [{that: last.udp.received < 10%.udp.sent and first.loss = 0}]\n"


def test_about_all_points() -> None:
    scenario = _scenario(OVERALL)
    points = [_point(0.0, sent=10, received=10), _point(0.1, sent=10, received=9)]
    (judged,) = judge(scenario, points)
    assert (judged.case, judged.held) == (None, True)
    assert judged.found == "last.udp.received 9, 10%.udp.sent 10, first.loss 0.0\u202f%"
    # The last point is that of the file, and not the last one that was measured.
    assert judge(scenario, points[:1]) == []


def test_an_order_about_all_points() -> None:
    text = "overall: [{order: p50(first.udp.rtt_ms) < p50(last.udp.rtt_ms)}]\n"
    points = [_point(0.0, sent=1), _point(0.1, sent=1)]
    series = [
        {"case": point["case"], "udp": {"rtt_ms": [number + n / 100 for n in range(100)]}}
        for number, point in enumerate(points)
    ]
    assert [each.held for each in judge(_scenario(text), points, series)] == [True]
    assert [each.held for each in judge(_scenario(text), points, series[::-1])] == [True]


def test_what_is_not_measured_yet_is_not_judged() -> None:
    text = SHARE + OVERALL + "# and of tcp\n"
    half = {**_point(0.1, sent=10, received=9), "tcp": None}
    scenario = _scenario(SHARE.replace("]\n", ", {that: tcp.sent = 1}]\n"))
    assert [each.name for each in judge(scenario, [half])] == [
        "udp.sent - udp.received of udp.sent is loss"
    ]
    assert judge(_scenario(text), []) == []


def test_a_verdict_as_json() -> None:
    judged = _one(SHARE, _point(0.1, sent=2000, received=1810))
    assert judged.as_dict().keys() == {
        "name", "statement", "case", "held", "found", "expected", "confidence",
    }  # fmt: skip


def test_a_longer_statement_tells_what_a_function_makes_of_a_column() -> None:
    text = "expect: [{that: max(udp.backoff) >= 4 and udp.sent = 3}]\n"
    judged = _one(text, _point(0.1, sent=3), {"udp": {"backoff": [0, 5, 1]}})
    assert (judged.held, judged.found) == (True, "max(udp.backoff) 5, udp.sent 3")
