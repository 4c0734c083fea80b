"""Writes the pages' output and pictures anew, in both languages: `make lessons`.

    python -m tests.lessons.refresh [PAGE ...]

A picture `figures/NN-name-K.svg` is the K-th figure of the report of the last `lab run name`.
"""

import re
import secrets
import sys
import tempfile
from pathlib import Path

from lab.engine import Engine
from lab.report.style import CSS
from tests.lessons.carry_out import carry_out
from tests.lessons.lesson import commands, pictures, renewed
from tests.lessons.test_lessons import PAGES, translated

_PICTURE = re.compile(r"\d+-([a-z0-9-]+)-(\d+)\.svg")
_COLOURS = CSS[CSS.index(":root") : CSS.index("}") + 1]


def refresh(page: Path, name: str) -> None:
    """Type the commands of a page, and put what they print in both languages' pages."""
    with tempfile.TemporaryDirectory() as folder:
        text = page.read_text(encoding="utf-8")
        found = [
            renewed(command.shown, printed)
            for command, printed in carry_out(name, Path(folder), commands(text))
        ]
        for each in (page, translated(page)):
            if each.exists():
                each.write_text(with_output(each.read_text(encoding="utf-8"), found), "utf-8")
        for _, path in pictures(text):
            if wanted := _PICTURE.fullmatch(Path(path).name):
                report = sorted(Path(folder).glob(f"results/*-{wanted[1]}/report.html"))[-1]
                drawing = figure(report.read_text(encoding="utf-8"), int(wanted[2]))
                (page.parent / path).parent.mkdir(exist_ok=True)
                (page.parent / path).write_text(drawing, encoding="utf-8")


def with_output(text: str, printed: list[list[str]]) -> str:
    """A page with these lines below its commands."""
    lines = text.splitlines()
    for command, output in reversed(list(zip(commands(text), printed, strict=True))):
        lines[command.first : command.last] = output
    return "\n".join(lines) + "\n"


def figure(report: str, number: int) -> str:
    """The figure of that number (from 1) in a report, as a drawing that stands alone."""
    drawing = re.findall(r"<svg\b.*?</svg>", report, flags=re.S)[number - 1]
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)
    assert box, "a drawing without a view box"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{box[1]}" height="{box[2]}" font-family="system-ui, sans-serif"'
    )
    style = f"<style>{_COLOURS} svg {{ background: var(--paper) }}</style>"
    opened, rest = drawing.split(">", 1)
    return f"{opened.replace('<svg', head, 1)}>{style}{rest}\n"


def main() -> None:
    """All pages, or those named."""
    name = f"lessons-{secrets.token_hex(3)}"
    try:
        for page in [Path(each).resolve() for each in sys.argv[1:]] or PAGES:
            print(page.name, flush=True)
            refresh(page, name)
    finally:
        Engine().remove(name)


if __name__ == "__main__":
    main()
