"""A run of the TCP law: its points, what it expects of them, its page and its tables."""

import io
import json
import re
from html import unescape
from typing import Any

import pytest
from rich.console import Console

from lab import catalogue, runner, status, tcpmodel
from lab.report.flat import csv_text
from lab.report.law_page import law_page
from lab.scenario import law, law_checks
from lab.wording import SPACE

Result = dict[str, Any]


def report(loss: float, pace: float = 1.0, **more: Any) -> Result:
    """What the probe and wan say of four flows whose pace is so many times Mathis's (a FIXTURE)."""
    goodput = pace * tcpmodel.mathis(loss, 0.05) * 1448 * 8
    flow = {
        "bytes_acked": int(goodput), "segments": 1000, "acks": 1100, "retransmissions": 50,
        "timeouts": 1, "busy_us": 8_000_000, "rwnd_limited_us": 0, "sndbuf_limited_us": 0,
        "mss": 1448, "rtt_ms": 50.0, "rto_ms": 250.0, "cwnd": {"mean": 12.0},
    }  # fmt: skip
    flows = [{**flow, "goodput_bps": goodput * share, **more} for share in (0.9, 1.0, 1.0, 1.1)]
    return {
        "flows": flows, "window_s": 8.0, "passed": round(100_000 * (1 - loss)),
        "lost": round(100_000 * loss), "overflowed": 0, "overflowed_toward_client": 0,
    }  # fmt: skip


def points(pace: float = 1.0, **more: Any) -> list[Result]:
    return [law.point(loss, report(loss, pace, **more), 0.999) for loss in law.LOSSES]


def result(measured: list[Result], **more: Any) -> Result:
    failures = law_checks.broken(measured)
    return {
        "scenario": "tcp-law", "title": catalogue.title("tcp-law"),
        "command": "lab run tcp-law",
        "lab_version": "0.1.0", "compose": "2.40.3", "lab": "lab", "engine": "28.5",
        "started": "2026-11-24T14:50:01+00:00", "finished": "2026-11-24T14:52:01+00:00",
        "backend": "userspace", "kernel": "6.18.44", "congestion_control": "reno",
        "programs": {"tcp": "tcp_threaded"}, "delay_ms": 25.0, "b": 1, "mathis_c": 1.2247,
        "warmup_s": 3.0, "confidence": 0.95, "interrupted": False,
        "factors": {"pftk": 2.0, "pftk_seen": 1.5, "mathis": 1.5},
        "verdict": "fail" if failures else "pass", "failures": failures, "points": measured, **more,
    }  # fmt: skip


def words(page: str) -> str:
    text = re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.S)
    return " ".join(unescape(text).replace(SPACE, " ").split())


def test_a_point_is_held_against_the_models_at_what_was_measured() -> None:
    asked = report(0.02)
    asked["lost"], asked["passed"] = 300, 9700
    point = law.point(0.02, asked, 0.999)
    assert point["measured_loss"] == 0.03
    assert point["mathis_bps"] == pytest.approx(tcpmodel.mathis(0.03, 0.05) * 1448 * 8)
    pftk = tcpmodel.pftk(0.03, 0.05, 0.25) * 0.97 * 1448 * 8
    assert point["pftk_bps"] == pytest.approx(pftk)
    assert point["ratio_pftk"] == pytest.approx(point["goodput_bps"] / pftk)
    seen = tcpmodel.pftk(0.03, 0.05, 0.25, timeouts=4 / 200) * 0.97 * 1448 * 8
    assert point["pftk_seen_bps"] == pytest.approx(seen)
    low, high = point["interval"]
    assert low < point["goodput_bps"] < high
    assert not law_checks.checks(point)[law_checks.LOSS].held


def test_a_kernel_that_counts_no_timeouts() -> None:
    measured = points(timeouts=None)
    assert measured[0]["timeouts"] is None
    assert measured[0]["ratio_pftk_seen"] is None
    assert law_checks.broken(measured) == []
    assert "not counted by this kernel" in words(law_page(result(measured)))


def test_nothing_lost_is_no_point_of_a_law() -> None:
    asked = report(0.001)
    asked["lost"] = 0
    point = law.point(0.001, asked, 0.999)
    assert point["pftk_bps"] is None
    assert any("PFTK: no loss, no model" in line for line in law_checks.broken([point]))
    page = words(law_page(result([point])))
    assert "Fail, in" in page


def test_what_holds() -> None:
    assert law_checks.broken(points()) == []
    assert law_checks.broken(points(1.2)) == []


@pytest.mark.parametrize(
    ("pace", "more", "name"),
    [
        (2.0, {}, law_checks.MATHIS),
        (0.3, {}, law_checks.PFTK),
        (0.5, {}, law_checks.SEEN),
        (1.0, {"rwnd_limited_us": 800_000}, law_checks.FREE),
    ],
)
def test_what_breaks(pace: float, more: Result, name: str) -> None:
    point = law.point(0.01, report(0.01, pace, **more), 0.999)
    assert not law_checks.checks(point)[name].held
    assert any(line.startswith(f"1{SPACE}% loss: {name}: ") for line in law_checks.broken([point]))


@pytest.mark.parametrize("key", ["overflowed", "overflowed_toward_client"])
def test_a_full_queue_breaks_it(key: str) -> None:
    point = law.point(0.01, {**report(0.01), key: 3}, 0.999)
    assert "3 dropped by a full queue" in law_checks.checks(point)[law_checks.FREE].figures
    assert not law_checks.checks(point)[law_checks.FREE].held


@pytest.mark.parametrize("loss", law.LOSSES)
def test_the_plan_spares_the_link_and_the_clock(loss: float) -> None:
    flows, seconds = law.plan(loss)
    assert law.MIN_FLOWS <= flows <= law.MAX_FLOWS
    assert law.MIN_WINDOW_S <= seconds <= law.MAX_WINDOW_S
    pace = flows * tcpmodel.pftk(loss, 0.05, 0.25)
    assert pace <= 5000
    assert pace * loss * seconds >= 75  # losses
    assert sum(law.plan(each)[1] + law.WARMUP_S for each in law.LOSSES) < 90


@pytest.mark.parametrize("measured", [points(), points(3.0), points()[:1], []])
def test_the_page_stands_alone(measured: list[Result]) -> None:
    page = law_page(result(measured, interrupted=len(measured) == 1))
    assert not re.search(r"<(script|link|img|iframe)\b", page)
    assert not re.search(r"https?:|//[a-z]|@import|javascript:", page)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<svg") == (3 if measured else 1)
    assert ("Nothing was measured." in words(page)) is (not measured)


def test_the_page_says_how_far_it_is_from_the_models() -> None:
    measured = points()
    text = words(law_page(result(measured)))
    ratios = [point["ratio_pftk"] for point in measured]
    assert f"{min(ratios):.2f} to {max(ratios):.2f} times what PFTK predicts" in text
    assert "1.00 to 1.00 times what Mathis does" in text
    assert "24 timeouts came of it" in text
    assert "Pass: along both models at 6 loss points." in text
    assert "broken" not in text


def test_the_page_says_where_it_failed() -> None:
    text = words(law_page(result(points(3.0))))
    assert re.search(r"Fail, in \d+ places: 0.1 % loss: ", text)
    assert "broken" in text
    assert "Pass" not in text


def test_csv_and_terminal() -> None:
    run = result(points())
    assert csv_text(run).count("\n") == 1 + len(law.LOSSES)
    assert csv_text(run).startswith("loss,flows,window_s,")
    assert "interval_low,interval_high" in csv_text(run)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(status.outcome(run))
    text = console.export_text()
    assert "pass: TCP's pace lies along both models" in text
    assert max(map(len, text.splitlines())) <= 100
    assert json.loads(json.dumps(run)) == run


def test_every_scenario_can_be_run() -> None:
    assert set(runner.CODED) == set(catalogue.CODED)
    for name in catalogue.scenarios():
        loaded = runner.load(name)
        assert loaded == name if name in runner.CODED else loaded.title == catalogue.title(name)
