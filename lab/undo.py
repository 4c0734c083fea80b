"""Putting things back, whatever happens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.errors import LabError


@contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` at the end, also after an error and after Ctrl-C.

    Ctrl-C while it is at work has it begin anew, once: it has to do no harm where it did a part.
    Where the lab failed and can't be put back either (a node died), the first failure is the
    one that is told, for it is the reason of the second.
    """
    try:
        yield
    except LabError as error:
        try:
            _surely(undo)
        except LabError as second:
            error.add_note(f"and it could not be put back: {second}")
        raise
    except BaseException:
        _surely(undo)
        raise
    _surely(undo)


def _surely(undo: Callable[[], object]) -> None:
    try:
        undo()
    except KeyboardInterrupt:
        undo()
        raise
