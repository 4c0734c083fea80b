"""Measure one long-lived TCP connection that carries a small message at a set interval.

    python3 -m lab.node.probe.steady HOST [--interval SECONDS] [--seconds SECONDS] …

Open loop: message k is due at t0 + k * interval, whether or not those before it came back. What
TCP has not delivered yet holds up all behind it (head-of-line blocking), and while the network is
gone TCP repeats the oldest at doubling intervals (RFC 6298). Kept of each message are its times
and what the kernel said of the connection just before it was handed over; and when the application
learned what.
"""

import argparse
import itertools
import secrets
import select
import socket
from selectors import EVENT_READ, EVENT_WRITE

from lab.node import kernel, wire
from lab.node.probe import options, tcp_info
from lab.node.probe.report import grown, summary
from lab.node.probe.session import (
    CONNECT_S,
    LONGEST_WAIT_NS,
    MS,
    NS,
    CannotMeasure,
    Progress,
    Stop,
    main,
    now_ns,
    quiet_interpreter,
    resolve,
    seconds,
)
from lab.node.probe.stream import State, Stream

MODULE = "lab.node.probe.steady"
TCP_USER_TIMEOUT = 18  # linux/tcp.h, tcp(7), RFC 5482
KERNEL_COUNTERS = ("Tcp.RetransSegs", "Tcp.OutSegs", "Tcp.InSegs")
CLOSING_NS = NS
KEEPALIVES = 3
SEEN = ("rto", "backoff", "total_retrans", "unacked", "rtt", "snd_cwnd")


class Talk:
    """The messages of one connection: due, handed over, back, or lost with it."""

    def __init__(self, stream: Stream, *, count: int, interval_ns: int, patience_ns: int) -> None:
        """``patience_ns``: how long to wait for replies after the last message was due."""
        self.stream = stream
        self.count, self.interval_ns, self.patience_ns = count, interval_ns, patience_ns
        self.begun_ns = self.ended_ns = self.failed_ns = 0
        self.seen: list[tuple[int | None, ...]] = []

    def connect(self, stop: Stop, end_ns: int) -> None:
        """Wait for the connection; CannotMeasure when there is none by ``end_ns``."""
        while self.stream.state is State.CONNECTING and now_ns() < end_ns and not stop.asked:
            self._turn(LONGEST_WAIT_NS)
        if self.stream.state is not State.OPEN:
            raise CannotMeasure(f"no connection: {self.stream.problem or 'the time is up'}")

    def work(self, stop: Stop, progress: Progress) -> None:
        """Hand over each message when it is due, until all are back, or the connection broke."""
        self.begun_ns = now_ns()
        last_ns = self.begun_ns + self.count * self.interval_ns
        while self.stream.alive and not stop.asked:
            now = now_ns()
            due_ns = self.begun_ns + len(self.seen) * self.interval_ns
            if now >= due_ns and len(self.seen) < self.count:
                info = tcp_info.read(self.stream.sock)
                self.stream.hand_over(range(len(self.seen), len(self.seen) + 1))
                self.seen.append(tuple(getattr(info, name) for name in SEEN))
            elif len(self.seen) == self.count and (
                not self.stream.under_way or now >= last_ns + self.patience_ns
            ):
                break
            else:
                left = (due_ns if len(self.seen) < self.count else last_ns + self.patience_ns) - now
                self._turn(min(left, LONGEST_WAIT_NS))
            progress.tell(len(self.seen), now)
        self.ended_ns = now_ns()
        if self.stream.state is State.FAILED:
            self.failed_ns = self.ended_ns

    def end(self) -> None:
        """Part in order where nothing is under way; else a server has nothing to wait for."""
        if self.stream.state is State.OPEN and not self.stream.under_way:
            self.stream.shut()
            end_ns = now_ns() + CLOSING_NS
            while self.stream.alive and now_ns() < end_ns:
                self._turn(LONGEST_WAIT_NS)
        if self.stream.alive:
            self.stream.end(State.CUT_OFF)

    def _turn(self, wait_ns: int) -> None:
        """Serve the connection once, if there is anything to do within the time."""
        sock, wanted = self.stream.sock, self.stream.events
        ready = select.select(
            [sock] if wanted & EVENT_READ else [],
            [sock] if wanted & EVENT_WRITE else [],
            [],
            max(0, wait_ns) / NS,
        )
        if events := (EVENT_READ if ready[0] else 0) | (EVENT_WRITE if ready[1] else 0):
            self.stream.act(events)


def open_stream(args: argparse.Namespace, run: int) -> tuple[Stream, str]:
    """Start to connect, with the options asked for set; return it with the address in use."""
    family, address = resolve(args.host, args.port, socket.SOCK_STREAM)
    stream = Stream(family, address, run=run, size=args.size, congestion=args.congestion)
    if not stream.alive:
        raise CannotMeasure(f"{args.host}:{args.port}: {stream.problem}")
    if args.keepalive:
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, args.keepalive),
            (socket.TCP_KEEPINTVL, args.keepalive),
            (socket.TCP_KEEPCNT, KEEPALIVES),
        ):
            stream.sock.setsockopt(socket.IPPROTO_TCP, option, value)
    return stream, str(address[0])


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the probe as asked and return its report; a connection that breaks is data."""
    run = secrets.randbits(32)
    before = kernel.counters()
    stream, address = open_stream(args, run)
    count = max(1, round(args.seconds / args.interval))
    talk = Talk(
        stream,
        count=count,
        interval_ns=int(args.interval * NS),
        patience_ns=int(args.timeout * NS),
    )
    with quiet_interpreter():
        talk.connect(stop, now_ns() + int(CONNECT_S * NS))
        if args.user_timeout:  # not before: it would count for the SYN, too
            ms = round(args.user_timeout * 1000)
            stream.sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, ms)
        talk.work(stop, Progress(count, wanted=args.progress))
        under_way = len(stream.under_way)
        talk.end()
    return {
        "probe": "steady",
        "host": args.host,
        "address": address,
        "port": args.port,
        "size": args.size,
        "asked": count,
        "interval_s": args.interval,
        "timeout_s": args.timeout,
        "keepalive_s": args.keepalive,
        "user_timeout_s": args.user_timeout,
        "interrupted": stop.asked > 0,
        "congestion_control": stream.congestion,
        **figures(talk),
        "missing": under_way,
        "kernel": grown(before, kernel.counters(), *KERNEL_COUNTERS),
        "samples": samples(talk),
        "seen": list(SEEN),
    }


def figures(talk: Talk) -> dict[str, object]:
    """Put all of it into the report's words. sent = received + corrupted + missing.

    ``error``: what the application was told, and None where the connection stayed. ``gap_s``: the
    longest time in which no message came back, ``gap_end_s`` when it ended: who was cut off for a
    while shows it here. Times of ``_s`` count from the first message.
    """
    stream = talk.stream
    back = sorted(trip.received_ns for trip in stream.trips)
    pairs = itertools.pairwise([talk.begun_ns, *back])
    pauses = [(after - before, after) for before, after in pairs]
    gap_ns, gap_end_ns = max(pauses, default=(0, 0))
    return {
        "sent": stream.taken,
        "received": len(back),
        "corrupted": stream.corrupted,
        "connect_ms": None if stream.connect_ns is None else stream.connect_ns / MS,
        "rtt_ms": summary(
            [trip.received_ns - trip.sent_ns for trip in stream.trips],
            MS, "min", "p50", "p90", "p99", "max", "mean",
        ),
        "error": stream.problem or None,
        "error_s": seconds(talk.failed_ns - talk.begun_ns) if talk.failed_ns else None,
        "gap_s": seconds(gap_ns) if back else None,
        "gap_end_s": seconds(gap_end_ns - talk.begun_ns) if back else None,
        "retransmissions": stream.after.total_retrans if stream.after else None,
        "duration_s": seconds(talk.ended_ns - talk.begun_ns),
    }  # fmt: skip


def samples(talk: Talk) -> list[list[int | None]]:
    """List number, sent_ns, received_ns (None: not back), and then `SEEN`, of all that was sent."""
    back = {trip.number: trip.received_ns for trip in talk.stream.trips}
    return [
        [number, sent_ns, back.get(number), *seen]
        for (number, sent_ns), seen in zip(talk.stream.handed_over, talk.seen, strict=True)
    ]


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(MODULE, "A message at a set interval over one TCP connection.")
    add = parser.add_argument
    add("--interval", type=options.number(1e-4, 600), default=0.05, help="seconds, default: 0.05")
    add("--seconds", type=options.number(0.001, 3600), default=10.0, help="in all, default: 10")
    add(
        "--size",
        type=options.integer(wire.MIN_SIZE, wire.MAX_SIZE),
        default=64,
        help="bytes a message, default: 64",
    )
    add(
        "--timeout",
        type=options.number(0, 600),
        default=5.0,
        help="seconds to wait for replies after the last message, default: 5",
    )
    add(
        "--keepalive",
        type=options.integer(1, 3600),
        help=f"seconds of silence until a question, and between the {KEEPALIVES} that may remain "
        "unanswered (tcp(7)); default: none are asked",
    )
    add(
        "--user-timeout",
        type=options.number(0.001, 3600),
        help="seconds that data may remain unacknowledged (RFC 5482); default: the kernel's",
    )
    add("--congestion", metavar="NAME", help="congestion control; default: as the kernel has it")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(MODULE, arguments, measure)
