"""Which packet is dropped, delayed or sent twice, as a student writes it in YAML.

    - drop: {protocol: tcp, flags: SYN, toward: server, nth: 1-2}
    - drop: {protocol: tcp, toward: server, flags: ACK, length: 0, for: 2s}
    - drop: {protocol: udp, nth: [3, 7]}
    - delay: {protocol: udp, every: 5, by: 20ms}
    - duplicate: {toward: client, flags: SYN ACK, nth: 1}

A rule names an action and what a packet has to be; what is left out may be anything:
protocol tcp, udp or icmp; toward server or client; client, a name such as client-3; port, the
server's; flags, those of the TCP header (RFC 9293, 3.1); length, of the data in bytes, as 0, 1-100
or 1- for one and more. Of the packets that match, nth says which (the first is 1), every N takes
the Nth, 2Nth and so on, for takes those of that time after the first one. Without these, all.

Of SYN, ACK, FIN and RST a packet has exactly those named, so `SYN` is no SYN ACK and `ACK` no
FIN ACK. `FIN` means FIN ACK, as every FIN carries an ACK; PSH and the others are not looked at.

Pure: text in, values out. What is done with them is the userspace link's.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, TypeVar

from lab import located, units
from lab.impairment import Direction
from lab.knobs import parse_choice, parse_whole
from lab.located import Located

T = TypeVar("T")
Range = tuple[int, int]

ACTIONS = ("drop", "delay", "duplicate")
PROTOCOLS = ("tcp", "udp", "icmp")
FLAGS = ("SYN", "ACK", "FIN", "RST")
MAX_RULES = 1000

_FIELDS = (
    "protocol", "toward", "client", "port", "flags", "length", "nth", "every", "for", "by"
)  # fmt: skip
_MAX_LENGTH = 65_535
_MAX_NTH = 1_000_000_000
_RANGE = re.compile(r"[0-9]+(?:-[0-9]*)?", re.ASCII)
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule; None is any. nth: ranges from 1 that rise and do not meet, both ends in it.

    length: from, and to, None for no end, both in it. line: of the file, from 1.
    """

    action: str
    protocol: str | None = None
    direction: Direction | None = None
    client: str | None = None
    port: int | None = None
    flags: tuple[str, ...] | None = None
    length: tuple[int, int | None] | None = None
    nth: tuple[Range, ...] | None = None
    every: int | None = None
    for_ms: float | None = None
    by_ms: float | None = None
    line: int = 0

    def wire(self) -> dict[str, Any]:
        """For the userspace link, as JSON: fields by name, only what is set."""
        given = {name: _listed(value) for name, value in asdict(self).items() if value is not None}
        if self.direction:
            given["direction"] = self.direction.value
        return given


def _listed(value: Any) -> Any:
    return [_listed(each) for each in value] if isinstance(value, tuple) else value


def parse(text: str, source: str) -> tuple[Rule, ...]:
    """The rules of a file, in its order. source: its name for messages. Raises `BadInput`."""
    return read(located.parse(text, source))


def read(at: Located) -> tuple[Rule, ...]:
    """The rules of a list in a file, in its order. Raises `BadInput`."""
    items = at.items()
    if len(items) > MAX_RULES:
        items[MAX_RULES].refuse(f"is one rule too many; allowed {MAX_RULES}")
    return tuple(_rule(each) for each in items)


def _rule(item: Located) -> Rule:
    actions = item.table(ACTIONS)
    if len(actions) != 1:
        item.refuse(f"is no rule; write one action a rule, allowed {', '.join(ACTIONS)}")
    ((action, packet),) = actions.items()
    given = packet.table(_FIELDS)
    _check_together(action, packet, given)

    def read(name: str, parse: Callable[[Located], T]) -> T | None:
        return parse(given[name]) if name in given else None

    rule = Rule(
        action=action,
        protocol=read("protocol", _choice(*PROTOCOLS)) or ("tcp" if "flags" in given else None),
        direction=read("toward", _direction),
        client=read("client", _client),
        port=read("port", _whole(1, 65_535)),
        flags=read("flags", _flags),
        length=read("length", _length),
        nth=read("nth", _nth),
        every=read("every", _whole(2, _MAX_NTH)),
        for_ms=read("for", _duration),
        by_ms=read("by", _duration),
        line=item.line,
    )
    if "flags" in given and rule.protocol != "tcp":
        given["flags"].refuse(f"does not go with protocol {rule.protocol}; allowed with tcp")
    for name in ("port", "length"):
        if name in given and rule.protocol == "icmp":
            given[name].refuse("does not go with protocol icmp; allowed with tcp, udp")
    return rule


def _check_together(action: str, packet: Located, given: dict[str, Located]) -> None:
    if action == "delay" and "by" not in given:
        packet.refuse("does not say for how long; add by, as by: 20ms")
    if action != "delay" and "by" in given:
        given["by"].refuse(f"does not go with {action}; allowed with delay")
    for other in ("every", "for"):
        if "nth" in given and other in given:
            given[other].refuse("does not go with nth; choose one")


def _choice(*words: str) -> Callable[[Located], str]:
    return lambda at: parse_choice(at.text, at.where, words)


def _whole(low: int, high: int) -> Callable[[Located], int]:
    return lambda at: parse_whole(at.text, at.where, low, high)


def _direction(at: Located) -> Direction:
    return Direction(parse_choice(at.text, at.where, tuple(each.value for each in Direction)))


def _client(at: Located) -> str:
    if not _CLIENT.fullmatch(at.text):
        at.refuse("is no client; write its name, as client-3")
    return at.text


def _flags(at: Located) -> tuple[str, ...]:
    """Words, in a list or with spaces between; in any case and order, back in one order."""
    words = [word for each in at.one_or_more() for word in each.text.split()]
    found = [parse_choice(word.upper(), at.where, FLAGS) for word in words]
    if not found or len(set(found)) < len(found):
        at.refuse(f"is no set of flags; write for example SYN ACK, allowed {', '.join(FLAGS)}")
    if found == ["FIN"]:
        found.append("ACK")  # RFC 9293, 3.1: once connected, an ACK is always sent
    return tuple(flag for flag in FLAGS if flag in found)


def _range(at: Located, low: int, high: int) -> tuple[int, int | None]:
    """`3`, `1-2`, or `1-` for no end."""
    if not _RANGE.fullmatch(at.text):
        problem = f"is no number and no range; write for example 3 or 1-2, allowed {low} to {high}"
        at.refuse(problem)
    first, dash, last = at.text.partition("-")
    start = parse_whole(first, at.where, low, high)
    if dash and not last:
        return start, None
    end = parse_whole(last, at.where, low, high) if dash else start
    if end < start:
        at.refuse(f"runs backwards; write {end}-{start}")
    return start, end


def _length(at: Located) -> tuple[int, int | None]:
    return _range(at, 0, _MAX_LENGTH)


def _nth(at: Located) -> tuple[Range, ...]:
    found: list[Range] = []
    for each in at.one_or_more():
        first, last = _range(each, 1, _MAX_NTH)
        if last is None:
            each.refuse("has no end; write for example 1-2, or leave nth out for all")
        found.append((first, last))
    found.sort()
    for (_, earlier), (later, _) in pairwise(found):
        if later <= earlier:
            at.refuse(f"names packet {later} twice")
    return tuple(found)


def _duration(at: Located) -> float:
    return units.parse_duration(at.text, at.where, low_ms=units.MIN_DURATION_MS)
