"""A run's folder: never half a file in it, and found again where a run was stopped. And how long
the rest of a run takes."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import lab
from lab import catalogue, evidence, progress, run_all, runner
from lab.errors import BadInput, LabError
from lab.scenario import estimate, file
from lab.scenario.measures import KINDS
from lab.scenario.run import Step
from lab.scenario.sweep import SweepRun

TEXT = "title: One\nmeasure: [udp: {count: 10}]\n"


def result(**more: Any) -> dict[str, Any]:
    scenario = file.read(TEXT, "mine.yaml", "mine", KINDS)
    return {
        "scenario": "mine", "title": "One", "verdict": "fail", "interrupted": True, "points": [],
        "started": "2026-11-25T01:00:00+00:00", "lab": "lab", "lab_version": lab.__version__,
        "complete": False, "kernel": "6.18", "scenario_sha256": SweepRun.mark(scenario), **more,
    }  # fmt: skip


def kept(folder: Path, text: str = TEXT, **more: Any) -> Path:
    folder.mkdir(parents=True)
    evidence.write_run(folder, result(**more), {"points": []}, text)
    return folder


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    folder = kept(tmp_path / "run")
    found = evidence.read(folder)
    assert (found.result, found.samples, found.scenario) == (result(), {"points": []}, TEXT)
    names = {each.name for each in folder.iterdir()}
    assert names == {"result.json", "samples.json", "scenario.yaml"}


def test_a_file_is_the_old_one_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence.write(tmp_path, "result.json", "old")
    seen = []

    def killed(self: Path, _: Path) -> None:
        seen.append((self.read_text(), (tmp_path / "result.json").read_text()))
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        evidence.write(tmp_path, "result.json", "new")
    assert seen == [("new", "old")]
    assert (tmp_path / "result.json").read_text() == "old"


def test_the_newest_unfinished_run_is_found_and_a_run_of_all_is_one(tmp_path: Path) -> None:
    assert evidence.newest_unfinished(tmp_path) is None
    newest = kept(tmp_path / "1", started="2026-11-25T01:00:00+00:00")
    kept(tmp_path / "3", started="2026-11-25T03:00:00+00:00", complete=True)
    broken = kept(tmp_path / "4", started="2026-11-25T04:00:00+00:00")
    (broken / "result.json").write_text("{")
    assert evidence.newest_unfinished(tmp_path) == newest
    assert evidence.newest_unfinished(tmp_path, only_all=True) is None
    of_all = tmp_path / "2-all"
    kept(of_all / "mine", started="2026-11-25T02:30:00+00:00")
    summary = {"started": "2026-11-25T02:00:00+00:00", "complete": False, "scenarios": []}
    evidence.write_json(of_all, evidence.SUMMARY, summary)
    assert evidence.newest_unfinished(tmp_path) == of_all
    assert evidence.newest_unfinished(tmp_path, only_all=True) == of_all
    evidence.write_json(of_all, evidence.SUMMARY, {**summary, "complete": True})
    assert evidence.newest_unfinished(tmp_path) == newest


def test_what_can_not_be_written_is_an_error_of_one_line_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence.write(tmp_path, "result.json", "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LabError) as refused:
        evidence.write(tmp_path, "result.json", "new")
    assert (
        str(refused.value) == f"{tmp_path}/result.json: can't be written (No space left on device)"
    )
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [
        ("result.json", "old")
    ]


def test_runs_that_begin_in_one_second_have_a_folder_each_and_empty_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    class Stopped(datetime):
        @classmethod
        def now(cls, _: Any = None) -> "Stopped":
            return cls(2026, 11, 25, 1, 2, 3)

    monkeypatch.setattr(evidence, "datetime", Stopped)
    with evidence.made(None, "loss") as one, evidence.made(None, "loss") as other:
        names = [str(one), str(other)]
        assert names == ["results/20261125-010203-loss", "results/20261125-010203-loss-2"]
        (one / "result.json").write_text("{}")

    def stopped(folder: Path | None) -> None:
        with evidence.made(folder, "loss"):
            raise KeyboardInterrupt

    for folder in (None, Path("mine/here")):
        with pytest.raises(KeyboardInterrupt):
            stopped(folder)
    assert {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*")} == {
        "results", *names, f"{names[0]}/result.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, " has no summary.json; give the folder of a run, as results/…"),
        ("[]", "/summary.json' is no summary of a run of all"),
        ("{", "/summary.json' is no JSON"),
        (
            '{"started": "x", "scenarios": [], "complete": true}',
            "' is finished; run it anew: lab run --all",
        ),
    ],
)
def test_a_run_of_all_that_can_not_go_on_says_why(
    tmp_path: Path, content: str | None, problem: str
) -> None:
    if content:
        (tmp_path / "summary.json").write_text(content)
    with pytest.raises(BadInput) as refused:
        run_all.stopped(tmp_path)
    assert str(refused.value).startswith(f"--resume: '{tmp_path}")
    assert problem in str(refused.value)


def test_a_run_can_go_on_where_nothing_has_changed(tmp_path: Path) -> None:
    scenario, found = runner.unfinished(kept(tmp_path / "run"))
    assert (scenario.name, scenario.title, found.result) == ("mine", "One", result())


@pytest.mark.parametrize(
    ("more", "text", "problem"),
    [
        ({"complete": True}, TEXT, "is finished; run it anew: lab run mine"),
        (
            {"lab_version": "0.0.1"}, TEXT,
            f"was measured by version 0.0.1, and this is {lab.__version__}; run it anew",
        ),
        ({"kernel": "5.0"}, TEXT, "was measured on kernel 5.0, and this is 6.18; run it anew"),
        (
            {}, "", "has no scenario.yaml; only what a file describes can go on, run it anew: "
            "lab run mine",
        ),
    ],
)  # fmt: skip
def test_a_run_that_can_not_go_on_says_why(
    tmp_path: Path, more: dict[str, Any], text: str, problem: str
) -> None:
    folder = kept(tmp_path / "run", text, **more)
    with pytest.raises(BadInput) as refused:
        runner.unfinished(folder, "6.18")
    assert str(refused.value) == f"--resume: '{folder}' {problem}"


def test_a_file_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    folder = kept(tmp_path / "run")
    (folder / "scenario.yaml").write_text(TEXT.replace("10", "20"))
    with pytest.raises(BadInput, match="is not the file that was measured; undo the change"):
        runner.unfinished(folder)


def test_a_file_of_ones_own_does_not_take_the_name_of_ours(tmp_path: Path) -> None:
    mine = tmp_path / "loss.yaml"
    mine.write_text(TEXT)
    named = [
        runner.load(str(path)) for path in (mine, catalogue.scenario_file("loss"))
    ]  # fmt: skip
    assert [each.name for each in named if not isinstance(each, str)] == ["my-loss", "loss"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("title: One thing\nclaim: another\n", "One thing"),
        ("claim: a\ntitle: >\n  two\n  lines\n", "two lines"),
        ("claim: title\nby: points\ntitle: x\n", "x"),
        ("vary: {title: [1%]}\nmeasure: []\n", "(no title)"),
        ("title: [a, b]\nclaim: x\n", "(no title)"),
    ],
)
def test_a_title_is_read_without_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, title: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    monkeypatch.setattr(catalogue, "SCENARIO_FILES", tmp_path)
    assert catalogue.title("mine") == title
    assert catalogue.scenarios() == ["mine", "tcp-law"]


def test_the_catalogue_is_in_the_order_of_the_lessons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {
        "a": "title: no number\n",
        "b": "title: twelfth\nnumber: 12\n",
        "c": "number: 2\nclaim: the number may stand first\ntitle: second\n",
        "d": "title: a number below is none\nvary: {number: [1]}\n",
        "e": "title: second too\nnumber: 2\n",
        "f": "title: no whole number\nnumber: one\n",
        "g": "title: {is no scenario\nnumber: 1\n",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.setattr(catalogue, "SCENARIO_FILES", tmp_path)
    assert catalogue.scenarios() == ["c", "e", "b", "a", "d", "f", "g", "tcp-law"]
    assert catalogue.title("c") == "second"
    assert catalogue.title("g").startswith("(is no scenario: ")


def test_the_main_experiment_is_the_first() -> None:
    assert catalogue.scenarios()[0] == "loss"
    assert catalogue.scenarios()[-1] == "tcp-law"


@pytest.mark.parametrize(
    ("took_s", "todo", "left_s"),
    [
        ({}, [(0, 0)], None),
        ({(0, 0): 2.0}, [], 0),
        ({(0, 0): 2.0}, [(1, 0), (2, 0)], 4.0),
        ({(0, 0): 2.0, (0, 1): 10.0}, [(1, 0), (1, 1)], 12.0),
        ({(0, 0): 1.0, (1, 0): 5.0}, [(2, 0), (3, 0)], 10.0),  # as the nearest point
        ({(0, 0): 1.0, (2, 0): 5.0}, [(1, 0)], 5.0),  # the later of two
        ({(0, 0): 1.0, (1, 0): 3.0}, [(0, 1)], 2.0),  # not known: the average
    ],
)
def test_the_rest_takes_what_its_like_took(
    took_s: dict[estimate.Part, float], todo: list[estimate.Part], left_s: float | None
) -> None:
    assert estimate.left_s(took_s, todo) == left_s


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""), (0, ""), (0.2, "about 1 s left"), (7.6, "about 8 s left"),
        (22, "about 20 s left"), (83, "about 85 s left"), (100, "about 2 min left"),
    ],
)  # fmt: skip
def test_time_left_is_no_more_exact_than_it_is_known(seconds: float | None, words: str) -> None:
    assert progress.left(seconds) == words


def test_without_a_terminal_a_step_is_a_line() -> None:
    said: list[str] = []
    with progress.progress(said.append, Console(force_terminal=False)) as watch:
        watch(Step("udp at 5%", 1, 2, 21.0))
        watch(Step("done", 2, 2))
    assert said == ["udp at 5%, about 20 s left", "done"]


def test_on_a_terminal_a_bar_has_the_time_left() -> None:
    console = Console(force_terminal=True, width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with progress.progress(lambda _: None, console) as watch:
        watch(Step("udp at 5%", 1, 2, 21.0))
        console.print("")  # draws the bar above it
    text = console.export_text()
    assert "udp at 5%" in text
    assert "1/2" in text
    assert "about 20 s left" in text


def test_results_are_json(tmp_path: Path) -> None:
    evidence.write_json(tmp_path, "result.json", {"interval": [0.1, 0.2], "points": []})
    text = (tmp_path / "result.json").read_text()
    assert json.loads(text) == {"interval": [0.1, 0.2], "points": []}
    assert '"interval": [0.1, 0.2]' in text
