"""Impairments that change over time: what is to happen when, from a file or from `--at`.

    - {at: 5s, toward: server, loss: 10%, rate: 1mbit}   --at "5s toward server loss 10% rate 1mbit"
    - {at: 5s, down: true}                               --at "5s down"
    - {at: 8s, up: true}                                 --at "8s up"
    - {at: 9s, clear: true}                              --at "9s clear"

Times count from the start. Without `toward` a step is for both directions. A step with knobs sets
the whole impairment, as `lab impair` does. `down` is a partition: every packet is lost, until `up`
returns to what was in force before. Pure: no clock and no kernel.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from lab import located, units
from lab.impairment import Direction, Impairment
from lab.knobs import KNOBS, parse_choice
from lab.located import Located
from lab.units import refusal

State = Mapping[Direction, Impairment]

EVENTS = ("down", "up", "clear")
MAX_STEPS = 10_000

_BOTH = "both"
_TOWARD = {_BOTH: tuple(Direction), **{each.value: (each,) for each in Direction}}


def parse_time(text: str, where: str) -> float:
    """A time since the start in milliseconds, to one hour. Raises `BadInput`."""
    return units.checked_duration(units.parse_duration(text, where), where)


@dataclass(frozen=True)
class Step:
    """What happens at one time: an impairment set (none of it clears), or one of `EVENTS`.

    where: how to name it in a complaint; no part of its value.
    """

    at_ms: float
    what: Impairment | str
    directions: tuple[Direction, ...] = tuple(Direction)
    where: str = field(default="step", compare=False)

    def __post_init__(self) -> None:
        """Check what is no impairment, and make equal steps the same: `clear` sets a clear one."""
        units.checked_duration(self.at_ms, "at_ms")
        if isinstance(self.what, str):
            parse_choice(self.what, self.where, EVENTS)
        if self.what == "clear":
            object.__setattr__(self, "what", Impairment())

    def __str__(self) -> str:
        """As after `--at`: `5s toward server loss 10%`; `Step.parse` reads it back."""
        toward = "" if len(self.directions) == len(Direction) else f"{self.directions[0].label} "
        what = "clear" if self.what == Impairment() else str(self.what)
        return f"{units.format_duration(self.at_ms)} {toward}{what}"

    @classmethod
    def parse(cls, text: str, where: str = "--at") -> "Step":
        """`TIME [toward DIRECTION] (down | up | clear | KNOB VALUE …)`. Raises `BadInput`."""
        time, *words = text.split() or [""]
        if not words:
            problem = "is no step; write a time and what happens, as 5s loss 10% or 5s down"
            raise refusal(where, text, problem)
        at_ms = parse_time(time, where)
        directions = tuple(Direction)
        if words[0] == "toward":
            word = words[1] if len(words) > 1 else ""
            directions = _TOWARD[parse_choice(word, f"{where}.toward", tuple(_TOWARD))]
            words = words[2:]
        if not words:
            problem = f"does not say what happens; add a knob or one of {', '.join(EVENTS)}"
            raise refusal(where, text, problem)
        if words[0] in EVENTS:
            if len(words) > 1:
                raise refusal(where, words[1], f"comes after {words[0]}; leave it out")
            return cls(at_ms, words[0], directions, where)
        return cls(at_ms, Impairment.parse(" ".join(words), where), directions, where)


@dataclass(frozen=True)
class Schedule:
    """Steps in the order of their times; those of one time in the order given.

    Cannot be built wrong: `BadInput` names the step that is up while it is up, or is set or down
    while it is down.
    """

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Sort, and check that no step contradicts an earlier one."""
        object.__setattr__(self, "steps", tuple(sorted(self.steps, key=lambda step: step.at_ms)))
        down: dict[Direction, Step] = {}
        for step in self.steps:
            for direction in step.directions:
                _check_follows(step, direction, down.get(direction))
                if step.what == "down":
                    down[direction] = step
                elif step.what == "up":
                    del down[direction]

    @classmethod
    def from_texts(cls, given: Iterable[str], where: str = "--at") -> "Schedule":
        """From the values of `--at`, each a step. Raises `BadInput`."""
        return cls(tuple(Step.parse(text, where) for text in given))

    @classmethod
    def from_yaml(cls, text: str, source: str) -> "Schedule":
        """From a file's text, a list of steps. source: its name for messages. Raises `BadInput`."""
        return cls.from_located(located.parse(text, source))

    @classmethod
    def from_located(cls, at: Located) -> "Schedule":
        """From a list of steps in a file. Raises `BadInput`."""
        items = at.items()
        if len(items) > MAX_STEPS:
            items[MAX_STEPS].refuse(f"is one step too many; allowed {MAX_STEPS}")
        return cls(tuple(_step(each) for each in items))

    def states(self, start: State) -> list[tuple[float, State]]:
        """When (in ms) which impairment is to be in force, by direction; of one time the last.

        start: what is in force before; a direction not in it is clear.
        """
        now = {each: start.get(each, Impairment()) for each in Direction}
        before = dict(now)  # what `up` returns to
        found: list[tuple[float, State]] = []
        for at_ms, steps in groupby(self.steps, key=lambda step: step.at_ms):
            for step in steps:
                for direction in step.directions:
                    _apply(step, direction, now, before)
            found.append((at_ms, dict(now)))
        return found


def _apply(
    step: Step,
    direction: Direction,
    now: dict[Direction, Impairment],
    before: dict[Direction, Impairment],
) -> None:
    if isinstance(step.what, Impairment):
        now[direction] = step.what
    elif step.what == "down":
        before[direction] = now[direction]
        # The other knobs stay, so that what is in the queue still goes out as it would have.
        now[direction] = replace(now[direction], loss=1.0, loss_correlation=0.0, gemodel=None)
    else:
        now[direction] = before[direction]


def _check_follows(step: Step, direction: Direction, down: Step | None) -> None:
    if step.what == "up" and not down:
        raise refusal(step.where, str(step), f"is up already {direction.label}; put down before")
    if step.what != "up" and down:
        since = units.format_duration(down.at_ms)
        problem = f"is {direction.label}, which is down since {since}; put up before"
        raise refusal(step.where, str(step), problem)


def _step(item: Located) -> Step:
    given = item.table(("at", "toward", *EVENTS, *KNOBS))
    if "at" not in given:
        item.refuse("does not say when; add at, as at: 5s")
    at_ms = parse_time(given["at"].text, given["at"].where)
    directions = tuple(Direction)
    if toward := given.get("toward"):
        directions = _TOWARD[parse_choice(toward.text, toward.where, tuple(_TOWARD))]
    happens = [name for name in given if name not in ("at", "toward")]
    events = [name for name in happens if name in EVENTS]
    if not happens:
        item.refuse(f"does not say what happens; add a knob or one of {', '.join(EVENTS)}")
    if events:
        if len(happens) > 1:
            other = next(name for name in happens if name != events[0])
            given[other].refuse(f"does not go with {events[0]}; choose one")
        event = given[events[0]]
        parse_choice(event.text, event.where, ("true",))
        return Step(at_ms, events[0], directions, item.where)
    wanted = Impairment.from_located({name: given[name] for name in happens})
    return Step(at_ms, wanted, directions, item.where)
