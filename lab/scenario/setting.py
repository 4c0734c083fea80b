"""What one point of a scenario is measured with: from the values of its file to a `Setting`. Pure.

Here stand the fields in which `$name` is put in: impair, schedule, rules, seed, route, measure.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from lab import parsing, rules, units
from lab.impairment import Direction, Impairment
from lab.knobs import KNOBS, parse_choice, parse_whole
from lab.lifecycle import MAX_CLIENTS
from lab.likely import perhaps
from lab.link import BACKENDS, Script
from lab.link.kernel import BACKENDS as KERNEL
from lab.link.userspace import KNOBS_OF_ALL
from lab.located import Located
from lab.scenario.cases import checked_name
from lab.scenario.kind import REQUIRED
from lab.scenario.model import Case, Measure, Setting
from lab.schedule import Schedule
from lab.units import refusal

TOGETHER = "together"
MAX_MEASURES = 50
MAX_SEED = 2**63 - 1
"""As `lab impair --seed` has it."""

_DIRECTIONS = {each.label: each for each in Direction}
_CLIENT = re.compile(r"client-([1-9][0-9]{0,2})", re.ASCII)
_OWN = ("as", "start")


class OptionLike(Protocol):
    """An option of a kind of measurement: see `lab.scenario.kind`."""

    @property
    def parse(self) -> Callable[[str, str], Any]:
        """From text and where it stands; raises `BadInput`."""
        ...

    @property
    def default(self) -> Any:
        """A value, or `REQUIRED`."""
        ...


class KindLike(Protocol):
    """A kind of measurement: see `lab.scenario.kind`."""

    @property
    def options(self) -> Mapping[str, OptionLike]:
        """By name."""
        ...


Kinds = Mapping[str, KindLike]


@dataclass(frozen=True)
class There:
    """What there is to name: kinds of measurement, and clients by their number."""

    kinds: Kinds
    clients: int

    @property
    def options(self) -> dict[str, tuple[str, ...]]:
        """What each kind takes, by the names of the kinds."""
        return {name: (*kind.options, *_OWN) for name, kind in self.kinds.items()}

    @property
    def client_names(self) -> list[str]:
        """From `client-1` on."""
        return [f"client-{number}" for number in range(1, self.clients + 1)]

    def refuse_client(self, at: Located, name: str) -> NoReturn:
        """Raise `BadInput` about a client that is not there."""
        last = f" to client-{self.clients}" if self.clients > 1 else ""
        more = min(self.clients + 1, MAX_CLIENTS)
        problem = f"is not there; allowed client-1{last}, or more with clients: {more}"
        raise refusal(at.where, name, problem)


Impairments = Mapping[str | None, Mapping[Direction, Impairment]]


def setting(case: Case, given: Mapping[str, Any]) -> Setting:
    """One point, from what `PARSERS` made of the fields that the file has."""
    return Setting(
        case=case,
        impairments=given.get("impair", _common({})),
        schedule=given.get("schedule"),
        script=Script(given.get("seed"), given.get("rules", ())),
        route=given.get("route", ()),
        groups=given["measure"],
    )


def impairments(at: Located, there: There) -> Impairments:
    """Both directions, alike or by themselves, and what single clients have instead."""
    for key, _ in at.pairs if at.is_mapping else ():
        if _CLIENT.fullmatch(key.text) and key.text not in there.client_names:
            there.refuse_client(key, key.text)
    given = _apart(at, (*_DIRECTIONS, *there.client_names))
    if given is None:
        return _common(dict.fromkeys(Direction, _impairment(at)))
    common = {way: _impairment(given[name]) for name, way in _DIRECTIONS.items() if name in given}
    found = dict(_common(common))
    for name, each in given.items():
        if name not in _DIRECTIONS:
            found[name] = _of_client(each)
    return found


def _apart(at: Located, names: Iterable[str]) -> dict[str, Located] | None:
    """Impairments by these names; None where it is one impairment, in text or by its knobs."""
    if not at.is_mapping:
        return None
    given = at.table((*names, *KNOBS))
    knobs = [name for name in given if name in KNOBS]
    if len(knobs) == len(given):
        return None
    if knobs:
        name = next(name for name in given if name not in KNOBS)
        given[knobs[0]].refuse(f"does not go with {name}; put {knobs[0]} into each of these")
    return given


def _of_client(at: Located) -> Mapping[Direction, Impairment]:
    given = _apart(at, _DIRECTIONS)
    if given is None:
        return dict.fromkeys(Direction, _impairment(at))
    return {_DIRECTIONS[name]: _impairment(each) for name, each in given.items()}


def _common(given: Mapping[Direction, Impairment]) -> Impairments:
    return {None: {way: given.get(way, Impairment()) for way in Direction}}


def _impairment(at: Located) -> Impairment:
    """A mapping of knobs, or text as on the command line: `loss 5% delay 20ms`."""
    if at.is_mapping:
        return Impairment.from_located(at.table(KNOBS))
    if at.is_list:
        at.refuse("is a list; write {loss: 5%, delay: 20ms}, or loss 5% delay 20ms")
    return Impairment.parse(at.text, at.where)


def _rules(at: Located, there: There) -> tuple[Mapping[str, Any], ...]:
    found = rules.read(at)
    for rule, item in zip(found, at.items(), strict=True):
        if rule.client and rule.client not in there.client_names:
            there.refuse_client(item, rule.client)
    return tuple(rule.wire() for rule in found)


def _seed(at: Located, _: There) -> int:
    return parse_whole(at.text, at.where, 0, MAX_SEED)


def _schedule(at: Located, _: There) -> Schedule:
    return Schedule.from_located(at)


def _words(key: str, parse: Callable[[str, str], str]) -> Callable[[Located], tuple[str, str]]:
    return lambda at: (key, parse(at.text, at.where))


def _least_rto(text: str, where: str) -> str:
    return units.format_duration(units.parse_duration(text, where, low_ms=1, high_ms=120_000))


def _switch(text: str, where: str) -> str:
    return "1" if parsing.switch(text, where) else "0"


def _segments(text: str, where: str) -> str:
    return str(parse_whole(text, where, 1, 1000))


_congestion = parsing.word(r"[a-z][a-z0-9_]{0,14}", "congestion control", "cubic")

ROUTE: Mapping[str, Callable[[Located], tuple[str, str]]] = {
    "rto-min": _words("rto_min", _least_rto),
    "quickack": _words("quickack", _switch),
    "congestion": _words("congctl", _congestion),
    "initcwnd": _words("initcwnd", _segments),
    "initrwnd": _words("initrwnd", _segments),
}
"""TCP's settings of a route, and the words that ip-route(8) has for each."""


def route(at: Located, _: There) -> tuple[str, ...]:
    """Words for ip-route(8), in the order of the file."""
    return tuple(word for name, each in at.table(ROUTE).items() for word in ROUTE[name](each))


def groups(at: Located, there: There) -> tuple[tuple[Measure, ...], ...]:
    """What is measured, one group after another. The names of all differ."""
    names: dict[str, Located] = {}
    found = []
    for item in at.items():
        ((kind, (key, given)),) = _single(item, (*there.kinds, TOGETHER), there.options).items()
        if kind == TOGETHER:
            members = given.items()
            if len(members) < 2:
                given.refuse("is one measurement; write two or more, or leave together out")
        else:
            members = [item]
        found.append(tuple(_measure(each, there, names, kind) for each in members))
        if len(names) > MAX_MEASURES:
            key.refuse(f"is one measurement too many; allowed {MAX_MEASURES}")
    return tuple(found)


def _single(
    item: Located, allowed: tuple[str, ...], options: Mapping[str, Collection[str]]
) -> dict[str, tuple[Located, Located]]:
    """The one key of an item, one of those allowed, and its value. options: what may go with it."""
    found = item.entries(f"{allowed[0]}: {{…}}")
    first, (_, value) = next(iter(found.items()))
    for key, _ in found.values():
        if value.is_nothing and key.text in options.get(first, ()):
            key.refuse(f"belongs to {first}; indent it further than {first}")
        if key.text not in allowed:
            key.refuse(
                f"is no measurement{perhaps(key.text, allowed)}; allowed {', '.join(allowed)}"
            )
    if len(found) > 1:
        key, _ = list(found.values())[1]
        key.refuse(f"comes after {next(iter(found))} in one item; begin another '- …'")
    return found


def _measure(item: Located, there: There, names: dict[str, Located], group: str) -> Measure:
    ((kind, (key, at)),) = _single(item, tuple(there.kinds), there.options).items()
    options = there.kinds[kind].options
    own = _OWN if group == TOGETHER else _OWN[:1]
    given = at.table((*options, *own)) if not at.is_nothing else {}
    for name, option in options.items():
        if option.default is REQUIRED and name not in given:
            at.refuse(f"has no {name}; add {name}: …")
    values = {
        name: _option(option, given[name]) if name in given else option.default
        for name, option in options.items()
    }
    if "client" in given and values["client"] not in ("client", *there.client_names):
        there.refuse_client(given["client"], given["client"].text)
    named = given.get("as", key)
    name = checked_name(named, "measurement")
    if name in names:
        hint = "" if "as" in given else "; give it a name with as: …"
        named.refuse(f"is measured already, in line {names[name].line}{hint}")
    names[name] = named
    start = given.get("start")
    start_ms = units.parse_duration(start.text, start.where) if start else 0.0
    return Measure(kind, name, values, start_ms)


def _option(option: OptionLike, at: Located) -> Any:
    """A list is as good as its values with commas between them."""
    return option.parse(", ".join(each.text for each in at.one_or_more()), at.where)


PARSERS: Mapping[str, Callable[[Located, There], Any]] = {
    "impair": impairments,
    "schedule": _schedule,
    "rules": _rules,
    "seed": _seed,
    "route": route,
    "measure": groups,
}
"""The fields of a file in which `$name` is put in."""


def check_backend(at: Located | None, settings: Iterable[Setting]) -> str:
    """The backend, which can do all that is asked of it. Raises `BadInput`."""
    if at is None:
        return "auto"
    name = parse_choice(at.text, at.where, ("auto", *BACKENDS))
    able = {each: KERNEL[each].knobs if each in KERNEL else KNOBS_OF_ALL for each in BACKENDS}
    asked = frozenset[str]().union(*map(needs, settings))
    if name != "auto" and (unable := sorted(asked - able[name])):
        others = [other for other in BACKENDS if asked <= able[other]]
        at.refuse(f"cannot do {', '.join(unable)}; allowed {', '.join(('auto', *others))}")
    return name


def needs(setting: Setting) -> frozenset[str]:
    """All that a backend has to be able to do for this."""
    common = setting.impairments[None]
    states = [common, *setting.impairments.values()]
    if setting.schedule:
        states += [state for _, state in setting.schedule.states(common)]
    return setting.script.knobs().union(
        *(impairment.knobs() for state in states for impairment in state.values())
    )
