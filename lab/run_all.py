"""Runs the whole catalogue in one lab, each scenario with a folder of its own below one folder.

summary.json says how far it is, from before the first scenario on, so that a run that was stopped,
however it was, can go on; index.html links the reports.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab import catalogue, evidence, lifecycle, runner
from lab.errors import BadInput, LabError, NotHere
from lab.evidence import Result
from lab.link import Link
from lab.report.index import Entry, index_page
from lab.runner import Order
from lab.scenario.model import Scenario

GOOD = ("pass", "skipped")
"""Verdicts of scenarios that do not fail a run of all."""


def run(
    order: Order,
    scenarios: Sequence[Scenario | str],
    folder: Path | None,
    before: Mapping[str, Any] | None = None,
) -> Result:
    """Run all of them in one lab, each with a folder of its own below this one.

    before: the summary of a run that was stopped: what is finished in it is not run again. Returns
    the summary, which the folder has, too. What fails stops nothing; Ctrl-C stops all, and what
    there is stays.
    """
    order.engine.lab(order.name)  # one that is not there is told before a folder is made
    with lifecycle.held(order.name, order.say), evidence.made(folder, "all") as place:
        return _run(order, {_name(each): each for each in scenarios}, place, before or {})


def stopped(folder: Path) -> Mapping[str, Any]:
    """The summary of a run of all that was stopped. Raises `BadInput` where it can't go on."""
    found = evidence.summary(folder, "--resume")
    if found["complete"]:
        problem = "is finished; run it anew: lab run --all"
        raise BadInput("--resume", str(folder), problem)
    return found


def _run(
    order: Order, scenarios: Mapping[str, Scenario | str], folder: Path, before: Mapping[str, Any]
) -> Result:
    rows = {row["name"]: row for row in before.get("scenarios", ()) if _is_done(row, folder)}
    started = before.get("started", datetime.now(UTC).isoformat(timespec="seconds"))
    begun, took_s = time.monotonic(), before.get("took_s", 0.0)

    def summary() -> Result:
        ordered = [rows[name] for name in scenarios if name in rows]
        complete = len(ordered) == len(scenarios) and not any(r["interrupted"] for r in ordered)
        good = complete and all(row["verdict"] in GOOD for row in ordered)
        found = {
            "command": order.command,
            "lab": order.name,
            "folder": str(folder),
            "started": started,
            "captured": order.capture,
            "verdict": "pass" if good else "fail",
            "interrupted": not complete,
            "complete": complete,
            "took_s": took_s + time.monotonic() - begun,
            "scenarios": ordered,
        }
        evidence.write_json(folder, evidence.SUMMARY, found)
        entries = [_entry(row, folder) for row in ordered]
        evidence.write(folder, evidence.INDEX, index_page(entries, order.command))
        return found

    told = summary()
    for number, (name, scenario) in enumerate(scenarios.items(), 1):
        if name in rows:
            continue
        order.say(f"{number} of {len(scenarios)}: {name}")
        since = time.monotonic()
        result = _one(order, scenario, folder / name)
        rows[name] = _row(name, result, time.monotonic() - since)
        told = summary()
        if rows[name]["interrupted"]:
            break
    return told


def _is_done(row: Mapping[str, Any], folder: Path) -> bool:
    """Whether nothing of a scenario is left to be measured."""
    if row["verdict"] in GOOD:
        return True
    result = _result(folder / row["name"])
    return not row["interrupted"] and result is not None and result.get("complete", True)


def _one(order: Order, scenario: Scenario | str, folder: Path) -> Mapping[str, Any]:
    """The result of a scenario, or what there is to say where it has none."""
    if not isinstance(scenario, str) and scenario.backend == "netem":
        able = Link(order.engine, order.engine.lab(order.name)).kernel.abilities
        if not able["netem"]:
            why = f"netem: not in this kernel ({able['why']['netem']})"
            return {"verdict": "skipped", "failures": [why]}
    kept = None
    with suppress(BadInput):  # nothing of it was measured, or what was is of no use now
        begun, found = runner.unfinished(folder, order.engine.kernel)
        kept = found if not isinstance(scenario, str) and begun.text == scenario.text else None
    try:
        return runner.measured(order, scenario, folder, kept)
    except KeyboardInterrupt:  # before anything of it was measured
        return {"verdict": "fail", "failures": [], "interrupted": True}
    except NotHere as error:
        return {"verdict": "skipped", "failures": [str(error)]}
    except LabError as error:
        return {"verdict": "fail", "failures": [str(error)]}


def _name(scenario: Scenario | str) -> str:
    return scenario if isinstance(scenario, str) else scenario.name


def _row(name: str, result: Mapping[str, Any], took_s: float) -> dict[str, Any]:
    return {
        "name": name,
        "title": result.get("title") or catalogue.title(name),
        "verdict": result["verdict"],
        "interrupted": bool(result.get("interrupted")),
        "failures": result["failures"],
        "took_s": took_s,
    }


def _entry(row: Mapping[str, Any], folder: Path) -> Entry:
    """The row of the page over all runs."""
    told = None if row["verdict"] == "skipped" else _result(folder / row["name"])
    why = "" if told else "; ".join(row["failures"])
    href = f"{row['name']}/{evidence.PAGE}" if told else ""
    return Entry(row["name"], row["title"], told, href, row["took_s"], why)


def _result(folder: Path) -> Mapping[str, Any] | None:
    """What a scenario's folder has of it."""
    with suppress(BadInput):
        return evidence.read(folder).result
    return None
