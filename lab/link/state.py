"""What is in force on a lab's link, as read from whatever makes it so. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.impairment import Direction, Impairment
from lab.link.lane import Lane
from lab.link.queue import longest_stay_s


@dataclass(frozen=True)
class Counters:
    """Packets of one lane since it is there, by its backend's own counters.

    passed: sent on. lost: dropped by the loss, or the rule, asked for. overflowed: dropped by a
    full queue, or because the backend was too slow. queued: waiting at this moment. duplicated,
    corrupted: made so; None where the backend does not count them (tc-netem(8)).
    """

    passed: int = 0
    lost: int = 0
    overflowed: int = 0
    queued: int = 0
    duplicated: int | None = 0
    corrupted: int | None = 0

    def __add__(self, other: "Counters") -> "Counters":
        """Both together."""
        return Counters(
            self.passed + other.passed,
            self.lost + other.lost,
            self.overflowed + other.overflowed,
            self.queued + other.queued,
            _sum(self.duplicated, other.duplicated),
            _sum(self.corrupted, other.corrupted),
        )

    def __sub__(self, earlier: "Counters") -> "Counters":
        """What was counted since `earlier`; of what waits, all that waits now."""
        return Counters(
            self.passed - earlier.passed,
            self.lost - earlier.lost,
            self.overflowed - earlier.overflowed,
            self.queued,
            _difference(self.duplicated, earlier.duplicated),
            _difference(self.corrupted, earlier.corrupted),
        )

    @property
    def dropped(self) -> int:
        """All that did not and will not go on."""
        return self.lost + self.overflowed


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _difference(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other


@dataclass(frozen=True)
class Script:
    """What is not left to chance, or makes chance repeatable: for the backend `userspace` alone.

    seed: of every random decision. rules: packet rules as `lab.rules` compiles them. log: whether
    each packet's fate is kept.
    """

    seed: int | None = None
    rules: Sequence[Mapping[str, Any]] = ()
    log: bool = False

    def knobs(self) -> frozenset[str]:
        """The names of what is asked for."""
        asked = {"seed": self.seed is not None, "rules": bool(self.rules), "log": self.log}
        return frozenset(name for name, is_asked in asked.items() if is_asked)


@dataclass(frozen=True)
class LinkState:
    """What is in force, lane by lane. backend is None where nothing impairs or counts.

    stale: a node has another address than the backend believes. script: see `Script`.
    overrun: packets dropped before they came to a lane, as the backend could not keep up.
    since_ns: when it was put in force (CLOCK_MONOTONIC of wan); None where it was only read.
    """

    backend: str | None = None
    lanes: Mapping[Lane, Impairment] = field(default_factory=dict)
    counted: Mapping[Lane, Counters] = field(default_factory=dict)
    stale: bool = False
    script: Script = field(default_factory=Script)
    overrun: int = 0
    since_ns: int | None = None

    def impairment(self, direction: Direction, client: str | None = None) -> Impairment:
        """The impairment of a direction, as a client (None: any) meets it."""
        common = self.lanes.get(Lane(direction), Impairment())
        return self.lanes.get(Lane(direction, client), common)

    @property
    def impairments(self) -> Mapping[Direction, Impairment]:
        """What each direction has that no client has to itself."""
        return {each: self.impairment(each) for each in Direction} if self.backend else {}

    @property
    def counters(self) -> Mapping[Direction, Counters]:
        """Each direction's counters, all lanes together."""
        found: dict[Direction, Counters] = {}
        for lane, counted in self.counted.items():
            found[lane.direction] = found.get(lane.direction, Counters()) + counted
        return found

    @property
    def is_clear(self) -> bool:
        """Whether nothing is impaired."""
        return not self.script.rules and all(each.is_clear for each in self.lanes.values())

    def longest_stay_s(self, client: str | None = None) -> float:
        """How long a client's echo can be on its way, there and back, because of all this."""
        ways = (self.impairment(each, client) for each in Direction)
        held = max((rule.get("by_ms") or 0 for rule in self.script.rules), default=0)
        return sum(map(longest_stay_s, ways)) + 2 * held / 1000
