"""What captures, wan and the kernels counted, held against each other: each difference is told."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from lab.capture.account import Account, account_of
from lab.capture.books import Books, contradictions, uncheckable
from lab.capture.seen import ARRIVED, SENT, WAN_IN, WAN_OUT
from lab.capture.table import shown
from lab.impairment import Direction
from lab.link.state import Counters
from tests.made_captures import ACK, SYN, Made, tcp, udp

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
MS = 1_000_000


def _account(**told: Any) -> Account:
    """The client: a SYN, lost, and again; three datagrams, one lost, one doubled. The server: a
    SYN-ACK, lost, and again."""
    made = Made()
    made.see(0, tcp(99, SYN, ident=1), SENT, WAN_IN)
    made.see(1000 * MS, tcp(99, SYN, ident=2))
    made.see(1001 * MS, tcp(499, SYN | ACK, ack=100, back=True), SENT, WAN_IN)
    made.see(2001 * MS, tcp(499, SYN | ACK, ack=100, back=True))
    made.see(2002 * MS, udp(b"a"), SENT, WAN_IN)
    made.see(2003 * MS, udp(b"b"))
    made.see(2004 * MS, udp(b"c"))
    made.see(2005 * MS, udp(b"c"), WAN_OUT, ARRIVED)
    return account_of(made.joined(), Account(**told))


def _kernel(out: int, again: int, datagrams: int, lo: int = 0) -> Mapping[str, int]:
    return {
        "Tcp.OutSegs": out, "Tcp.RetransSegs": again, "Udp.OutDatagrams": datagrams,
        "lo.packets": lo,
    }  # fmt: skip


# A SYN that is sent again is no new segment; a SYN-ACK that is sent again counts as both.
GROWN = Books(
    "userspace",
    {SERVER: Counters(passed=4, lost=2, duplicated=1), CLIENT: Counters(passed=1, lost=1)},
    0,
    {"client-1": _kernel(1, 1, 3), "tcp-server": _kernel(2, 1, 0)},
)


def _wan(**counted: Any) -> Books:
    return replace(GROWN, wan={**GROWN.wan, SERVER: replace(GROWN.wan[SERVER], **counted)})


def _client(*counted: int) -> Books:
    return replace(GROWN, nodes={**GROWN.nodes, "client-1": _kernel(*counted)})


@pytest.mark.parametrize(
    ("grown", "told"),
    [
        (GROWN, []),
        (
            _wan(passed=5),
            [
                "toward server: passed by wan: 5 counted, 4 captured",
                "toward server: entered wan: 7 counted, 6 captured",
            ],
        ),
        (_wan(lost=1), ["toward server: entered wan: 5 counted, 6 captured"]),
        (_wan(overflowed=1), ["toward server: entered wan: 7 counted, 6 captured"]),
        (_wan(queued=1), ["toward server: entered wan: 7 counted, 6 captured"]),
        (_wan(duplicated=2), ["toward server: entered wan: 6 counted, 7 captured"]),
        # netem does not count its copies: one that it dropped itself was on no wire.
        (_wan(duplicated=None), []),
        (_wan(duplicated=None, lost=3), []),
        (_wan(duplicated=None, lost=1), ["toward server: entered wan: 5 counted, 6 captured"]),
        (replace(_wan(lost=1), overrun=1), []),
        (_wan(passed=5, lost=1, corrupted=1), []),
        (_client(2, 1, 3), ["client-1: TCP segments sent: 3 counted, 2 captured"]),
        (
            _client(1, 0, 3),
            [
                "client-1: TCP segments sent: 1 counted, 2 captured",
                "client-1: TCP segments that repeat: 0 counted, 1 captured",
            ],
        ),
        (_client(1, 1, 4), ["client-1: UDP datagrams sent: 4 counted, 3 captured"]),
        (_client(1, 1, 5, 2), []),
        (_client(1, 1, 2, 2), ["client-1: UDP datagrams sent: 2 counted, 3 captured"]),
    ],
)
def test_each_difference_is_told(grown: Books, told: list[str]) -> None:
    assert contradictions(_account(), grown) == told


@pytest.mark.parametrize(
    ("see", "told"),
    [
        (
            lambda made: made.see(0, udp(b"a"), SENT),
            ["toward server: lost_before_wan: 0 counted, 1 captured"],
        ),
        (
            lambda made: made.see(0, udp(b"a"), SENT, ARRIVED),
            ["toward server: past_wan: 0 counted, 1 captured"],
        ),
    ],
)
def test_what_does_not_go_through_wan_is_told(see: Callable[[Made], None], told: list[str]) -> None:
    made = Made()
    see(made)
    grown = Books("tc-bpf", {way: Counters() for way in Direction}, 0, {})
    assert contradictions(account_of(made.joined()), grown) == told


def _doubled(books: Books) -> Books:
    return replace(
        books,
        wan={way: each + each for way, each in books.wan.items()},
        nodes={
            name: {key: 2 * value for key, value in each.items()}
            for name, each in books.nodes.items()
        },
    )


@pytest.mark.parametrize(
    ("account", "before", "after", "why"),
    [
        ({}, GROWN, _doubled(GROWN), []),
        ({"unread": {"wan": 1}}, GROWN, _doubled(GROWN), ["not every frame was captured"]),
        ({"bounded": {"wan": 1}}, GROWN, _doubled(GROWN), ["not every frame was captured"]),
        ({"missing": ("client-2",)}, GROWN, _doubled(GROWN), ["not every frame was captured"]),
        (
            {}, replace(GROWN, busy=True), _doubled(GROWN),
            ["packets were on their way when it started"],
        ),
        (
            {}, GROWN, replace(_doubled(GROWN), busy=True),
            ["packets were on their way when it ended"],
        ),
        ({}, _doubled(GROWN), GROWN, ["counters began anew meanwhile"]),
        (
            {}, GROWN, replace(_doubled(GROWN), backend="tc-bpf"),
            ["counters began anew meanwhile"],
        ),
    ],
)  # fmt: skip
def test_books_that_cannot_be_compared_are_not(
    account: dict[str, Any], before: Books, after: Books, why: list[str]
) -> None:
    assert uncheckable(_account(**account), before, after) == why


def test_books_are_json_and_back() -> None:
    assert Books.from_dict(GROWN.as_dict()) == GROWN
    assert _doubled(GROWN).since(GROWN) == GROWN


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({}, "wan's counters and the kernels' agree with it to the packet"),
        ({"contradictions": ["here: 1 counted, 2 captured"]}, "here: 1 counted, 2 captured"),
        ({"unchecked": ["this", "that"]}, "not held against wan's counters: this; that"),
        ({"unread": {"wan": 5}}, "wan: 5 frames came too fast and were not captured"),
        ({"bounded": {"wan": 5}}, "wan: the file was full; 5 frames had no room in it"),
        ({"missing": ("client-2",)}, "client-2: was not captured"),
    ],
)
def test_the_table_says_how_it_stands(told: dict[str, Any], line: str) -> None:
    console = Console(width=100, record=True)
    console.print(shown(_account(**told)))
    lines = [each.rstrip() for each in console.export_text().splitlines()]
    assert line in lines
    assert max(map(len, lines)) <= 100
    (row,) = [each.split("  ") for each in lines if each.startswith(" UDP toward server")]
    assert [each.strip() for each in row if each.strip()] == [
        "UDP toward server", "3", "2", "1", "0", "–", "1", "0", "0",
    ]  # fmt: skip
