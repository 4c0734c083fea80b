"""A page as a reader meets it in a browser: opened in each medium, width and scheme, and measured.

`look` opens a page and gives what is wrong with it, a line each; a sound page gives nothing. It
judges what every page of the project promises, and knows no page in particular.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Route

PRINTED_WIDTH = 673  # of A4 between the margins of lab.report.style, in CSS pixels


@dataclass(frozen=True)
class View:
    """A way to look: the width of the window, and what is asked for."""

    width: int = 1100
    scheme: Literal["light", "dark"] = "light"
    media: Literal["screen", "print"] = "screen"

    def __str__(self) -> str:
        return f"{self.media}, {self.scheme}, {self.width} px"


VIEWS = (
    View(),
    View(scheme="dark"),
    View(width=380),
    View(width=1920),
    View(width=PRINTED_WIDTH, media="print"),
)


@dataclass
class Opened:
    """A page in the browser, and all that it asked for and complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def show(browser: Browser, html: str | Path, view: View) -> Opened:
    """Open a page (its text, or a file) with no way to any host. Closing `page` ends it."""
    context = browser.new_context(
        viewport={"width": view.width, "height": 900},
        color_scheme=view.scheme,
        device_scale_factor=2 if view.width < 500 else 1,
    )
    opened = Opened(context.new_page())
    text = html.read_text(encoding="utf-8") if isinstance(html, Path) else html

    def answer(route: Route) -> None:
        if route.request.is_navigation_request() and not opened.asked:
            opened.asked.append("")  # the page itself; nothing else is served
            route.fulfill(body=text, content_type="text/html; charset=utf-8")
        else:
            opened.asked.append(route.request.url)
            route.abort()

    opened.page.emulate_media(media=view.media, color_scheme=view.scheme)
    opened.page.on("console", lambda said: opened.complaints.append(f"console: {said.text}"))
    opened.page.on("pageerror", lambda error: opened.complaints.append(f"script: {error}"))
    context.route("**/*", answer)
    opened.page.goto("http://page.invalid/", wait_until="load")
    return opened


def look(browser: Browser, html: str | Path, *views: View) -> list[str]:
    """What is wrong with a page, in each of these views (all, if none is named)."""
    found: list[str] = []
    for view in views or VIEWS:
        opened = show(browser, html, view)
        try:
            wrong = [*opened.complaints, *_requests(opened), *_measured(opened.page)]
        finally:
            opened.page.context.close()
        found += [f"{view}: {each}" for each in wrong]
    return found


def figures(browser: Browser, html: str | Path) -> list[str]:
    """The names of the figures of a page, as a screen reader says them."""
    opened = show(browser, html, View())
    try:
        return [
            str(each.get_attribute("aria-label")) for each in opened.page.query_selector_all("svg")
        ]
    finally:
        opened.page.context.close()


def _requests(opened: Opened) -> Iterator[str]:
    for url in opened.asked[1:]:
        if not url.endswith("/favicon.ico"):  # the browser's own wish, not the page's
            yield f"asked for {url}"


def _measured(page: Page) -> list[str]:
    found: Any = page.evaluate(_MEASURE)
    return [str(each) for each in json.loads(found)]


# Run in the page, under its own policy (evaluate is the debugger's, which CSP does not bind).
_MEASURE = """() => {
  const wrong = [];
  const short = text => text.trim().replace(/\\s+/g, ' ').slice(0, 40);
  const root = document.documentElement;
  if (!document.title.trim()) wrong.push('the page has no title');
  if (!root.lang) wrong.push('the page names no language');
  if (root.scrollWidth > root.clientWidth)
    wrong.push(`the page is ${root.scrollWidth} px wide in ${root.clientWidth}`);
  if (document.scripts.length) wrong.push('the page has a script');
  const ids = [...document.querySelectorAll('[id]')].map(each => each.id);
  for (const id of new Set(ids.filter((each, n) => ids.indexOf(each) != n)))
    wrong.push(`id ${id} is there twice`);
  const inks = new Set();
  for (const figure of document.querySelectorAll('figure')) {
    const name = short(figure.querySelector('h3')?.textContent ?? '');
    if (!name) wrong.push('a figure has no heading');
    const drawn = figure.querySelector('svg, table, img, pre, .layers');
    if (!drawn) { wrong.push(`${name}: nothing in the figure`); continue; }
    const box = drawn.getBoundingClientRect();
    if (box.width < 40 || box.height < 20)
      wrong.push(`${name}: ${Math.round(box.width)} x ${Math.round(box.height)} px`);
  }
  const opaque = paint => {
    const found = /^rgba?\\(([^)]*)\\)/.exec(paint);
    return found && found[1].split(',').length == 3;
  };
  document.querySelectorAll('svg').forEach((svg, number) => {
    const label = short(svg.getAttribute('aria-label') ?? '') || `svg ${number + 1}`;
    if (svg.getAttribute('role') != 'img') wrong.push(`${label}: no role=img`);
    if (!svg.getAttribute('aria-label')) wrong.push(`${label}: no aria-label`);
    if (!svg.querySelector(':scope > title')?.textContent) wrong.push(`${label}: no title`);
    const frame = svg.getBoundingClientRect();
    if (frame.width < 40 || frame.height < 20)
      wrong.push(`${label}: ${Math.round(frame.width)} x ${Math.round(frame.height)} px`);
    // A wide drawing may scroll inside its own container, and only there.
    const scroller = svg.closest('.scroll');
    const room = (scroller ?? svg.parentElement).getBoundingClientRect();
    const scrolls = scroller && getComputedStyle(scroller).overflowX == 'auto';
    if (frame.left < room.left - 1 || (frame.right > room.right + 1 && !scrolls))
      wrong.push(`${label}: outside its container`);
    // What matters of a text is its ink: the box without the air above and below.
    const texts = [...svg.querySelectorAll('text')].filter(each => each.textContent.trim())
      .map(each => {
        const box = each.getBoundingClientRect();
        return {words: short(each.textContent), left: box.left, right: box.right,
                top: box.top + 0.2 * box.height, bottom: box.bottom - 0.2 * box.height,
                ink: getComputedStyle(each).fill, size: box.height};
      });
    for (const text of texts) {
      inks.add(text.ink);
      const middle = (text.top + text.bottom) / 2;
      // A drawing that goes on in the next one has texts of its neighbour beyond its edge.
      if (middle < frame.top || middle > frame.bottom) continue;
      if (text.left < frame.left - 1 || text.right > frame.right + 1 ||
          text.top < frame.top - 1 || text.bottom > frame.bottom + 1)
        wrong.push(`${label}: "${text.words}" is cut off`);
      if (!opaque(text.ink)) wrong.push(`${label}: "${text.words}" has no ink: ${text.ink}`);
    }
    const sorted = texts.sort((a, b) => a.top - b.top);
    sorted.forEach((one, index) => {
      for (let next = index + 1; next < sorted.length; next++) {
        const other = sorted[next];
        if (other.top >= one.bottom) break;
        if (Math.min(one.right, other.right) - Math.max(one.left, other.left) > 0.5)
          wrong.push(`${label}: "${one.words}" overlaps "${other.words}"`);
      }
    });
  });
  for (const image of document.querySelectorAll('img'))
    if (!image.alt || !image.naturalWidth) wrong.push('an image without alt text or content');
  // Text and its ground must differ enough to be read (WCAG 2.1, 1.4.3: 4.5 to 1).
  const luminance = paint => {
    const part = paint.match(/[0-9.]+/g).slice(0, 3).map(each => {
      const share = each / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  inks.add(getComputedStyle(document.body).color);
  for (const ink of inks) {
    if (!opaque(ink)) continue;
    const [low, high] = [luminance(ink), paper].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) wrong.push(`text of ${ink} has a contrast of ${contrast.toFixed(2)} to 1`);
  }
  return JSON.stringify([...new Set(wrong)]);
}"""
