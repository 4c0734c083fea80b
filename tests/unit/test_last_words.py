"""What a program in a node says is waited for as long as it may come, and no longer."""

import threading
from collections.abc import Iterator

import pytest

from lab import programs


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "SILENCE_S", 0.2)


def test_what_is_on_its_way_when_the_program_has_ended_is_not_lost() -> None:
    asked = threading.Event()

    def stream() -> Iterator[str]:
        yield "first"
        assert asked.wait(10)
        yield "last"

    def alive() -> bool:
        asked.set()  # it has ended, and what it said comes only now
        return False

    assert list(programs._awake(stream(), alive)) == ["first", "last"]


def test_a_stream_that_nobody_closes_ends_with_its_program() -> None:
    never = threading.Event()

    def stream() -> Iterator[str]:
        yield "first"
        never.wait(10)

    assert list(programs._awake(stream(), lambda: False)) == ["first"]
    never.set()
