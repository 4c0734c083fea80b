"""The link as wan's kernel makes it: the shared tc tree, with a backend's leaf in each lane."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from lab.engine import Engine
from lab.errors import ImpairmentError
from lab.impairment import Impairment
from lab.link import netem, tc_bpf
from lab.link.backend import Backend
from lab.link.lane import COMMON, Lane
from lab.link.state import Counters, LinkState
from lab.link.tree import (
    ETH,
    Argv,
    Shown,
    class_of,
    classes,
    common_and,
    filters,
    leaf_of,
    no_filters,
    root,
    show,
    tc,
)
from lab.nodes import SERVERS, Lab

BACKENDS: Mapping[str, Backend] = {each.name: each for each in (netem.BACKEND, tc_bpf.BACKEND)}
"""By name, the most able first."""

TABLE = "100"
"""Of the routes that lead to the link in user space (`lab.node.link.tun`)."""

Lanes = Mapping[Lane, Impairment]


class KernelLink:
    """The tc tree on one lab's wan."""

    def __init__(self, engine: Engine, lab: Lab) -> None:
        self._engine = engine
        self._wan = lab.node("wan")
        self._servers = sorted(node.address for each in SERVERS for node in lab.service(each))
        self._clients = {node.name: node.address for node in lab.service("client")}
        self._seen: Shown | None = None

    @cached_property
    def abilities(self) -> Mapping[str, Any]:
        """What this kernel can do, found by doing it in wan, once: see `lab.node.abilities`."""
        found: Mapping[str, Any] = self._engine.python(self._wan, "abilities", user="root")
        return found

    def state(self) -> LinkState:
        """Read what is in force, with nothing beside wan.

        Raises `ImpairmentError` where it is none of ours, or where the link in user space is
        gone and what led to it is not.
        """
        shown = self._seen = self._shown()
        if shown.diverted:
            raise ImpairmentError(
                "wan: the link in user space has died, and nothing passes; mend it: lab up"
            )
        return self._state(shown)

    @property
    def laid(self) -> str | None:
        """The backend whose tree is laid, whatever runs beside wan; None where there is none."""
        self._seen = self._shown()
        return self._state(self._seen).backend

    def _state(self, shown: Shown) -> LinkState:
        if not shown.laid:
            return LinkState()
        owned = [Lane(each.direction, client) for client in shown.clients() for each in COMMON]
        lanes = [*COMMON, *(each for each in owned if shown.ends(each))]
        for name, backend in BACKENDS.items():
            read = {lane: backend.read(lane, shown) for lane in lanes}
            found = {lane: impairment for lane, impairment in read.items() if impairment}
            if len(found) == len(lanes):
                return LinkState(
                    name,
                    found,
                    {lane: _counters(backend, lane, shown) for lane in lanes},
                    stale=any(shown.ends(lane) != self._ends(lane) for lane in lanes),
                )
        raise ImpairmentError("wan: its tc tree is not as the lab lays it; mend it: lab up")

    def apply(self, asked: Lanes, name: str, due_ns: int = 0) -> int:
        """Have just these lanes, by this backend, from `due_ns` on; return since when.

        What waits in a lane that stays goes on. Right after `state` it goes by what that has read;
        a program in wan costs 0.1 s.
        """
        backend, shown = BACKENDS[name], self._seen or self._shown()
        self._seen = None
        before = self._state(shown)
        commands = [] if shown.laid else [root()]
        for lane, impairment in asked.items():
            if leaf_of(lane) not in shown.qdiscs:
                commands += [classes(lane), *backend.install(lane)]
            elif backend.read(lane, shown) is None:  # another backend's
                there = ["parent", class_of(lane), "handle", leaf_of(lane)]
                commands += [tc("qdisc", "del", *there), *backend.install(lane)]
            commands += backend.change(lane, impairment)
        commands.append(["ip", "link", "set", "dev", ETH, "alias", backend.label(asked)])
        commands += self._filtered(asked, before, shown)
        return self._run(commands, due_ns)

    def _filtered(self, asked: Lanes, before: LinkState, shown: Shown) -> list[Argv]:
        """Lay the filters of the lanes that have others than they are to have."""
        commands: list[Argv] = []
        for client in dict.fromkeys(lane.client for lane in (*asked, *before.lanes)):
            both = [Lane(each.direction, client) for each in COMMON]
            wanted = {lane: self._ends(lane) if lane in asked else set() for lane in both}
            if all(shown.laid and shown.ends(lane) == wanted[lane] for lane in both):
                continue
            if shown.laid and shown.has_filters(both[0]):
                commands.append(no_filters(both[0]))
            for lane in both:
                if lane in asked:
                    address = self._clients[client] if client else None
                    commands += filters(lane, self._servers, address)
        return commands

    def _ends(self, lane: Lane) -> set[tuple[str, str | None]]:
        """The addresses whose packets are to go into a lane; none of a client that is gone."""
        if lane.client is None:
            return {(server, None) for server in self._servers}
        if lane.client not in self._clients:
            return set()
        return {(server, self._clients[lane.client]) for server in self._servers}

    def remove(self) -> None:
        """Take the whole tree away, whatever it is, and with it what was in its queues."""
        self._seen = None  # it is no more as it was read
        led = ["iif", ETH, "lookup", TABLE]
        self._batch(
            [tc("qdisc", "del", "root"), ["ip", "rule", "del", *led],
             ["ip", "route", "flush", "table", TABLE]],
            "--all",
        )  # fmt: skip

    def _shown(self) -> Shown:
        leaves = common_and([])
        shown = Shown.of(self._batch(show(leaves), "--all"), leaves)
        if not shown.unread:  # only where clients have lanes to themselves
            return shown
        leaves = common_and(shown.unread)
        return Shown.of(self._batch(show(leaves), "--all"), leaves)

    def _run(self, commands: list[Argv], due_ns: int) -> int:
        """Run them, at that time; return when the last was done."""
        done = self._batch(commands, "--at", str(due_ns))
        if done[-1]["code"] != 0:
            words = " ".join(commands[len(done) - 1])
            said = " ".join(done[-1]["stderr"].split())
            raise ImpairmentError(f"wan: the kernel refused '{words}': {said}")
        return int(done[-1]["ended_ns"])

    def _batch(self, commands: list[Argv], *flags: str) -> list[dict[str, Any]]:
        done: list[dict[str, Any]] = self._engine.python(
            self._wan, "batch", json.dumps(commands), *flags, user="root"
        )
        return done


def _counters(backend: Backend, lane: Lane, shown: Shown) -> Counters:
    lost, overflowed = backend.drops(lane, shown)
    leaf = shown.qdiscs[leaf_of(lane)]
    uncounted = None if backend.name == "netem" else 0
    return Counters(int(leaf["packets"]), lost, overflowed, int(leaf["qlen"]), uncounted, uncounted)
