"""Packets by script: which rule acts on a packet, by what it is and how many came before.

Rules are asked in their order; the first that matches and acts ends it, so those after it
neither see nor count that packet. Each counts the packets that match what it asks of the packet
itself, and by that count, and the time since the first, it acts or not.

A fragment but the first matches no rule: the first stands for its datagram.
"""

from collections.abc import Callable, Sequence

from lab.node.link.config import Rule
from lab.node.link.packet import Header, parse

Test = Callable[[Header, str], bool]
Judge = Callable[[bytearray, int], "ActiveRule | None"]


def _tests(rule: Rule) -> list[Test]:
    """What the rule asks of the packet itself; each gets the header and the direction."""
    tests: list[Test] = []
    if rule.protocol is not None:
        tests.append(lambda header, _: header.protocol == rule.protocol)
    if rule.port is not None:
        tests.append(lambda header, way: _ends(header, way)[1] == rule.port)
    if rule.client is not None:
        tests.append(lambda header, way: _ends(header, way)[0] == rule.client)
    if rule.flags is not None:
        flags = frozenset(rule.flags)
        tests.append(lambda header, _: header.protocol == "tcp" and header.flags == flags)
    if rule.length is not None:
        low, high = rule.length
        tests.append(lambda header, _: header.length is not None and low <= header.length <= high)
    return tests


def _ends(header: Header, direction: str) -> tuple[str, int | None]:
    """The client's address and the server's port."""
    if direction == "server":
        return header.source, header.destination_port
    return header.destination, header.source_port


class ActiveRule:
    """A rule at work, with its counts: `matched` what it asks for, `acted` on these."""

    def __init__(self, rule: Rule) -> None:
        """Start from zero."""
        self.action = rule.action
        self.direction = rule.direction
        self.by_ns = round(rule.by_ms * 1e6)
        self.why = f"rule (line {rule.line})"
        self.matched = 0
        self.acted = 0
        self._rule = rule
        self._tests = _tests(rule)
        self._until: float | None = None

    def acts(self, header: Header, direction: str, now: int) -> bool:
        """Whether it acts on this packet, counting it."""
        if not all(test(header, direction) for test in self._tests):
            return False
        rule = self._rule
        self.matched += 1
        if self._until is None:
            self._until = now + (float("inf") if rule.for_ms is None else rule.for_ms * 1e6)
        if now > self._until:
            return False
        if rule.nth is not None and not any(low <= self.matched <= high for low, high in rule.nth):
            return False
        if rule.every is not None and self.matched % rule.every:
            return False
        self.acted += 1
        return True

    def counts(self) -> dict[str, int]:
        """What `state` says of it."""
        return {"line": self._rule.line, "matched": self.matched, "acted": self.acted}


def judge(rules: Sequence[ActiveRule], direction: str) -> Judge | None:
    """Whoever says which rule acts on a packet of this direction; None where none ever does."""
    ours = [rule for rule in rules if rule.direction in (None, direction)]
    if not ours:
        return None

    def first_that_acts(packet: bytearray, now: int) -> ActiveRule | None:
        header = parse(packet)
        if header.later_fragment:
            return None
        for rule in ours:
            if rule.acts(header, direction, now):
                return rule
        return None

    return first_that_acts
