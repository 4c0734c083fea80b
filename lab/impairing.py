"""What `lab impair` does with a lab's link: set, clear, change over time while traffic flows."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lab.errors import BadInput
from lab.impairment import Direction, Impairment
from lab.link import Link, LinkState, Script
from lab.schedule import Schedule
from lab.units import format_duration

Say = Callable[[str], None]
ONE_OF_BOTH = "can't come with it; give the one or the other"


@dataclass(frozen=True)
class Request:
    """What is asked of a link.

    directions: those that are meant. wanted: their impairments; None leaves them as they are.
    clear: they are to have none, or, of a client, none to itself. client: of whom alone.
    schedule: what is to follow. script, backend: see `Link.set`.
    """

    directions: tuple[Direction, ...] = tuple(Direction)
    wanted: Mapping[Direction, Impairment] | None = None
    clear: bool = False
    client: str | None = None
    schedule: Schedule | None = None
    script: Script = field(default_factory=Script)
    backend: str = "auto"

    @property
    def only_shows(self) -> bool:
        """Whether nothing is to be changed."""
        return self.wanted is None and not self.clear and self.schedule is None


def carry_out(link: Link, request: Request, say: Say) -> LinkState:
    """Do what is asked, and return what is in force then.

    With a schedule it takes as long as that does, and Ctrl-C puts back what was before.
    """
    if request.only_shows:
        return link.state()
    if request.clear:
        return _clear(link, request)
    if request.schedule is None:
        return link.set(
            request.wanted or {}, request.backend, client=request.client, script=request.script
        )
    return _follow(link, request, request.schedule, say)


def _clear(link: Link, request: Request) -> LinkState:
    state = link.state()
    if state.backend is None:
        return state
    if request.client is not None:
        return link.release(request.client, dict.fromkeys(request.directions))
    if len(request.directions) == len(Direction):
        return link.clear()
    return link.set(dict.fromkeys(request.directions, Impairment()), "auto")


def _follow(link: Link, request: Request, schedule: Schedule, say: Say) -> LinkState:
    """Put each step in force at its time, and say when that was."""
    before = link.state()
    start = {each: before.impairment(each, request.client) for each in Direction}
    start |= dict(request.wanted or {})
    steps = schedule.states(start)
    everything = [each for _, state in [(0, start), *steps] for each in state.values()]
    backend = link.choose(everything, request.script, request.backend)

    def put(state: Mapping[Direction, Impairment]) -> LinkState:
        return link.set(state, backend, client=request.client, script=request.script)

    with link.restored_on_failure(before):
        begun = time.monotonic()
        after = put(start) if request.wanted else before
        for at_ms, state in steps:
            _wait_until(begun + at_ms / 1000)
            after = put(state)
            took_ms = (time.monotonic() - begun) * 1000
            words = ", ".join(f"{each.label} {state[each]}" for each in Direction)
            say(f"{format_duration(at_ms)}: {words} (in force by {took_ms / 1000:.2f} s)")
    return after


def _wait_until(moment: float) -> None:
    if (left := moment - time.monotonic()) > 0:
        time.sleep(left)


def refuse_together(given: Mapping[str, object]) -> None:
    """Raise `BadInput` where options of `lab impair` can't both be meant.

    given: those that were given, by their names as typed.
    """
    for one, others in _NOT_WITH.items():
        for other in given:
            if one in given and other != one and (not others or other in others):
                raise BadInput(one, other, ONE_OF_BOTH)


_SCHEDULES = ("--at", "--schedule", "--outage")
_NOT_WITH: Mapping[str, tuple[str, ...]] = {
    "--clear": (),
    **{each: tuple(other for other in _SCHEDULES if other != each) for each in _SCHEDULES},
}
