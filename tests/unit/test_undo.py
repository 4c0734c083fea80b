"""What was changed is put back, also where Ctrl-C comes while it is."""

from collections.abc import Callable

import pytest

from lab.errors import LabError
from lab.undo import undone


def undoing(*raised: BaseException | None) -> tuple[list[int], Callable[[], object]]:
    """An undo that raises these in turn, and how often it was called."""
    calls: list[int] = []

    def undo() -> None:
        calls.append(len(calls))
        if error := raised[len(calls) - 1]:
            raise error

    return calls, undo


def test_ctrl_c_meanwhile_has_it_begin_anew_and_is_told() -> None:
    calls, undo = undoing(KeyboardInterrupt(), None)
    with pytest.raises(KeyboardInterrupt), undone(undo):
        pass
    assert calls == [0, 1]


def test_a_second_ctrl_c_ends_it() -> None:
    calls, undo = undoing(KeyboardInterrupt(), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), undone(undo):
        pass
    assert calls == [0, 1]


def test_after_a_failure_the_first_reason_is_told_and_that_it_could_not_be_put_back() -> None:
    calls, undo = undoing(LabError("second"))
    with pytest.raises(LabError, match="first") as told, undone(undo):
        raise LabError("first")
    assert calls == [0]
    assert told.value.__notes__ == ["and it could not be put back: second"]
