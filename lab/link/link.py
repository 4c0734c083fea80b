"""Sets, reads and clears the impairments of one lab, whichever backend its kernel has."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from math import isclose
from typing import Any

from lab.engine import Engine
from lab.errors import ImpairmentError
from lab.impairment import Direction, Impairment
from lab.link import netem, tc_bpf
from lab.link.backend import Backend
from lab.link.queue import longest_stay_s
from lab.link.tree import (
    Argv,
    Shown,
    class_of,
    filters,
    leaf_of,
    no_filters,
    roots,
    show,
    tc,
)
from lab.nodes import SERVERS, Lab, Node
from lab.undo import undone

BACKENDS: Mapping[str, Backend] = {each.name: each for each in (netem.BACKEND, tc_bpf.BACKEND)}
"""By name, the most able first: the order in which `auto` takes one."""


@dataclass(frozen=True)
class Counters:
    """Packets of one direction since its leaf is there, by tc's own counters.

    passed: sent on. lost: dropped by the loss asked for. overflowed: dropped by a full queue.
    queued: waiting at this moment.
    """

    passed: int = 0
    lost: int = 0
    overflowed: int = 0
    queued: int = 0

    def __sub__(self, earlier: "Counters") -> "Counters":
        """What was counted since `earlier`; of what waits, all that waits now."""
        return Counters(
            self.passed - earlier.passed,
            self.lost - earlier.lost,
            self.overflowed - earlier.overflowed,
            self.queued,
        )

    @property
    def dropped(self) -> int:
        """All that did not and will not go on."""
        return self.lost + self.overflowed


@dataclass(frozen=True)
class LinkState:
    """What the kernel has in force on wan, as read from it. backend is None where nothing is."""

    backend: str | None = None
    impairments: Mapping[Direction, Impairment] = field(default_factory=dict)
    counters: Mapping[Direction, Counters] = field(default_factory=dict)
    stale: bool = False  # a server has another address than the filters say

    def impairment(self, direction: Direction) -> Impairment:
        """The impairment of a direction; a clear one where there is none."""
        return self.impairments.get(direction, Impairment())

    @property
    def longest_stay_s(self) -> float:
        """How long an echo can be on its way, there and back, because of what is in force."""
        return sum(longest_stay_s(self.impairment(each)) for each in Direction)


class Link:
    """The link in the middle of one lab."""

    def __init__(self, engine: Engine, lab: Lab) -> None:
        self._engine = engine
        self._wan: Node = lab.node("wan")
        self._servers = sorted(node.address for s in SERVERS for node in lab.service(s))

    def state(self) -> LinkState:
        """Read what is in force. Raises `ImpairmentError` where it is none of ours."""
        return self._state(self._shown())

    def _state(self, shown: Shown) -> LinkState:
        if not shown.laid:
            return LinkState()
        for name, backend in BACKENDS.items():
            read = {each: backend.read(each, shown) for each in Direction}
            found = {each: impairment for each, impairment in read.items() if impairment}
            if len(found) == len(Direction):
                return LinkState(
                    name,
                    found,
                    {each: _counters(backend, each, shown) for each in Direction},
                    stale=any(set(self._servers) != shown.servers(each) for each in Direction),
                )
        raise ImpairmentError("wan: its tc tree is not as the lab lays it; mend it: lab up")

    def set(self, wanted: Mapping[Direction, Impairment], backend: str = "auto") -> LinkState:
        """Put the whole impairment of the directions named in force, and prove it.

        Other directions stay as they are; traffic may flow, and none of it is dropped by the
        change. Raises `ImpairmentError` where no backend can, or the kernel shows another one
        than was asked; then nothing is impaired.
        """
        shown = self._shown()
        before = self._state(shown)
        asked = {each: wanted.get(each, before.impairment(each)) for each in Direction}
        chosen = self._choose(asked, backend)
        try:
            self._apply(asked, chosen, shown, before)
            after = self._state(self._shown())
            for direction, impairment in asked.items():
                _compare(direction, impairment, after)
        except BaseException:  # Ctrl-C too: half an impairment must not stay
            self.remove()
            raise
        return after

    def laid(self) -> LinkState:
        """Have the tree there, impairing nothing new, so that every packet is counted."""
        state = self.state()
        return state if state.backend else self.set({})

    def clear(self) -> LinkState:
        """Impair nothing any more. The leaves stay, and with them what they counted."""
        if not (before := self.state()).backend:
            return before
        return self.set({each: Impairment() for each in Direction}, before.backend)

    def heal(self) -> LinkState:
        """Point the filters at the servers' addresses of now, where they moved."""
        state = self.state()
        return self.set({}, state.backend) if state.stale and state.backend else state

    def remove(self) -> None:
        """Take the whole tree away, whatever it is, and with it what was in its queues."""
        self._batch([tc("qdisc", "del", "root")], "--all")

    @contextmanager
    def restored(self) -> Iterator["Link"]:
        """Put back, at the end, whatever was in force before; also after Ctrl-C."""
        before = self.state()

        def back() -> None:
            if before.backend:
                self.set(before.impairments, before.backend)
            else:
                self.clear()

        with undone(back):
            yield self

    @cached_property
    def abilities(self) -> Mapping[str, Any]:
        """What this kernel can do, found by doing it in wan, once: see `lab.node.abilities`."""
        found: Mapping[str, Any] = self._engine.python(self._wan, "abilities", user="root")
        return found

    def _choose(self, asked: Mapping[Direction, Impairment], backend: str) -> Backend:
        able = self.abilities
        knobs = frozenset().union(*(impairment.knobs() for impairment in asked.values()))
        reasons = []
        for name in BACKENDS if backend == "auto" else [backend]:
            candidate = BACKENDS[name]
            if missing := [need for need in candidate.needs if not able[need]]:
                reasons.append(f"{name}: not in this kernel ({able['why'][missing[0]]})")
            elif unable := sorted(knobs - candidate.knobs):
                reasons.append(f"{name}: cannot do {', '.join(unable)}")
            else:
                return candidate
        cure = "leave out what it cannot do, or use a kernel that has netem (lab doctor says)"
        raise ImpairmentError(f"no backend can do this: {'; '.join(reasons)}; {cure}")

    def _apply(
        self,
        asked: Mapping[Direction, Impairment],
        backend: Backend,
        shown: Shown,
        before: LinkState,
    ) -> None:
        commands = [] if shown.laid else roots()
        for direction in Direction:
            if before.backend != backend.name:
                if leaf_of(direction) in shown.qdiscs:
                    commands.append(
                        tc("qdisc", "del", "parent", class_of(direction),
                           "handle", leaf_of(direction))
                    )  # fmt: skip
                commands += backend.install(direction)
            commands += backend.change(direction, asked[direction])
        if not shown.laid:
            commands += filters(self._servers)
        elif before.stale:
            commands += no_filters() if shown.filters["1:"] else []
            commands += filters(self._servers)
        self._run(commands)

    def _shown(self) -> Shown:
        return Shown.of(self._batch(show(), "--all"))

    def _run(self, commands: list[Argv]) -> None:
        done = self._batch(commands)
        if done and done[-1]["code"] != 0:
            words = " ".join(commands[len(done) - 1])
            said = " ".join(done[-1]["stderr"].split())
            raise ImpairmentError(f"wan: the kernel refused '{words}': {said}")

    def _batch(self, commands: list[Argv], *flags: str) -> list[dict[str, Any]]:
        done: list[dict[str, Any]] = self._engine.python(
            self._wan, "batch", json.dumps(commands), *flags, user="root"
        )
        return done


def _counters(backend: Backend, direction: Direction, shown: Shown) -> Counters:
    lost, overflowed = backend.drops(direction, shown)
    leaf = shown.qdiscs[leaf_of(direction)]
    return Counters(int(leaf["packets"]), lost, overflowed, int(leaf["qlen"]))


def _compare(direction: Direction, asked: Impairment, after: LinkState) -> None:
    """Raise `ImpairmentError` unless the kernel shows what was asked, to its own precision."""
    found = after.impairment(direction)
    same = (
        # tc shows six digits, and the kernel keeps a probability in 32 bits.
        isclose(asked.loss, found.loss, rel_tol=1e-5, abs_tol=2**-31)
        and isclose(asked.delay_ms, found.delay_ms, rel_tol=1e-5, abs_tol=1e-3)
        and asked.rate_bps == found.rate_bps
    )
    if not same or after.stale:
        raise ImpairmentError(
            f"wan: asked for {asked} {direction.label}, but the kernel shows {found}"
        )
