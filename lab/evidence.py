"""The folder of a run's evidence: made, written so that nothing is ever half there, read back.

result.json   what `lab run --json` prints      samples.json   the series behind it
result.csv    its points as a table             scenario.yaml  the file as it was run
report.html   the page                          capture/       packets, where they were kept
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from lab.errors import BadInput, LabError
from lab.report.flat import csv_text
from lab.report.folder import (
    RESULT,
    SAMPLES,
    SCENARIO,
    json_of,
    report_of,
    result_of,
    samples_of,
    text_of,
)

RESULTS = Path("results")
CAPTURES = "capture"
TABLE, PAGE, SUMMARY, INDEX = "result.csv", "report.html", "summary.json", "index.html"

Result = dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What a folder holds. samples: as in the file; scenario: the text of the file."""

    folder: Path
    result: Result
    samples: Mapping[str, Any]
    scenario: str

    @property
    def series(self) -> dict[str, Mapping[str, Any]]:
        """Columns by name, by measurement, by case."""
        return {point["case"]: point for point in self.samples.get("points", ())}


@contextmanager
def made(folder: Path | None, scenario: str = "") -> Iterator[Path]:
    """The folder is there before anything is measured; what stays empty does not stay.

    None: a new one, `results/<time>-<scenario>`, with a number behind it where two runs begin in
    one second. Raises `BadInput` where nothing can be written.
    """
    wanted = folder or RESULTS / f"{datetime.now():%Y%m%d-%H%M%S}-{scenario}"
    new = [each for each in (wanted, *wanted.parents) if not each.exists()]
    try:
        place = _created(wanted) if folder is None else wanted
        place.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise BadInput("--out", str(wanted), f"can't be written ({error.strerror})") from error
    try:
        yield place
    except BaseException:
        for each in dict.fromkeys((place, *new)) if folder is None else new:
            with suppress(OSError):  # somebody's file is in it
                each.rmdir()
        raise


def _created(first: Path) -> Path:
    """A folder that nobody else has, of that name or with a number behind it."""
    for number in count(1):
        folder = first if number == 1 else first.with_name(f"{first.name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    raise AssertionError("numbers have no end")


def write(folder: Path, name: str, text: str) -> None:
    """Have the whole file there or, whatever happens meanwhile, the one that was there before.

    Raises `LabError`, as when the disk is full.
    """
    part = folder / f".{name}.part"
    try:
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(folder / name)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise LabError(f"{folder / name}: can't be written ({error.strerror})") from error


def write_run(
    folder: Path, result: Result, samples: Mapping[str, Any] | None = None, scenario: str = ""
) -> None:
    """Keep what was measured; the result last, as it is what says that there is more.

    samples: as samples.json has it. scenario: the text of its file.
    """
    if scenario:
        write(folder, SCENARIO, scenario)
    if samples is not None:
        write(folder, SAMPLES, json.dumps(samples, separators=(",", ":")) + "\n")
    write_json(folder, RESULT, result)


def write_json(folder: Path, name: str, data: object) -> None:
    """As JSON that one can read, too."""
    text = json.dumps(data, indent=1)
    # Short lists of numbers read better on one line.
    text = re.sub(r"\[\s+([-\d.e, \n]+?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    write(folder, name, text + "\n")


def write_table(folder: Path, result: Result) -> None:
    """The points once more, as CSV."""
    write(folder, TABLE, csv_text(result))


def read(folder: Path, where: str = "DIR") -> Evidence:
    """What a run left in its folder. Raises `BadInput` that names the file it is about."""
    samples = samples_of(folder, where)
    return Evidence(folder, result_of(folder, where), samples, text_of(folder))


def page(folder: Path) -> str:
    """The page of the run in a folder, of what is there. Raises `BadInput`."""
    return report_of(folder)


def summary(folder: Path, where: str) -> Result:
    """What a run of all left in its folder. Raises `BadInput`."""
    found = json_of(folder / SUMMARY, folder, where)
    if not isinstance(found, dict) or not found.keys() >= {"complete", "scenarios", "started"}:
        raise BadInput(where, str(folder / SUMMARY), "is no summary of a run of all")
    return found


def newest_unfinished(base: Path = RESULTS, *, only_all: bool = False) -> Path | None:
    """The run that was begun last of those that are not finished: of a scenario file, or of all.

    A scenario of a run of all goes on with that. only_all: no other.
    """
    unfinished = []
    for path in (*base.glob(f"*/{SUMMARY}"), *base.glob(f"*/{SCENARIO}")):
        is_all = path.name == SUMMARY
        if only_all and not is_all:
            continue
        with suppress(BadInput):  # a folder that somebody has changed by hand is none of these
            found = summary(path.parent, "") if is_all else read(path.parent).result
            if not found.get("complete", True):
                unfinished.append((str(found["started"]), path.parent))
    return max(unfinished)[1] if unfinished else None
