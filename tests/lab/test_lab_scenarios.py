"""Scenario files through the command: what is in force when, what is kept, and what is put back."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import lifecycle
from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import Lab

from .conftest import LAB, Ended, lab_command, until

LOSSES = """
title: What is lost
vary: {loss: [0%, 10%, 100%]}
impair: {loss: $loss}
measure:
  - udp: {count: 400, interval: 1ms, timeout: 100ms}
expect:
  - name: there and back
    share: udp.sent - udp.received of udp.sent
    is: 1 - (1 - loss)^2
    keep: udp
  - that: udp.unexplained = 0
"""


def scenario(folder: Path, text: str, name: str = "mine") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def ran(lab: Lab, tmp_path: Path, text: str, *more: str) -> tuple[Ended, dict[str, Any]]:
    """Run a scenario of this text; how the command ended, and its result."""
    ended = lab_command(
        "run", scenario(tmp_path, text), "--name", lab.name, "--out", str(tmp_path / "out"),
        "--json", *more,
    )  # fmt: skip
    assert ended.out, ended.err
    return ended, json.loads(ended.out)


def samples(folder: Path) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = json.loads((folder / "samples.json").read_text())["points"]
    return found


def begun(lab: Lab, tmp_path: Path, text: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*LAB, "run", scenario(tmp_path, text), "--name", lab.name, "--out",
         str(tmp_path / "out")],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def probing(engine: Engine, lab: Lab) -> bool:
    return any(
        engine.run(node, ["pgrep", "-f", "lab.node.probe"]).code == 0
        for node in lab.service("client")
    )


def reach(run: "subprocess.Popen[str]", step: str) -> None:
    """Read on until the command says that it begins that step."""
    assert run.stderr
    said = []
    for line in run.stderr:
        said.append(line)
        if line.startswith(step):
            return
    raise AssertionError(f"no {step!r} in: {''.join(said)}")


def stopped_in(engine: Engine, lab: Lab, run: "subprocess.Popen[str]", step: str, how: int) -> str:
    """Send a signal while that step is measured; what the command said afterwards."""
    reach(run, step)
    until(lambda: probing(engine, lab), "the probe runs")
    run.send_signal(how)
    assert run.stderr
    said = run.stderr.read()
    run.stderr.close()
    run.wait(30)
    return said


def test_a_file_of_ones_own_is_run_and_leaves_its_evidence(lab: Lab, tmp_path: Path) -> None:
    ended, result = ran(lab, tmp_path, LOSSES)
    assert (ended.code, result["verdict"], result["failures"]) == (0, "pass", []), ended.err
    assert (result["scenario"], result["title"]) == ("mine", "What is lost")
    assert [(p["case"], p["loss"]) for p in result["points"]] == [
        ("0%", 0.0), ("10%", 0.1), ("100%", 1.0),
    ]  # fmt: skip
    first, middle, last = (point["udp"] for point in result["points"])
    assert (first["received"], last["server_received"]) == (400, 0)
    assert middle["expected"] == 1 - (1 - 0.1) ** 2
    assert middle["held"] is True
    assert all(each["held"] for each in result["expectations"])
    assert len(result["expectations"]) == 6
    out = tmp_path / "out"
    assert json.loads((out / "result.json").read_text()) == result
    assert (out / "scenario.yaml").read_text() == LOSSES
    kept = samples(out)
    assert [each["case"] for each in kept] == ["0%", "10%", "100%"]
    assert len(kept[1]["udp"]["rtt_ms"]) == 400
    assert {each.name for each in out.iterdir()} == {
        "result.json", "result.csv", "report.html", "samples.json", "scenario.yaml",
    }  # fmt: skip
    assert re.fullmatch(
        r"udp at 0%\nudp at 10%, about \d+ s left\nudp at 100%, about \d+ s left\ndone\n"
        r"evidence: .*\n",
        ended.err,
    )


def test_what_does_not_hold_fails_the_run_with_its_figures(lab: Lab, tmp_path: Path) -> None:
    text = LOSSES.replace("is: 1 - (1 - loss)^2", "is: 50%").replace("[0%, 10%, 100%]", "[0%]")
    ended, result = ran(lab, tmp_path, text)
    assert (ended.code, result["verdict"]) == (1, "fail")
    assert len(result["failures"]) == 1
    assert result["failures"][0].startswith("0%: there and back: 0.0")


def test_ctrl_c_keeps_what_was_measured_and_the_run_goes_on_there(
    engine: Engine, lab: Lab, tmp_path: Path
) -> None:
    text = LOSSES.replace("count: 400", "count: 1500")
    out = tmp_path / "out"
    run = begun(lab, tmp_path, text)
    stopped_in(engine, lab, run, "udp at 100%", signal.SIGINT)
    assert run.returncode == 130
    assert not probing(engine, lab)
    assert Link(engine, lab).state().is_clear
    before = json.loads((out / "result.json").read_text())
    assert (before["interrupted"], before["verdict"]) == (True, "fail")
    assert [point["case"] for point in before["points"]] == ["0%", "10%"]
    assert (out / "report.html").exists()

    resumed = lab_command("run", "--resume", "--out", str(out), "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.err.count("udp at") == 1
    assert "udp at 100%" in resumed.err
    after = json.loads(resumed.out)
    assert (after["lab"], after["verdict"], after["started"]) == (
        lab.name, "pass", before["started"],
    )  # fmt: skip
    assert after["points"][:2] == before["points"]
    assert after["points"][2]["udp"]["server_received"] == 0
    assert len(after["resumed"]) == 1
    assert [len(each["udp"]["sent_s"]) for each in samples(out)] == [1500] * 3

    again = lab_command("run", "--resume", "--out", str(out))
    assert (again.code, again.err) == (
        2, f"--resume: '{out}' is finished; run it anew: lab run mine\n",
    )  # fmt: skip


def test_sigkill_loses_no_point_and_resume_finds_the_run(
    engine: Engine, lab: Lab, tmp_path: Path
) -> None:
    text = LOSSES.replace("count: 400", "count: 1500")
    folder = tmp_path / "results" / "by-hand"
    run = subprocess.Popen(
        [*LAB, "run", scenario(tmp_path, text), "--name", lab.name, "--out", str(folder)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    stopped_in(engine, lab, run, "udp at 10%", signal.SIGKILL)
    kept = json.loads((folder / "result.json").read_text())
    assert [point["case"] for point in kept["points"]] == ["0%"]
    assert kept["interrupted"] is True
    until(lambda: not probing(engine, lab), "what was left of the killed run is over")
    Link(engine, lab).clear()
    resumed = lab_command("run", "--resume", "--json")
    assert resumed.code == 0, resumed.err
    assert f"going on with {folder.relative_to(tmp_path)}: What is lost" in resumed.err
    assert [point["case"] for point in json.loads(resumed.out)["points"]] == ["0%", "10%", "100%"]


def test_what_was_changed_since_does_not_go_on(engine: Engine, lab: Lab, tmp_path: Path) -> None:
    run = begun(lab, tmp_path, LOSSES)
    stopped_in(engine, lab, run, "udp at 100%", signal.SIGINT)
    file = tmp_path / "out" / "scenario.yaml"
    file.write_text(LOSSES.replace("count: 400", "count: 500"))
    ended = lab_command("run", "--resume", "--out", str(tmp_path / "out"))
    problem = "is not the file that was measured; undo the change, or run it anew"
    assert (ended.code, ended.err) == (2, f"--resume: '{file}' {problem}\n")


def test_measurements_together_share_the_link_and_the_schedule_goes_on_meanwhile(
    lab: Lab, tmp_path: Path
) -> None:
    text = """
title: An outage that two see
impair: {delay: 2ms}
schedule: [{at: 2s, down: true}, {at: 5s, up: true}]
measure:
  - together:
      - udp: {as: one, count: 1600, interval: 5ms, timeout: 200ms}
      - udp: {as: other, count: 20, interval: 5ms, timeout: 200ms, start: 3s}
expect:
  - that: one.received < one.sent
  - that: other.received < other.sent
"""
    ended, result = ran(lab, tmp_path, text)
    assert ended.code == 0, ended.err
    (point,) = result["points"]
    assert point["one"]["sent"] == 1600
    assert point["one"]["alone"] is False
    (kept,) = samples(tmp_path / "out")
    lost = [
        sent_s for sent_s, rtt_ms in zip(kept["one"]["sent_s"], kept["one"]["rtt_ms"], strict=True)
        if rtt_ms is None
    ]  # fmt: skip
    # By one clock: what was sent while the link was down is lost, and nothing else. The way to wan,
    # and from the server back to it, takes a datagram 2 ms and what a busy machine adds.
    group, begun_s = point["one"]["group"], point["one"]["begun_s"]
    assert [each["at_s"] for each in group["steps"]] == [2, 5]
    down_s, up_s = (each["in_force_s"] for each in group["steps"])
    assert 2 <= down_s < 3
    assert 5 <= up_s < 6
    assert down_s - 0.05 < begun_s + min(lost) < down_s + 0.05
    assert up_s - 0.05 < begun_s + max(lost) < up_s + 0.05
    assert len(lost) == round((max(lost) - min(lost)) / 0.005) + 1  # all that was sent meanwhile
    assert point["other"]["group"] == group
    assert point["other"]["begun_s"] >= 3
    assert kept["one"]["rtt_ms"][-1] is not None  # it was up again
    assert kept["other"]["rtt_ms"][0] is None  # begun when it was down already


def test_a_client_has_its_own_impairment_and_the_lab_gets_back_what_it_had(
    engine: Engine, own_name: str, tmp_path: Path
) -> None:
    lab, _ = lifecycle.up(engine, own_name, print)
    Link(engine, lab).set({Direction.TOWARD_SERVER: Impairment(loss=0.25)})
    text = """
title: One of two
servers: {udp: udp_asyncio}
clients: 2
impair:
  client-2: {toward server: {loss: 100%}}
route: {congestion: reno}
measure:
  - together:
      - udp: {as: one, count: 200, client: client-1}
      - udp: {as: two, count: 200, client: client-2}
  - tcp: {count: 10, streams: 1}
expect:
  - that: one.received = 200
  - that: two.received = 0
"""
    ended, result = ran(lab, tmp_path, text)
    assert (ended.code, result["failures"]) == (0, []), ended.err
    assert result["programs"] == {"tcp": "tcp_threaded", "udp": "udp_asyncio"}
    assert result["congestion_control"] == "reno"
    after = engine.lab(own_name)
    assert [node.program for node in after.nodes if node.program] == ["tcp_threaded", "udp_socket"]
    assert len(after.service("client")) == 1
    state = Link(engine, after).state()
    assert state.impairment(Direction.TOWARD_SERVER) == Impairment(loss=0.25)
    assert {lane.client for lane in state.lanes} == {None}
    route = engine.run(after.node("client"), ["ip", "route", "show"]).stdout
    assert "reno" not in route


def test_all_of_the_catalogue_runs_in_one_lab(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "catalogue"
    folder.mkdir()
    scenario(folder, LOSSES.replace("[0%, 10%, 100%]", "[0%]"), "first")
    scenario(folder, LOSSES.replace("[0%, 10%, 100%]", "[0%]").replace("= 0", "= 1"), "second")
    code = (
        "import pathlib; from lab import catalogue, cli, runner; catalogue.CODED.clear(); "
        f"catalogue.SCENARIO_FILES = pathlib.Path({os.fspath(folder)!r}); cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--all", "--name", lab.name, "--out",
         str(tmp_path / "out"), "--json"],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    summary = json.loads(done.stdout)
    assert [(row["name"], row["verdict"]) for row in summary["scenarios"]] == [
        ("first", "pass"), ("second", "fail"),
    ]  # fmt: skip
    assert summary["scenarios"][1]["failures"] == ["0%: udp.unexplained = 1: 0"]
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    index = (tmp_path / "out" / "index.html").read_text()
    for name in ("first", "second"):
        assert (tmp_path / "out" / name / "report.html").exists()
        assert f'href="{name}/report.html"' in index


def test_ctrl_c_ends_all_of_a_group_in_the_nodes_too(
    engine: Engine, lab: Lab, tmp_path: Path
) -> None:
    text = """
title: Two at once
measure:
  - udp: {as: short, count: 10}
  - together:
      - udp: {as: one, count: 20000}
      - tcp: {as: other, count: 10, start: 30s}
"""
    run = begun(lab, tmp_path, text)
    stopped_in(engine, lab, run, "one, other", signal.SIGINT)
    assert run.returncode == 130
    assert not probing(engine, lab)
    assert Link(engine, lab).state().is_clear
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["points"][0]["short"]["sent"] == 10
    assert (result["points"][0]["one"], result["points"][0]["other"]) == (None, None)


def test_the_packets_of_each_measurement_are_kept_where_asked(lab: Lab, tmp_path: Path) -> None:
    text = """
title: Ten echoes
measure:
  - udp: {count: 10}
  - tcp: {count: 10, streams: 2}
expect:
  - that: udp.capture.udp.toward_server.packets = 10
  - that: tcp.capture.tcp.toward_server.syn = 2
"""
    ended, result = ran(lab, tmp_path, text, "--capture")
    assert (ended.code, result["failures"], result["captured"]) == (0, [], True), ended.err
    (point,) = result["points"]
    assert point["udp"]["capture"]["file"] == "capture/1-udp.pcapng"
    assert point["tcp"]["capture"]["file"] == "capture/2-tcp.pcapng"
    for name in ("udp", "tcp"):
        assert (tmp_path / "out" / point[name]["capture"]["file"]).stat().st_size > 1000
    page = (tmp_path / "out" / "report.html").read_text()
    (tmp_path / "out" / "report.html").unlink()
    made = lab_command("report", str(tmp_path / "out"))
    assert (made.code, made.out) == (0, f"{tmp_path}/out/report.html\n"), made.err
    assert (tmp_path / "out" / "report.html").read_text() == page
