"""What there is to choose from: the echo programs and the scenarios, known by their file names.

Reads the programs' sources and never imports them: they belong to the containers.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from lab.errors import BadInput

ECHO = Path(__file__).resolve().parent / "node" / "echo"
PROTOCOLS = ("tcp", "udp")
DEFAULT = {"tcp": "tcp_threaded", "udp": "udp_socket"}
SCENARIO_FILES = Path(__file__).resolve().parent / "scenarios"
CODED = {"tcp-law": "TCP's pace falls with the square root of loss, as Mathis and PFTK have it"}
"""Scenarios that are no file but code, with their titles."""


@dataclass(frozen=True)
class Program:
    """An echo server: its module name, `tcp` or `udp`, and the first line of its docstring."""

    name: str
    protocol: str
    summary: str


def servers(folder: Path = ECHO) -> list[Program]:
    """All echo servers in the folder, by name. A new file `tcp_*.py` or `udp_*.py` is one more."""
    found = []
    for path in sorted(folder.glob("*.py")):
        protocol = path.stem.partition("_")[0]
        if protocol in PROTOCOLS and not path.stem.endswith("_client"):
            found.append(Program(path.stem, protocol, _summary(path)))
    return found


def _summary(path: Path) -> str:
    try:
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    except (SyntaxError, ValueError) as error:  # a student's file, in the middle of being written
        return f"(does not parse: {error})"
    return doc.splitlines()[0] if doc else "(no docstring)"


def server(protocol: str, name: str, where: str) -> str:
    """`name`, if it is a server of that protocol. Raises `BadInput` that lists what is."""
    names = [each.name for each in servers() if each.protocol == protocol]
    if name not in names:
        raise BadInput(where, name, f"is no {protocol} server; allowed: {', '.join(names)}")
    return name


def scenario_file(name: str) -> Path:
    """Where the scenario of that name is, if it is a file of the catalogue."""
    return SCENARIO_FILES / f"{name}.yaml"


def scenarios() -> list[str]:
    """The names of all scenarios in the order in which they are taught, by their `number`.

    A new file in the folder is one more. Those without a number come after, by name.
    """
    return [*(path.stem for path in sorted(SCENARIO_FILES.glob("*.yaml"), key=_place)), *CODED]


def _place(path: Path) -> tuple[float, str]:
    number = _head(path).get("number", "")
    return int(number) if number.isdecimal() else inf, path.stem


def title(name: str) -> str:
    """What a scenario is about, in one line."""
    return CODED.get(name) or _head(scenario_file(name))["title"]


def _head(path: Path) -> dict[str, str]:
    """`title`, or what is wrong with it, and `number`, if the file has one.

    It is read only as far as these, as `lab list` reads all files.
    """
    import yaml  # noqa: PLC0415 - slow to import, rarely needed

    found: dict[str, str] = {}
    try:
        for key, value in _pairs(yaml.parse(path.read_text(encoding="utf-8"), yaml.SafeLoader)):
            if key in ("title", "number") and value.strip():
                found[key] = " ".join(value.split())
            if len(found) == 2:
                break
    except (yaml.YAMLError, UnicodeDecodeError) as error:  # in the middle of being written
        found.setdefault("title", f"(is no scenario: {' '.join(str(error).split())})")
    return {"title": "(no title)", **found}


def _pairs(events: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The keys of a file's mapping with their values, those that are no text as ''."""
    import yaml  # noqa: PLC0415

    depth, key = 0, None
    for event in events:
        if depth == 1 and isinstance(event, yaml.NodeEvent):  # by turns a key and a value
            text = str(event.value) if isinstance(event, yaml.ScalarEvent) else ""
            if key is None:
                key = text
            else:
                yield key, text
                key = None
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
