"""Putting things back, whatever happens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.errors import LabError


@contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` at the end, also after an error and after Ctrl-C.

    Where the lab failed and can't be put back either (a node died), the first failure is the
    one that is told, for it is the reason of the second.
    """
    try:
        yield
    except LabError as error:
        try:
            undo()
        except LabError as second:
            error.add_note(f"and it could not be put back: {second}")
        raise
    except BaseException:
        undo()
        raise
    undo()
