"""What kinds have in common: a probe in a client, and what wan and the server counted meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab import parsing
from lab.engine import Engine
from lab.impairment import Direction
from lab.link import Link
from lab.measure import counted
from lab.nodes import Lab

PROTOCOL = parsing.choice("tcp", "udp")


@dataclass(frozen=True)
class Probed:
    """A probe's report, with `dropped_toward_server` and `dropped_toward_client` by wan's counters.

    alone: where it is false all that was counted may be somebody else's, and is None.
    """

    report: dict[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    alone: bool

    def server(self, counter: str) -> int | None:
        """By how much a counter of the server's kernel grew, such as `Udp.NoPorts`."""
        if not self.alone:
            return None
        return int(self.after["kernel"][counter] - self.before["kernel"][counter])

    @property
    def connections(self) -> int | None:
        """Connections that the server's program accepted."""
        if not self.alone:
            return None
        return int(self.after["connections"] - self.before["connections"])


def probe(
    engine: Engine, lab: Lab, module: str, server: str, words: list[str], client: str, alone: bool
) -> Probed:
    """Run `lab.node.probe.<module>` in a client against a server, both asked before and after."""
    node, target, link = lab.client(client), lab.node(server), Link(engine, lab)
    before, state = engine.python(target, "tally"), link.laid()
    report: dict[str, Any] = engine.python(node, f"probe.{module}", server, *words)
    state_after, after = link.state(), engine.python(target, "tally")
    ways = {
        f"dropped_{way.label.replace(' ', '_')}": counted(way, state, state_after).dropped
        for way in Direction
    }
    told = ways if alone else dict.fromkeys(ways)
    return Probed({**report, **told, "alone": alone}, before, after, alone)


def seconds(ms: float) -> str:
    """Milliseconds as the probes take their times."""
    return str(ms / 1000)


def ms(ns: int | None) -> float | None:
    """Nanoseconds in milliseconds, where there are any."""
    return None if ns is None else ns / 1e6
