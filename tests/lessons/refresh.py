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

_SVG = "<svg"
_PICTURE = re.compile(r"\d+-([a-z0-9-]+)-(\d+)\.svg")
# The sheet of the page, but for paper and for what sizes a drawing in it.
_SHEET = re.sub(r"^ *svg\b[^{*]*\{[^}]*\}\n", "", CSS[: CSS.index("@media print")], flags=re.M)


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
    """The figure of that number (from 1) in a report, as one drawing that stands alone.

    Only figures that are drawn count. One of several drawings has them below each other.
    """
    drawn = [
        each for each in re.findall(r"<figure.*?</figure>", report, flags=re.S) if _SVG in each
    ]
    parts = re.findall(r"<svg\b.*?</svg>", drawn[number - 1], flags=re.S)
    boxes = [re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', part) for part in parts]
    sizes = [(float(box[1]), float(box[2])) for box in boxes if box]
    assert len(sizes) == len(parts), "a drawing without a view box"
    width, height = max(wide for wide, _ in sizes), sum(high for _, high in sizes)
    top, stacked = 0.0, []
    for part, (wide, high) in zip(parts, sizes, strict=True):
        place = f'<svg x="0" y="{top:g}" width="{wide:g}" height="{high:g}"'
        stacked.append(part.replace("<svg", place, 1))
        top += high
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        'font-family="system-ui, sans-serif" style="background: var(--paper)">'
        f"<style>{_SHEET}</style>{''.join(stacked)}</svg>\n"
    )


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
