"""Runs scenarios for the command line: progress while they go, evidence when they end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lab
from lab import catalogue, compose, evidence, lifecycle, options
from lab.engine import Engine
from lab.errors import BadInput, LabError
from lab.evidence import Result
from lab.nodes import Lab
from lab.progress import progress
from lab.report.folder import SCENARIO
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
    with lifecycle.held(order.name, order.say), evidence.made(out, name) as folder:
        return measured(order, scenario, folder), folder


def resume(order: Order, folder: Path) -> Result:
    """Measure what is missing of a run that was stopped. Raises `BadInput` where it can't be."""
    with lifecycle.held(order.name, order.say):  # somebody may just be measuring it
        scenario, kept = unfinished(folder, order.engine.kernel)
        return measured(order, scenario, folder, kept)


def unfinished(folder: Path, kernel: str | None = None) -> tuple[Scenario, evidence.Evidence]:
    """What is there of a run that was stopped. Raises `BadInput` where it can't go on.

    kernel: that of the lab, once it is known.
    """
    where = "--resume"
    kept = evidence.read(folder, where)
    name = str(kept.result["scenario"])
    if kept.result.get("complete", True):
        raise BadInput(where, str(folder), f"is finished; run it anew: lab run {name}")
    if (version := kept.result.get("lab_version")) != lab.__version__:
        problem = f"was measured by version {version}, and this is {lab.__version__}"
        raise BadInput(where, str(folder), f"{problem}; run it anew")
    if kernel and (on := kept.result["kernel"]) != kernel:
        problem = f"was measured on kernel {on}, and this is {kernel}"
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


def measured(
    order: Order, scenario: Scenario | str, folder: Path, kept: evidence.Evidence | None = None
) -> Result:
    """Run a scenario in a lab that is held, and keep its evidence in the folder.

    kept: what there is of it already, to go on from.
    """
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
