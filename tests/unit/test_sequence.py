"""Losses in a row, order and delay variation of a numbered sequence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import sequence


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", {"count": 0, "max": 0, "mean": None, "lengths": {}}),
        ("....", {"count": 0, "max": 0, "mean": None, "lengths": {}}),
        (".x.xx.x", {"count": 3, "max": 2, "mean": 4 / 3, "lengths": {"1": 2, "2": 1}}),
        ("xxx", {"count": 1, "max": 3, "mean": 3.0, "lengths": {"3": 1}}),
        ("x" * 11 + ".xx", {"count": 2, "max": 11, "mean": 6.5, "lengths": {"2": 1, "11": 1}}),
    ],
)
def test_losses_in_a_row(pattern: str, expected: dict[str, object]) -> None:
    assert sequence.loss_runs(letter == "x" for letter in pattern) == expected


@given(st.lists(st.booleans()))
def test_runs_add_up_to_all_losses(lost: list[bool]) -> None:
    runs = sequence.loss_runs(lost)
    assert sum(int(length) * n for length, n in runs["lengths"].items()) == sum(lost)
    assert runs["count"] == sum(runs["lengths"].values())


# By the rule of RFC 4737, 3.3, and the extent of 4.2.1, worked out by hand.
@pytest.mark.parametrize(
    ("arrived", "reordered", "extent"),
    [
        ([], 0, 0),
        ([0, 1, 2, 5, 9], 0, 0),
        ([1, 2, 3, 7, 4, 5, 6, 8, 9, 10], 3, 3),
        ([1, 4, 2, 5, 3, 6, 7, 8, 9, 10], 2, 3),
        ([1, 2, 3, 5, 6, 4, 7], 1, 2),
        ([2, 1], 1, 1),
    ],
)
def test_order(arrived: list[int], reordered: int, extent: int) -> None:
    found = sequence.reordering(arrived)
    assert (found["reordered"], found["extent"]) == (reordered, extent)
    assert found["ratio"] == (reordered / len(arrived) if arrived else None)


def test_variation_is_between_neighbours_that_both_arrived() -> None:
    assert sequence.ipdv({0: 10.0, 1: 13.0, 2: 11.0, 4: 50.0}) == {
        "min": -2.0,
        "max": 3.0,
        "p50": 2.0,
        "p99": 3.0,
    }
    assert sequence.ipdv({0: 10.0, 2: 11.0}) == dict.fromkeys(("min", "max", "p50", "p99"))
