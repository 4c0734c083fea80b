"""A lesson as a page: its commands, what they are shown to print, and its pictures. Pure.

In a ```console block a line that begins with `$ ` is a command, with those that follow it where it
ends with a backslash; the lines below are what it prints. A line `…` stands for any lines.
"""

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
LESSONS = DOCS / "lessons"
CHINESE = DOCS / "zh"
ANY = "…"

_FENCE = re.compile(r"^ *```(\w*)")
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
# Digits with what groups them, and the unit of time, which may be another one the next time.
_NUMBER = re.compile(
    r"[-+−]?\d(?:[\d.,\u00a0\u202f]*\d)?(?:[ \u00a0\u202f]?(?:ns|us|µs|ms|s|min)\b)?"
)


@dataclass(frozen=True)
class Command:
    """One command. shown: the lines printed below it. line: of the command, from 1.

    first, last: of the lines shown, as a slice of the page's lines (from 0, last not in it).
    """

    text: str
    shown: tuple[str, ...]
    line: int
    first: int
    last: int


def commands(page: str) -> list[Command]:
    """All commands of a page, in order. Raises `ValueError` for output without a command."""
    found: list[Command] = []
    lines = page.splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        number += 1
        if not fence:
            continue
        end = number
        while not _FENCE.match(lines[end]):
            end += 1
        if fence[1] == "console":
            found += _block(lines, number, end)
        number = end + 1
    return found


def _block(lines: list[str], number: int, end: int) -> list[Command]:
    found = []
    while number < end:
        if not lines[number].startswith("$ "):
            raise ValueError(f"line {number + 1}: {lines[number]!r} stands below no command")
        start, text = number, lines[number][2:]
        while text.endswith("\\"):
            number += 1
            text = f"{text}\n{lines[number].removeprefix('> ')}"
        number += 1
        first = number
        while number < end and not lines[number].startswith("$ "):
            number += 1
        found.append(Command(text, tuple(lines[first:number]), start + 1, first, number))
    return found


def code(page: str) -> list[str]:
    """All that is typed or printed: the lines of fenced blocks, and those that are indented."""
    found, fenced = [], False
    for line in page.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            found.append(line)
    return found


def pictures(page: str) -> list[tuple[str, str]]:
    """The pictures of a page: alternative text and path."""
    return [(found[1], found[2]) for found in _PICTURE.finditer(page)]


def shape(line: str) -> str:
    """A line without what differs from run to run: its numbers and its spacing."""
    return " ".join(_NUMBER.sub("0", line).replace("─", " ").split())


def missing(shown: tuple[str, ...], printed: list[str]) -> str | None:
    """The first line shown whose shape is not printed, in order; None where all are."""
    rest = iter([shape(line) for line in printed])
    for line in shown:
        wanted = shape(line)
        if wanted and line.strip() != ANY and not any(each == wanted for each in rest):
            return line
    return None


def renewed(shown: tuple[str, ...], printed: list[str]) -> list[str]:
    """What to show now: all that was printed, or, where a part was left out, as much as before."""
    lines = [line.rstrip() for line in printed]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    if ANY not in [line.strip() for line in shown]:
        return lines
    kept: list[str] = []
    rest = list(lines)
    for line in shown:
        if line.strip() == ANY:
            kept.append(ANY)
            continue
        places = [i for i, each in enumerate(rest) if shape(each) == shape(line)]
        # Of the rows of a table, the one that begins alike.
        alike = [i for i in places if _head(rest[i]) == _head(line)]
        if places:
            place = (alike or places)[0]
            kept.append(rest[place])
            rest = rest[place + 1 :]
    return kept


def _head(line: str) -> str:
    return re.split(r" {2,}", line.strip())[0]
