"""Be one end of a connection that ends by script, and tell what the application and kernel saw.

    python3 -m lab.node.probe.close HOST --port P --do "0 send 64" --do "500 shut" …
    python3 -m lab.node.probe.close --listen --port P --do "eof close" …

A step is WHEN ACTION [BYTES]. WHEN: milliseconds since the connection stands; `eof`: when the other
side has ended its direction; `error`: when reading failed. ACTION: `send`, `shut` (no more will be
sent: a FIN), `close`, `abort` (SO_LINGER of 0, then close: a reset, socket(7)). Meanwhile all that
comes is read, unless --deaf. The state is looked up every millisecond while the socket is open, and
then every ten or so, which is what it takes the kernel to list all sockets: what lasts less may be
missed.
"""

import argparse
import errno
import select
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Any

from lab.node import sockets
from lab.node.probe import options, tcp_info
from lab.node.probe.session import (
    LONGEST_WAIT_NS,
    MS,
    NS,
    CannotMeasure,
    Stop,
    Waiting,
    main,
    now_ns,
    resolve,
)

MODULE = "lab.node.probe.close"
LOOK_S = 0.001
GONE = "CLOSED"  # not in the table any more
ACTIONS = ("send", "shut", "close", "abort")


@dataclass(frozen=True)
class Step:
    """One step of a script, at a time, or when `eof` or `error` (event) is read."""

    when_ms: int
    event: str
    action: str
    size: int = 0


class Watch:
    """Notes each state that one connection of this node takes, in a thread of its own."""

    def __init__(self, sock: socket.socket) -> None:
        """Watch a connection; its socket may be closed at any time."""
        self._sock = sock
        self._ports = (sock.getsockname()[1], sock.getpeername()[1])
        self.states: list[tuple[int, str]] = []
        self.time_wait_s: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """The last one seen."""
        return self.states[-1][1] if self.states else GONE

    def end(self) -> None:
        """Look a last time, and no more."""
        self._done.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._done.wait(LOOK_S):
            self._look()
        self._look()

    def _look(self) -> None:
        state = self._asked() or self._listed()
        if state != self.state or not self.states:
            self.states.append((now_ns(), state))

    def _asked(self) -> str | None:
        """What the socket says of itself; None where it is closed, or no longer the connection's.

        In TIME_WAIT the kernel keeps the connection without its socket, which then says CLOSE.
        """
        try:
            state = sockets.STATES[tcp_info.read(self._sock).state or 0]
        except (OSError, KeyError):
            return None
        return None if state == "CLOSE" else state

    def _listed(self) -> str:
        entry = next((each for each in sockets.read() if each[:2] == self._ports), None)
        if entry and entry.state == "TIME_WAIT" and self.time_wait_s is None:
            self.time_wait_s = entry.timer_s
        return entry.state if entry else GONE


@dataclass
class End:
    """One end of the connection, and the script that it follows."""

    sock: socket.socket
    steps: list[Step]
    deaf: bool = False
    begun_ns: int = field(default_factory=now_ns)
    events: list[tuple[int, str, str]] = field(default_factory=list)
    received: int = 0
    sent: int = 0
    _reading: bool = True
    _open: bool = True

    def follow(self, end_ns: int, stop: Stop) -> None:
        """Do each step when its time has come, until the connection is closed or the time is up."""
        self._reading = not self.deaf
        timed = sorted((s for s in self.steps if not s.event), key=lambda s: s.when_ms)
        while self._open and now_ns() < end_ns and not stop.asked:
            now = now_ns()
            due = end_ns if not timed else self.begun_ns + timed[0].when_ms * MS
            if timed and now >= due:
                self._do(timed.pop(0))
                continue
            wait_s = max(0, min(due - now, end_ns - now, LONGEST_WAIT_NS)) / NS
            if select.select([self.sock] if self._reading else [], [], [], wait_s)[0]:
                self._read()
            elif not timed and not self._reading and not self.deaf:
                break  # nothing more can happen here
        if self._open:
            self.sock.close()
            self.events.append((now_ns(), "close", "the time is up"))

    def _read(self) -> None:
        event = ""
        try:
            data = self.sock.recv(1 << 16)
            self.received += len(data)
            result = f"{len(data)} bytes" if data else "end of file"
            event = "" if data else "eof"
        except OSError as error:
            result, event = _name(error), "error"
        self.events.append((now_ns(), "recv", result))
        if event:
            self._reading = False
            for step in [each for each in self.steps if each.event == event]:
                self._do(step)

    def _do(self, step: Step) -> None:
        if not self._open:
            return
        result = "ok"
        try:
            if step.action == "send":
                self.sock.sendall(bytes(step.size))
                self.sent += step.size
                result = f"{step.size} bytes"
            elif step.action == "shut":
                self.sock.shutdown(socket.SHUT_WR)
            else:
                if step.action == "abort":
                    linger = struct.pack("ii", 1, 0)
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._open = False
                self.sock.close()
        except OSError as error:
            result = _name(error)
        self.events.append((now_ns(), step.action, result))


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, str(error))


def connection(args: argparse.Namespace, stop: Stop, end_ns: int) -> tuple[socket.socket, Any]:
    """Connect or accept, by the time; return the socket and its listener, which may be None."""
    waiting = Waiting(end_ns, stop)
    try:
        if not args.listen:
            family, address = resolve(args.host, args.port, socket.SOCK_STREAM)
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.settimeout(max(0.001, (end_ns - now_ns()) / NS))
            sock.connect(address)
            return sock, None
        listener = socket.create_server(("", args.port))
        waiting.readable(listener)
        sock, _ = listener.accept()
        sock.settimeout(max(0.001, (end_ns - now_ns()) / NS))
    except OSError as error:
        raise CannotMeasure(f"{args.host or 'listen'}:{args.port}: {error}") from error
    return sock, listener


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the script and return what was seen; CannotMeasure where there is no connection."""
    end_ns = now_ns() + int(args.timeout * NS)
    sock, listener = connection(args, stop, end_ns)
    local, remote = sock.getsockname(), sock.getpeername()
    end = End(sock, args.do, args.deaf)
    watch = Watch(sock)
    waiting = Waiting(end_ns, stop)
    try:
        end.follow(end_ns, stop)
        if listener:
            listener.close()
        while watch.state not in (GONE, "TIME_WAIT") and waiting.left:
            waiting.pause(MS)
    finally:
        watch.end()
    return {
        "probe": "close",
        "local": f"{local[0]}:{local[1]}",
        "remote": f"{remote[0]}:{remote[1]}",
        "interrupted": stop.asked > 0,
        "begun_ns": end.begun_ns,
        "sent": end.sent,
        "received": end.received,
        "events": end.events,
        "states": watch.states,
        "time_wait_s": watch.time_wait_s,
        "rebind": {
            "plain": rebind(local, reuse=False),
            "reuseaddr": rebind(local, reuse=True),
        },
    }


def rebind(address: tuple[str, int], *, reuse: bool) -> str:
    """What a server hears that is started again on this address: `ok` or an errno's name.

    SO_REUSEADDR lets it have a port that only connections in TIME_WAIT still use (socket(7)), where
    the socket that they come from had it, too: our listener has, a client's socket has not.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        try:
            sock.bind(address)
            sock.listen()
        except OSError as error:
            return _name(error)
    return "ok"


def step(text: str) -> Step:
    """Read one step; argparse tells what is wrong with it."""
    words = text.split()
    wanted = 3 if words[1:2] == ["send"] else 2
    if len(words) != wanted or words[1] not in ACTIONS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no step; write WHEN ACTION [BYTES], such as '0 send 64' or 'eof close'"
        )
    size = options.integer(1, 1 << 24)(words[2]) if words[2:] else 0
    if words[0] in ("eof", "error"):
        return Step(0, words[0], words[1], size)
    return Step(options.integer(0, 3_600_000)(words[0]), "", words[1], size)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(
        MODULE, "One end of a connection that ends by script.", host_needed=False
    )
    add = parser.add_argument
    add("--listen", action="store_true", help="wait for the other end, and be the server")
    add("--do", type=step, action="append", default=[], metavar="STEP", help="see above")
    add("--deaf", action="store_true", help="read nothing")
    add(
        "--timeout",
        type=options.number(0.01, 600),
        default=10.0,
        help="seconds for all of it, default: 10",
    )
    args = parser.parse_args(argv)
    if bool(args.host) == args.listen:
        parser.error("HOST or --listen: one of both")
    return args


if __name__ == "__main__":
    main(MODULE, arguments, measure)
