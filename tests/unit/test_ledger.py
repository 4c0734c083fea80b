"""The books of a measurement: closed where all is counted, and how many are missing where not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.ledger import Way, packets

counts = st.integers(0, 10_000)


@pytest.mark.parametrize(
    ("size", "expected"), [(20, 1), (1472, 1), (1473, 2), (2952, 2), (2953, 3), (65507, 45)]
)
def test_packets_of_a_datagram(size: int, expected: int) -> None:
    assert packets(size) == expected


@given(passed=counts, dropped=counts, queued=counts)
def test_closed_where_all_is_counted(passed: int, dropped: int, queued: int) -> None:
    assert Way(passed + dropped + queued, passed, dropped, queued, passed).unexplained == 0


@given(passed=counts, dropped=counts, vanished=st.integers(0, 50), came_from_nowhere=counts)
def test_each_that_is_missing_shows(
    passed: int, dropped: int, vanished: int, came_from_nowhere: int
) -> None:
    sent = passed + dropped
    assert Way(sent + vanished, passed, dropped, 0, passed).unexplained == vanished
    assert Way(sent, passed, dropped, 0, passed + came_from_nowhere).unexplained == (
        came_from_nowhere
    )


def test_what_goes_past_wan_is_not_explained_by_its_arrival() -> None:
    assert Way(entered=50, passed=0, dropped=0, queued=0, arrived=50).unexplained == 50


@given(datagrams=st.integers(1, 500), size=st.integers(1473, 65507), data=st.data())
def test_fragments(datagrams: int, size: int, data: st.DataObject) -> None:
    of_each = packets(size)
    lost = data.draw(st.integers(0, datagrams))
    dropped = lost + data.draw(st.integers(0, lost * (of_each - 1)))
    passed = datagrams * of_each - dropped
    way = Way(datagrams, passed, dropped, 0, datagrams - lost, of_each)
    assert way.unexplained == 0
    # One more datagram than packets were dropped can't be lost, and none went past wan.
    if dropped < datagrams:
        too_many = Way(datagrams, passed, dropped, 0, datagrams - dropped - 1, of_each)
        assert too_many.unexplained == 1


@given(passed=counts, dropped=counts, copies=counts, broken=st.integers(0, 50))
def test_copies_and_flipped_bits(passed: int, dropped: int, copies: int, broken: int) -> None:
    sent, seen = passed + dropped, passed + copies
    lost = min(broken, seen)
    way = Way(sent, seen, dropped, 0, seen - lost, duplicated=copies, corrupted=broken)
    assert way.unexplained == 0
    uncounted = Way(sent, seen, dropped, 0, seen - lost, duplicated=None, corrupted=None)
    assert uncounted.unexplained == 0
    assert Way(sent, seen, dropped, 0, seen, duplicated=copies + 1).unexplained == 1
    if seen > broken:
        vanished = Way(
            sent, seen, dropped, 0, seen - broken - 1, duplicated=copies, corrupted=broken
        )
        assert vanished.unexplained == 1
