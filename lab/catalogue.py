"""What there is to choose from: the echo programs, known by their file names, and the scenarios.

Reads the programs' sources and never imports them: they belong to the containers.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from lab.errors import BadInput

ECHO = Path(__file__).resolve().parent / "node" / "echo"
PROTOCOLS = ("tcp", "udp")
DEFAULT = {"tcp": "tcp_threaded", "udp": "udp_socket"}
SCENARIOS = {
    "loss": "UDP drops what the network drops, TCP repairs it and pays in time",
    "tcp-law": "TCP's pace falls with the square root of loss, as Mathis and PFTK have it",
}


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
