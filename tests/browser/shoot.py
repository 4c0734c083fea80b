"""A picture of a page: `python -m tests.browser.shoot FILE.html OUT.png [--dark] [--print] …`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.browser.chromium import chromium
from tests.browser.look import PRINTED_WIDTH, View, show


def shoot(html: Path, out: Path, view: View, only: str = "") -> None:
    """The whole page as a PNG, or only the first element that a CSS selector names."""
    with chromium() as browser:
        page = show(browser, html, view).page
        if only:
            page.locator(only).first.screenshot(path=out)
        else:
            page.screenshot(path=out, full_page=True)


def print_out(html: Path, out: Path) -> None:
    """The page on A4, as a PDF."""
    with chromium() as browser:
        show(browser, html, View(media="print")).page.pdf(path=out, prefer_css_page_size=True)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.shoot", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path, help="a .png, or a .pdf of A4 pages")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--print", action="store_true", help="as on paper")
    parser.add_argument("--width", type=int, metavar="PX")
    parser.add_argument("--only", default="", metavar="SELECTOR", help="such as '#id' or 'figure'")
    args = parser.parse_args(argv)
    if args.out.suffix == ".pdf":
        print_out(args.file, args.out)
        return
    view = View(
        width=args.width or (PRINTED_WIDTH if args.print else 1100),
        scheme="dark" if args.dark else "light",
        media="print" if args.print else "screen",
    )
    shoot(args.file, args.out, view, args.only)


if __name__ == "__main__":
    main()
