"""A scenario file: one experiment, from its YAML to a `Scenario`. Pure: text in, values out.

    title: UDP drops what the network drops
    vary: {loss: [0%, 5%]}
    impair: {loss: $loss}
    measure:
      - udp: {count: 2000}
    expect:
      - share: udp.received of udp.sent
        is: (1 - loss)^2

Every mistake, also one in a value that only one of the points gets, is told with its line before
anything is measured: `FILE:LINE: FIELD: 'GOT' problem; allowed …`. For the fields see the modules
beside this one: `cases`, `setting`, `statements`, `figures`; for expressions `expression`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from lab import catalogue, located, parsing
from lab.errors import BadInput
from lab.knobs import parse_choice, parse_whole
from lab.lifecycle import MAX_CLIENTS
from lab.located import Located
from lab.scenario import cases, expression, statements
from lab.scenario.cases import Varied
from lab.scenario.expression import Formula, Scope
from lab.scenario.figures import Known, parse_figure
from lab.scenario.model import Case, Expectation, Figure, Scenario, Setting
from lab.scenario.setting import PARSERS, Kinds, There, check_backend, setting
from lab.units import refusal

FIELDS = (
    "title", "number", "claim", "servers", "clients", "vary", "cases", "impair", "schedule",
    "rules", "seed", "backend", "route", "capture", "by", "measure", "expect", "overall",
    "figures",
)  # fmt: skip
ENDS = ("first", "last")
MAX_NUMBER = 99

Given = Mapping[str, Located]


def read(text: str, source: str, name: str, kinds: Kinds) -> Scenario:
    """One experiment. source: the file's name, for messages. name: what it is called.

    kinds: of measurements, by name. Raises `BadInput`.
    """
    given = located.parse(text, source).table(FIELDS, needed=("title", "measure"))
    varied = _varied(given)
    clients = _clients(given["clients"]) if "clients" in given else 1
    settings = _settings(given, varied, There(kinds, clients))
    scope = Scope(varied.units, _measures(given["measure"], varied, settings))
    expectations = _expectations(given, scope, varied.cases)
    figures, drawn = _figures(given, scope, varied.cases)
    _check_used(given, varied, [*drawn, *_formulas(expectations)])
    return Scenario(
        name=name,
        title=_words(given["title"]),
        claim=_words(given["claim"]) if "claim" in given else "",
        source=source,
        text=text,
        settings=settings,
        expectations=expectations,
        figures=figures,
        varied=varied.words,
        servers=_servers(given["servers"]) if "servers" in given else {},
        clients=clients,
        by=_by(given["by"]) if "by" in given else "points",
        backend=check_backend(given.get("backend"), settings),
        capture=parsing.switch(given["capture"].text, given["capture"].where)
        if "capture" in given
        else False,
        number=_number(given["number"]) if "number" in given else None,
    )


def _words(at: Located) -> str:
    if not at.text.strip():
        at.refuse("is empty; write some words")
    return " ".join(at.text.split())


def _servers(at: Located) -> dict[str, str]:
    return {
        protocol: catalogue.server(protocol, each.text, each.where)
        for protocol, each in at.table(catalogue.PROTOCOLS).items()
    }


def _clients(at: Located) -> int:
    return parse_whole(at.text, at.where, 1, MAX_CLIENTS)


def _number(at: Located) -> int:
    return parse_whole(at.text, at.where, 1, MAX_NUMBER)


def _by(at: Located) -> Literal["points", "measurements"]:
    if parse_choice(at.text, at.where, ("points", "measurements")) == "points":
        return "points"
    return "measurements"


def _varied(given: Given) -> Varied:
    if "vary" in given and "cases" in given:
        given["cases"].refuse("does not go with vary; choose one")
    if "vary" in given:
        return cases.vary(given["vary"])
    return cases.cases(given["cases"]) if "cases" in given else Varied()


def _settings(given: Given, varied: Varied, there: There) -> list[Setting]:
    """A point for each case. What cases have in common is read once."""
    fields = {name: at for name, at in given.items() if name in PARSERS}
    used = {name: cases.variables(at, varied) for name, at in fields.items()}
    known: dict[tuple[str, ...], Any] = {}
    found = []
    for case in varied.cases:
        values = {}
        for name, at in fields.items():
            words = {each: case.words[each] for each in used[name]}
            key = (name, *words.values())
            if key not in known:
                known[key] = _filled_in(name, at, words, case, there)
            values[name] = known[key]
        found.append(setting(case, values))
    return found


def _filled_in(name: str, at: Located, words: Mapping[str, str], case: Case, there: There) -> Any:
    """A field with words put in; what is wrong with these is told with the case they are of."""
    try:
        return PARSERS[name](at.filled_in(words), there)
    except BadInput as error:
        got = str(error.got)
        if got in case.words and got not in words.values():
            problem = f"{error.problem.partition(';')[0]}; write ${got} for what is varied"
            raise BadInput(error.where, got, problem) from error
        if not any(word in got or got in word for word in words.values()):
            raise
        problem = f"{error.problem} (in the case {case.name})"
        raise BadInput(error.where, error.got, problem) from error


def _measures(at: Located, varied: Varied, settings: Sequence[Setting]) -> list[str]:
    """The names of the measurements, the same at every point and none of a variable."""
    first, *others = [[each.name for group in one.groups for each in group] for one in settings]
    for each in others:
        if each != first:
            at.refuse("gives measurements another name in each case; write as: without a $")
    for name in first:
        if name in varied.keys:
            varied.keys[name].refuse("is also a measurement; call one of them otherwise")
    return first


def _expectations(given: Given, scope: Scope, all_cases: Sequence[Case]) -> list[Expectation]:
    found = statements.expectations(given["expect"], scope) if "expect" in given else []
    if "overall" in given:
        names = [case.name for case in all_cases if case.name]
        about_all = Scope(scope.variables, scope.measures, (*names, *ENDS))
        found += statements.expectations(given["overall"], about_all)
    return found


def _formulas(expectations: Iterable[Expectation]) -> list[Formula]:
    found = [part for each in expectations for part in (*each.parts, each.expected, each.when)]
    return [each for each in found if isinstance(each, Formula)]


def _figures(
    given: Given, scope: Scope, all_cases: Sequence[Case]
) -> tuple[list[Figure], list[Formula]]:
    """The figures, and all expressions in them."""
    drawn: list[Formula] = []

    def parse(text: str, where: str) -> Formula:
        drawn.append(expression.parse(text, where, scope))
        return drawn[-1]

    names = [case.name for case in all_cases if case.name]
    known = Known(parse, names, scope.measures, tuple(scope.variables))
    items = given["figures"].items() if "figures" in given else []
    return [parse_figure(item, known) for item in items], drawn


def _check_used(given: Given, varied: Varied, formulas: Iterable[Formula]) -> None:
    """Raise `BadInput` for a variable that nothing is made of and nothing is told by."""
    used = {name for at in given.values() for name in at.variables}
    used |= {part for formula in formulas for name in formula.names for part in name.path}
    for name, key in varied.keys.items():
        if name not in used:
            problem = f"is varied and used nowhere; write ${name} where it belongs"
            raise refusal(key.where, name, problem)
