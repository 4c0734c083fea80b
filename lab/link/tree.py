"""The tc tree on wan's eth0, and reading it back. Pure: words in, values out.

    root  htb 1: default 0           what no filter takes (ARP, client to client) passes untouched
     ├── class 1:1   toward server   by destination address: one u32 filter a server
     │    └── leaf 1001:             the backend's
     ├── class 1:2   toward client   by source address: one u32 filter a server
     │    └── leaf 1002:             the backend's
     └── class 1:31  toward server, of client-3 alone: by both addresses, looked at before
          └── leaf 1031:             the backend's

The common filters name the servers only, so that clients may come and go. The classes have no
rate of their own that could be felt. Sources: tc(8), tc-htb(8), tc-u32(8).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from lab.impairment import Direction
from lab.link.lane import COMMON, Lane

Argv = list[str]

ETH = "eth0"
UNFELT = ["rate", "100gbit", "burst", "1mb", "cburst", "1mb", "quantum", "60000"]
_DIGIT = {Direction.TOWARD_SERVER: 1, Direction.TOWARD_CLIENT: 2}
# Where u32 finds an address in the IPv4 header (RFC 791, 3.1), and what tc calls it.
_SOURCE, _DESTINATION = (12, "src"), (16, "dst")
_SERVER_AT = {Direction.TOWARD_SERVER: _DESTINATION, Direction.TOWARD_CLIENT: _SOURCE}
_CLIENT_AT = {Direction.TOWARD_SERVER: _SOURCE, Direction.TOWARD_CLIENT: _DESTINATION}
_LEAVES = 0x1000
_LAST_PRIO = 1000  # a client's own filters come before: their priority is its number


def tc(*words: str) -> Argv:
    """A tc command on wan's one interface: ``tc("qdisc", "add", …)``."""
    kind, action, *rest = words
    return ["tc", kind, action, "dev", ETH, *rest]


def minor_of(lane: Lane) -> int:
    """What tells a lane in all its handles: of client-3, 0x31 toward the server."""
    return lane.number << 4 | _DIGIT[lane.direction]


def class_of(lane: Lane) -> str:
    """The class that a lane's packets go into: `1:1`."""
    return f"1:{minor_of(lane):x}"


def leaf_of(lane: Lane) -> str:
    """The handle of the backend's qdisc under that class: `1001:`."""
    return f"{_LEAVES + minor_of(lane):x}:"


def root() -> Argv:
    """Lay the root; no packet goes into a class until a filter says so."""
    return tc("qdisc", "add", "root", "handle", "1:", "htb", "default", "0")


def classes(lane: Lane) -> Argv:
    """Lay a lane's class."""
    return tc("class", "replace", "parent", "1:", "classid", class_of(lane), "htb", *UNFELT)


def filters(lane: Lane, servers: Iterable[str], client: str | None) -> list[Argv]:
    """Send the packets between these addresses (client None: whatever it is) into the class."""
    commands = []
    for server in servers:
        words = ["match", "ip", _SERVER_AT[lane.direction][1], f"{server}/32"]
        if client:
            words += ["match", "ip", _CLIENT_AT[lane.direction][1], f"{client}/32"]
        commands.append(
            tc("filter", "add", "parent", "1:", "protocol", "ip", "prio", _prio(lane), "u32",
               *words, "flowid", class_of(lane))
        )  # fmt: skip
    return commands


def no_filters(lane: Lane) -> Argv:
    """Take the filters of a lane, and of its twin the other way, off: what waits there goes on."""
    return tc("filter", "del", "parent", "1:", "protocol", "ip", "prio", _prio(lane))


def _prio(lane: Lane) -> str:
    return str(lane.number or _LAST_PRIO)


def show(leaves: Sequence[str]) -> list[Argv]:
    """What `Shown.of` reads; on a tree not laid all but the first fail, which means: nothing."""
    return [
        ["tc", "-j", "-s", "qdisc", "show", "dev", ETH],
        ["ip", "-j", "link", "show", "dev", ETH],
        ["ip", "-j", "rule", "show"],
        *(["tc", "-j", "filter", "show", "dev", ETH, "parent", each] for each in ("1:", *leaves)),
    ]


@dataclass(frozen=True)
class Shown:
    """What tc shows of the interface: qdiscs by handle, filters by the handle they are on, and
    the interface's alias, in which a backend notes what tc does not show. diverted: whether what
    comes in is led to the link in user space, and to nothing where that is not there."""

    qdiscs: Mapping[str, Mapping[str, Any]]
    filters: Mapping[str, Sequence[Mapping[str, Any]]]
    alias: str = ""
    diverted: bool = False

    @classmethod
    def of(cls, outputs: Sequence[Mapping[str, Any]], leaves: Sequence[str]) -> "Shown":
        """Read the outputs of the commands of `show`."""
        qdiscs, link, rules, *rest = [_parsed(each["stdout"]) for each in outputs]
        return cls(
            qdiscs={each["handle"]: each for each in qdiscs},
            filters=dict(zip(("1:", *leaves), rest, strict=True)),
            alias=str(link[0].get("ifalias", "")),
            diverted=any(rule.get("iif") == ETH for rule in rules),
        )

    @property
    def laid(self) -> bool:
        """Whether the root of the tree is there."""
        return self.qdiscs.get("1:", {}).get("kind") == "htb"

    @property
    def unread(self) -> list[str]:
        """Leaves that are there, and whose filters were not asked for."""
        leaves = (handle for handle in self.qdiscs if int(handle[:-1] or "0", 16) >> 12 == 1)
        return sorted(each for each in leaves if each not in self.filters)

    def clients(self) -> list[str]:
        """Clients that have lanes of their own in use, by name."""
        numbers = {int(each["options"]["flowid"][2:], 16) >> 4 for each in self._matches()}
        return [f"client-{number}" for number in sorted(numbers - {0})]

    def ends(self, lane: Lane) -> set[tuple[str, str | None]]:
        """The addresses (server, client or None) whose packets go into a lane's class."""
        found = set()
        for each in self._matches():
            if each["options"]["flowid"] != class_of(lane):
                continue
            at = {
                match["off"]: str(IPv4Address(int(match["value"], 16)))
                for match in each["options"]["match"]
            }
            found.add(
                (at.get(_SERVER_AT[lane.direction][0], ""), at.get(_CLIENT_AT[lane.direction][0]))
            )
        return found

    def has_filters(self, lane: Lane) -> bool:
        """Whether there is a filter that `no_filters` would take away."""
        return any(each.get("pref") == int(_prio(lane)) for each in self.filters["1:"])

    def _matches(self) -> list[Mapping[str, Any]]:
        return [each for each in self.filters["1:"] if "match" in each.get("options", {})]


def _parsed(text: str) -> Any:
    return json.loads(text or "[]", object_pairs_hook=_with_every_match)


def _with_every_match(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """tc writes a key `match` for each that a filter has, and JSON's readers keep the last."""
    found = dict(pairs)
    if "match" in found:
        found["match"] = [value for key, value in pairs if key == "match"]
    return found


def common_and(leaves: Iterable[str]) -> list[str]:
    """The handles whose filters to ask for: the common leaves, and these."""
    return [*map(leaf_of, COMMON), *leaves]
