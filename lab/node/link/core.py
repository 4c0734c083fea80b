"""The link without its device: settings, lanes and queue, given packets and the time.

Touches no socket and no clock, so all of it can be tested with made-up packets.
"""

import os
import socket
from collections.abc import Callable
from typing import Any

from lab.node.link.config import DIRECTIONS, Config, Impairment, parse, refusal
from lab.node.link.fates import Log
from lab.node.link.lane import Lane, Take
from lab.node.link.packet import is_ipv4, with_hop_back
from lab.node.link.queue import Counters, Queue
from lab.node.link.rules import ActiveRule, judge

MAX_PAIRS = 65_536  # (source, destination) pairs whose lane is remembered
STALL_NS = 1_000_000_000
Key = tuple[str, str | None]


class Link:
    """One link, made of a way to put a packet on the wire. Starts with nothing impaired."""

    def __init__(self, put: Callable[[bytes | bytearray], object]) -> None:
        """Start with no server: every packet passes untouched."""
        self.queue = Queue(put)
        self.counters = {direction: Counters() for direction in DIRECTIONS}
        self.untouched = Counters()
        self._lanes: dict[Key, Lane] = {}
        self._log: Log | None = None
        self.set({}, 0)

    def set(self, asked: Any, now: int) -> None:
        """Replace all settings by these; raise `Refused`, and leave all as it was, if wrong.

        What is queued leaves when it was to. What comes after does not overtake it, unless it
        would have to wait for longer than `STALL_NS`.
        """
        config = parse(asked)
        self._asked = asked
        self._servers = set(config.servers)
        self._log = (self._log or Log()) if config.log else None
        self._rules = [ActiveRule(rule) for rule in config.rules]
        self._set_lanes(config, now)
        self._take_by_pair: dict[bytes, Take] = {}

    def _set_lanes(self, config: Config, now: int) -> None:
        wanted: dict[Key, Impairment] = {
            (way, None): config.impairments.get(way, Impairment()) for way in DIRECTIONS
        }
        for client, ways in config.clients.items():
            wanted.update({(way, client): impairment for way, impairment in ways.items()})
        seed = os.urandom(8).hex() if config.seed is None else config.seed
        self._lanes = {
            (way, client): Lane(
                impairment,
                (seed, way, client),
                self.counters[way],
                self.queue,
                judge(self._rules, way),
                self._log,
                min(self._last_departure(way, client), now + STALL_NS),
            )
            for (way, client), impairment in wanted.items()
        }

    def _last_departure(self, way: str, client: str | None) -> int:
        """When the last packet leaves that came this way until now; 0 before there was any."""
        lane = self._lanes.get((way, client)) or self._lanes.get((way, None))
        return lane.last if lane else 0

    def receive(self, packet: bytes, now: int) -> None:
        """Take a packet as it was read from the device, at this time in ns."""
        take = self._take_by_pair.get(packet[12:20])
        if take is None:
            if not is_ipv4(packet):
                return  # the kernel's own word to the device (IPv6 neighbour discovery and such)
            take = self._find(packet[12:20])
        take(with_hop_back(packet), now)

    def _find(self, pair: bytes) -> Take:
        source, destination = socket.inet_ntoa(pair[:4]), socket.inet_ntoa(pair[4:])
        take: Take = self._leave_untouched
        for direction, server, host in (
            ("server", destination, source),
            ("client", source, destination),
        ):
            if server in self._servers:
                take = (self._lanes.get((direction, host)) or self._lanes[direction, None]).take
                break
        if len(self._take_by_pair) >= MAX_PAIRS:
            self._take_by_pair.clear()
        self._take_by_pair[pair] = take
        return take

    def _leave_untouched(self, packet: bytearray, now: int) -> None:
        self.untouched.arrived += 1
        self.queue.write(self.untouched, packet)

    def state(self) -> dict[str, Any]:
        """The settings as they were asked for, and every counter at one moment."""
        return {
            "config": self._asked,
            "counters": {way: each.spelled() for way, each in self.counters.items()},
            "untouched": self.untouched.passed,
            "late": self.queue.lateness(),
            "rules": [rule.counts() for rule in self._rules],
        }

    def log(self, since: int) -> dict[str, object]:
        """A page of the log; raise `Refused` where none is kept."""
        if self._log is None:
            raise refusal("log", self._asked.get("log", False), "kept; set log to true")
        return self._log.page(since)

    def flush(self) -> None:
        """Let everything go that waits, in order: the link ends."""
        self.queue.flush()
