"""The folder of a run's evidence: made, written so that nothing is ever half there, read back.

    result.json   what `lab run --json` prints      samples.json   the series behind it
    result.csv    its points as a table             scenario.yaml  the file as it was run
    report.html   the page                          capture/       packets, where they were kept
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.errors import BadInput
from lab.report.flat import csv_text

RESULTS = Path("results")
RESULT, SAMPLES, SCENARIO, TABLE, PAGE = (
    "result.json", "samples.json", "scenario.yaml", "result.csv", "report.html",
)  # fmt: skip

Result = dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What a folder holds. series: columns by name, by measurement, by case."""

    folder: Path
    result: Result
    series: Mapping[str, Mapping[str, Any]]


def new_folder(scenario: str, base: Path = RESULTS) -> Path:
    """`results/<time>-<scenario>`, with a number behind it where two runs begin in one second."""
    first = base / f"{datetime.now():%Y%m%d-%H%M%S}-{scenario}"
    folder, number = first, 2
    while folder.exists():
        folder, number = first.with_name(f"{first.name}-{number}"), number + 1
    return folder


@contextmanager
def made(folder: Path) -> Iterator[None]:
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
            with suppress(OSError):  # somebody's file is in it
                each.rmdir()
        raise


def write(folder: Path, name: str, text: str) -> None:
    """Have the whole file there or, whatever happens meanwhile, the one that was there before."""
    part = folder / f".{name}.part"
    part.write_text(text, encoding="utf-8", newline="")
    part.replace(folder / name)


def write_result(folder: Path, result: Result, series: Mapping[str, Any] | None = None) -> None:
    """Keep what was measured; the result last, as it is what says that there is more.

    series: as samples.json has it.
    """
    if series is not None:
        write(folder, SAMPLES, json.dumps(series, separators=(",", ":")) + "\n")
    text = json.dumps(result, indent=1)
    # Short lists of numbers read better on one line.
    text = re.sub(r"\[\s+([-\d.e, \n]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    write(folder, RESULT, text + "\n")


def write_table(folder: Path, result: Result) -> None:
    """The points once more, as CSV."""
    write(folder, TABLE, csv_text(result))


def read(folder: Path, where: str = "DIR") -> Evidence:
    """What a run left in its folder. Raises `BadInput` that names the file it is about."""
    result = _json(folder, RESULT, where)
    samples = _json(folder, SAMPLES, where) if (folder / SAMPLES).exists() else {"points": []}
    try:
        whole = {"scenario", "verdict", "interrupted", "points"} <= result.keys()
        points = samples["points"]
        series = {
            point["case"]: {name: each for name, each in point.items() if name != "case"}
            for point in points
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise BadInput(where, str(folder / SAMPLES), "is no samples.json of a run") from error
    if not whole:
        raise BadInput(where, str(folder / RESULT), "is no result.json of a run")
    return Evidence(folder, result, series)


def newest_unfinished(base: Path = RESULTS) -> Path | None:
    """The run of a scenario file that was begun last of those that are not finished."""
    unfinished = []
    for path in (*base.glob(f"*/{SCENARIO}"), *base.glob(f"*/*/{SCENARIO}")):
        with suppress(BadInput):  # a folder that somebody has changed by hand is none of these
            found = read(path.parent)
            if found.result["interrupted"]:
                unfinished.append((str(found.result.get("started", "")), path.parent))
    return max(unfinished)[1] if unfinished else None


def _json(folder: Path, name: str, where: str) -> Any:
    path = folder / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"has no {name} ({os.strerror(error.errno or 0)})"
        raise BadInput(where, str(folder), f"{problem}; write the folder of a run") from error
    except ValueError as error:
        raise BadInput(where, str(path), f"can't be read: {error}") from error
