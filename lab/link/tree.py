"""The tc tree on wan's eth0, and reading it back. Pure: words in, values out.

    root  htb 1: default 0          what no filter takes (ARP, client to client) passes untouched
     ├── class 1:1  toward server   by destination address: one u32 filter a server
     │    └── leaf 11:              the backend's
     └── class 1:2  toward client   by source address: one u32 filter a server
          └── leaf 12:              the backend's

Filters name the servers only, so that clients may come and go. The classes have no rate of their
own that could be felt. Sources: tc(8), tc-htb(8), tc-u32(8).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from lab.impairment import Direction

Argv = list[str]

ETH = "eth0"
UNFELT = ["rate", "100gbit", "burst", "1mb", "cburst", "1mb", "quantum", "60000"]
MINOR = {Direction.TOWARD_SERVER: 1, Direction.TOWARD_CLIENT: 2}
# Where u32 finds the address in the IPv4 header (RFC 791, 3.1), and what tc calls it.
_FIELD = {Direction.TOWARD_SERVER: (16, "dst"), Direction.TOWARD_CLIENT: (12, "src")}
_PRIO = "10"


def tc(*words: str) -> Argv:
    """A tc command on wan's one interface: ``tc("qdisc", "add", …)``."""
    kind, action, *rest = words
    return ["tc", kind, action, "dev", ETH, *rest]


def class_of(direction: Direction) -> str:
    """The class that a direction's packets go into: `1:1`."""
    return f"1:{MINOR[direction]}"


def leaf_of(direction: Direction) -> str:
    """The handle of the backend's qdisc under that class: `11:`."""
    return f"1{MINOR[direction]}:"


def roots() -> list[Argv]:
    """Lay the root and the classes; no packet goes into them until `filters` says so."""
    return [
        tc("qdisc", "add", "root", "handle", "1:", "htb", "default", "0"),
        *(
            tc("class", "add", "parent", "1:", "classid", class_of(direction), "htb", *UNFELT)
            for direction in Direction
        ),
    ]


def filters(servers: Iterable[str]) -> list[Argv]:
    """Send the packets to and from these addresses into their classes."""
    return [
        tc("filter", "add", "parent", "1:", "protocol", "ip", "prio", _PRIO, "u32",
           "match", "ip", _FIELD[direction][1], f"{server}/32", "flowid", class_of(direction))
        for server in servers
        for direction in Direction
    ]  # fmt: skip


def no_filters() -> list[Argv]:
    """Take all filters away: every packet passes untouched, none is dropped."""
    return [tc("filter", "del", "parent", "1:", "protocol", "ip", "prio", _PRIO)]


def show() -> list[Argv]:
    """What `Shown.of` reads; on a tree not laid all but the first fail, which means: nothing."""
    parents = ["1:", *map(leaf_of, Direction)]
    return [
        ["tc", "-j", "-s", "qdisc", "show", "dev", ETH],
        *(["tc", "-j", "filter", "show", "dev", ETH, "parent", parent] for parent in parents),
    ]


@dataclass(frozen=True)
class Shown:
    """What tc shows of the interface: qdiscs by handle, and filters by the handle they are on."""

    qdiscs: Mapping[str, Mapping[str, Any]]
    filters: Mapping[str, Sequence[Mapping[str, Any]]]

    @classmethod
    def of(cls, outputs: Sequence[Mapping[str, Any]]) -> "Shown":
        """Read the outputs of the commands of `show`."""
        parsed = [json.loads(each["stdout"] or "[]") for each in outputs]
        parents = ["1:", *map(leaf_of, Direction)]
        return cls(
            qdiscs={each["handle"]: each for each in parsed[0]},
            filters=dict(zip(parents, parsed[1:], strict=True)),
        )

    @property
    def laid(self) -> bool:
        """Whether the root of the tree is there."""
        return self.qdiscs.get("1:", {}).get("kind") == "htb"

    def servers(self, direction: Direction) -> frozenset[str]:
        """The addresses whose packets go into a direction's class."""
        offset = _FIELD[direction][0]
        found = set()
        for each in self.filters["1:"]:
            options = each.get("options", {})
            match = options.get("match", {})
            if options.get("flowid") == class_of(direction) and match.get("off") == offset:
                found.add(str(IPv4Address(int(match["value"], 16))))
        return frozenset(found)
