"""One command at a time: locks between the commands of one user on this machine."""

import getpass
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lab.errors import LabError


@contextmanager
def alone(name: str, what: str, say: Callable[[str], None], patience_s: float) -> Iterator[None]:
    """Hold the lock `name`; wait for whoever has it, and say so in the words `what`.

    The lock is the operating system's and ends with the process, however it ends. Raises
    `LabError` after `patience_s`.
    """
    folder = Path(tempfile.gettempdir()) / f"netlab-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another command is at work on {what}; waiting for it")
        try:
            lock.acquire(timeout=patience_s)
        except Timeout:
            raise LabError(
                f"another command has been at work on {what} for {patience_s:.0f} s"
            ) from None
    try:
        yield
    finally:
        lock.release()
