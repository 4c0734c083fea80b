"""What a server counts, for the lab's ledger, and how the lab asks for it.

A server makes a `Tally`, calls `answer_signals` and counts. The process then answers:

- SIGUSR1: writes the tally as JSON to ``$LAB_TALLY`` (default /run/lab/tally.json) and, beside
  it, when each probe datagram arrived. The service goes on undisturbed.
- SIGTERM, SIGINT: prints the tally as one JSON line and ends with exit code 0.

``python3 -m lab.node.tally`` is the asking side. It knows nothing of sockets, nor of what the
lab makes of the numbers.
"""

import argparse
import json
import os
import signal
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from lab.node import kernel, wire

DEFAULT_PATH = Path("/run/lab/tally.json")
RING_SIZE = 131_072  # arrivals kept: 6.5 s at 20 000 datagrams a second, in 2 MB
ARRIVAL = struct.Struct("=IIQ")  # run, number, CLOCK_MONOTONIC in ns
READS = 256  # sizes kept of the last reads from a connection
SETTLE_S = 0.1
POLL_S = 0.002
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}


class Tally:
    """The counters of one server. Any number of threads may count at once."""

    def __init__(self, program: str, ring_size: int = RING_SIZE) -> None:
        """Start from zero; the program's name starts with its protocol."""
        self.program = program
        self.protocol = program.partition("_")[0]
        self.connections = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.datagrams_received = 0
        self.datagrams_sent = 0
        self._lock = threading.Lock()  # += is a read and a write: two threads would lose counts
        self._reads: deque[int] = deque(maxlen=READS)
        self._ring = bytearray(ring_size * ARRIVAL.size)
        self._noted = 0

    def connected(self) -> None:
        """Count one connection accepted."""
        with self._lock:
            self.connections += 1

    def received(self, count: int) -> None:
        """Count bytes that one read from a connection gave."""
        with self._lock:
            self.bytes_received += count
            self._reads.append(count)

    def sent(self, count: int) -> None:
        """Count bytes that the kernel took for a connection."""
        with self._lock:
            self.bytes_sent += count

    def datagram_received(self, data: bytes) -> None:
        """Count one datagram and, if a probe sent it, note when it arrived."""
        now = time.monotonic_ns()
        with self._lock:
            self.datagrams_received += 1
            self.bytes_received += len(data)
            if data.startswith(wire.MAGIC) and len(data) >= wire.HEADER.size:
                _, run, number, _ = wire.HEADER.unpack_from(data)
                place = self._noted * ARRIVAL.size % len(self._ring)
                ARRIVAL.pack_into(self._ring, place, run, number, now)
                self._noted += 1

    def datagram_sent(self, count: int) -> None:
        """Count one datagram of so many bytes that the kernel took."""
        with self._lock:
            self.datagrams_sent += 1
            self.bytes_sent += count

    def snapshot(self) -> dict[str, Any]:
        """All counters at one moment."""
        with self._lock:
            return self._counts()

    def answer_signals(self) -> None:
        """Answer SIGTERM, SIGINT and SIGUSR1 from a thread that waits for nothing else.

        Call it before any other thread starts, for they inherit the signal mask. With the
        signals blocked everywhere, sigwait(3) takes them here and no thread is interrupted:
        no handler runs in the middle of a count, none waits for a main thread that is blocked,
        and every model is served alike. Blocked signals reach even PID 1 of a container, which
        the kernel otherwise shields from signals that it does not handle (pid_namespaces(7)).
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        threading.Thread(target=self._wait_for_signals, name="signals", daemon=True).start()

    def _wait_for_signals(self) -> NoReturn:
        while True:
            received = signal.sigwait(SIGNALS)
            taken_ns = time.monotonic_ns()
            self._settle()
            if received == signal.SIGUSR1:
                self.write(Path(os.environ.get("LAB_TALLY", DEFAULT_PATH)), taken_ns)
            else:
                self._end()

    def _settle(self) -> None:
        """Wait until what came in has gone out, as far as it will.

        A client may hold its echo a moment before the server's thread has counted it. An echo
        server is at rest when it has sent as much as it received; one that never gets there
        (a client reset, or does not read) is not waited for any longer than SETTLE_S.
        """
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            with self._lock:
                bytes_owed = self.bytes_received - self.bytes_sent
                datagrams_owed = self.datagrams_received - self.datagrams_sent
            if not bytes_owed and not datagrams_owed:
                return
            time.sleep(POLL_S)

    def _end(self) -> NoReturn:
        """Print the tally and end at once.

        Not sys.exit: that ends this thread only, and the interpreter's own exit waits for the
        threads of an executor, which wait for their clients (concurrent.futures, atexit).
        """
        try:
            print(json.dumps({"event": "tally", **self.snapshot()}), flush=True)
        finally:
            os._exit(0)

    def write(self, path: Path, taken_ns: int) -> None:
        """Write the tally to `path` and the arrivals beside it; complain if it cannot be done."""
        with self._lock:  # the service waits for one copy of 2 MB at most, about a millisecond
            counts, noted, reads = self._counts(), self._noted, list(self._reads)
            arrivals = bytes(memoryview(self._ring)[: noted * ARRIVAL.size])
        forgotten = noted - len(arrivals) // ARRIVAL.size
        if forgotten:  # the ring went round: the oldest is where the next one goes
            cut = noted * ARRIVAL.size % len(arrivals)
            arrivals = arrivals[cut:] + arrivals[:cut]
        answer = {
            "taken_ns": taken_ns,
            "arrivals_forgotten": forgotten,
            "last_reads": reads,  # bytes each; the newest at the end
            **counts,
        }
        try:
            replace(arrivals_path(path), arrivals)
            replace(path, json.dumps(answer).encode())  # last: whoever sees it finds the other
        except OSError as error:
            reason = error.strerror
            print(f"{self.program}: no tally in {path}: {reason}", file=sys.stderr, flush=True)

    def _counts(self) -> dict[str, Any]:
        return {
            "program": self.program,
            "protocol": self.protocol,
            "connections": self.connections,
            "bytes_received": self.bytes_received,
            "bytes_sent": self.bytes_sent,
            "datagrams_received": self.datagrams_received,
            "datagrams_sent": self.datagrams_sent,
        }


def arrivals_path(path: Path) -> Path:
    """Where the arrivals lie that belong to the tally at `path`."""
    return path.with_name(path.name + ".arrivals")


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one whole (rename(2))."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(path)


class AskError(Exception):
    """The server did not tell its tally; the text is one line that says why."""


def ask(pid: int, path: Path, timeout_s: float, run: int | None = None) -> dict[str, Any]:
    """Ask the server `pid` for its tally, with the arrivals of one probe's run if it is given.

    An answer is new if it was taken after the question: one clock serves every process of a
    host, so it does not matter what file was there before or who else asks.
    """
    asked_ns = time.monotonic_ns()
    try:
        if not listens(pid, signal.SIGUSR1):
            raise AskError(f"pid {pid} does not answer SIGUSR1: no echo program, or not yet up")
        os.kill(pid, signal.SIGUSR1)
    except (FileNotFoundError, ProcessLookupError):
        raise AskError(f"pid {pid}: no such process") from None
    except PermissionError:
        raise AskError(f"pid {pid} belongs to another user") from None
    deadline = time.monotonic() + timeout_s
    while (answer := read(path)) is None or answer["taken_ns"] < asked_ns:
        if time.monotonic() > deadline:
            raise AskError(f"pid {pid} wrote no tally to {path} within {timeout_s:g} s")
        time.sleep(POLL_S)
    forgotten = answer.pop("arrivals_forgotten")
    answer["kernel"] = kernel.counters()
    if run is not None:
        records = ARRIVAL.iter_unpack(arrivals_path(path).read_bytes())
        answer["arrivals"] = [[number, ns] for of, number, ns in records if of == run]
        answer["arrivals_forgotten"] = forgotten
    return answer


def listens(pid: int, number: int) -> bool:
    """Tell whether the process waits for a signal, which would end it otherwise (signal(7))."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    masks = [line.split()[1] for line in status.splitlines() if line[:6] in ("SigBlk", "SigCgt")]
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def read(path: Path) -> dict[str, Any] | None:
    """Read a tally, or None where there is none (yet)."""
    try:
        answer = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise AskError(f"{path}: {error.strerror}") from None
    return answer if isinstance(answer, dict) and "taken_ns" in answer else None


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def number_from(low: int, high: int) -> Callable[[str], int]:
    """Make an argument type: a whole number within bounds."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    """Be an argument type: a duration in seconds, more than none and less than a day."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write seconds such as 0.5")
    return value


def main() -> int:
    """Print the tally of a server in this container as one JSON object."""
    parser = OneLineParser(prog="python3 -m lab.node.tally", description=main.__doc__)
    parser.add_argument("--pid", type=number_from(1, 2**22), default=1, help="default: %(default)s")
    path = os.environ.get("LAB_TALLY", DEFAULT_PATH)
    parser.add_argument("--path", type=Path, default=path, help="default: %(default)s")
    parser.add_argument(
        "--arrivals",
        type=number_from(0, 2**32 - 1),
        metavar="RUN",
        help="also list when each datagram of this run arrived: [number, ns]",
    )
    parser.add_argument("--timeout", type=seconds, default=2.0, help="default: %(default)s s")
    options = parser.parse_args()
    try:
        answer = ask(options.pid, options.path, options.timeout, options.arrivals)
    except AskError as error:
        print(f"tally: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
