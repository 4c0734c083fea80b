"""The figures of a loss run: what was delivered, and what that took. See `drawing`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

from lab.report.drawing import MUTED, PAPER, TCP, TEXT, UDP, frame, label_ends, svg
from lab.scenario.checks import expected_delivery

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
        fontsize=TEXT,
        bbox={"fc": PAPER, "ec": "none", "pad": 2},  # no grid line through the words
    )
    label_ends(axes, ends)
    return svg(figure, "delivered", "Share of messages delivered, by loss each way")


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
    label_ends(axes, ends)
    return svg(figure, "completion", "Message completion time, by loss each way")


def _plot(points: Sequence[Mapping[str, Any]]) -> tuple[Figure, Axes]:
    """An empty plot over the loss each way, in per cent."""
    figure, axes = frame()
    top = 100 * _span(points)
    axes.set_xlim(-0.03 * top, 1.03 * top)
    labels: dict[float, str] = {}
    named = -top
    for tick in sorted(_losses(points)):  # 0 and 1 % of 30 % would print over each other
        labels[tick] = f"{tick:g}\u00a0%" if tick - named >= 0.05 * top else ""
        named = tick if labels[tick] else named
    axes.set_xticks(list(labels), list(labels.values()))
    axes.set_xlabel("loss each way, p", color=MUTED, fontsize=TEXT, labelpad=6)
    return figure, axes


def _having(points: Iterable[Mapping[str, Any]], protocol: str) -> list[Mapping[str, Any]]:
    return [point for point in points if point.get(protocol)]


def _losses(points: Iterable[Mapping[str, Any]]) -> list[float]:
    return [100 * point["loss"] for point in points]


def _span(points: Iterable[Mapping[str, Any]]) -> float:
    return max((point["loss"] for point in points), default=0) or 0.01


def _time(ms: float) -> str:
    return f"{ms:g}\u00a0ms" if ms < 1000 else f"{ms / 1000:g}\u00a0s"
