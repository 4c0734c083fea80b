"""Runs scenarios for the command line: progress while they go, evidence when they end."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab
from lab import catalogue, compose, evidence, lifecycle, options
from lab.engine import Engine
from lab.errors import BadInput, LabError, NotHere
from lab.evidence import Result
from lab.link import Link
from lab.nodes import Lab
from lab.progress import progress
from lab.report.folder import SCENARIO
from lab.report.index import Entry, index_page
from lab.scenario import file
from lab.scenario.law import LawRun
from lab.scenario.measures import KINDS
from lab.scenario.model import Scenario
from lab.scenario.run import Run
from lab.scenario.sweep import SweepRun

Say = Callable[[str], None]

CODED: dict[str, Callable[..., Run]] = {LawRun.name: LawRun}
"""The scenarios that are code, by the names that the catalogue gives them."""


@dataclass(frozen=True)
class Order:
    """How a scenario is to be run. name: of the lab. command: what was typed, to be repeated.

    capture: keep the packets, also where the scenario does not ask for it.
    """

    engine: Engine
    name: str
    say: Say
    command: str
    capture: bool = False


def load(chosen: str, where: str = "SCENARIO") -> Scenario | str:
    """The scenario of that name or file; one that is code stays its name. Raises `BadInput`."""
    if chosen in CODED:
        return chosen
    path = Path(chosen) if chosen.endswith(options.YAML) else catalogue.scenario_file(chosen)
    text, source = options.text_file(str(path), where)
    ours = catalogue.scenario_file(path.stem)
    taken = path.stem in catalogue.scenarios() and path.resolve() != ours.resolve()
    return file.read(text, source, f"my-{path.stem}" if taken else path.stem, KINDS)


def run(order: Order, scenario: Scenario | str, out: Path | None) -> tuple[Result, Path]:
    """Run a scenario; return its result and the folder that its evidence is in.

    What was measured before Ctrl-C, or before a node died, is kept all the same; then the
    result says `interrupted`, or names what failed.
    """
    name = scenario if isinstance(scenario, str) else scenario.name
    order.engine.lab(order.name)  # one that is not there is told before a folder is made
    folder = out or evidence.new_folder(name)
    with lifecycle.held(order.name, order.say):
        return _run(order, scenario, folder), folder


def resume(order: Order, folder: Path) -> Result:
    """Measure what is missing of a run that was stopped. Raises `BadInput` where it can't be."""
    with lifecycle.held(order.name, order.say):  # somebody may just be measuring it
        scenario, kept = unfinished(folder)
        if (kernel := kept.result["kernel"]) != order.engine.kernel:
            problem = f"was measured on kernel {kernel}, and this is {order.engine.kernel}"
            raise BadInput("--resume", str(folder), f"{problem}; run it anew")
        return _run(order, scenario, folder, kept)


def unfinished(folder: Path) -> tuple[Scenario, evidence.Evidence]:
    """What is there of a run that was stopped. Raises `BadInput` where it can't go on."""
    where = "--resume"
    kept = evidence.read(folder, where)
    name = str(kept.result["scenario"])
    if kept.result.get("complete", True):
        raise BadInput(where, str(folder), f"is finished; run it anew: lab run {name}")
    if (version := kept.result.get("lab_version")) != lab.__version__:
        problem = f"was measured by version {version}, and this is {lab.__version__}"
        raise BadInput(where, str(folder), f"{problem}; run it anew")
    path = folder / SCENARIO
    if not path.exists():
        problem = f"has no {SCENARIO}; only what a file describes can go on"
        raise BadInput(where, str(folder), f"{problem}, run it anew: lab run {name}")
    scenario = file.read(*options.text_file(str(path), where), name, KINDS)
    if SweepRun.mark(scenario) != kept.result["scenario_sha256"]:
        problem = "is not the file that was measured; undo the change, or run it anew"
        raise BadInput(where, str(path), problem)
    return scenario, kept


def run_all(order: Order, scenarios: Sequence[Scenario | str], folder: Path) -> Result:
    """Run all of them in one lab, each with a folder of its own below this one.

    Returns the summary, which the folder has, too. What fails stops nothing; Ctrl-C stops all,
    and what there is stays.
    """
    order.engine.lab(order.name)  # one that is not there is told before a folder is made
    rows: list[dict[str, Any]] = []
    entries: list[Entry] = []
    begun = time.monotonic()
    with evidence.made(folder), lifecycle.held(order.name, order.say):
        for number, scenario in enumerate(scenarios, 1):
            name = scenario if isinstance(scenario, str) else scenario.name
            order.say(f"{number} of {len(scenarios)}: {name}")
            since = time.monotonic()
            result = _one_of_all(order, scenario, folder / name)
            rows.append(_row(name, result, time.monotonic() - since))
            entries.append(_entry(rows[-1], result))
            good = len(rows) == len(scenarios) and all(row["verdict"] in GOOD for row in rows)
            summary = {
                "command": order.command,
                "folder": str(folder),
                "verdict": "pass" if good else "fail",
                "interrupted": rows[-1]["interrupted"],
                "took_s": time.monotonic() - begun,
                "scenarios": rows,
            }
            evidence.write_json(folder, evidence.SUMMARY, summary)
            evidence.write(folder, evidence.INDEX, index_page(entries, order.command))
            if summary["interrupted"]:
                break
    return summary


GOOD = ("pass", "skipped")
"""Verdicts of scenarios that do not fail a run of all."""


def _one_of_all(order: Order, scenario: Scenario | str, folder: Path) -> Mapping[str, Any]:
    """The result of a scenario, or what there is to say where it has none."""
    if not isinstance(scenario, str) and scenario.backend == "netem":
        able = Link(order.engine, order.engine.lab(order.name)).kernel.abilities
        if not able["netem"]:
            why = f"netem: not in this kernel ({able['why']['netem']})"
            return {"verdict": "skipped", "failures": [why]}
    try:
        return _run(order, scenario, folder)
    except KeyboardInterrupt:  # before anything of it was measured
        return {"verdict": "fail", "failures": [], "interrupted": True}
    except NotHere as error:
        return {"verdict": "skipped", "failures": [str(error)]}
    except LabError as error:
        return {"verdict": "fail", "failures": [str(error)]}


def _row(name: str, result: Mapping[str, Any], took_s: float) -> dict[str, Any]:
    return {
        "name": name,
        "title": result.get("title") or catalogue.title(name),
        "verdict": result["verdict"],
        "interrupted": bool(result.get("interrupted")),
        "failures": result["failures"],
        "took_s": took_s,
    }


def _entry(row: Mapping[str, Any], result: Mapping[str, Any]) -> Entry:
    """The row of the page over all runs."""
    told = result if "points" in result else None
    why = "" if told else "; ".join(row["failures"])
    href = f"{row['name']}/{evidence.PAGE}" if told else ""
    return Entry(row["name"], row["title"], told, href, row["took_s"], why)


def _run(
    order: Order, scenario: Scenario | str, folder: Path, kept: evidence.Evidence | None = None
) -> Result:
    """Run a scenario in a lab that is held, and keep its evidence in the folder."""
    with evidence.made(folder), progress(order.say) as watch, _fitted(order, scenario) as found:
        facts = {
            "command": order.command,
            "compose": compose.version(),
            "lab_version": lab.__version__,
        }

        def keep(each: Run) -> None:
            evidence.write_run(folder, each.result(), each.samples, text)

        captured = not isinstance(scenario, str) and (
            kept.result["captured"] if kept else order.capture or scenario.capture
        )
        running: Run
        text = "" if isinstance(scenario, str) else scenario.text
        if isinstance(scenario, str):
            running = CODED[scenario](order.engine, found, facts=facts, watch=watch)
        else:
            running = SweepRun(
                order.engine, found, scenario, facts=facts, watch=watch,
                keep=keep, captures=folder / evidence.CAPTURES if captured else None,
            )  # fmt: skip
            if kept:
                running.resume(kept.result, kept.series)
        try:
            running.measure()
        except (KeyboardInterrupt, LabError):
            # Both are told by the result; with nothing measured there is nothing to tell.
            if not running.result()["points"]:
                raise
        keep(running)
    result = running.result()
    evidence.write_table(folder, result)
    # Last: a page that can't be drawn loses no figure.
    evidence.write(folder, evidence.PAGE, evidence.page(folder))
    return result


@contextmanager
def _fitted(order: Order, scenario: Scenario | str) -> Iterator[Lab]:
    """The lab, as the scenario needs it."""
    if isinstance(scenario, str):
        yield order.engine.lab(order.name)
        return
    with lifecycle.fitted(
        order.engine, order.name, order.say, clients=scenario.clients, servers=scenario.servers
    ) as found:
        yield found
