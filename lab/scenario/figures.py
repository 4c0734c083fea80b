"""Which figures a scenario file may ask for, and with which keys. Draws nothing.

    - lines: {x: loss, y: [{share: udp.received of udp.sent, label: UDP}], curves: [{of: …}]}
      title: …
      caption: …

`FIGURES` has the keys by kind, `parse_figure` reads one entry of `figures:`; what a figure looks
like is the matter of `lab.report.plots`. What is read is plain data, kept with the results as it
is, so that a report can be made anew from them alone.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lab.knobs import parse_choice
from lab.located import Located
from lab.scenario.model import Figure
from lab.scenario.terms import BPS, MS, US, Formula, S
from lab.units import refusal

UNITS = {MS: "ms", S: "s", US: "µs", BPS: "bit/s"}
"""How a figure writes the unit that a name tells."""


@dataclass(frozen=True)
class Known:
    """What the names in a figure may stand for.

    expression: parses one, given its text and where it stands; raises `BadInput`. cases, measures,
    variables: the names that there are.
    """

    expression: Callable[[str, str], Formula]
    cases: Collection[str]
    measures: Collection[str]
    variables: Collection[str]


Read = Callable[[Located, Known], Any]


@dataclass(frozen=True)
class Key:
    """One key of a figure: how its value is read, and whether it has to be there."""

    read: Read
    needed: bool = False


def _text(at: Located, _: Known) -> str:
    if not at.text.strip():
        at.refuse("is empty; write some words, or leave it out")
    return at.text.strip()


def _expression(at: Located, known: Known) -> str:
    known.expression(at.text, at.where)
    return at.text


def _share(at: Located, known: Known) -> dict[str, str]:
    part, of, whole = at.text.partition(" of ")
    if not of:
        at.refuse("is no share; write PART of WHOLE, as udp.received of udp.sent")
    for each in (part, whole):
        known.expression(each.strip(), at.where)
    return {"part": part.strip(), "whole": whole.strip()}


def _unit(text: str, at: Located, known: Known) -> str:
    """The unit that the names in an expression tell, as the figure writes it."""
    return UNITS.get(known.expression(text, at.where).node.unit, "")


def _number(at: Located, _: Known) -> float:
    try:
        return float(at.text)
    except ValueError:
        at.refuse("is no number; write one without a unit, as 0 or 100")


def _whole(least: int, most: int) -> Read:
    def read(at: Located, _: Known) -> int:
        number = int(at.text) if at.text.isdecimal() else -1
        if not least <= number <= most:
            at.refuse(f"is no whole number in range; allowed {least} to {most}")
        return number

    return read


def _choice(*allowed: str) -> Read:
    return lambda at, _: parse_choice(at.text, at.where, allowed)


def _measure(at: Located, known: Known) -> str:
    return parse_choice(at.text, at.where, tuple(known.measures))


def _case(at: Located, known: Known) -> str:
    return parse_choice(at.text, at.where, (*known.cases, "first", "last"))


def _cases(at: Located, known: Known) -> list[str]:
    return [_case(each, known) for each in at.one_or_more()]


def _variables(at: Located, known: Known) -> list[str]:
    names = tuple(known.variables)
    if not names:
        at.refuse("has nothing to part by, as nothing is varied by name; leave it out")
    return [parse_choice(each.text, each.where, names) for each in at.one_or_more()]


def _keys(at: Located, keys: Mapping[str, Key], known: Known) -> dict[str, Any]:
    given = at.table(keys)
    for name, key in keys.items():
        if key.needed and name not in given:
            at.refuse(f"lacks {name}; allowed {', '.join(keys)}")
    return {name: keys[name].read(value, known) for name, value in given.items()}


def _one_of(at: Located, keys: Mapping[str, Key], known: Known, *one: str) -> dict[str, Any]:
    found = _keys(at, keys, known)
    if sum(name in found for name in one) != 1:
        at.refuse(f"is to have one of {' and '.join(one)}")
    return found


_Y: Mapping[str, Key] = {
    "of": Key(_expression),
    "share": Key(_share),
    "low": Key(_expression),
    "high": Key(_expression),
    "label": Key(_text),
    "unit": Key(_text),
}


def _y(at: Located, known: Known) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for each in at.one_or_more():
        y = _one_of(each, _Y, known, "of", "share")
        if ("low" in y) != ("high" in y):
            each.refuse("has one end of an interval only; write low and high, or neither")
        if "share" in y and ({"low", "unit"} & set(y)):
            each.refuse("has a share, whose interval and unit (%) are known; leave these out")
        y.setdefault("unit", "%" if "share" in y else _unit(y["of"], each, known))
        if found and found[0]["unit"] != y["unit"]:
            unit = found[0]["unit"] or "none"
            each.refuse(f"has another unit than the first one, {unit}; make it a figure of its own")
        found.append(y)
    return found


_X: Mapping[str, Key] = {
    "of": Key(_expression, needed=True),
    "label": Key(_text),
    "unit": Key(_text),
}


def _x(at: Located, known: Known) -> dict[str, Any]:
    if at.is_mapping:
        return _keys(at, _X, known)
    return {"of": at.text if at.text == "case" else _expression(at, known)}


_CURVE: Mapping[str, Key] = {
    "of": Key(_expression, needed=True),
    "label": Key(_text, needed=True),
}


def _curves(at: Located, known: Known) -> list[dict[str, Any]]:
    return [_keys(each, _CURVE, known) for each in at.one_or_more()]


_COLUMN: Mapping[str, Key] = {
    "of": Key(_expression, needed=True),
    "label": Key(_text),
    "at": Key(_expression),
}


def _columns(*keys: str) -> Read:
    allowed = {name: _COLUMN[name] for name in keys}

    def read(at: Located, known: Known) -> list[dict[str, Any]]:
        return [
            _keys(each, allowed, known) if each.is_mapping else {"of": _expression(each, known)}
            for each in at.one_or_more()
        ]

    return read


_AXES: Mapping[str, Key] = {
    "y_label": Key(_text),
    "least": Key(_number),
    "most": Key(_number),
}

FIGURES: Mapping[str, Mapping[str, Key]] = {
    "lines": {
        "x": Key(_x, needed=True),
        "y": Key(_y, needed=True),
        "by": Key(_variables),
        "curves": Key(_curves),
        "log": Key(_choice("x", "y", "both")),
        "x_label": Key(_text),
        "cases": Key(_cases),
        **_AXES,
    },
    "bars": {
        "y": Key(_y, needed=True),
        "log": Key(_choice("y")),
        "cases": Key(_cases),
        **_AXES,
    },
    "cdf": {
        "of": Key(_columns("of", "label"), needed=True),
        "log": Key(_choice("x")),
        "cases": Key(_cases),
        "x_label": Key(_text),
        "unit": Key(_text),
        "least": Key(_number),
        "most": Key(_number),
    },
    "timeline": {
        "of": Key(_columns("of", "label", "at"), needed=True),
        "log": Key(_choice("y")),
        "cases": Key(_cases),
        "unit": Key(_text),
        "style": Key(_choice("line", "dots", "steps")),
        **_AXES,
    },
    "histogram": {
        "of": Key(_columns("of", "label"), needed=True),
        "bins": Key(_whole(2, 200)),
        "log": Key(_choice("y")),
        "cases": Key(_cases),
        "x_label": Key(_text),
        "unit": Key(_text),
        "y_label": Key(_text),
    },
    "ladder": {
        "measure": Key(_measure, needed=True),
        "case": Key(_case),
        "flow": Key(_whole(1, 1000)),
        "packets": Key(_whole(1, 2000)),
    },
    "layers": {
        "measure": Key(_measure, needed=True),
        "case": Key(_case),
        "packet": Key(_whole(1, 1_000_000)),
    },
}
"""The keys that each kind takes.

y: each an expression (`of`, with the ends of an interval in `low` and `high`, if it has one) or a
`share`, PART of WHOLE, in per cent with its exact interval. x: an expression, or `case`. by: a line
for each value of these variables (without it, of all varied ones but x). curves: expressions over
x, drawn without marks. of: a series column of a measurement, such as `udp.rtt_ms`, or an expression
of such columns, row by row. at: the column of times, where it is not t_s or sent_s beside it.
flow: the number of the connection, from 1. packets: so many of a ladder at most. packet: the number
of a frame, as Wireshark has it. cases: only these.
"""

_AROUND = ("title", "caption")


def parse_figure(item: Located, known: Known) -> Figure:
    """One entry of `figures:`. Raises `BadInput`, saying where."""
    given = item.table((*FIGURES, *_AROUND))
    kinds = [name for name in given if name in FIGURES]
    if not kinds:
        item.refuse(f"is no figure; write one of {', '.join(FIGURES)}")
    if len(kinds) > 1:
        given[kinds[1]].refuse(f"is a figure beside {kinds[0]}; begin another '- …'")
    kind = kinds[0]
    if "title" not in given:
        raise refusal(item.where, kind, "lacks its title; add title: …")
    spec = _keys(given[kind], FIGURES[kind], known)
    title, caption = (_text(given[key], known) if key in given else "" for key in _AROUND)
    return Figure(kind, " ".join(title.split()), " ".join(caption.split()), spec)
