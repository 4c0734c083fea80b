"""What can go wrong while scenarios run: nothing that was measured is lost, and nothing is left."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab import lifecycle
from lab.engine import Engine
from lab.link import Link
from lab.nodes import Lab

from .conftest import LAB, lab_command, until
from .test_lab_scenarios import LOSSES, reach, scenario, stopped_in

TWO_AT_ONCE = """
title: Two at once, and an outage
impair: {delay: 2ms}
schedule: [{at: 2s, down: true}, {at: 40s, up: true}]
measure:
  - udp: {as: short, count: 10}
  - together:
      - udp: {as: one, count: 20000}
      - steady: {as: other, duration: 60s}
"""


def left(engine: Engine, lab: Lab) -> list[str]:
    """What runs in the nodes that belongs to a measurement or a capture."""
    found = []
    for node in engine.lab(lab.name).nodes:
        said = engine.run(node, ["pgrep", "-af", "lab.node.probe|tcpdump"], user="root").stdout
        found += [f"{node.name}: {line}" for line in said.splitlines()]
        said = engine.run(node, ["sh", "-c", "ls -d /tmp/netlab-*"], user="root").stdout
        found += [f"{node.name}: {line}" for line in said.splitlines()]
    return found


def result_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


@pytest.mark.timeout(120)
def test_a_node_that_dies_ends_all_that_goes_on_and_is_named(
    engine: Engine, own_name: str, tmp_path: Path
) -> None:
    lab, _ = lifecycle.up(engine, own_name, print, clients=2)
    text = "clients: 2" + TWO_AT_ONCE.replace("duration: 60s", "duration: 60s, client: client-2")
    path, out = scenario(tmp_path, text), tmp_path / "out"
    words = ["run", path, "--name", lab.name, "--out", str(out), "--capture"]
    run = subprocess.Popen([*LAB, *words], stderr=subprocess.PIPE, text=True)
    reach(run, "one, other")
    victim = lab.client("client-2")
    until(lambda: engine.run(victim, ["pgrep", "-f", "lab.node.probe"]).code == 0, "the probe runs")
    engine.client.api.kill(victim.container)
    assert run.stderr
    said = run.stderr.read()
    run.stderr.close()
    assert run.wait(40) == 1, said
    result = result_in(out)
    (point,) = result["points"]
    assert (point["short"]["sent"], point["one"], point["other"]) == (10, None, None)
    assert (result["verdict"], result["interrupted"], result["complete"]) == ("fail", False, False)
    assert "client-2 does not run any more; mend it: lab up" in result["failures"]
    assert (out / "report.html").exists()
    assert lab_command("up", "--name", lab.name).code == 0
    assert left(engine, lab) == []
    assert Link(engine, engine.lab(lab.name)).state().is_clear


@pytest.mark.timeout(120)
def test_ctrl_c_while_packets_are_kept_leaves_no_capture(
    engine: Engine, lab: Lab, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["run", scenario(tmp_path, TWO_AT_ONCE), "--name", lab.name, "--out", str(out)]
    run = subprocess.Popen([*LAB, *words, "--capture"], stderr=subprocess.PIPE, text=True)
    stopped_in(engine, lab, run, "one, other", signal.SIGTERM)
    assert run.returncode == 130
    assert left(engine, lab) == []
    assert Link(engine, lab).state().is_clear
    assert {each.name for each in (out / "capture").iterdir()} == {"1-short.pcapng"}
    assert lab_command("report", str(out)).code == 0


@pytest.mark.timeout(120)
def test_ctrl_c_while_the_lab_is_changed_or_put_back_gives_it_back(
    engine: Engine, own_name: str, tmp_path: Path
) -> None:
    lab, _ = lifecycle.up(engine, own_name, print)
    text = "title: Another\nservers: {udp: udp_asyncio}\nclients: 2\nmeasure: [udp: {count: 5}]\n"
    path = scenario(tmp_path, text)
    # The first time that the lab is changed, and the second, when it is put back.
    for times in (1, 2):
        out = tmp_path / f"out-{times}"
        run = subprocess.Popen(
            [*LAB, "run", path, "--name", lab.name, "--out", str(out)],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert run.stderr
        seen = 0
        for line in run.stderr:
            seen += "is made to have" in line
            if seen == times:
                break
        run.send_signal(signal.SIGINT)
        said = run.stderr.read()
        run.stderr.close()
        assert run.wait(60) == 130, said
        after = engine.lab(own_name)
        programs = [node.program for node in after.nodes if node.program]
        assert programs == ["tcp_threaded", "udp_socket"]
        assert len(after.service("client")) == 1
        assert out.exists() == (times == 2)  # nothing was measured the first time
    assert result_in(tmp_path / "out-2")["points"][0]["udp"]["received"] == 5


@pytest.mark.timeout(120)
def test_two_runs_at_once_in_a_lab_come_one_after_the_other_each_in_its_folder(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = scenario(tmp_path, LOSSES.replace("[0%, 10%, 100%]", "[0%]"))
    runs = [
        subprocess.Popen([*LAB, "run", path, "--name", lab.name], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert sum("another command is at work" in each for each in said) == 1
    folders = {each.rpartition("evidence: ")[2].partition("/report.html")[0] for each in said}
    assert len(folders) == 2
    for folder in folders:
        assert result_in(Path(folder))["verdict"] == "pass"


def test_what_can_not_be_written_is_one_line_and_loses_nothing_that_was(
    lab: Lab, tmp_path: Path
) -> None:
    text = LOSSES.replace("[0%, 10%, 100%]", "[0%]").replace(
        "- udp: {count: 400", "- udp: {as: few, count: 10}\n  - udp: {count: 4000"
    )
    out = tmp_path / "out"
    limit = 60_000  # bytes a file; as on a disk that is full
    done = subprocess.run(
        [*LAB, "run", scenario(tmp_path, text), "--name", lab.name, "--out", str(out)],
        capture_output=True, text=True, check=False, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == f"{out}/samples.json: can't be written (File too large)"
    assert "Traceback" not in done.stderr
    result = result_in(out)
    assert (result["points"][0]["few"]["received"], result["points"][0]["udp"]) == (10, None)
    assert not list(out.glob(".*"))
    resumed = lab_command("run", "--resume", "--out", str(out))
    assert resumed.code == 0, resumed.err


@pytest.mark.timeout(150)
def test_a_run_of_all_that_was_stopped_goes_on(engine: Engine, lab: Lab, tmp_path: Path) -> None:
    folder, out = tmp_path / "catalogue", tmp_path / "out"
    folder.mkdir()
    one = LOSSES.replace("[0%, 10%, 100%]", "[0%]")
    scenario(folder, one, "first")
    scenario(folder, LOSSES.replace("count: 400", "count: 1500"), "second")
    scenario(folder, one, "third")
    code = (
        "import pathlib; from lab import catalogue, cli, runner; catalogue.CODED.clear(); "
        f"catalogue.SCENARIO_FILES = pathlib.Path({os.fspath(folder)!r}); cli.main()"
    )
    command = [sys.executable, "-c", code, "run"]
    run = subprocess.Popen(
        [*command, "--all", "--name", lab.name, "--out", str(out)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    stopped_in(engine, lab, run, "udp at 100%", signal.SIGINT)
    assert run.returncode == 130
    before = json.loads((out / "summary.json").read_text())
    assert [(row["name"], row["interrupted"]) for row in before["scenarios"]] == [
        ("first", False), ("second", True),
    ]  # fmt: skip
    assert (before["interrupted"], before["complete"], before["verdict"]) == (True, False, "fail")
    first, points = result_in(out / "first"), result_in(out / "second")["points"]

    done = subprocess.run(
        [*command, "--resume", "--out", str(out), "--json"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"going on with {out}: 1 of 3 scenarios were run" in done.stderr
    assert done.stderr.count("udp at 100%") == 1
    assert "1 of 3: first" not in done.stderr
    summary = json.loads(done.stdout)
    assert [(row["name"], row["verdict"]) for row in summary["scenarios"]] == [
        ("first", "pass"), ("second", "pass"), ("third", "pass"),
    ]  # fmt: skip
    assert (summary["verdict"], summary["complete"]) == ("pass", True)
    assert summary["started"] == before["started"]
    assert summary["took_s"] > before["took_s"]
    assert result_in(out / "first") == first
    assert result_in(out / "second")["points"][:2] == points
    index = (out / "index.html").read_text()
    assert all(f'href="{name}/report.html"' in index for name in ("first", "second", "third"))
    assert json.loads((out / "summary.json").read_text()) == summary

    again = lab_command("run", "--all", "--resume", "--out", str(out))
    problem = "is finished; run it anew: lab run --all"
    assert (again.code, again.err) == (2, f"--resume: '{out}' {problem}\n")
