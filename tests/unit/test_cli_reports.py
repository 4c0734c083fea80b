"""`lab report` and `lab compare`, through the command: what they answer, leave and refuse."""

import json
from pathlib import Path

import pytest

from lab import cli
from lab.engine import Engine
from tests.unit.test_scenario_report import Result, kept, run

__all__ = ["run"]  # a fixture is found by its name here


class Ran:
    """The command, run without an engine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

        def touched(_: Engine) -> None:
            pytest.fail("files are read, and the engine was asked")

        monkeypatch.setattr(Engine, "__init__", touched)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self._monkeypatch.setattr("sys.argv", ["lab", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    return Ran(monkeypatch, capsys)


def test_the_page_of_a_run_that_was_stopped_has_what_was_measured(
    tmp_path: Path, ran: Ran, run: tuple[Result, Result]
) -> None:
    result, samples = run
    result |= {"interrupted": True, "verdict": "fail", "complete": False}
    del result["points"][2], samples["points"][2]
    result["points"][1]["tcp"] = None
    del samples["points"][1]["tcp"]
    folder = kept(tmp_path / "run", run)
    page = folder / "report.html"
    assert ran("report", str(folder)) == (0, f"{page}\n", "")
    told = page.read_text(encoding="utf-8")
    assert "interrupted" in told.lower()
    assert told.count("<figure") >= 3
    page.unlink()
    assert ran("report", str(folder))[0] == 0
    assert page.read_text(encoding="utf-8") == told


def test_two_runs_are_put_side_by_side(
    tmp_path: Path, ran: Ran, run: tuple[Result, Result]
) -> None:
    one = kept(tmp_path / "one", run)
    run[0]["points"][0]["udp"] |= {"received": 100, "lost": 100}
    run[0]["backend"] = "netem"
    other = kept(tmp_path / "other", run)
    code, out, err = ran("compare", str(one), str(other))
    assert (code, err) == (0, "")
    assert "tc-bpf" in out
    assert "netem" in out
    code, out, _ = ran("compare", str(one), str(other), "--json")
    beyond = [each["what"] for each in json.loads(out)["differences"] if each["beyond_chance"]]
    assert (code, beyond) == (0, ["udp.lost of udp.sent", "udp.received of udp.sent"])
    page = tmp_path / "compared.html"
    code, _, err = ran("compare", str(one), str(other), "--out", str(page))
    assert (code, err) == (0, f"the page: {page}\n")
    assert page.read_text(encoding="utf-8").lower().startswith("<!doctype html>")


NO_FOLDER = "give the folder of a run, as results/…"


def test_what_is_no_run_is_refused(tmp_path: Path, ran: Ran, run: tuple[Result, Result]) -> None:
    one, other = kept(tmp_path / "one", run), kept(tmp_path / "other", run)
    broken, empty = tmp_path / "broken", tmp_path / "empty"
    for folder in (broken, empty):
        folder.mkdir()
    (broken / "result.json").write_text('{"scenario": "own"}')
    elsewhere = kept(tmp_path / "else", ({**run[0], "scenario": "else"}, run[1]))
    page = tmp_path / "none" / "page.html"
    for words, said in (
        (("report", str(empty)), f"DIR: '{empty}' has no result.json; {NO_FOLDER}"),
        (("report", str(broken)), f"DIR: '{broken}/result.json' is no result of a run"),
        (("compare", str(one)), "lab compare: DIR is missing; see lab compare --help"),
        (("compare", str(one), str(empty)), f"DIR: '{empty}' has no result.json; {NO_FOLDER}"),
        (
            ("compare", str(one), str(elsewhere)),
            "DIR: 'else' is another scenario than own; compare two runs of one",
        ),
        (
            ("compare", str(one), str(other), "--out", str(page)),
            f"--out: '{page}' can't be written (No such file or directory)",
        ),
        (
            ("run", "--resume", "--out", str(broken)),
            f"--resume: '{broken}/result.json' is no result of a run",
        ),
        (
            ("run", "--resume", "--out", str(one)),
            f"--resume: '{one}' is finished; run it anew: lab run own",
        ),
    ):
        assert ran(*words) == (2, "", f"{said}\n")


def test_nothing_to_go_on_with(tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cure = "give its folder by --out"
    for words, of in ((["--resume"], "of a scenario file"), (["--all", "--resume"], "of all")):
        said = f"--resume: 'results/' has no unfinished run {of}; {cure}\n"
        assert ran("run", *words) == (2, "", said)
