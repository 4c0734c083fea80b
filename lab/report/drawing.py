"""How every figure is drawn: matplotlib's lines as SVG that may stand inside a page.

Colours leave here as CSS variables (`var(--udp)`), fonts as the page's own: so one drawing serves
light, dark and print. Blue and vermillion are of the palette of Okabe and Ito (2008), which
colour-blind readers tell apart; shape and line style say the same again.

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
_VARIABLES = {
    UDP: "udp",
    TCP: "tcp",
    INK: "ink",
    MUTED: "muted",
    GRID: "line",
    PAPER: "paper",
}
_SIZE = (6.6, 3.8)  # inches of 72 units each; the text of 12 units is sized to this width
TEXT = 12
_BOX = (0.125, 0.15, 0.665, 0.81)  # left, bottom, width, height; labels stand at the right
_RC_LOCK = Lock()  # matplotlib's settings belong to the process, and two pages may be drawn at once


def frame() -> tuple[Figure, Axes]:
    """An empty plot whose frame stays in the back."""
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
    axes.tick_params(axis="y", length=0, pad=8, colors=MUTED, labelsize=TEXT)
    axes.tick_params(axis="x", length=4, color=MUTED, labelcolor=MUTED, labelsize=TEXT)
    return figure, axes


def label_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Name each line at its right end, pushed apart where two names would overlap."""
    line = 1.45 * TEXT
    placed = float("-inf")
    for value, label, colour in sorted(ends):
        natural = (
            float(axes.transData.transform((axes.get_xlim()[1], value))[1]) * 72 / axes.figure.dpi
        )
        placed = max(natural, placed + line)
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
    width, height = (72 * inches for inches in _SIZE)
    head = f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {width:g} {height:g}">'
    return re.sub(r"<svg\b[^>]*>", f"{head}<title>{escape(title)}</title>", text, count=1)


_METADATA = ("Creator", "Date", "Format", "Type")


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1].strip()}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}"
