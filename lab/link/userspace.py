"""The link as a program of ours makes it, on any kernel with /dev/net/tun: `lab.node.link`.

It runs in a container of its own beside wan, in wan's network, which alone has the TUN device,
and only while it is used. What it is told and what it answers is the JSON of
`lab.node.link.config`.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from lab.engine import Engine
from lab.errors import ImpairmentError, LabError, ProbeError
from lab.impairment import Direction, Impairment
from lab.knobs import KNOBS
from lab.link.kernel import Lanes
from lab.link.lane import COMMON, Lane
from lab.link.queue import queue_packets
from lab.link.state import Counters, LinkState, Script
from lab.nodes import SERVERS, Lab, Node, command_for

NAME = "userspace"
KNOBS_OF_SCRIPT = frozenset({"seed", "rules", "log"})
KNOBS_OF_ALL = frozenset(KNOBS) | KNOBS_OF_SCRIPT
START_S = 15
STOP_S = 5


class UserspaceLink:
    """The program beside one lab's wan; it may be there or not."""

    def __init__(self, engine: Engine, lab: Lab) -> None:
        self._engine = engine
        self._lab = lab
        self._servers = sorted(node.address for each in SERVERS for node in lab.service(each))
        self._clients = {node.name: node.address for node in lab.service("client")}

    def _node(self) -> Node | None:
        return self._engine.companion(self._lab.name)

    def state(self) -> LinkState | None:
        """What it does; None where it is not there. Raises `ImpairmentError` where it is dead."""
        node = self._node()
        if node is None:
            return None
        if self._engine.outlived(node, self._lab.node("wan")):
            raise ImpairmentError(
                "wan was started again, and the link beside it is not in its network any more; "
                f"mend it: {command_for(self._lab.name, 'lab up')}"
            )
        try:
            told = self._ask(node, {"do": "state"})
        except LabError as error:
            raise ImpairmentError(
                f"the link beside wan does not answer ({error}), so that nothing passes; "
                f"mend it: {command_for(self._lab.name, 'lab up')}"
            ) from error
        config = told["config"]
        addresses: Mapping[str, str] = config.get("note", {})
        lanes = dict.fromkeys(COMMON, Impairment())
        for way, wire in config.get("impairments", {}).items():
            lanes[Lane(Direction(way))] = _read(wire)
        for name, address in addresses.items():
            for way, wire in config["clients"].get(address, {}).items():
                lanes[Lane(Direction(way), name)] = _read(wire)
        return LinkState(
            NAME,
            lanes,
            {Lane(Direction(way)): _counters(each) for way, each in told["counters"].items()},
            stale=config.get("servers") != self._servers
            or any(self._clients.get(name) != address for name, address in addresses.items()),
            script=Script(
                config.get("seed"),
                tuple(self._renamed(rule, addresses) for rule in config.get("rules", ())),
                config.get("log", False),
            ),
            overrun=told["tun"]["dropped"],
        )

    def apply(self, asked: Lanes, script: Script, due_ns: int = 0) -> int:
        """Have just these lanes and rules, from `due_ns` on; return since when.

        What waits keeps its own time.
        """
        owned = {lane.client for lane in asked if lane.client in self._clients}
        note = {str(client): self._clients[str(client)] for client in owned}
        clients: dict[str, dict[str, Any]] = {address: {} for address in note.values()}
        for lane, impairment in asked.items():
            if lane.client in note:
                clients[note[lane.client]][lane.direction.value] = _written(impairment)
        config = {
            "servers": self._servers,
            "seed": script.seed,
            "log": script.log,
            "rules": [self._addressed(rule) for rule in script.rules],
            "impairments": {each.direction.value: _written(asked[each]) for each in COMMON},
            "clients": clients,
            "note": note | self._named_by(script),
        }
        request = {"do": "set", "config": config}
        return int(self._ask(self._node() or self._start(), request, due_ns)["since_ns"])

    def _named_by(self, script: Script) -> dict[str, str]:
        names = {str(rule["client"]) for rule in script.rules if rule.get("client")}
        return {name: self._clients[name] for name in names}

    def _addressed(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        """The rule as the program takes it: a client's address in place of its name."""
        name = rule.get("client")
        if name is not None and name not in self._clients:
            allowed = ", ".join(self._clients)
            raise ImpairmentError(
                f"rule in line {rule['line']}: lab {self._lab.name!r} has no client {name!r}; "
                f"it has {allowed}"
            )
        told = {**rule, "client": self._clients[name] if name else None}
        return {key: value for key, value in told.items() if value is not None}

    def _renamed(self, rule: Mapping[str, Any], addresses: Mapping[str, str]) -> dict[str, Any]:
        names = {address: name for name, address in addresses.items()}
        known = {"client": names.get(rule["client"])} if rule.get("client") else {}
        return {**rule, **known}

    def log(self) -> dict[str, Any]:
        """Each packet's fate since the log is on. Raises `ImpairmentError` where none is kept."""
        if (node := self._node()) is None:
            raise ImpairmentError("no log of packets is kept; set one up: lab impair --log …")
        return self._ask(node, {"do": "log", "since": 0})

    def stop(self) -> None:
        """Take it away; what waits in it goes on at once."""
        if node := self._node():
            self._engine.stop(node, grace_s=STOP_S)

    def _start(self) -> Node:
        wan = self._lab.node("wan")
        argv = ["python3", "-m", "lab.node.link"]
        node = self._engine.start_companion(self._lab.name, wan, argv)
        deadline = time.monotonic() + START_S
        while '"ready"' not in (said := self._engine.logs(node)):
            running = self._node()
            if running is None or not running.running or time.monotonic() > deadline:
                self._engine.stop(node, grace_s=1)
                lines = said.strip().splitlines()
                raise ImpairmentError(
                    f"{NAME}: the link does not come up ({lines[-1] if lines else 'it is silent'})"
                )
            time.sleep(0.02)
        return node

    def _ask(self, node: Node, request: Mapping[str, Any], due_ns: int = 0) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._engine.python(
                node, "link.control", json.dumps(request), "--at", str(due_ns), user="root"
            )
        except ProbeError as error:
            raise ImpairmentError(f"{NAME}: {error}") from error
        return answer


def _written(impairment: Impairment) -> dict[str, Any]:
    """In the program's words, with a queue sized as every backend's is."""
    limit = queue_packets(impairment.rate_bps, impairment.delay_ms, impairment.jitter_ms)
    return {"limit": limit, **impairment.wire()}


def _read(wire: Mapping[str, Any]) -> Impairment:
    """The inverse of `_written`: a limit that is the sized one was not asked for."""
    bare = Impairment.from_wire({key: value for key, value in wire.items() if key != "limit"})
    sized = queue_packets(bare.rate_bps, bare.delay_ms, bare.jitter_ms)
    return bare if wire["limit"] == sized else Impairment.from_wire(wire)


def _counters(told: Mapping[str, int]) -> Counters:
    return Counters(
        passed=told["passed"],
        lost=told["lost"] + told["ruled"],
        overflowed=told["overflowed"] + told["overrun"],
        queued=told["delayed_now"],
        duplicated=told["duplicated"],
        corrupted=told["corrupted"],
    )
