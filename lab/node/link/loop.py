"""Turns the link: reads what has come, lets go what is due, and serves whoever asks meanwhile.

One thread, no queue between reading and deciding. Waits in select(2), which is exact to the
microsecond, and the last bit by looking at the clock: waking up alone takes some 50 µs.
"""

import contextlib
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from lab.node.link.core import Link
from lab.node.link.door import Door

SPIN_NS = 30_000
BATCH = 16  # packets read before those that are due get their turn: about 0.2 ms


class Stop:
    """SIGTERM and SIGINT, as something to wait on; a context manager."""

    def __enter__(self) -> "Stop":
        """Take the signals."""
        self.asked = False
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)
        # A handler alone would not end select(2), which starts again after it (PEP 475).
        self._before = signal.set_wakeup_fd(self._writer.fileno())
        self._handlers = {
            number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._before)
        self.reader.close()
        self._writer.close()


def wake_up_on_time() -> None:
    """Ask the kernel not to join our timers with others', 50 µs late (proc_pid_timerslack(5))."""
    # Where it can't be said, packets are 50 µs less exact.
    with contextlib.suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1", encoding="ascii")


def run(link: Link, read: Callable[[], bytes], device: int, door: Door, stop: Stop) -> None:
    """Serve until `stop`. `read` takes one packet off `device`, or raises `BlockingIOError`."""
    now_ns = time.monotonic_ns
    queue, receive = link.queue, link.receive
    while not stop.asked:
        readers, writers = door.waiting()
        readers += [device, stop.reader.fileno()]
        due = queue.next_due()
        timeout = None if due is None else max(0, due - now_ns() - SPIN_NS) / 1e9
        readable, writable, _ = select.select(readers, writers, [], timeout)
        queue.release(now_ns())  # first what was to leave before that which is read now
        if device in readable:
            try:
                for _ in range(BATCH):
                    receive(read(), now_ns())
            except BlockingIOError:
                pass  # all is read
        queue.release(now_ns())
        if readable != [device] or writable:
            door.serve(readable + writable)


def drain(link: Link, read: Callable[[], bytes], most: int) -> None:
    """Let all go that waits or is still to be read, up to `most` packets: the link ends."""
    try:
        for _ in range(most):
            link.receive(read(), time.monotonic_ns())
    except BlockingIOError:
        pass
    link.flush()
