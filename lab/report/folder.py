"""The report of a run from the folder of its evidence: the one module of `lab.report` that reads.

Takes `result.json`, and what lies beside it: the series, the scenario's file, the captures.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import dpkt  # type: ignore[import-untyped]

from lab.capture import join
from lab.capture.packet import Packet
from lab.errors import BadInput
from lab.report.compare import compare_page
from lab.report.drawn import Captured, Captures
from lab.report.law_page import law_page
from lab.report.page import loss_page
from lab.report.scenario_page import scenario_page

RESULT, SAMPLES, SCENARIO = "result.json", "samples.json", "scenario.yaml"

_MOST_PACKETS = 20_000
"""Of a capture, for its ladder: what comes later is in the file and would not be drawn."""


Packets = Callable[[Path], Iterable[Packet]]


def report_of(folder: Path, where: str = "DIR", *, packets: Packets | None = None) -> str:
    """The page of a run, from its folder alone. Raises `BadInput` for a folder that holds none.

    packets: reads the packets of a capture file, if not `lab.capture.join` is to.
    """
    result = result_of(folder, where)
    if result["scenario"] == "tcp-law":
        return law_page(result)
    page = loss_page if result["scenario"] == "loss" else scenario_page
    return page(
        result, samples_of(folder, where), captures_of(folder, result, packets), text_of(folder)
    )


def comparison_of(one: Path, other: Path, where: str = "DIR") -> str:
    """The page that has two runs of one scenario side by side. Raises `BadInput`."""
    results = [result_of(folder, where) for folder in (one, other)]
    samples = [samples_of(folder, where) for folder in (one, other)]
    return compare_page(results, samples, names=names_of(one, other), where=where)


def names_of(one: Path, other: Path) -> tuple[str, str]:
    """What two folders are called where both are told of, as short as tells them apart."""
    if one.resolve().name != other.resolve().name:
        return one.resolve().name, other.resolve().name
    return str(one), str(other)


def result_of(folder: Path, where: str = "DIR") -> dict[str, Any]:
    """What the run found. Raises `BadInput`."""
    result = json_of(folder / RESULT, folder, where)
    if not isinstance(result, dict) or not result.keys() >= _NEEDED:
        raise BadInput(where, str(folder / RESULT), "is no result of a run")
    return result


_NEEDED = {"scenario", "title", "verdict", "points"}


def samples_of(folder: Path, where: str = "DIR") -> dict[str, Any]:
    """The series of a run; none where none were kept. Raises `BadInput`."""
    if not (folder / SAMPLES).exists():
        return {}
    samples = json_of(folder / SAMPLES, folder, where)
    if not isinstance(samples, dict) or not isinstance(samples.get("points"), list):
        raise BadInput(where, str(folder / SAMPLES), "holds no series of a run")
    return samples


def text_of(folder: Path) -> str:
    """The scenario's file as it was run, if it was kept."""
    try:
        return (folder / SCENARIO).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def captures_of(folder: Path, result: Mapping[str, Any], packets: Packets | None) -> Captures:
    """The captures that the result tells of and that are still there."""
    read = packets or partial(join.packets, most=_MOST_PACKETS)
    found: dict[str, Captured] = {}
    for point in result["points"]:
        for report in point.values():
            account = report.get("capture") if isinstance(report, Mapping) else None
            name = str(account.get("file", "")) if isinstance(account, Mapping) else ""
            path = folder / name
            # A result may come from elsewhere: what it names is to lie in its own folder.
            if name and path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                kept = list(islice(read(path), _MOST_PACKETS))
                found[name] = Captured(kept, partial(_frame, path))
    return found


def _frame(path: Path, number: int) -> bytes | None:
    """A frame of a capture file by the number that Wireshark gives it; None beyond the last."""
    with path.open("rb") as file:
        frames = (bytes(frame) for _, frame in dpkt.pcap.UniversalReader(file))
        return next(islice(frames, number - 1, None), None)


def json_of(path: Path, folder: Path, where: str) -> Any:
    """What a file of a run's folder holds. Raises `BadInput`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        problem = f"has no {path.name}; give the folder of a run, as results/…"
        raise BadInput(where, str(folder), problem) from None
    except OSError as error:
        problem = f"can't be read ({os.strerror(error.errno or 0)})"
        raise BadInput(where, str(path), problem) from error
    except ValueError as error:
        raise BadInput(where, str(path), f"is no JSON: {error}") from error
