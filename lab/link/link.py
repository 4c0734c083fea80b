"""Sets, reads and clears the impairments of one lab, whichever backend makes them real."""

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import replace

from lab.engine import Engine
from lab.errors import ImpairmentError
from lab.impairment import Direction, Impairment
from lab.link import userspace
from lab.link.kernel import BACKENDS as KERNEL
from lab.link.kernel import KernelLink, Lanes
from lab.link.lane import COMMON, Lane
from lab.link.state import LinkState, Script
from lab.link.userspace import UserspaceLink
from lab.nodes import Lab
from lab.undo import undone

BACKENDS = (*KERNEL, userspace.NAME)
"""The most able first, of those in the kernel; `auto` takes the first that can do all asked."""


class Link:
    """The link in the middle of one lab."""

    def __init__(self, engine: Engine, lab: Lab) -> None:
        self.kernel = KernelLink(engine, lab)
        self.userspace = UserspaceLink(engine, lab)

    def state(self) -> LinkState:
        """Read what is in force. Raises `ImpairmentError` where it is none of ours."""
        return self.userspace.state() or self.kernel.state()

    def set(
        self,
        wanted: Mapping[Direction, Impairment],
        backend: str = "auto",
        *,
        client: str | None = None,
        script: Script | None = None,
    ) -> LinkState:
        """Put the whole impairment of the directions named in force, and prove it.

        client: the one that is to have these directions to itself. script: replaces the one
        before, whatever is named. Other directions and clients stay as they are; traffic may
        flow, and none of it is dropped by the change. Raises `ImpairmentError` where no backend
        can, or another one than asked is in force; then nothing is impaired.
        """
        before = self.state()
        named = {Lane(direction, client): each for direction, each in wanted.items()}
        return self.put(_lanes(before) | named, backend, script)

    def put(
        self,
        asked: Lanes,
        backend: str = "auto",
        script: Script | None = None,
        due_ns: int = 0,
    ) -> LinkState:
        """Have just these lanes and this script, and prove it: see `set`.

        due_ns: from when on (CLOCK_MONOTONIC of wan), where that is still to come.
        """
        script = script or Script()
        chosen = self.choose(asked.values(), script, backend)
        try:
            if chosen == userspace.NAME:
                since_ns = self.userspace.apply(asked, script, due_ns)
                if laid := self.kernel.laid:
                    self.kernel.apply(dict.fromkeys(COMMON, Impairment()), laid)
            else:
                since_ns = self.kernel.apply(asked, chosen, due_ns)
                self.userspace.stop()
            after = self.state()
            _compare(asked, script, after)
        except BaseException:  # Ctrl-C too: half an impairment must not stay
            self.remove()
            raise
        return replace(after, since_ns=since_ns)

    def release(self, client: str, directions: Mapping[Direction, object]) -> LinkState:
        """Let a client share these directions with the others again."""
        before = self.state()
        released = {Lane(direction, client) for direction in directions}
        if not released & before.lanes.keys():
            return before
        kept = {lane: each for lane, each in before.lanes.items() if lane not in released}
        return self.put(kept, before.backend or "auto", before.script)

    def laid(self) -> LinkState:
        """Have the tree there, impairing nothing new, so that every packet is counted."""
        state = self.state()
        return state if state.backend else self.set({})

    def clear(self) -> LinkState:
        """Impair nothing any more, of no client. The kernel's leaves stay, with their counters."""
        before = self.state()
        if not before.backend:
            return before
        backend = "auto" if before.backend == userspace.NAME else before.backend
        return self.put(dict.fromkeys(COMMON, Impairment()), backend)

    def heal(self) -> LinkState:
        """Point everything at the nodes' addresses of now, where they moved."""
        state = self.state()
        if not state.stale:
            return state
        return self.put(state.lanes, state.backend or "auto", state.script)

    def remove(self) -> None:
        """Take all of it away, whatever it is, and with it what waits in it."""
        self.userspace.stop()
        self.kernel.remove()

    @contextmanager
    def restored(self) -> Iterator["Link"]:
        """Put back, at the end, whatever was in force before; also after Ctrl-C."""
        before = self.state()

        def back() -> None:
            if before.backend:
                self.put(before.lanes, before.backend, before.script)
            else:
                self.clear()

        with undone(back):
            yield self

    @contextmanager
    def restored_on_failure(self, before: LinkState) -> Iterator[None]:
        """Put back what was in force before where something fails, or on Ctrl-C."""
        try:
            yield
        except BaseException:
            lanes = before.lanes or dict.fromkeys(COMMON, Impairment())
            self.put(lanes, before.backend or "auto", before.script)
            raise

    def choose(
        self, impairments: Iterable[Impairment], script: Script, backend: str = "auto"
    ) -> str:
        """The backend that can do all of these. Raises `ImpairmentError` where there is none."""
        knobs = script.knobs().union(*(impairment.knobs() for impairment in impairments))
        reasons = []
        for name in BACKENDS if backend == "auto" else [backend]:
            can = KERNEL[name].knobs if name in KERNEL else userspace.KNOBS_OF_ALL
            if unable := sorted(knobs - can):
                reasons.append(f"{name}: cannot do {', '.join(unable)}")
            elif missing := self._missing(name, knobs):
                reasons.append(f"{name}: not in this kernel ({missing})")
            else:
                return name
        cure = "leave out what it cannot do, or take another backend (lab doctor names them)"
        raise ImpairmentError(f"no backend can do this: {'; '.join(reasons)}; {cure}")

    def _missing(self, name: str, knobs: Set[str]) -> str:
        """What this kernel lacks for a backend, in its own words; userspace's start tells."""
        if name not in KERNEL:
            return ""
        able, backend = self.kernel.abilities, KERNEL[name]
        needs = (*backend.needs, *(backend.knob_needs.get(knob) for knob in sorted(knobs)))
        lacking = [need for need in needs if need and not able[need]]
        return str(able["why"][lacking[0]]) if lacking else ""


def _lanes(state: LinkState) -> dict[Lane, Impairment]:
    return dict.fromkeys(COMMON, Impairment()) | dict(state.lanes)


def _compare(asked: Lanes, script: Script, after: LinkState) -> None:
    """Raise `ImpairmentError` unless what is in force is what was asked, and nothing else."""
    for lane in dict.fromkeys((*asked, *after.lanes)):
        wanted, found = asked.get(lane), after.lanes.get(lane)
        if wanted is None or found is None or not wanted.close_to(found):
            raise ImpairmentError(
                f"wan: asked for {wanted} {lane.label}, but {after.backend} shows {found}"
            )
    if after.stale or after.script != script:
        raise ImpairmentError(f"wan: {after.backend} shows other addresses or rules than asked")
