"""The figures of a run of the TCP law: goodput along the models, and how far from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lab.report.drawing import GRID, INK, MUTED, PAPER, TCP, TEXT, UDP, frame, label_ends, svg
from lab.scenario.law import predicted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Sequence[Mapping[str, Any]]


def goodput_figure(points: Points) -> str:
    """Goodput a flow by measured loss, both axes logarithmic, between the curves of the models."""
    figure, axes = _plot(points)
    axes.set_yscale("log")
    ends: list[tuple[float, str, str]] = []
    lows, highs = _bounds(points)
    curve = [lows * (highs / lows) ** (step / 60) for step in range(61)]
    middle = {**points[0], **{key: fmean(p[key] for p in points) for key in ("rtt_ms", "rto_ms")}}
    for model, label, style, colour in (
        ("mathis", "Mathis", "--", MUTED),
        ("pftk", "PFTK", "-", INK),
    ):
        values = [predicted(middle, p)[model] / 1e6 for p in curve]
        axes.plot([100 * p for p in curve], values, style, c=colour, lw=1.6, zorder=3)
        ends.append((values[-1], label, colour))
    xs = [100 * point["measured_loss"] for point in points]
    ys = [point["goodput_bps"] / 1e6 for point in points]
    bottom = min(ys) / 3
    spans = [[max(bottom, bound / 1e6) for bound in point["interval"]] for point in points]
    _marks(axes, xs, ys, spans, TCP, "o")
    axes.annotate(
        "measured", (xs[len(xs) // 2], ys[len(xs) // 2]), (10, 12), textcoords="offset points",
        color=TCP, fontsize=TEXT, fontweight="bold",
    )  # fmt: skip
    tops = [bound for _, bound in spans if bound != float("inf")]
    low, high = min(*ys, ends[1][0]) / 1.6, max(ys + tops) * 1.5
    axes.set_ylim(low, high)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_ylabel("goodput of a flow, Mbit/s", color=MUTED, fontsize=TEXT, labelpad=6)
    label_ends(axes, ends)
    return svg(figure, "goodput", "Goodput of a flow, by loss, and the curves of both models")


def ratio_figure(points: Points, factor: float) -> str:
    """Measured over predicted, by loss; the band is where PFTK's ratio is to lie."""
    figure, axes = _plot(points)
    axes.axhspan(1 / factor, factor, fc=GRID, ec="none", alpha=0.4, zorder=0)
    axes.axhline(1, c=MUTED, lw=1.2, zorder=2)
    ends: list[tuple[float, str, str]] = []
    for model, label, colour, marker, shift in (
        ("mathis", "Mathis", UDP, "s", 1.06),
        ("pftk", "PFTK", TCP, "o", 1.0),
        ("pftk_seen", "PFTK, seen", MUTED, "D", 1 / 1.06),
    ):
        known = [point for point in points if point[f"ratio_{model}"] is not None]
        if not known:
            continue
        xs = [100 * point["measured_loss"] * shift for point in known]
        ys = [point[f"ratio_{model}"] for point in known]
        spans = [[bound / point[f"{model}_bps"] for bound in point["interval"]] for point in known]
        axes.plot(xs, ys, "-", c=colour, lw=1, alpha=0.5, zorder=3)
        _marks(axes, xs, ys, spans, colour, marker)
        ends.append((ys[-1], label, colour))
    highest = max(factor, *(value for value, _, _ in ends))
    ticks = [step / 2 for step in range(int(2 * highest) + 1)]
    axes.set_ylim(0, highest * 1.1)
    axes.set_yticks(ticks, [f"{tick:.1f}" for tick in ticks])
    axes.set_ylabel("measured / model", color=MUTED, fontsize=TEXT, labelpad=6)
    label_ends(axes, ends)
    return svg(figure, "ratio", "Measured goodput over that of each model, by loss")


def _marks(
    axes: Axes,
    xs: Sequence[float],
    ys: Sequence[float],
    spans: Sequence[Sequence[float]],
    colour: str,
    marker: str,
) -> None:
    for x, (low, high) in zip(xs, spans, strict=True):
        axes.plot([x, x], [low, high], "-", c=colour, lw=1.6, zorder=4)
        axes.plot([x, x], [low, high], "_", c=colour, ms=8, mew=1.6, zorder=4)
    axes.plot(xs, ys, marker, c=colour, mfc=PAPER, mew=1.8, ms=7, zorder=5)


def _bounds(points: Points) -> tuple[float, float]:
    """From a third below the smallest loss to a third above the largest."""
    losses = [point["measured_loss"] for point in points]
    return min(losses) / 1.35, min(0.5, max(losses) * 1.35)


def _plot(points: Points) -> tuple[Figure, Axes]:
    figure, axes = frame()
    axes.set_xscale("log")
    low, high = _bounds(points)
    axes.set_xlim(100 * low, 100 * high)
    ticks = [100 * point["loss"] for point in points]
    axes.set_xticks(ticks, [f"{tick:g}\u00a0%" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("loss toward the server, p", color=MUTED, fontsize=TEXT, labelpad=6)
    return figure, axes
