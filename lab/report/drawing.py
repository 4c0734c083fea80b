"""How every figure is drawn: matplotlib's lines as SVG that may stand inside a page.

Colours leave here as CSS variables (`var(--udp)`), fonts as the page's own: so one drawing serves
light, dark and print. The colours are those of Okabe and Ito (2008), which colour-blind readers
tell apart, some of them darker so that words in them can be read; shape and line style say the
same again.

matplotlib is imported while drawing, and no pyplot: commands that draw nothing start fast.
"""

from __future__ import annotations

import re
from html import escape
from io import StringIO
from threading import Lock
from typing import TYPE_CHECKING

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
GREEN, PURPLE, OCHRE, BAD = "#00775a", "#a3457a", "#806000", "#b3261e"
_VARIABLES = {
    GREEN: "green",
    PURPLE: "purple",
    OCHRE: "ochre",
    BAD: "bad",
    UDP: "udp",
    TCP: "tcp",
    INK: "ink",
    MUTED: "muted",
    GRID: "line",
    PAPER: "paper",
}
PALETTE = (TCP, UDP, GREEN, PURPLE, OCHRE, INK)
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)))
MARKERS = "so^Dv"
SIZE = (6.6, 3.8)  # inches of 72 units each; the text of 12 units is sized to this width
TEXT = 12
_BOX = (0.125, 0.15, 0.665, 0.81)  # left, bottom, width, height; labels stand at the right
Box = tuple[float, float, float, float]
_RC_LOCK = Lock()  # matplotlib's settings belong to the process, and two pages may be drawn at once


def sheet(size: tuple[float, float] = SIZE) -> Figure:
    """An empty drawing of so many inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - see the module's docstring

    figure = Figure(figsize=size)
    figure.patch.set_visible(False)
    return figure


def frame() -> tuple[Figure, Axes]:
    """An empty plot whose frame stays in the back."""
    figure = sheet()
    return figure, plot(figure, _BOX)


def plot(figure: Figure, box: Box) -> Axes:
    """An empty plot at this place of the drawing: left, bottom, width, height as shares of it."""
    axes = figure.add_axes(box)
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.grid(axis="y", color=GRID, lw=1)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0, pad=8, colors=MUTED, labelsize=TEXT)
    axes.tick_params(axis="x", length=4, color=MUTED, labelcolor=MUTED, labelsize=TEXT)
    return axes


def label_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Name each line at its right end, pushed apart where two names would overlap."""
    # Of lines that end at one height the first is named above the others.
    order = sorted(range(len(ends)), key=lambda index: (ends[index][0], -index))
    rising = [ends[index] for index in order]
    naturals = [_height(axes, value) for value, _, _ in rising]
    heights = [TEXT * (0.25 + 1.2 * len(label.split("\n"))) for _, label, _ in rising]
    # Names may lie along the whole right side of the plot, but not above it.
    top = _height(axes, axes.get_ylim()[1])
    for (value, label, colour), natural, placed in zip(
        rising, naturals, _apart(naturals, heights, top), strict=True
    ):
        axes.annotate(
            label,
            (1.0, value),
            (12, placed - natural),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=TEXT,
            fontweight="bold",
            annotation_clip=False,
        )


def _height(axes: Axes, value: float) -> float:
    """Where a value of the y axis lies, in units from the lower edge of the drawing."""
    return float(axes.transData.transform((axes.get_xlim()[1], value))[1]) * 72 / axes.figure.dpi


def _apart(rising: list[float], heights: list[float], top: float) -> list[float]:
    """Places near `rising` ones for what is so high; all below `top`, if that can be."""
    placed: list[float] = []
    for index, place in enumerate(rising):
        distance = (heights[index - 1] + heights[index]) / 2
        placed.append(max(place, placed[-1] + distance) if placed else place)
    limit = top
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - (heights[index - 1] + heights[index]) / 2
    return placed


def svg(figure: Figure, name: str, title: str) -> str:
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
    width, height = (72 * inches for inches in figure.get_size_inches())
    head = f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {width:g} {height:g}">'
    return re.sub(r"<svg\b[^>]*>", f"{head}<title>{escape(title)}</title>", text, count=1)


_METADATA = ("Creator", "Date", "Format", "Type")


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1].strip()}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}"
