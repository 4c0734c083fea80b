"""What a scenario varies: from `vary` or `cases` in its file to one `Case` after another. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

from lab import units
from lab.errors import BadInput
from lab.located import Located
from lab.scenario.model import Case, Value
from lab.scenario.terms import RESERVED
from lab.units import refusal

MAX_POINTS = 200
"""Points of a run: with a second each, and that is little, already minutes."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)
_MAX_CASE = 60


@dataclass(frozen=True)
class Varied:
    """All that is varied. keys: where each variable stands first, for complaints.

    units: of each variable's values, where all have the same: see `lab.units.parse_number`.
    """

    cases: Sequence[Case] = (Case(),)
    keys: Mapping[str, Located] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> dict[str, list[str]]:
        """The values of each variable as typed, in their order."""
        return {
            name: list(dict.fromkeys(case.words[name] for case in self.cases)) for name in self.keys
        }


def checked_name(at: Located, noun: str) -> str:
    """A name that an expression can have in it. Raises `BadInput`."""
    if not _NAME.fullmatch(at.text):
        at.refuse(f"is no name of a {noun}; write letters, digits and _, the first no digit")
    if at.text in RESERVED:
        at.refuse(f"means something in expressions; call the {noun} otherwise")
    return at.text


def vary(at: Located) -> Varied:
    """Every combination of the values of some variables; of the last one each in turn first."""
    keys, values = {}, {}
    for name, (key, given) in at.entries("loss: [0%, 5%]").items():
        checked_name(key, "variable")
        texts: list[str] = []
        for each in given.one_or_more():
            if _word(each) in texts:
                each.refuse("is there twice; leave one out")
            texts.append(each.text)
        keys[name], values[name] = key, texts
    if (points := prod(map(len, values.values()))) > MAX_POINTS:
        at.refuse(f"makes {points} points; allowed {MAX_POINTS}")
    cases = [
        _case(", ".join(words), dict(zip(keys, words, strict=True)))
        for words in product(*values.values())
    ]
    return _varied(cases, keys)


def cases(at: Located) -> Varied:
    """Values of some variables under a name of their own, which every case has all of."""
    keys: dict[str, Located] = {}
    found: list[Case] = []
    for name, (key, given) in at.entries("a name: {loss: 5%}").items():
        if not 1 <= len(name) <= _MAX_CASE or not name.isprintable() or set("\"'$.") & set(name):
            key.refuse(f"is no name of a case; write 1 to {_MAX_CASE} characters, no quotes . or $")
        if name in RESERVED:
            key.refuse("means something in expressions; call the case otherwise")
        values = given.entries("loss: 5%")
        for variable, (its_key, _) in values.items():
            checked_name(its_key, "variable")
            if found and variable not in keys:
                its_key.refuse(f"is not in the first case; allowed {', '.join(keys)}")
        if missing := [variable for variable in keys if variable not in values]:
            given.refuse(f"has no {missing[0]}, as the first case has; add {missing[0]}: …")
        keys |= {variable: at for variable, (at, _) in values.items() if variable not in keys}
        found.append(_case(name, {variable: _word(at) for variable, (_, at) in values.items()}))
    if len(found) > MAX_POINTS:
        at.refuse(f"makes {len(found)} points; allowed {MAX_POINTS}")
    return _varied(found, keys)


def _word(at: Located) -> str:
    if not at.text.strip() or not at.text.isprintable():
        at.refuse("is no value; write one, as 5%, 20ms or cubic")
    if "$" in at.text:
        at.refuse("has a $ in it; a value can't be made of others, write it out")
    return at.text


def _case(name: str, words: Mapping[str, str]) -> Case:
    return Case(name, words, {key: _value(word)[0] for key, word in words.items()})


def _value(word: str) -> tuple[Value, str]:
    try:
        return units.parse_number(word, "")
    except BadInput:
        return word, ""


def _varied(cases: Sequence[Case], keys: Mapping[str, Located]) -> Varied:
    found = {}
    for name in keys:
        theirs = {_value(case.words[name])[1] for case in cases}
        found[name] = theirs.pop() if len(theirs) == 1 else ""
    return Varied(cases, keys, found)


def variables(at: Located, varied: Varied) -> list[str]:
    """The variables that are put in there. Raises `BadInput` for one that is not varied."""
    for name, place in at.variables.items():
        if name not in varied.keys:
            allowed = ", ".join(f"${each}" for each in varied.keys) or "none, as nothing is varied"
            raise refusal(place.where, f"${name}", f"is not varied; allowed {allowed}")
    return list(at.variables)
