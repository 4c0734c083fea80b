"""The picture of a scenario's lab: its clients and servers, wan, what it does to packets and when.

Drawn by hand, in units of a view box 720 wide; see `topology` for the one of the loss run.
"""

from collections.abc import Mapping, Sequence
from html import escape
from textwrap import wrap

from lab.report.markup import Html

_WIDTH, _WAN_LEFT, _WAN_WIDTH = 720, 240, 236
_LETTER = 7.0
_STRIP = 46


def picture(
    *,
    clients: int,
    servers: Mapping[str, str],
    toward_server: str,
    toward_client: str,
    strip: Sequence[tuple[float, float, str]] = (),
) -> Html:
    """The lab. servers: programs by protocol. strip: from when to when, in seconds, what was so."""
    above, below = _lines(toward_server), _lines(toward_client)
    wan_high = 76 + 17 * (len(above) + len(below))
    stack = max(1, len(servers)) * 72 - 14
    tall = max(wan_high, stack, 54 + (16 if clients > 1 else 0)) + 92
    middle = 40 + (tall - 50) / 2
    parts = [
        _box(24, middle - 27, 116, 54, _clients(clients), stacked=clients > 1),
        _wan(middle, wan_high, above, below),
        *_arrows(151 if clients > 1 else 143, middle, _WAN_LEFT - 3, middle),
    ]
    top = middle - stack / 2 + 29
    for index, (protocol, program) in enumerate(servers.items()):
        at = top + 72 * index
        parts.append(_box(568, at - 29, 136, 58, f"{protocol}-server", program))
        leave = middle + (at - middle) * 0.45
        parts += _arrows(_WAN_LEFT + _WAN_WIDTH + 3, leave, 565, at)
    parts.append(_strip(strip, tall) if strip else "")
    height = tall + (_STRIP + 26 if strip else 0)
    title = f"The lab: {_clients(clients)}, wan and {_join(servers)} on one network"
    told = (
        f"Every packet goes through wan. Toward the server: {toward_server}. Toward the client:"
        f" {toward_client}." + "".join(f" From {a:g} s to {b:g} s: {w}." for a, b, w in strip if w)
    )
    return Html(
        f'<svg class="wide" role="img" aria-label="{escape(title)}"'
        f' viewBox="0 0 {_WIDTH} {height:g}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(told)}</desc>\n{_TIP}"
        f'<rect x="1" y="1" width="{_WIDTH - 2}" height="{tall - 2:g}" rx="8"'
        ' style="fill: none; stroke: var(--line); stroke-dasharray: 5 4"/>\n'
        f"{_text(16, 27, 'one internal bridge network', 'start', muted=True)}"
        f"{''.join(parts)}</svg>\n"
    )


_TIP = (
    '<defs><marker id="setup-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"'
    ' markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">'
    '<path d="M0 0.5 L8 4 L0 7.5 z" style="fill: var(--muted)"/></marker></defs>\n'
)


def _lines(text: str) -> list[str]:
    return wrap(text, int((_WAN_WIDTH - 24) / _LETTER)) or [""]


def _clients(number: int) -> str:
    return "client" if number == 1 else f"{number} clients"


def _join(servers: Mapping[str, str]) -> str:
    return " and ".join(f"{protocol}-server" for protocol in servers) or "a server"


def _box(
    x: float, y: float, width: float, height: float, name: str, note: str = "", *,
    stacked: bool = False,
) -> str:  # fmt: skip
    behind = "".join(
        f'<rect x="{x + off:g}" y="{y - off:g}" width="{width:g}" height="{height:g}" rx="5"'
        ' style="fill: var(--soft); stroke: var(--muted)"/>\n'
        for off in ((8, 4, 0) if stacked else (0,))
    )
    middle = x + width / 2
    words = _text(middle, y + height / 2 + (-3 if note else 5), name, "middle", bold=True)
    if note:
        size = 13 if len(note) * _LETTER <= width - 8 else 11
        words += _text(middle, y + height / 2 + 16, note, "middle", muted=True, size=size)
    return behind + words


def _wan(middle: float, high: float, above: Sequence[str], below: Sequence[str]) -> str:
    top, centre = middle - high / 2, _WAN_LEFT + _WAN_WIDTH / 2
    out = _box(_WAN_LEFT, top, _WAN_WIDTH, high, "")
    at = top + 21
    out += _text(centre, at, "wan", "middle", bold=True)
    for head, lines in (("toward server →", above), ("← toward client", below)):
        at += 21
        out += _text(centre, at, head, "middle", muted=True)
        for line in lines:
            at += 16
            out += _text(centre, at, line, "middle")
    return out


def _arrows(x0: float, y0: float, x1: float, y1: float) -> list[str]:
    """There and back, each 7 beside the line between the two places."""
    style = "stroke: var(--muted); stroke-width: 1.5; fill: none; marker-end: url(#setup-tip)"
    return [
        f'<path d="M{x0:g} {y0 - 7:g} L{x1:g} {y1 - 7:g}" style="{style}"/>\n',
        f'<path d="M{x1:g} {y1 + 7:g} L{x0:g} {y0 + 7:g}" style="{style}"/>\n',
    ]


def _strip(strip: Sequence[tuple[float, float, str]], top: float) -> str:
    """Time to the right, each stretch with what was so in it."""
    end = max(until for _, until, _ in strip)
    left, right = 24.0, _WIDTH - 24.0
    y = top + 18
    out = ""
    for start, until, words in strip:
        x0, x1 = (left + (right - left) * at / end for at in (start, until))
        fill = "var(--line)" if words else "var(--soft)"
        out += (
            f'<rect x="{x0:g}" y="{y:g}" width="{x1 - x0:g}" height="26"'
            f' style="fill: {fill}; stroke: var(--paper)"/>\n'
        )
        told = words or "as at first"
        if len(told) * _LETTER < x1 - x0 - 4:
            out += _text((x0 + x1) / 2, y + 18, told, "middle", muted=not words)
    last = float("-inf")
    for at in sorted({0.0, *(edge for start, until, _ in strip for edge in (start, until))}):
        x = left + (right - left) * at / end
        anchor = "start" if at == 0 else "end" if at == end else "middle"
        if x - last > 36:
            out += _text(x, y + 42, f"{at:g}\u00a0s", anchor, muted=True)
            last = x
    return out


def _text(
    x: float, y: float, words: str, anchor: str, *, muted: bool = False, bold: bool = False,
    size: int = 13,
) -> str:  # fmt: skip
    if not words:
        return ""
    weight = "; font-weight: 600" if bold else ""
    colour = "muted" if muted else "ink"
    return (
        f'<text x="{x:g}" y="{y:g}" style="text-anchor: {anchor}; fill: var(--{colour});'
        f' font-size: {15 if bold else size}px{weight}">{escape(words)}</text>\n'
    )
