"""The law of TCP, through real containers and whichever backend can delay here."""

import csv
import json
from functools import partial
from pathlib import Path

import pytest

from lab import runner
from lab.engine import Engine
from lab.impairment import Direction
from lab.link import BACKENDS, Link
from lab.nodes import Lab
from lab.scenario import law

POINT = {
    "loss", "flows", "window_s", "segments", "bytes_acked", "retransmissions", "timeouts",
    "acks_per_segment", "limited", "passed", "dropped", "overflowed", "measured_loss",
    "loss_bounds", "mss", "rtt_ms", "rto_ms", "cwnd", "goodput_bps", "interval", "mathis_bps",
    "pftk_bps", "pftk_seen_bps", "ratio_mathis", "ratio_pftk", "ratio_pftk_seen", "flows_bps",
}  # fmt: skip


def test_two_points_of_the_law(
    engine: Engine, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scenario as `lab run tcp-law` has it, but for a quarter of its time."""
    monkeypatch.setattr(law, "WARMUP_S", 2.0)
    monkeypatch.setattr(law, "MIN_WINDOW_S", 4.5)
    short = partial(law.LawRun, losses=(0.01, 0.05))
    monkeypatch.setitem(runner.CODED, "tcp-law", short)
    out = tmp_path / "evidence"
    order = runner.Order(engine, lab.name, print, "lab run tcp-law")
    result, _ = runner.run(order, "tcp-law", out)
    assert (result["scenario"], result["verdict"], result["failures"]) == ("tcp-law", "pass", [])
    assert result["congestion_control"] == "reno"
    assert result["backend"] in BACKENDS
    assert [point["loss"] for point in result["points"]] == [0.01, 0.05]
    for point in result["points"]:
        assert set(point) == POINT
        assert point["flows"] == len(point["flows_bps"])
        assert point["retransmissions"] > 0
        assert point["rtt_ms"] > 2 * law.DELAY_MS
        assert point["acks_per_segment"] > 0.4  # delayed by two at the most (RFC 1122, 4.2.3.2)
    few, many = result["points"]
    assert few["goodput_bps"] > 1.3 * many["goodput_bps"]
    assert json.loads((out / "result.json").read_text()) == result
    rows = list(csv.DictReader((out / "result.csv").open(newline="")))
    assert [float(row["ratio_pftk"]) for row in rows] == [few["ratio_pftk"], many["ratio_pftk"]]
    assert (out / "report.html").read_text().count('role="img"') == 3
    state = Link(engine, lab).state()
    assert all(state.impairment(each).is_clear for each in Direction)
