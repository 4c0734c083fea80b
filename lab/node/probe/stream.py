"""One TCP connection that has messages echoed: it knows its own state and nothing of the others.

A stream goes CONNECTING → OPEN → CLOSING (sending side shut, all replies here) → CLOSED (the
server's end of file was read). FAILED is where a refusal, a reset, an early end or a surplus
byte leads. ABANDONED (never connected) and CUT_OFF (still at work) is how its owner ends it.
"""

import errno
import os
import selectors
import socket
from collections import deque
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from lab.node import wire
from lab.node.probe import tcp_info
from lab.node.probe.session import Refused, now_ns

CHUNK = 1 << 18  # bytes that one recv may return
# Small messages that are handed over at one moment share a write, up to what one segment carries
# (1500 less 40 bytes of headers and room for options). TCP carries bytes, not messages, and
# would merge them itself behind a full congestion window. Fewer packets mean fewer of them lost
# in a row on one stream, each time doubling the wait: at 30 % loss in both directions that is
# what decides between seconds and a minute.
SEGMENT = 1400
ALLOWED = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")


class State(Enum):
    """Where a stream is in its life."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"
    ABANDONED = "abandoned"
    CUT_OFF = "cut off"


class Trip(NamedTuple):
    """A message that came back whole: its number, when it was handed over, and when it was back."""

    number: int
    sent_ns: int
    received_ns: int


ALIVE = (State.CONNECTING, State.OPEN, State.CLOSING)


class Stream:
    """A non-blocking connection with a first-in-first-out list of messages under way.

    TCP keeps order, so the next reply always belongs to the oldest message under way; replies
    need no matching, only comparing.
    """

    def __init__(
        self,
        family: socket.AddressFamily,
        address: Any,
        *,
        run: int,
        size: int,
        congestion: str | None = None,
    ) -> None:
        """Start to connect; ``run`` and ``size`` (bytes) are those of all its messages."""
        self.run, self.size = run, size
        self.congestion = congestion  # asked for (None: as it comes), then what is in use
        self.state = State.CONNECTING
        self.problem = ""  # why it failed, as an errno name or in words
        self.under_way: deque[wire.Header] = deque()
        self.handed_over: list[tuple[int, int]] = []  # number and sent_ns
        self.trips: list[Trip] = []
        self.corrupted = 0
        self.connect_ns: int | None = None
        self.before: tcp_info.TcpInfo | None = None
        self.after: tcp_info.TcpInfo | None = None
        self._outgoing = memoryview(b"")  # what the kernel has not taken yet
        self._incoming = bytearray()  # the start of a reply
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        # Nagle's algorithm would hold a small write back until the one before it is
        # acknowledged; what we then measure is our own waiting.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._begun_ns = now_ns()
        code = self.sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            self._fail(errno.errorcode.get(code, str(code)))

    @property
    def taken(self) -> int:
        """How many messages were handed over so far."""
        return len(self.handed_over)

    @property
    def events(self) -> int:
        """What a selector has to wait for."""
        if self.state is State.CONNECTING:
            return selectors.EVENT_WRITE
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)

    @property
    def alive(self) -> bool:
        """Whether anything may still happen here."""
        return self.state in ALIVE

    def room(self, window: int) -> int:
        """Tell how many messages the next write may hold, with ``window`` under way at most."""
        if self.state is not State.OPEN or self._outgoing:
            return 0
        return min(window - len(self.under_way), max(1, SEGMENT // self.size))

    def hand_over(self, numbers: range) -> None:
        """Give these messages to the kernel in one write, as far as it has room for them.

        What it had no room for so far goes first.
        """
        now = now_ns()
        headers = [wire.Header(self.run, number, now) for number in numbers]
        self.under_way += headers
        self.handed_over += [(number, now) for number in numbers]
        messages = [wire.pack(*header, self.size) for header in headers]
        self._outgoing = memoryview(b"".join((self._outgoing, *messages)))
        self._flush()

    def shut(self) -> None:
        """Half-close: say that no more will come, and expect the server to do the same."""
        self.state = State.CLOSING
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._fail_with(error)

    def end(self, state: State) -> None:
        """Note how the kernel sees the connection, close it, and be in ``state`` for good."""
        self.state = state
        self.after = tcp_info.read(self.sock)
        self.sock.close()

    def act(self, events: int) -> int:
        """Do what the socket is ready for; return how many replies came in whole."""
        if self.state is State.CONNECTING:
            self._connected()
            return 0
        # Reading first: after a reset there may still be replies to read, but nothing to write.
        whole = self._receive() if events & selectors.EVENT_READ else 0
        if events & selectors.EVENT_WRITE and self.alive:
            self._flush()
        return whole

    def _fail(self, problem: str) -> None:
        self.problem = problem
        self.end(State.FAILED)

    def _fail_with(self, error: OSError) -> None:
        self._fail(errno.errorcode.get(error.errno or 0, str(error)))

    def _connected(self) -> None:
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(errno.errorcode.get(code, os.strerror(code)))
            return
        self.connect_ns = now_ns() - self._begun_ns
        self.congestion = use_congestion(self.sock, self.congestion)
        self.state = State.OPEN
        self.before = tcp_info.read(self.sock)

    def _flush(self) -> None:
        try:
            while self._outgoing:
                self._outgoing = self._outgoing[self.sock.send(self._outgoing) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail_with(error)

    def _receive(self) -> int:
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._fail_with(error)
            return 0
        if not data:
            if self.state is State.CLOSING:
                self.end(State.CLOSED)
            else:
                self._fail("closed early")
            return 0
        return self._compare(data)

    def _compare(self, data: bytes) -> int:
        """Cut what came into replies and hold each against its message."""
        now, whole = now_ns(), 0
        self._incoming += data
        while self.under_way and len(self._incoming) >= self.size:
            reply = bytes(self._incoming[: self.size])
            del self._incoming[: self.size]
            header = self.under_way.popleft()
            whole += 1
            if wire.verify(reply, header, self.size):
                self.trips.append(Trip(header.number, header.sent_ns, now))
            else:
                self.corrupted += 1
        if self._incoming and not self.under_way:
            self._fail("surplus bytes")
        return whole


def use_congestion(sock: socket.socket, name: str | None) -> str:
    """Choose the congestion control of a connected socket; return the one that is in use.

    Not before the connection stands: connect() replaces the choice by the route's own, where
    that has one (``congctl``, ip-route(8); tcp_ca_dst_init in net/ipv4/tcp_output.c). And not
    when it is in use already: then it needs no permission, even where the kernel lets only
    root choose it. Refused when the kernel knows no such name or does not allow it.
    """
    raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    in_use = raw.rstrip(b"\0").decode("ascii")
    if name is None or name == in_use:
        return in_use
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, os.fsencode(name))
    except OSError as error:
        allowed = ", ".join(ALLOWED.read_text(encoding="ascii").split())
        raise Refused(
            f"--congestion: {name!r} is refused by this kernel: {error.strerror}; "
            f"allowed are {allowed}"
        ) from error
    return name
