"""What a scenario expects, as its file has it, to `Expectation`s. Pure. Judged elsewhere."""

from collections.abc import Callable, Sequence

from lab import units
from lab.located import Located
from lab.scenario.expression import (
    Formula,
    Scope,
    parse_number,
    parse_order,
    parse_share,
    parse_statement,
)  # fmt: skip
from lab.scenario.model import Expectation
from lab.scenario.terms import Number
from lab.units import refusal

CONFIDENCE = 0.999
LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.5, 0.999999

_KINDS = ("that", "share", "order")
_FIELDS = ("name", *_KINDS, "is", "keep", "when", "confidence")


def expectations(at: Located, scope: Scope) -> list[Expectation]:
    """The items of `expect` or, where the scope has cases, of `overall`. Raises `BadInput`."""
    found, kept = [], dict[str, Located]()
    for item in at.items():
        found.append(_expectation(item, scope))
        if place := found[-1].keep:
            keep = item.table(_FIELDS)["keep"]
            if place in kept:
                keep.refuse(f"is kept already, by line {kept[place].line}")
            kept[place] = keep
    return found


def _expectation(item: Located, scope: Scope) -> Expectation:
    if not (item.is_mapping or item.is_list or item.is_nothing):
        item.refuse(f"does not say what it is; write that: …, allowed {', '.join(_FIELDS)}")
    given = item.table(_FIELDS)
    kinds = [name for name in given if name in _KINDS]
    if not kinds:
        item.refuse(f"states nothing; add one of {', '.join(_KINDS)}")
    if len(kinds) > 1:
        given[kinds[1]].refuse(f"does not go with {kinds[0]}; begin another '- …'")
    kind, at = kinds[0], given[kinds[0]]
    if kind == "share" and "is" not in given:
        item.refuse("does not say what the share is; add is: …")
    for field, others in (("is", ("share",)), ("keep", ("share",)), ("confidence", _KINDS[1:])):
        if field in given and kind not in others:
            given[field].refuse(f"does not go with {kind}; allowed with {' and '.join(others)}")
    for field in ("keep", "when"):
        if field in given and scope.cases:
            given[field].refuse(f"does not go with overall; {field} is for expect")

    statement = at.text.strip()
    if kind == "share":
        statement += f" is {given['is'].text.strip()}"

    def read(name: str, parse: Callable[[str, str, Scope], Formula]) -> Formula | None:
        return parse(given[name].text, given[name].where, scope) if name in given else None

    return Expectation(
        name=_name(given["name"]) if "name" in given else statement,
        kind=kind,  # type: ignore[arg-type]
        statement=statement,
        parts=_parts(kind, at, scope),
        expected=read("is", _parse_ratio),
        confidence=_confidence(given["confidence"]) if "confidence" in given else CONFIDENCE,
        when=read("when", parse_statement),
        overall=bool(scope.cases),
        keep=_keep(given["keep"], scope.measures) if "keep" in given else "",
    )


def _parse_ratio(text: str, where: str, scope: Scope) -> Formula:
    """What a share is; one that stands there as a number has to be one. Raises `BadInput`."""
    formula = parse_number(text, where, scope)
    if isinstance(formula.node, Number) and not 0 <= formula.node.amount <= 1:
        is_bare = not formula.node.unit and formula.node.amount <= 100
        meant = f"{formula.text}%" if is_bare else "5%"
        raise refusal(where, text, f"is no share, which lies between 0 and 1; write {meant}")
    return formula


def _name(at: Located) -> str:
    if not at.text.strip():
        at.refuse("is empty; write some words, or leave it out")
    return " ".join(at.text.split())


def _parts(kind: str, at: Located, scope: Scope) -> tuple[Formula, ...]:
    if kind == "share":
        return parse_share(at.text, at.where, scope)
    if kind == "order":
        return parse_order(at.text, at.where, scope)
    return (parse_statement(at.text, at.where, scope),)


def _confidence(at: Located) -> float:
    ratio = units.parse_share(at.text, at.where)
    if not LEAST_CONFIDENCE <= ratio <= MOST_CONFIDENCE:
        least, most = map(units.format_share, (LEAST_CONFIDENCE, MOST_CONFIDENCE))
        at.refuse(f"is out of range; allowed {least} to {most}")
    return ratio


def _keep(at: Located, measures: Sequence[str]) -> str:
    path = at.text.split(".")
    if path[0] not in measures:
        at.refuse(f"is no measurement; allowed {', '.join(measures)}")
    if not all(path) or len(path) > 3:
        at.refuse(f"is no place in a point; write for example {path[0]}.toward_server")
    return at.text
