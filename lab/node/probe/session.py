"""What surrounds a measurement: names, signals, progress, a quiet interpreter, the way out."""

import argparse
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

NS = 1_000_000_000
MS = 1_000_000  # nanoseconds in a millisecond
# No wait is longer, so that a signal is seen within this time and progress stays alive.
LONGEST_WAIT_NS = NS // 10
CONNECT_S = 20.0  # a SYN that is lost four times in a row has been sent again by then


class CannotMeasure(Exception):
    """There will be no report. The text is one line; exit code 1."""

    exit_code = 1


class Refused(CannotMeasure):
    """An argument asks for something that this kernel does not allow. Exit code 2."""

    exit_code = 2


class Stop:
    """Counts the signals that asked us to stop, instead of being torn out of a system call.

    An exception raised by a handler could land between a send and the note of it; a count that
    the loop looks at cannot, so the report stays exact.
    """

    def __init__(self) -> None:
        """Start with no signal seen; ``listen`` hooks it up."""
        self.asked = 0

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked += 1

    def listen(self) -> None:
        """Take over SIGINT and SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)


class Waiting:
    """Waits for one socket until a deadline or a stop; ``TimeoutError`` at either."""

    def __init__(self, end_ns: int, stop: Stop) -> None:
        """``end_ns``: by the clock of ``now_ns``."""
        self._end_ns, self._stop = end_ns, stop

    @property
    def left(self) -> bool:
        """Whether there is time left, and nobody asked to stop."""
        return now_ns() < self._end_ns and not self._stop.asked

    def readable(self, sock: socket.socket) -> None:
        """Until there is something to read, the end of file and errors included."""
        self._wait([sock], [])

    def writable(self, sock: socket.socket) -> None:
        """Until there is room to send, or a connection stands or failed."""
        self._wait([], [sock])

    def pause(self, ns: int) -> None:
        """For so long, or until the time is up."""
        select.select([], [], [], max(0, min(ns, self._end_ns - now_ns(), LONGEST_WAIT_NS)) / NS)

    def _wait(self, reading: list[socket.socket], writing: list[socket.socket]) -> None:
        while self.left:
            wait_ns = max(0, min(self._end_ns - now_ns(), LONGEST_WAIT_NS))
            if any(select.select(reading, writing, [], wait_ns / NS)):
                return
        raise TimeoutError("the time is up")


class Progress:
    """Writes ``{"done": n, "of": n}`` lines to stderr, at most 10 a second, or nothing at all."""

    def __init__(self, of: int, *, wanted: bool) -> None:
        """Expect ``of`` steps; stay silent unless ``wanted``."""
        self._of = of
        self._next_ns = 0 if wanted else 1 << 63

    def tell(self, done: int, now_ns: int) -> None:
        """Say how far we are, unless we just did."""
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + NS // 10
            line = json.dumps({"done": done, "of": self._of})
            print(line, file=sys.stderr, flush=True)


def resolve(host: str, port: int, kind: socket.SocketKind) -> tuple[socket.AddressFamily, Any]:
    """Look ``host`` up; the first answer counts. CannotMeasure when there is none."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotMeasure(f"{host}: cannot be resolved: {reason}") from error
    return family, address


@contextmanager
def quiet_interpreter() -> Iterator[None]:
    """Keep the garbage collector out of the measurement: a full collection takes milliseconds."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def run(module: str, measure: Callable[[Stop], dict[str, object]]) -> int:
    """Measure, print the report as one line of JSON on stdout, and return the exit code."""
    stop = Stop()
    stop.listen()
    try:
        print(json.dumps(measure(stop)), flush=True)
    except CannotMeasure as error:
        print(f"{module}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # nobody reads us any more, so that nobody is told
        # Python flushes stdout once more on its way out; let that go nowhere (signal, docs).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def main(
    module: str,
    arguments: Callable[[], argparse.Namespace],
    measure: Callable[[argparse.Namespace, Stop], dict[str, object]],
) -> NoReturn:
    """Be a probe's program: read the arguments, measure, print, and end with the exit code."""
    args = arguments()
    sys.exit(run(module, lambda stop: measure(args, stop)))


def seconds(ns: float) -> float:
    """Nanoseconds as seconds."""
    return ns / NS


now_ns: Callable[[], int] = time.monotonic_ns
