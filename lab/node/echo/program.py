"""What the echo programs share and what teaches nothing: arguments, the tally, complaints.

It knows no model: every socket call that carries an echo is in the program's own file.
"""

import json
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lab.node.tally import OneLineParser, Tally, number_from, seconds

ECHO_PORT = 7  # RFC 862
CHUNK = 65_536  # read at most this much of a stream at once: a few dozen segments
MAX_DATAGRAM = 65_535  # no IPv4 packet is longer (RFC 791, 3.1), so no datagram is cut off
RECEIVE_BUFFER = 4 * 1024 * 1024  # asked for; the kernel grants up to net.core.rmem_max

_said: set[str] = set()


def serve(file: str, doc: str | None, model: Callable[[str, int, Tally], None]) -> None:
    """Run a server: `model` gets the host and the port to bind, and the tally to count in."""
    name = Path(file).stem
    parser = OneLineParser(prog=name, description=doc)
    parser.add_argument("--host", default="0.0.0.0", help="listen here; default: %(default)s")
    parser.add_argument(
        "--port",
        type=number_from(0, 65_535),
        default=ECHO_PORT,
        help="0: any free one; default: %(default)s",
    )
    options = parser.parse_args()
    # A descriptor for each of ten thousand clients: the usual soft limit is 1024 (getrlimit(2)).
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tally = Tally(name)
    tally.answer_signals()
    try:
        model(options.host, options.port, tally)
    except (OSError, UnicodeError) as error:  # UnicodeError: no host has such a name (IDNA)
        problem = getattr(error, "strerror", None) or str(error)
        sys.exit(f"{name}: {options.host}:{options.port}: {problem}")


def announce(tally: Tally, listening: socket.socket) -> None:
    """Say on stdout that the server is ready, and where."""
    host, port = listening.getsockname()
    print(
        json.dumps({"event": "listening", "program": tally.program, "host": host, "port": port}),
        flush=True,
    )


def complain(error: object) -> None:
    """Say on stderr what went wrong, once for each kind: a flood is not worth a line apiece."""
    text = str(error)
    if text not in _said:
        _said.add(text)
        print(f"{text}; going on", file=sys.stderr, flush=True)


def pause(error: OSError) -> None:
    """Complain that accept(2) failed, and wait a little.

    Out of descriptors (EMFILE), the connection stays in the queue and the next call fails at
    once: without a wait the server would spin.
    """
    complain(error)
    time.sleep(0.01)


class Client:
    """What a client was asked to do, and how it shows what came back."""

    def __init__(self, file: str, doc: str | None, sizes: range) -> None:
        """Parse the arguments; a message may have so many bytes as `sizes` contains."""
        self.name = Path(file).stem
        parser = OneLineParser(prog=self.name, description=doc)
        parser.add_argument("host")
        parser.add_argument("message", nargs="?", help="default: each line of standard input")
        parser.add_argument("--port", type=number_from(1, 65_535), default=ECHO_PORT)
        parser.add_argument("--timeout", type=seconds, default=2.0, help="default: %(default)s s")
        options = parser.parse_args()
        self.address: tuple[str, int] = (options.host, options.port)
        self.timeout_s: float = options.timeout
        self._message: str | None = options.message
        self._sizes = sizes
        if self._message is not None and len(os.fsencode(self._message)) not in sizes:
            parser.error(self._size_problem(os.fsencode(self._message)))

    def messages(self) -> Iterator[bytes]:
        """Yield the message of the command line, or else each line that the user types."""
        if self._message is not None:
            yield os.fsencode(self._message)
            return
        for line in sys.stdin.buffer:
            message = line.rstrip(b"\r\n")
            if len(message) in self._sizes:
                yield message
            else:
                self.complain(self._size_problem(message))

    def show(self, echo: bytes, began_ns: int) -> None:
        """Print an echo and its round trip time."""
        round_trip_ms = (time.monotonic_ns() - began_ns) / 1e6
        print(f"{echo.decode(errors='replace')}  {round_trip_ms:.3f} ms", flush=True)

    def complain(self, problem: str) -> None:
        """Say in one line what is wrong, with whom."""
        print(f"{self.name}: {problem}", file=sys.stderr, flush=True)

    def run(self, talk: Callable[["Client"], bool]) -> int:
        """Have the client talk; return its exit code: 0 if every message had its echo, else 1."""
        host, port = self.address
        try:
            return 0 if talk(self) else 1
        except (OSError, UnicodeError) as error:  # UnicodeError: no host has such a name (IDNA)
            problem = getattr(error, "strerror", None) or str(error)
            if problem == "timed out":  # settimeout's own; connect(2) has a text of its own
                problem = f"no answer within {self.timeout_s:g} s"
            self.complain(f"{host}:{port}: {problem}")
            return 1
        except KeyboardInterrupt:
            return 130  # as a shell would say: 128 + SIGINT

    def _size_problem(self, message: bytes) -> str:
        low, high = self._sizes[0], self._sizes[-1]
        return f"message: {len(message)} bytes; allowed are {low} to {high}"
