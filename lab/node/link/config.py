"""The settings of the link: the JSON format that the host side writes, checked whole.

Nothing is set unless all of it is right; what is wrong is `Refused`, in one line: where, got,
allowed. Knows nothing of how any of it is done.

    {"servers": [address, …], "seed": int | null, "log": bool, "rules": [RULE, …],
     "impairments": {"server": IMPAIRMENT, "client": IMPAIRMENT},
     "clients": {address: {"server": IMPAIRMENT, "client": IMPAIRMENT}}, "note": {…}}

The note is the host's own (whose the addresses are): it is given back as it came. Every key may
be left out. Directions are those toward the server and toward the client.
"""

import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from lab.node.link.delays import DISTRIBUTIONS
from lab.node.link.packet import FLAGS, PROTOCOLS

DIRECTIONS = ("server", "client")
ACTIONS = ("drop", "delay", "duplicate")
LIMIT = 20_000  # packets queued for one direction where nothing is said; netem says 1000
HOUR_MS = 3_600_000
MAX_RATE_BPS = 10**12
MAX_SHOWN = 120  # characters of what was got

T = TypeVar("T")
Check = Callable[[str, Any], Any]


class Refused(Exception):
    """Settings, or a request, that can't be meant; the text is one line."""


def refusal(where: str, got: object, allowed: str) -> Refused:
    """Say where it stands, what was got and what would do."""
    shown = repr(got)
    if len(shown) > MAX_SHOWN:
        shown = shown[:MAX_SHOWN] + "…"
    return Refused(f"{where}: {shown} is not {allowed}")


def _number(low: float, high: float, allowed: str) -> Check:
    def check(where: str, got: Any) -> float:
        # bool is an int to Python; NaN is in no range.
        if isinstance(got, bool) or not isinstance(got, int | float) or not low <= got <= high:
            raise refusal(where, got, allowed)
        return got

    return check


def _whole(low: int, high: float, allowed: str) -> Check:
    def check(where: str, got: Any) -> int:
        if type(got) is not int or not low <= got <= high:
            raise refusal(where, got, allowed)
        return got

    return check


def _one_of(*words: str) -> Check:
    def check(where: str, got: Any) -> str:
        if got not in words:
            raise refusal(where, got, f"one of {', '.join(words)}")
        return str(got)

    return check


def _bool(where: str, got: Any) -> bool:
    if not isinstance(got, bool):
        raise refusal(where, got, "true or false")
    return got


def _address(where: str, got: Any) -> str:
    try:
        return str(ipaddress.IPv4Address(got if isinstance(got, str) else ""))
    except ValueError:
        raise refusal(where, got, "an IPv4 address") from None


def _list(item: Check, allowed: str) -> Check:
    def check(where: str, got: Any) -> tuple[Any, ...]:
        if not isinstance(got, list):
            raise refusal(where, got, allowed)
        return tuple(item(f"{where}[{place}]", each) for place, each in enumerate(got))

    return check


def _optional(check: Check) -> Check:
    return lambda where, got: None if got is None else check(where, got)


_ratio = _number(0, 1, "a ratio, 0 to 1")
_duration = _number(0, HOUR_MS, f"a number of milliseconds, 0 to {HOUR_MS}")
_count = _whole(1, math.inf, "a whole number from 1 on")
_rate = _whole(1, MAX_RATE_BPS, f"a whole number of bits a second, 1 to {MAX_RATE_BPS}")


def _gemodel(where: str, got: Any) -> tuple[float, float, float, float]:
    if not isinstance(got, list) or len(got) != 4:
        raise refusal(where, got, "four ratios [p, r, 1-h, 1-k]")
    p, r, h1, k1 = (_ratio(f"{where}[{place}]", each) for place, each in enumerate(got))
    return p, r, h1, k1


def _length(where: str, got: Any) -> tuple[int, float]:
    return _span(0, where, got)


def _nth(where: str, got: Any) -> tuple[int, float]:
    return _span(1, where, got)


def _span(low: int, where: str, got: Any) -> tuple[int, float]:
    allowed = f"[first, last], whole numbers from {low} on in rising order, last may be null"
    if not isinstance(got, list) or len(got) != 2:
        raise refusal(where, got, allowed)
    first, last = got[0], math.inf if got[1] is None else got[1]
    if type(first) is not int or not (last == math.inf or type(last) is int):
        raise refusal(where, got, allowed)
    if not low <= first <= last:
        raise refusal(where, got, allowed)
    return first, last


def _knob(check: Check, default: Any) -> Any:
    return field(default=default, metadata={"check": check})


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """What befalls the packets of a direction by chance; the words are tc-netem(8)'s."""

    loss: float = _knob(_ratio, 0.0)
    loss_correlation: float = _knob(_ratio, 0.0)
    gemodel: tuple[float, float, float, float] | None = _knob(_optional(_gemodel), None)
    delay_ms: float = _knob(_duration, 0.0)
    jitter_ms: float = _knob(_duration, 0.0)
    delay_correlation: float = _knob(_ratio, 0.0)
    distribution: str = _knob(_one_of(*DISTRIBUTIONS), "uniform")
    order_free: bool = _knob(_bool, False)
    reorder: float = _knob(_ratio, 0.0)
    reorder_correlation: float = _knob(_ratio, 0.0)
    reorder_gap: int = _knob(_whole(0, math.inf, "a whole number from 0 on"), 0)
    duplicate: float = _knob(_ratio, 0.0)
    duplicate_correlation: float = _knob(_ratio, 0.0)
    corrupt: float = _knob(_ratio, 0.0)
    corrupt_correlation: float = _knob(_ratio, 0.0)
    rate_bps: int | None = _knob(_optional(_rate), None)
    limit: int = _knob(_count, LIMIT)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which packets, and what to do with them. What is None asks for nothing.

    nth, every: by the count (from 1) of the packets that match the rest. for_ms: from the first
    of these on. client: the client's end, port: the server's. flags: exactly these of
    `packet.FLAGS`. length: payload bytes. line: where it stands, for whoever reads the log.
    """

    action: str = _knob(_one_of(*ACTIONS), "drop")
    protocol: str | None = _knob(_optional(_one_of(*PROTOCOLS.values())), None)
    direction: str | None = _knob(_optional(_one_of(*DIRECTIONS)), None)
    client: str | None = _knob(_optional(_address), None)
    port: int | None = _knob(_optional(_whole(1, 65535, "a port, 1 to 65535")), None)
    flags: tuple[str, ...] | None = _knob(
        _optional(_list(_one_of(*FLAGS), f"a list of {', '.join(FLAGS)}")), None
    )
    length: tuple[int, float] | None = _knob(_optional(_length), None)
    nth: tuple[tuple[int, float], ...] | None = _knob(
        _optional(_list(_nth, "a list of [first, last]")), None
    )
    every: int | None = _knob(_optional(_count), None)
    for_ms: float | None = _knob(_optional(_duration), None)
    by_ms: float = _knob(_duration, 0.0)
    line: int = _knob(_whole(0, math.inf, "a line's number"), 0)


ByDirection = Mapping[str, Impairment]


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings. A direction that `impairments` does not name is not impaired.

    `clients`: by a client's address, the directions that it has to itself.
    """

    servers: tuple[str, ...] = ()
    seed: int | None = None
    impairments: ByDirection = field(default_factory=dict)
    clients: Mapping[str, ByDirection] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    log: bool = False
    note: Mapping[str, Any] = field(default_factory=dict)


def _keys(where: str, got: Any, allowed: Any) -> dict[str, Any]:
    if not isinstance(got, dict):
        raise refusal(where, got, "an object")
    for key in got:
        if key not in allowed:
            raise refusal(where, key, f"one of {', '.join(allowed)}")
    return got


def _record(kind: Callable[..., T], where: str, got: Any) -> T:
    checks = {each.name: each.metadata["check"] for each in fields(kind)}  # type: ignore[arg-type]
    given = _keys(where, got, checks)
    return kind(**{key: checks[key](f"{where}.{key}", value) for key, value in given.items()})


def _impairment(where: str, got: Any) -> Impairment:
    impairment = _record(Impairment, where, got)
    if impairment.gemodel and impairment.loss:
        raise refusal(f"{where}.gemodel", list(impairment.gemodel), "possible together with loss")
    return impairment


def _rule(where: str, got: Any) -> Rule:
    rule = _record(Rule, where, got)
    if "action" not in got:
        raise refusal(f"{where}.action", None, f"one of {', '.join(ACTIONS)}")
    return rule


def _directions(where: str, got: Any) -> dict[str, Impairment]:
    given = _keys(where, got, DIRECTIONS)
    return {way: _impairment(f"{where}.{way}", each) for way, each in given.items()}


def parse(got: Any) -> Config:
    """Check settings from JSON; raise `Refused` naming the first thing that is wrong."""
    given = _keys("config", got, [each.name for each in fields(Config)])
    clients = given.get("clients", {})
    if not isinstance(clients, dict):
        raise refusal("clients", clients, "an object of client addresses")
    seed = given.get("seed")
    if seed is not None and type(seed) is not int:
        raise refusal("seed", seed, "a whole number or null")
    return Config(
        servers=_list(_address, "a list of addresses")("servers", given.get("servers", [])),
        seed=seed,
        impairments=_directions("impairments", given.get("impairments", {})),
        clients={
            _address("clients", client): _directions(f"clients.{client}", each)
            for client, each in clients.items()
        },
        rules=_list(_rule, "a list of rules")("rules", given.get("rules", [])),
        log=_bool("log", given.get("log", False)),
        note=given.get("note", {}),
    )
