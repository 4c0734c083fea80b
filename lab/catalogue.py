"""What there is to choose from: the echo programs and the scenarios, known by their file names.

Reads the programs' sources and never imports them: they belong to the containers.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

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
    """The names of all scenarios. A new file in the folder is one more."""
    return [*sorted(path.stem for path in SCENARIO_FILES.glob("*.yaml")), *CODED]


def title(name: str) -> str:
    """What a scenario is about, in one line."""
    return CODED.get(name) or _title(scenario_file(name))


def _title(path: Path) -> str:
    """The value of the key `title`. The file is read only so far, as `lab list` reads them all."""
    import yaml  # noqa: PLC0415 - slow to import, rarely needed

    depth, number, key = 0, 0, ""
    try:
        for event in yaml.parse(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader):
            if depth == 1 and isinstance(event, yaml.NodeEvent):  # by turns a key and a value
                text = str(event.value) if isinstance(event, yaml.ScalarEvent) else ""
                if number % 2 == 0:
                    key = text
                elif key == "title" and text.strip():
                    return " ".join(text.split())
                number += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
    except (yaml.YAMLError, UnicodeDecodeError) as error:  # in the middle of being written
        return f"(is no scenario: {' '.join(str(error).split())})"
    return "(no title)"
