"""Measure what one request and its response take, over TCP and over UDP, again and again.

    python3 -m lab.node.probe.request HOST [--protocol tcp|udp] [--count N] [--keep] …

Over TCP each request has a connection of its own, which begins with a round trip that carries
nothing (RFC 9293, 3.5); with --keep all share one. Over UDP each has a socket of its own. The next
request begins when the one before has ended, so what is added up is what a person waits.
"""

import argparse
import contextlib
import errno
import secrets
import socket
from dataclasses import dataclass, field
from typing import Any

from lab.node import wire
from lab.node.probe import options
from lab.node.probe.report import summary
from lab.node.probe.session import (
    MS,
    NS,
    Progress,
    Stop,
    Waiting,
    main,
    now_ns,
    quiet_interpreter,
    resolve,
    seconds,
)

MODULE = "lab.node.probe.request"
RECEIVED, LATE, WRONG = "received", "timed out", "wrong"


@dataclass
class Request:
    """One request: when it began and how long each part took, in ns; None: it did not come to it.

    connect_ns: until the connection stands. first_byte_ns, total_ns: from the begin until the
    first and the last byte of the response. close_ns: from the end of the response until the other
    side has ended the connection, too.
    """

    began_ns: int
    connect_ns: int | None = None
    first_byte_ns: int | None = None
    total_ns: int | None = None
    close_ns: int | None = None
    outcome: str = LATE


@dataclass
class Client:
    """Makes requests of one size to one server, each with its own time limit."""

    family: socket.AddressFamily
    address: Any
    kind: socket.SocketKind
    size: int
    timeout_ns: int
    keep: bool
    stop: Stop
    run: int = field(default_factory=lambda: secrets.randbits(32))
    _kept: socket.socket | None = None

    def request(self, number: int) -> Request:
        """Make one request; what goes wrong is its outcome."""
        made = Request(now_ns())
        waiting = Waiting(made.began_ns + self.timeout_ns, self.stop)
        sock = self._kept
        try:
            if sock is None:
                sock = self._connect(made, waiting)
            self._exchange(sock, number, made, waiting)
            if self.kind is socket.SOCK_STREAM and not self.keep:
                self._end(sock, made, waiting)
        except TimeoutError:
            made.outcome = LATE
        except OSError as error:
            made.outcome = errno.errorcode.get(error.errno or 0, str(error))
        finally:
            good = made.outcome == RECEIVED
            self._kept = sock if self.keep and good else None
            if sock is not None and self._kept is None:
                sock.close()
        return made

    def close(self) -> None:
        """End the connection that was kept."""
        if self._kept is not None:
            self._kept.close()

    def _connect(self, made: Request, waiting: Waiting) -> socket.socket:
        sock = socket.socket(self.family, self.kind)
        try:
            sock.setblocking(False)
            if self.kind is socket.SOCK_STREAM:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if sock.connect_ex(self.address) == errno.EINPROGRESS:
                waiting.writable(sock)
            if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, errno.errorcode.get(code, ""))
            if self.kind is socket.SOCK_STREAM:  # UDP's connect() sends nothing
                made.connect_ns = now_ns() - made.began_ns
        except BaseException:
            sock.close()
            raise
        return sock

    def _exchange(self, sock: socket.socket, number: int, made: Request, waiting: Waiting) -> None:
        """Send the request and read as much as was sent."""
        message = wire.pack(self.run, number, made.began_ns, self.size)
        left = memoryview(message)
        reply = bytearray()
        while len(reply) < len(message):
            if left:
                waiting.writable(sock)
                left = left[sock.send(left) :]
                continue
            waiting.readable(sock)
            part = sock.recv(self.size)
            if not part:
                raise ConnectionResetError(errno.ECONNRESET, "the server ended the connection")
            if made.first_byte_ns is None:
                made.first_byte_ns = now_ns() - made.began_ns
            reply += part
            if self.kind is socket.SOCK_DGRAM:  # it comes whole or not at all
                break
        made.total_ns = now_ns() - made.began_ns
        made.outcome = RECEIVED if reply == message else WRONG

    def _end(self, sock: socket.socket, made: Request, waiting: Waiting) -> None:
        """Part in order: our FIN, and the server's. The response is here, whatever comes of it."""
        begun_ns = now_ns()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
            waiting.readable(sock)
            if not sock.recv(1):
                made.close_ns = now_ns() - begun_ns


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the probe as asked and return its report; failed requests are data."""
    kind = socket.SOCK_STREAM if args.protocol == "tcp" else socket.SOCK_DGRAM
    family, address = resolve(args.host, args.port, kind)
    client = Client(family, address, kind, args.size, int(args.timeout * NS), args.keep, stop)
    progress = Progress(args.count, wanted=args.progress)
    made: list[Request] = []
    begun_ns = now_ns()
    with quiet_interpreter():
        while len(made) < args.count and not stop.asked:
            made.append(client.request(len(made)))
            progress.tell(len(made), now_ns())
    client.close()
    return {
        "probe": "request",
        "host": args.host,
        "address": str(address[0]),
        "port": args.port,
        "protocol": args.protocol,
        "size": args.size,
        "asked": args.count,
        "timeout_s": args.timeout,
        "kept": args.keep,
        "interrupted": stop.asked > 0,
        **figures(made),
        "duration_s": seconds(now_ns() - begun_ns),
        "samples": [
            [r.began_ns, r.connect_ns, r.first_byte_ns, r.total_ns, r.close_ns, r.outcome]
            for r in made
        ],
    }


def figures(made: list[Request]) -> dict[str, object]:
    """Put all of it into the report's words; times are of those that came to it."""
    outcomes = [request.outcome for request in made]

    def times(name: str) -> dict[str, float | None]:
        known = [ns for request in made if (ns := getattr(request, name)) is not None]
        return summary(known, MS, "min", "p50", "p90", "p99", "max", "mean")

    return {
        "sent": len(made),
        "received": outcomes.count(RECEIVED),
        "outcomes": {name: outcomes.count(name) for name in sorted(set(outcomes))},
        "connect_ms": times("connect_ns"),
        "first_byte_ms": times("first_byte_ns"),
        "total_ms": times("total_ns"),
        "close_ms": times("close_ns"),
    }


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(MODULE, "Requests, one after the other, to an echo server.")
    add = parser.add_argument
    add("--protocol", choices=("tcp", "udp"), default="tcp", help="default: tcp")
    add("--count", type=options.integer(1, 1_000_000), default=20, help="default: 20")
    add(
        "--size",
        type=options.integer(wire.MIN_SIZE, wire.MAX_DATAGRAM),
        default=64,
        help="bytes of the request and of its response, default: 64",
    )
    add("--keep", action="store_true", help="all requests over one connection")
    add(
        "--timeout",
        type=options.number(0.001, 600),
        default=10.0,
        help="seconds for each request, default: 10",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(MODULE, arguments, measure)
