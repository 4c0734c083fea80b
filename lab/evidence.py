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
from pathlib import Path
from typing import Any

from lab.errors import BadInput
from lab.report.flat import csv_text
from lab.report.folder import RESULT, SAMPLES, SCENARIO, report_of, result_of, samples_of, text_of

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


def write_run(
    folder: Path, result: Result, samples: Mapping[str, Any] | None = None, scenario: str = ""
) -> None:
    """Keep what was measured; the result last, as it is what says that there is more.

    samples: as samples.json has it. scenario: the text of its file.
    """
    if scenario and not (folder / SCENARIO).exists():
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


def newest_unfinished(base: Path = RESULTS) -> Path | None:
    """The run of a scenario file that was begun last of those that are not finished."""
    unfinished = []
    for path in (*base.glob(f"*/{SCENARIO}"), *base.glob(f"*/*/{SCENARIO}")):
        with suppress(BadInput):  # a folder that somebody has changed by hand is none of these
            found = read(path.parent)
            if not found.result.get("complete", True):
                unfinished.append((str(found.result["started"]), path.parent))
    return max(unfinished)[1] if unfinished else None
