"""The parts of a page: sections, figures, tables, and the shell that makes them one document.

Knows HTML and nothing of any scenario. `Html` is text that is markup already; every plain `str`
is escaped on its way in, so that what a user or a kernel wrote can never become markup. The type
checker holds the line between the two.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NewType

from lab.report.style import CSS

Html = NewType("Html", str)

_ELSEWHERE = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*:|/)")


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, a mark for what broke, and one for what explains.

    href: a file beside the page, or a part of it, that the text leads to. words: longer text, in
    as many lines as it takes.
    """

    text: str
    broken: bool = False
    note: str = ""
    href: str = ""
    words: bool = False
    held: bool = False
    again: bool = False


@dataclass(frozen=True)
class Column:
    """The head of a column, the group that it shares a head with ("" for none); words: of text."""

    head: str
    group: str = ""
    words: bool = False


def paragraph(text: str) -> Html:
    """A paragraph of plain words."""
    return Html(f"<p>{escape(text)}</p>\n")


def items(texts: Iterable[str]) -> Html:
    """A list, an item a line; nothing where there is none."""
    lines = "".join(f"<li>{escape(text)}</li>\n" for text in texts)
    return Html(f"<ul>\n{lines}</ul>\n" if lines else "")


def code(text: str) -> Html:
    """A command as it is typed, or a file, which is set smaller."""
    mark = ' class="long"' if "\n" in text else ""
    return Html(f"<pre{mark}><code>{escape(text)}</code></pre>\n")


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Names and their values, side by side."""
    lines = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n" for name, value in pairs
    )
    return Html(f"<dl>\n{lines}</dl>\n")


def section(title: str, *blocks: Html) -> Html:
    """A part of the page under its own heading."""
    return Html(f"<section>\n<h2>{escape(title)}</h2>\n{''.join(blocks)}</section>\n")


def figure(svg: Html, title: str, caption: str) -> Html:
    """A drawing with its title above it and, below, what it shows."""
    return Html(
        f"<figure>\n<h3>{escape(title)}</h3>\n{_scroll(svg, title)}"
        f"<figcaption>{escape(caption)}</figcaption>\n</figure>\n"
    )


def table(
    title: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], caption: str = ""
) -> Html:
    """A table whose first column names the row. Too wide for the window, it scrolls by itself."""
    body = "".join(
        "<tr>"
        + "".join(_cell(cell, "th" if index == 0 else "td") for index, cell in enumerate(row))
        + "</tr>\n"
        for row in rows
    )
    grid = Html(f"<table>\n<thead>\n{_heads(columns)}</thead>\n<tbody>\n{body}</tbody>\n</table>\n")
    foot = f"<figcaption>{escape(caption)}</figcaption>\n" if caption else ""
    return Html(f"<figure>\n<h3>{escape(title)}</h3>\n{_scroll(grid, title)}{foot}</figure>\n")


def verdict(kind: str, head: str, *blocks: Html) -> Html:
    """The first thing a reader sees: `kind` is pass or fail and sets the colour."""
    return Html(
        f'<div class="verdict {escape(kind)}">\n<p>{escape(head)}</p>\n{"".join(blocks)}</div>\n'
    )


def page(title: str, byline: str, *blocks: Html) -> Html:
    """One document that needs no script, no host and no other file; its policy forbids them."""
    # A part of the byline stays in one line where there is room.
    parts = " · ".join(f"<span>{escape(part)}</span>" for part in byline.split(" · "))
    return Html(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n<main>\n"
        f'<header>\n<h1>{escape(title)}</h1>\n<p class="byline">{parts}</p>\n</header>\n'
        f"{''.join(blocks)}</main>\n</body>\n</html>\n"
    )


def _scroll(content: Html, label: str) -> Html:
    # tabindex: what scrolls must be reachable by the keyboard (WCAG 2.1.1).
    return Html(
        f'<div class="scroll" role="group" tabindex="0" aria-label="{escape(label)}">\n'
        f"{content}</div>\n"
    )


def _heads(columns: Sequence[Column]) -> str:
    """One row of heads, or two where columns share a group."""
    if not any(column.group for column in columns):
        return f"<tr>{''.join(_head(column) for column in columns)}</tr>\n"
    upper, last = "", ""
    for column in columns:
        if not column.group:
            upper += _head(column, ' rowspan="2"')
        elif column.group != last:
            width = sum(other.group == column.group for other in columns)
            upper += f'<th scope="colgroup" class="group" colspan="{width}">'
            upper += f"{escape(column.group)}</th>"
        last = column.group
    lower = "".join(_head(column) for column in columns if column.group)
    return f"<tr>{upper}</tr>\n<tr>{lower}</tr>\n"


def _head(column: Column, more: str = "") -> str:
    mark = ' class="words"' if column.words else ""
    return f'<th scope="col"{mark}{more}>{escape(column.head)}</th>'


def _cell(cell: Cell, tag: str) -> str:
    scope = ' scope="row"' if tag == "th" else ""
    marks = (("broken", cell.broken), ("words", cell.words), ("held", cell.held))
    kinds = [kind for kind, so in marks if so]
    mark = f' class="{" ".join(kinds)}"' if kinds else ""
    note = f"<small>{escape(cell.note)}</small>" if cell.note else ""
    text = escape(cell.text)
    # Beside the page only: a path never begins with a scheme or a host.
    if cell.href and not _ELSEWHERE.match(cell.href):
        text = f'<a href="{escape(cell.href)}">{text}</a>'
    if cell.again:
        text = f'<span class="unseen">{text}</span>'
    return f"<{tag}{scope}{mark}>{text}{note}</{tag}>"
