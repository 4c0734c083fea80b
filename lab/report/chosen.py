"""Which figures of a run its tables show: those that it is about, by expectations and figures."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.errors import BadInput
from lab.report.axes import spaced
from lab.report.data import Case
from lab.scenario.expression import parse
from lab.scenario.figures import UNITS
from lab.scenario.terms import BPS, SHARE
from lab.wording import NOTHING, count, digits, percent

MOST = 9

_TERM = re.compile(r"(?:[a-z]+[0-9]*\()?[A-Za-z_]\w*(?:\.\w+)+\)?", re.ASCII)
_CALL = re.compile(r"([a-z]+[0-9]*)\((.*)\)")
_NAMED = re.compile(rf"((?=\w\w){_TERM.pattern})( (?=[\d\N{{MINUS SIGN}}]))?", re.ASCII)
_IS = "\u00a0=\u00a0"
_PROTOCOLS = ("udp", "tcp", "icmp")
_ABBREVIATIONS = ("rtt", "rto", "ipdv", "cwnd", "mss", "syn", "fin", "rst", "ack", *_PROTOCOLS)
_ASKED = (
    "port", "size", "asked", "count", "run", "interval_s", "timeout_s", "window", "read_size",
    "syn_retries", "syn_linear_timeouts",
)  # fmt: skip
"""What a report repeats of how it was asked to measure: no findings."""

_SUFFIXES = ("_ms", "_us", "_s", "_bps")


@dataclass(frozen=True)
class Shown:
    """A figure of a table: the expression, the measurement it is of, its head and its unit."""

    text: str
    group: str
    head: str
    unit: str

    def cell(self, case: Case) -> str:
        """Its value in a case, rounded, as the column's head has the unit."""
        value = case.number(self.text)
        if value is None:
            return NOTHING
        if self.unit == "%":
            return percent(value).removesuffix("%").strip()
        if self.unit == "Mbit/s":
            return digits(value / 1e6)
        return count(int(value)) if value == int(value) and not self.unit else _signed(value)


def _signed(value: float) -> str:
    return f"\N{MINUS SIGN}{digits(-value)}" if value < 0 else digits(value)


def shown(
    result: Mapping[str, Any],
    cases: Sequence[Case],
    most: int = MOST,
    without: Collection[str] = (),
) -> list[Shown]:
    """The figures that expectations are about, then those of the figures; only what was measured.

    Without either, the first numbers of each measurement. without: what another table shows.
    """
    found: dict[str, Shown] = {}
    for text in [*_asked(result, cases), *(() if _about(result) else _first(cases))]:
        if text not in {*found, *without} and any(case.number(text) is not None for case in cases):
            found[text] = _shown(text)
    order = list(dict.fromkeys(each.group for each in found.values()))
    return sorted(list(found.values())[:most], key=lambda each: order.index(each.group))


def _about(result: Mapping[str, Any]) -> list[str]:
    texts = [str(each.get("statement", "")) for each in result.get("expectations") or ()]
    for figure in result.get("figures") or ():
        for y in figure["spec"].get("y") or ():
            texts += y["share"].values() if "share" in y else [y["of"]]
    return texts


def _asked(result: Mapping[str, Any], cases: Sequence[Case]) -> Iterator[str]:
    names = {case.name for case in cases} | {"first", "last"}
    for text in _about(result):
        for term in _TERM.findall(text):
            call = _CALL.fullmatch(term)
            name = call[2] if call else term.strip("()")
            first, _, rest = name.partition(".")
            name = rest if first in names else name
            yield f"{call[1]}({name})" if call else name


def _first(cases: Sequence[Case]) -> Iterator[str]:
    for case in cases[:1]:
        for measure, report in case.point.items():
            if isinstance(report, Mapping):
                numbers = [
                    key for key, value in report.items()
                    if isinstance(value, int | float) and not isinstance(value, bool)
                    and key not in _ASKED
                ]  # fmt: skip
                yield from (f"{measure}.{key}" for key in numbers[:6])


def _shown(text: str) -> Shown:
    call = _CALL.fullmatch(text)
    group, _, rest = (call[2] if call else text).partition(".")
    try:
        told = parse(text, "figures").node.unit
    except BadInput:  # in a statement of a newer lab
        told = ""
    unit = {SHARE: "%", BPS: "Mbit/s"}.get(told, UNITS.get(told, ""))
    head = _words(rest.removeprefix(f"capture.{group}."))  # whose protocol the group tells
    if call:
        head = f"{head} {_word(call[1])}".strip()
    head = head[:1].upper() + head[1:]
    return Shown(text, _measure(group), f"{head}, {unit}" if unit else head, unit)


def in_words(text: str) -> str:
    """`udp.dropped_toward_server 12, tcp.sent 3` as a reader has it, each name in words."""
    return _NAMED.sub(lambda found: _in_words(found[1]) + (_IS if found[2] else ""), text)


def _in_words(term: str) -> str:
    call = _CALL.fullmatch(term)
    group, _, rest = (call[2] if call else term).partition(".")
    said = _words(rest)
    if not rest.startswith("capture."):  # which has its protocol
        said = f"{_measure(group)} {said}"
    return f"{_word(call[1])} of {said}" if call else said


def _measure(name: str) -> str:
    return name.upper() if name in _PROTOCOLS else name


def _words(path: str) -> str:
    """`rtt_ms.p99` is `RTT p99`, and `capture.tcp.toward_server.lost` `TCP lost toward server`."""
    parts = [part for part in path.split(".") if part != "capture"]
    if parts != path.split(".") or parts[0].startswith("toward_"):
        parts.sort(key=lambda part: part.startswith("toward_"))
    return " ".join(word for word in map(_word, parts) if word)


def _word(part: str) -> str:
    for suffix in _SUFFIXES:
        part = part.removesuffix(suffix)
    part = part.removesuffix("_ratio")
    if part.isdigit():
        return f"#{int(part) + 1}"
    words = [word.upper() if word in _ABBREVIATIONS else word for word in part.split("_")]
    return {"p50": "median"}.get(part, " ".join(words))


def case_name(case: Case) -> str:
    """The name of a case as a table has it."""
    return spaced(case.name) or "all"
