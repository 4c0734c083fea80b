"""What others counted while a capture ran, and where the capture says otherwise. Pure.

Three keep books of the same packets: the stations' captures, wan's counters, and each node's
kernel. By direction (what is entered has to be somewhere):

    sent by the senders = in at wan
    in at wan + copies made = out of wan + dropped + waiting     passed by wan = out of wan
    out of wan = arrived

and by node, from what Linux counts where (6.18, net/ipv4; seen in captures of it):

    TCP segments sent = OutSegs + RetransSegs - SYN-ACKs sent again
    TCP segments that repeat = RetransSegs

for OutSegs leaves out what is sent again (RFC 4022), but a SYN-ACK that is sent again counts as
both. SYNs sent again and tail loss probes count in RetransSegs; keep-alives and probes of a
closed window do not, and they repeat no byte. The kernel's counters are of the whole node, so
that they may tell more than the captures by what went over its loopback, as its DNS does. wan is
no end: what it sends itself is nobody's measurement, and not looked at.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.capture.account import Account, Sums, differs
from lab.impairment import Direction
from lab.link.state import Counters, LinkState

KERNEL = ("Tcp.OutSegs", "Tcp.RetransSegs", "Udp.OutDatagrams", "lo.packets")


@dataclass(frozen=True)
class Books:
    """Counters of wan by direction, and of each node's kernel; backend: what makes wan's."""

    backend: str | None = None
    wan: Mapping[Direction, Counters] = field(default_factory=dict)
    overrun: int = 0
    nodes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    busy: bool = False

    @classmethod
    def of(
        cls, link: LinkState, nodes: Mapping[str, Mapping[str, int]], *, busy: bool = False
    ) -> "Books":
        """As they stand now; busy: packets were on their way while they were read."""
        return cls(
            link.backend, link.counters, link.overrun,
            {name: {key: each[key] for key in KERNEL} for name, each in nodes.items()}, busy,
        )  # fmt: skip

    def since(self, before: "Books") -> "Books":
        """What was counted since `before`."""
        return Books(
            self.backend,
            {way: each - before.wan.get(way, Counters()) for way, each in self.wan.items()},
            self.overrun - before.overrun,
            {
                name: {key: value - before.nodes[name][key] for key, value in each.items()}
                for name, each in self.nodes.items()
                if name in before.nodes
            },
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "backend": self.backend, "overrun": self.overrun, "busy": self.busy,
            "wan": {f"toward_{way.value}": asdict(each) for way, each in self.wan.items()},
            "nodes": {name: dict(each) for name, each in self.nodes.items()},
        }  # fmt: skip

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Books":
        """The inverse of `as_dict`."""
        ways = {f"toward_{way.value}": way for way in Direction}
        return cls(
            told["backend"], {ways[way]: Counters(**each) for way, each in told["wan"].items()},
            told["overrun"], told["nodes"], told["busy"],
        )  # fmt: skip


def uncheckable(account: Account, before: Books, after: Books) -> list[str]:
    """Why the books can't be compared, a line each; none where they can."""
    why: list[str] = []
    if not account.complete:
        why.append("not every frame was captured")
    if before.busy:
        why.append("packets were on their way when it started")
    if after.busy:
        why.append("packets were on their way when it ended")
    grown = after.since(before)
    numbers = [each.passed for each in grown.wan.values()]
    numbers += [each.dropped for each in grown.wan.values()]
    numbers += [number for each in grown.nodes.values() for number in each.values()]
    if before.backend != after.backend or any(number < 0 for number in numbers):
        why.append("counters began anew meanwhile")
    return why


def contradictions(account: Account, grown: Books) -> list[str]:
    """Where the captures and what was counted meanwhile differ: a line for each."""
    wrong: list[str] = []
    for way, counters in grown.wan.items():
        wrong += _wan(account, way, counters, grown.overrun)
    for name, kernel in grown.nodes.items():
        if name != "wan":
            wrong += _node(account, name, kernel)
    return wrong


def _wan(account: Account, way: Direction, counters: Counters, overrun: int) -> list[str]:
    all_sums = [each.get(f"toward_{way.value}", Sums()) for each in account.sums.values()]
    entered = sum(each.wan_in for each in all_sums)
    left = sum(each.wan_out for each in all_sums)
    where = f"toward {way.value}"
    # A bit that flips in IP's header makes a packet that wan's kernel throws away, or that is
    # none of ours; wan does not count which bit it was.
    broken = counters.corrupted or 0
    wrong = _outside(f"{where}: passed by wan", counters.passed, left, left + broken)
    told = counters.passed + counters.dropped + counters.queued
    if counters.duplicated is None:
        # netem counts no copies (tc-netem(8)): those that it dropped itself show nowhere.
        copies = sum(each.copies for each in all_sums)
        most = entered + copies + counters.dropped
        wrong += _outside(f"{where}: entered wan", told, entered + copies - overrun, most)
    else:
        entered += counters.duplicated
        wrong += _outside(f"{where}: entered wan", told, entered - overrun, entered)
    for name in ("lost_before_wan", "past_wan"):
        wrong += differs(f"{where}: {name}", 0, sum(getattr(each, name) for each in all_sums))
    after = sum(each.lost_after_wan for each in all_sums)
    return wrong + _outside(f"{where}: lost_after_wan", 0, after - broken, after)


def _node(account: Account, name: str, kernel: Mapping[str, int]) -> list[str]:
    sent, loopback = account.sent_by(name), kernel["lo.packets"]
    segments = kernel["Tcp.OutSegs"] + kernel["Tcp.RetransSegs"] - sent["syn_ack_repeated"]
    return [
        *_outside(f"{name}: TCP segments sent", segments, sent["tcp"], sent["tcp"] + loopback),
        *_outside(
            f"{name}: TCP segments that repeat", kernel["Tcp.RetransSegs"],
            sent["repeated"], sent["repeated"] + loopback,
        ),
        *_outside(
            f"{name}: UDP datagrams sent", kernel["Udp.OutDatagrams"],
            sent["udp"], sent["udp"] + loopback,
        ),
    ]  # fmt: skip


def _outside(what: str, told: int, least: int, most: int) -> list[str]:
    return [] if least <= told <= most else [f"{what}: {told} counted, {least} captured"]
