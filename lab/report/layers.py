"""One frame layer by layer: its bytes in a row, then each field with its value and its meaning.

A layer has its colour, its kind of line and its name, so that no colour has to be told apart.
"""

from __future__ import annotations

from html import escape

from lab.frame import Field, Layer, take_apart
from lab.report.markup import Html
from lab.wording import DASH, count, times

_SHOWN = 16  # bytes of a field that its row shows
_ROW = 16  # bytes of a row of the whole frame
_ROWS = 12


def layers(frame: bytes, *, title: str) -> Html:
    """The bytes of a frame as they were captured, coloured by layer and told field by field."""
    parts = take_apart(frame)
    return Html(
        f'<div class="layers" role="group" aria-label="{escape(title)}">\n'
        f"{_whole(frame, parts)}{''.join(_table(frame, layer) for layer in parts)}</div>\n"
    )


def _whole(frame: bytes, parts: list[Layer]) -> str:
    """All bytes, sixteen in a row, each with the line of its layer below it."""
    kinds = [part.kind for part in parts for field in part.fields for _ in range(field.length)]
    lines = []
    for row in range(0, min(len(frame), _ROW * _ROWS), _ROW):
        cells: list[str] = []
        at = row
        end = min(row + _ROW, len(frame))
        while at < end:
            stop = at
            while stop < end and kinds[stop] == kinds[at]:
                stop += 1
            cells.append(f'<span class="{kinds[at]}">{frame[at:stop].hex(" ")}</span>')
            at = stop
        lines.append(f'<span class="at">{row:04x}</span>  {" ".join(cells)}')
    if len(frame) > _ROW * _ROWS:
        lines.append(f"      and {times(len(frame) - _ROW * _ROWS, 'byte')} more")
    named = dict.fromkeys((part.kind, part.name) for part in parts)
    key = "".join(f'<li><span class="{kind}">{escape(name)}</span></li>' for kind, name in named)
    return f'<ul class="key">{key}</ul>\n<pre><code>' + "\n".join(lines) + "</code></pre>\n"


def _table(frame: bytes, layer: Layer) -> str:
    source = f", {_words(layer.source)}" if layer.source else ""
    last = layer.start + layer.length - 1
    where = f"byte {layer.start}" if layer.length == 1 else f"bytes {layer.start}{DASH}{last}"
    rows = "".join(_field(frame, field) for field in layer.fields)
    return (
        f'<table class="{layer.kind}">\n<caption><b>{escape(layer.name)}</b>{source}: {where},'
        f" {times(layer.length, 'byte')}</caption>\n"
        '<thead><tr><th scope="col">Bytes</th><th scope="col">Field</th>'
        '<th scope="col">Value</th><th scope="col">Meaning</th></tr></thead>\n'
        f"<tbody>\n{rows}</tbody>\n</table>\n"
    )


def _field(frame: bytes, field: Field) -> str:
    shown = frame[field.start : field.start + min(field.length, _SHOWN)].hex(" ")
    more = f" + {count(field.length - _SHOWN)}" if field.length > _SHOWN else ""
    return (
        f"<tr><td><code>{shown}{more}</code></td>"
        f'<th scope="row">{escape(field.name)}</th>'
        f"<td><code>{escape(field.value)}</code></td><td>{_words(field.meaning)}</td></tr>\n"
    )


def _words(text: str) -> str:
    """A sentence in which no document parts from its number."""
    return escape(text.replace("RFC ", "RFC\u00a0"))
