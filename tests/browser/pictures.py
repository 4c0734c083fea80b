"""The pictures of the README, made of real runs: `make pictures`.

    python -m tests.browser.pictures [FOLDER]

FOLDER holds runs, as `lab run --all --out FOLDER` leaves them; without it they are run now.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from lab.report.folder import report_of
from tests.browser.chromium import chromium
from tests.browser.look import View, show

DOCS = Path(__file__).parents[2] / "docs"
MOST_BYTES = 300_000
LAB = ("-m", "lab.cli")
NAME = "pictures"


def _first_screen(page: Page, out: Path) -> None:
    page.set_viewport_size({"width": 1000, "height": 1090})
    page.screenshot(path=out)


def _figure(which: str, number: int = 0) -> Callable[[Page, Path], None]:
    """A figure with some paper around it: of those that a CSS selector names, by its number."""

    def shoot(page: Page, out: Path) -> None:
        found = page.locator(which).nth(number)
        found.evaluate("figure => { figure.style.cssText = 'margin: 0; padding: 24px' }")
        found.screenshot(path=out)

    return shoot


PICTURES: tuple[tuple[str, str, Callable[[Page, Path], None]], ...] = (
    ("report.png", "loss", _first_screen),
    ("times.png", "loss", _figure("figure", 2)),
    ("ladder.png", "retransmission", _figure("figure:has(svg.ladder)")),
)
"""A file in docs, the scenario that it is of, and what of its report it shows."""


def draw(runs: Path, docs: Path = DOCS) -> None:
    """Write all pictures."""
    with chromium() as browser:
        for name, scenario, shoot in PICTURES:
            page = show(browser, report_of(runs / scenario), View(width=1000)).page
            shoot(page, docs / name)
            page.context.close()
            size = (docs / name).stat().st_size
            if size >= MOST_BYTES:
                raise SystemExit(f"{docs / name}: {size} bytes, more than {MOST_BYTES}")
            print(f"{docs / name}: {size // 1000} kB")


def run(into: Path) -> None:
    """Run what the pictures are of, in a lab of their own."""

    def lab(*words: str) -> None:
        subprocess.run([sys.executable, *LAB, *words, "--name", NAME], check=True)

    try:
        lab("up")
        for scenario in dict.fromkeys(scenario for _, scenario, _ in PICTURES):
            lab("run", scenario, "--out", str(into / scenario))
    finally:
        lab("down")


def main(argv: list[str]) -> None:
    """The command line."""
    if argv:
        draw(Path(argv[0]))
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
        draw(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
