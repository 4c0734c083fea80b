"""The figures of a loss run, drawn by matplotlib as SVG to stand inside a page.

Colours leave here as CSS variables (`var(--udp)`), fonts as the page's own: so one drawing serves
light, dark and print. Blue and vermillion are of the palette of Okabe and Ito (2008), which
colour-blind readers tell apart; shape and line style say the same again.

matplotlib is imported while drawing, and no pyplot: commands that draw nothing start fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import StringIO
from math import ceil, floor, log10
from threading import Lock
from typing import TYPE_CHECKING, Any

from lab.scenario.checks import expected_delivery

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UDP, TCP, INK, MUTED, GRID, PAPER = (
    "#d55e00",
    "#0072b2",
    "#1c1d21",
    "#5c5f66",
    "#dddfe3",
    "#fefefe",
)
_VARIABLES = {
    UDP: "udp",
    TCP: "tcp",
    INK: "ink",
    MUTED: "muted",
    GRID: "line",
    PAPER: "paper",
}
_SIZE = (6.6, 3.8)  # inches of 72 units each; the text of 12 units is sized to this width
_TEXT = 12
_BOX = (0.125, 0.15, 0.665, 0.81)  # left, bottom, width, height; labels stand at the right
_RC_LOCK = Lock()  # matplotlib's settings belong to the process, and two pages may be drawn at once


def delivered_figure(points: Sequence[Mapping[str, Any]]) -> str:
    """The share of messages delivered, by loss. UDP with its exact interval, TCP, and (1 - p)^2."""
    figure, axes = _plot(points)
    top = _span(points)
    curve = [top * step / 100 for step in range(101)]
    axes.plot([100 * p for p in curve], [100 * expected_delivery(p) for p in curve], ":", c=MUTED)
    ends: list[tuple[float, str, str]] = []
    tcp = _having(points, "tcp")
    if tcp:
        shares = [100 * point["tcp"]["received"] / max(1, point["tcp"]["sent"]) for point in tcp]
        axes.plot(_losses(tcp), shares, "-s", c=TCP, ms=6, clip_on=False, zorder=4)
        ends.append((shares[-1], "TCP", TCP))
    udp = _having(points, "udp")
    if udp:
        shares = [100 * (1 - point["udp"]["loss_ratio"]) for point in udp]
        lows = [100 * (1 - point["udp"]["interval"][1]) for point in udp]
        highs = [100 * (1 - point["udp"]["interval"][0]) for point in udp]
        axes.vlines(_losses(udp), lows, highs, colors=UDP, lw=1.6, zorder=3)
        for bounds in (lows, highs):
            axes.plot(_losses(udp), bounds, "_", c=UDP, ms=8, mew=1.6, zorder=3)
        axes.plot(
            _losses(udp), shares, "o", c=UDP, mfc=PAPER, mew=1.8, ms=7, clip_on=False, zorder=5
        )
        ends.append((shares[-1], "UDP", UDP))
    axes.set_ylim(0, 104)
    axes.set_yticks(range(0, 101, 20), [f"{tick}\u00a0%" for tick in range(0, 101, 20)])
    half = 0.5 * top
    axes.annotate(
        "expected: (1 \N{MINUS SIGN} p)²",
        (100 * half, 100 * expected_delivery(half)),
        (-10, -12),
        textcoords="offset points",
        ha="right",
        va="top",
        color=MUTED,
        fontsize=_TEXT,
        bbox={"fc": PAPER, "ec": "none", "pad": 2},  # no grid line through the words
    )
    _label_ends(axes, points, ends)
    return _svg(figure, "delivered", "Share of messages delivered, by loss each way")


def completion_figure(points: Sequence[Mapping[str, Any]]) -> str:
    """The time a message took there and back, by loss: median and p99, a logarithmic axis."""
    figure, axes = _plot(points)
    lines: list[tuple[str, str, str, dict[str, Any]]] = [
        ("tcp", "p99", "TCP p99", {"c": TCP, "ls": "--", "marker": "s", "mfc": PAPER}),
        ("tcp", "p50", "TCP median", {"c": TCP, "ls": "-", "marker": "s"}),
        ("udp", "p99", "UDP p99", {"c": UDP, "ls": "--", "marker": "o", "mfc": PAPER}),
        ("udp", "p50", "UDP median", {"c": UDP, "ls": "-", "marker": "o"}),
    ]
    axes.set_yscale("log")
    ends: list[tuple[float, str, str]] = []
    seen: list[float] = []
    for protocol, key, label, style in lines:
        measured = [
            (100 * point["loss"], point[protocol]["rtt_ms"][key])
            for point in _having(points, protocol)
            if (point[protocol].get("rtt_ms") or {}).get(key)  # none came back: no time to show
        ]
        if measured:
            xs, ys = zip(*measured, strict=True)
            axes.plot(xs, ys, ms=6, mew=1.8, clip_on=False, zorder=4, **style)
            ends.append((ys[-1], label, style["c"]))
            seen += ys
    low, high = min(seen, default=1) / 1.8, max(seen, default=10) * 1.5
    ticks = [10.0**power for power in range(ceil(log10(low)), floor(log10(high)) + 1)]
    axes.set_ylim(low, high)
    axes.set_yticks(ticks, [_time(tick) for tick in ticks])
    axes.set_yticks([], minor=True)
    _label_ends(axes, points, ends)
    return _svg(figure, "completion", "Message completion time, by loss each way")


def _plot(points: Sequence[Mapping[str, Any]]) -> tuple[Figure, Axes]:
    """An empty plot over the loss each way, in per cent, of a frame that stays in the back."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - see the module's docstring

    figure = Figure(figsize=_SIZE)
    figure.patch.set_visible(False)
    axes = figure.add_axes(_BOX)
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(axis="y", color=GRID, lw=1)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0, pad=8, colors=MUTED, labelsize=_TEXT)
    axes.tick_params(axis="x", length=4, color=MUTED, labelcolor=MUTED, labelsize=_TEXT)
    top = 100 * _span(points)
    axes.set_xlim(-0.03 * top, 1.03 * top)
    labels: dict[float, str] = {}
    named = -top
    for tick in sorted(_losses(points)):  # 0 and 1 % of 30 % would print over each other
        labels[tick] = f"{tick:g}\u00a0%" if tick - named >= 0.05 * top else ""
        named = tick if labels[tick] else named
    axes.set_xticks(list(labels), list(labels.values()))
    axes.set_xlabel("loss each way, p", color=MUTED, fontsize=_TEXT, labelpad=6)
    return figure, axes


def _label_ends(
    axes: Axes, points: Sequence[Mapping[str, Any]], ends: list[tuple[float, str, str]]
) -> None:
    """Name each line at its right end, pushed apart where two names would overlap."""
    line = 1.45 * _TEXT
    placed = float("-inf")
    for value, label, colour in sorted(ends):
        natural = float(axes.transData.transform((0, value))[1]) * 72 / axes.figure.dpi
        placed = max(natural, placed + line)
        axes.annotate(
            label,
            (1.0, value),
            (12, placed - natural),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=_TEXT,
            fontweight="bold",
            annotation_clip=False,
        )


def _svg(figure: Figure, name: str, title: str) -> str:
    """The drawing as an `<svg>` that may stand in a page beside others, its text as text."""
    import matplotlib as mpl  # noqa: PLC0415 - see the module's docstring

    out = StringIO()
    with _RC_LOCK, mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(out, format="svg", metadata=dict.fromkeys(_METADATA))
    text = out.getvalue()
    text = text[text.index("<svg") :]  # an XML prolog has no place inside HTML
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"font-family: [^;\"]*; ", "", text)
    text = re.sub(r'font: ([0-9]+ )?([0-9.]+px) [^;"]*', _font, text)
    # Names are unique in a page, not only in a figure.
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', text).replace("url(#", f"url(#{name}-")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    width, height = (72 * inches for inches in _SIZE)
    head = f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {width:g} {height:g}">'
    return re.sub(r"<svg\b[^>]*>", f"{head}<title>{escape(title)}</title>", text, count=1)


_METADATA = ("Creator", "Date", "Format", "Type")


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1].strip()}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}"


def _having(points: Iterable[Mapping[str, Any]], protocol: str) -> list[Mapping[str, Any]]:
    return [point for point in points if point.get(protocol)]


def _losses(points: Iterable[Mapping[str, Any]]) -> list[float]:
    return [100 * point["loss"] for point in points]


def _span(points: Iterable[Mapping[str, Any]]) -> float:
    return max((point["loss"] for point in points), default=0) or 0.01


def _time(ms: float) -> str:
    return f"{ms:g}\u00a0ms" if ms < 1000 else f"{ms / 1000:g}\u00a0s"
