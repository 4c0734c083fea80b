"""A figure that a scenario asks for, placed in a page: drawn, or a line that says why not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.capture.packet import Packet
from lab.report import distributions, plots, timeline
from lab.report.data import Case, chosen
from lab.report.ladder import flows, ladder
from lab.report.layers import layers
from lab.report.markup import Html, figure, paragraph
from lab.scenario.model import NoFigure


@dataclass(frozen=True)
class Captured:
    """A capture. frame: the bytes of one frame by its number in the file, None beyond the last."""

    packets: Sequence[Packet]
    frame: Callable[[int], bytes | None] = lambda _: None


Captures = Mapping[str, Captured]
"""By the file that they are in, as the `capture` of a measurement names it."""

_PLOTS: Mapping[str, Callable[..., str]] = {
    "lines": plots.lines,
    "bars": plots.bars,
    "cdf": distributions.cdf,
    "histogram": distributions.histogram,
    "timeline": timeline.timeline,
}


def drawn(
    asked: Mapping[str, Any],
    cases: Sequence[Case],
    varied: Mapping[str, Any],
    captures: Captures,
    name: str,
) -> Html:
    """One of the result's `figures`. name: of its drawing, unique in the page."""
    kind, title, spec = asked["kind"], asked["title"], asked["spec"]
    try:
        if kind in _PLOTS:
            svg = Html(_PLOTS[kind](spec, cases, varied, name, title))
        elif kind == "ladder":
            svg = _ladder(spec, cases, captures, title)
        elif kind == "layers":
            svg = _layers(spec, cases, captures, title)
        else:
            raise NoFigure(f"this lab has no figure of the kind {kind}")
    except NoFigure as missing:
        return paragraph(f"{title}: not drawn, as {missing}.")
    return figure(svg, title, asked.get("caption", ""))


def capture_of(case: Case, measure: str, captures: Captures) -> Captured:
    """What was captured of a measurement. Raises `NoFigure` where there is nothing."""
    report = case.point.get(measure) or {}
    found = captures.get(str((report.get("capture") or {}).get("file", "")))
    if found is None:
        raise NoFigure(f"no packets of {measure} were captured")
    return found


def packets_of(case: Case, measure: str, captures: Captures) -> Sequence[Packet]:
    """The packets of a measurement. Raises `NoFigure` where there are none."""
    packets = capture_of(case, measure, captures).packets
    if not packets:
        raise NoFigure(f"the capture of {measure} holds no packets")
    return packets


def _case(spec: Mapping[str, Any], cases: Sequence[Case]) -> Case:
    named = chosen(cases, [spec.get("case", "first")])
    if not named:
        raise NoFigure("its case was not measured")
    return named[0]


def _ladder(spec: Mapping[str, Any], cases: Sequence[Case], captures: Captures, title: str) -> Html:
    packets = packets_of(_case(spec, cases), spec["measure"], captures)
    known = flows(packets)
    number = spec.get("flow", 1)
    if number > len(known):
        raise NoFigure(f"there is no flow {number}, only {len(known)}")
    return ladder(packets, title=title, flow=known[number - 1], rows=spec.get("packets", 120))


def _layers(spec: Mapping[str, Any], cases: Sequence[Case], captures: Captures, title: str) -> Html:
    number = spec.get("packet", 1)
    frame = capture_of(_case(spec, cases), spec["measure"], captures).frame(number)
    if frame is None:
        raise NoFigure(f"the capture of {spec['measure']} has no frame {number}")
    return layers(frame, title=title)
