from typing import Any

import pytest

from lab.node.link.config import parse
from lab.node.link.rules import ActiveRule, judge

from . import made
from .made import CLIENT, OTHER, SERVER, tcp, udp

SYN, DATA = tcp("SYN"), tcp("ACK", payload=b"x" * 100)
BACK: dict[str, Any] = {"source": SERVER, "destination": CLIENT, "ports": (7, 4000)}


def rules(*asked: dict[str, Any]) -> list[ActiveRule]:
    return [ActiveRule(rule) for rule in parse({"rules": list(asked)}).rules]


def acted(
    asked: dict[str, Any], packets: list[bytes], direction: str = "server", gap_ms: int = 0
) -> list[int]:
    """The numbers (from 1) of the packets that the rule acted on."""
    found = judge(rules({"action": "drop", **asked}), direction)
    if found is None:
        return []
    return [
        number
        for number, packet in enumerate(packets, 1)
        if found(bytearray(packet), (number - 1) * gap_ms * 1_000_000)
    ]


PACKETS = [
    SYN,
    udp(b"x"),
    tcp("ACK"),
    DATA,
    tcp("FIN", "ACK"),
    tcp("ACK", ports=(4000, 80)),
    udp(b"x" * 50, source=OTHER),
    made.ip(1, b"\x08\0\0\0\0\0\0\0"),
]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"protocol": "tcp"}, [1, 3, 4, 5, 6]),
        ({"protocol": "icmp"}, [8]),
        ({"port": 7}, [1, 2, 3, 4, 5, 7]),
        ({"port": 80}, [6]),
        ({"port": 4000}, []),
        ({"client": OTHER}, [7]),
        ({"flags": ["SYN"]}, [1]),
        ({"flags": ["ACK"]}, [3, 4, 6]),
        ({"flags": ["ACK", "FIN"]}, [5]),
        ({"flags": []}, []),
        ({"length": [1, None]}, [2, 4, 7]),
        ({"length": [0, 0]}, [1, 3, 5, 6]),
        ({"length": [50, 99]}, [7]),
        ({"direction": "client"}, []),
        ({"direction": "server", "flags": ["ACK"], "length": [1, None]}, [4]),
    ],
)
def test_what_a_rule_asks_of_a_packet(asked: dict[str, Any], numbers: list[int]) -> None:
    assert acted(asked, PACKETS) == numbers


def test_ends_are_turned_on_the_way_back() -> None:
    back = [tcp("SYN", "ACK", **BACK), udp(source=SERVER, destination=OTHER, ports=(7, 7777))]
    assert acted({"port": 7}, back, "client") == [1, 2]
    assert acted({"port": 7777}, back, "client") == []
    assert acted({"client": CLIENT}, back, "client") == [1]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"nth": [[1, 1]]}, [1]),
        ({"nth": [[3, 3], [7, 7]]}, [3, 7]),
        ({"nth": [[2, 4]]}, [2, 3, 4]),
        ({"nth": [[8, None]]}, [8, 9, 10]),
        ({"every": 5}, [5, 10]),
        ({"every": 2, "nth": [[3, 6]]}, [4, 6]),
        ({"for_ms": 30}, [1, 2, 3, 4]),
        ({"for_ms": 30, "nth": [[4, None]]}, [4]),
        ({"for_ms": 0}, [1]),
    ],
)
def test_which_of_those_that_match(asked: dict[str, Any], numbers: list[int]) -> None:
    assert acted(asked, [DATA] * 10, gap_ms=10) == numbers


def test_time_runs_from_the_first_match() -> None:
    asked = {"flags": ["ACK"], "for_ms": 15}
    assert acted(asked, [SYN, SYN, SYN, DATA, DATA, DATA], gap_ms=10) == [4, 5]


def test_count_is_of_what_matches_the_rest() -> None:
    asked = {"length": [1, None], "nth": [[2, 2]]}
    assert acted(asked, [SYN, DATA, tcp("ACK"), DATA, DATA]) == [4]


def test_fragment_stands_for_none() -> None:
    later = made.ip(17, b"x" * 100, fragment=185)
    assert acted({}, [later, udp(b"x")]) == [2]


def test_first_that_acts_wins_and_the_rest_does_not_see() -> None:
    first, second, third = rules(
        {"action": "drop", "nth": [[2, 2]], "line": 1},
        {"action": "delay", "by_ms": 5, "every": 2, "line": 2},
        {"action": "duplicate", "line": 3},
    )
    found = judge([first, second, third], "server")
    assert found
    chosen = [found(bytearray(DATA), 0) for _ in range(4)]
    assert chosen == [third, first, second, third]
    assert first.counts() == {"line": 1, "matched": 4, "acted": 1}
    assert second.counts() == {"line": 2, "matched": 3, "acted": 1}
    assert third.counts() == {"line": 3, "matched": 2, "acted": 2}


def test_one_rule_counts_both_ways_together() -> None:
    both = rules({"action": "drop", "nth": [[2, 2]]})
    there, back = judge(both, "server"), judge(both, "client")
    assert there and back
    assert there(bytearray(DATA), 0) is None
    assert back(bytearray(tcp("ACK", **BACK)), 0) is both[0]
