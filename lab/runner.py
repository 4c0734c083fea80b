"""Runs a scenario for the command line: progress while it goes, evidence when it ends."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import lab
from lab import compose, lifecycle
from lab.engine import Engine
from lab.errors import BadInput, LabError
from lab.report.flat import csv_text
from lab.report.law_page import law_page
from lab.report.page import loss_page
from lab.scenario.law import LawRun
from lab.scenario.loss import LossRun
from lab.scenario.run import Run, Step

Say = Callable[[str], None]
Result = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """What a scenario takes beside its title: how to measure it, and its page."""

    run: Callable[..., Run]
    page: Callable[[Result], str]


SCENARIOS = {
    LossRun.name: Scenario(LossRun, loss_page),
    LawRun.name: Scenario(LawRun, law_page),
}
"""By the names that the catalogue gives them."""


def run(
    engine: Engine, scenario: str, name: str, say: Say, out: Path | None, command: str
) -> tuple[Result, Path]:
    """Run a scenario in lab `name`; return its result and the folder that its evidence is in.

    What was measured before Ctrl-C, or before a node died, is written all the same; then the
    result says `interrupted`, or names what failed.
    """
    found = engine.lab(name)
    facts = {"command": command, "compose": compose.version(), "lab_version": lab.__version__}
    folder = out or _folder(scenario)
    with _made(folder), lifecycle.held(name, say), _progress(say) as watch:
        running = SCENARIOS[scenario].run(engine, found, facts=facts, watch=watch)
        try:
            running.measure()
        except (KeyboardInterrupt, LabError):
            # Both are told by the result; with nothing measured there is nothing to tell.
            if not running.result()["points"]:
                raise
    result = running.result()
    _write(result, folder)
    return result, folder


def _folder(scenario: str) -> Path:
    """`results/<time>-<scenario>`, with a number behind it where two runs begin in one second."""
    base = Path("results") / f"{datetime.now():%Y%m%d-%H%M%S}-{scenario}"
    folder, number = base, 2
    while folder.exists():
        folder, number = base.with_name(f"{base.name}-{number}"), number + 1
    return folder


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """The folder is there before anything is measured; what stays empty does not stay."""
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("--out", str(folder), f"can't be written ({error.strerror})") from error
    try:
        yield
    except BaseException:
        for each in new:
            with suppress(OSError):  # somebody else's file is in it
                each.rmdir()
        raise


def _write(result: Result, folder: Path) -> None:
    """The result first and the page last: a page that can't be drawn loses no figure."""
    text = json.dumps(result, indent=1)
    # Short lists of numbers read better on one line.
    text = re.sub(r"\[\s+([-\d.e, \n]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    (folder / "result.json").write_text(text + "\n", encoding="utf-8")
    (folder / "result.csv").write_text(csv_text(result), encoding="utf-8", newline="")
    page = SCENARIOS[result["scenario"]].page(result)
    (folder / "report.html").write_text(page, encoding="utf-8")


@contextmanager
def _progress(say: Say) -> Iterator[Callable[[Step], None]]:
    """A bar where standard error is a terminal; elsewhere a line a step."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: say(step.words)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda step: bar.update(
            task, description=step.words, completed=step.done, total=step.of
        )
