"""Measure loss, delay, order and timing with numbered datagrams to a UDP echo server.

    python3 -m lab.node.probe.udp HOST [--count N] [--size BYTES] [--rate PER_S] …

Open loop: datagram k is due at t0 + k × interval whatever became of those before it, so a slow
server cannot slow the question down. One that could not leave in time is sent late and counted
as late; none is skipped. One thread does both sending and receiving: two would take turns on
the interpreter lock and wait for each other.
"""

import argparse
import secrets
import select
import socket
import sys
from array import array

from lab.node import kernel, wire
from lab.node.probe import options
from lab.node.probe.report import grown, summary
from lab.node.probe.session import (
    LONGEST_WAIT_NS,
    MS,
    NS,
    CannotMeasure,
    Progress,
    Stop,
    now_ns,
    quiet_interpreter,
    resolve,
    run,
    seconds,
)

# A tick is late when its datagram leaves more than this after it was due, at every rate: a
# millisecond is what a busy scheduler may cost, and at the usual 1 ms interval it is the point
# where the next one is due. Whoever wants another limit reads the lateness percentiles.
TOLERANCE_NS = 1 * MS
# The kernel wakes a sleeper late (timer slack of 50 µs, and the way onto a core). So we sleep
# up to this long before a tick is due and spin for the rest: all of the time at 20 000/s, a
# fifth of a core at 1 000/s, next to nothing at 10/s.
SPIN_NS = 200_000
# A small datagram costs the kernel 768 bytes, so this holds two seconds of 20 000/s. The kernel
# gives what net.core.rmem_max allows; what it gave is in the report.
BUFFER_BYTES = 32 << 20
# Replies that we take before we look at the clock again.
BATCH = 32

KERNEL_COUNTERS = (
    "Udp.InDatagrams",
    "Udp.OutDatagrams",
    "Udp.InErrors",
    "Udp.RcvbufErrors",
    "Udp.SndbufErrors",
    "Udp.MemErrors",
    "Tcp.InSegs",
    "Tcp.OutSegs",
)


class Flight:
    """The datagrams of one run: when each left, when it came back, and what else came.

    Every datagram that arrives is counted once, as ``received`` (intact, in time, the first
    of its number), ``late`` (intact, the first, but after the timeout), ``duplicated`` (intact,
    not the first) or ``corrupted`` (anything else).
    """

    def __init__(
        self, sock: socket.socket, *, count: int, size: int, interval_ns: float, timeout_ns: int
    ) -> None:
        self.sock = sock
        self.count, self.size = count, size
        self.interval_ns, self.timeout_ns = interval_ns, timeout_ns
        self.run = secrets.randbits(32)
        self.started_ns = self.finished_ns = 0
        self.next = 0  # the number that is due next
        self.sent_ns = array("q", bytes(8 * count))  # 0: the kernel did not take it
        self.received_ns = array("q", bytes(8 * count))  # 0: no intact reply
        self.sent = self.received = self.late = self.duplicated = 0
        self.corrupted = self.reordered = self.send_errors = self.refused = 0
        self.highest = -1

    def fly(self, stop: Stop, progress: Progress) -> None:
        """Send all that is to be sent, then wait for stragglers until the timeout."""
        self.started_ns = now = now_ns()
        while self.next < self.count and not stop.asked:
            due = self.started_ns + int(self.next * self.interval_ns)
            if now >= due:
                self._send()
            elif due - now > SPIN_NS:
                self._wait(min(due - now - SPIN_NS, LONGEST_WAIT_NS))
            self._receive()
            now = now_ns()
            progress.tell(self.sent, now)
        # A stop ends the sending; a second one ends the waiting, too.
        patience, end = stop.asked + 1, now_ns() + self.timeout_ns
        while (left := end - now_ns()) > 0 and self._awaited() and stop.asked < patience:
            self._wait(min(left, LONGEST_WAIT_NS))
            self._receive()
        self.finished_ns = now_ns()

    def _awaited(self) -> int:
        return self.sent - self.received - self.late

    def _wait(self, ns: int) -> None:
        # select takes microseconds where poll and epoll take milliseconds.
        select.select([self.sock], [], [], ns / NS)

    def _send(self) -> None:
        """Send the datagram that is due; what the kernel does not take is not sent."""
        number = self.next
        for attempt in (1, 2):
            now = now_ns()
            try:
                self.sock.send(wire.pack(self.run, number, now, self.size))
            except BlockingIOError:
                return  # our send buffer is full: it stays due, and will leave late
            except ConnectionRefusedError:
                # An earlier datagram's ICMP error, handed over in place of this send (udp(7)).
                self.refused += 1
                if attempt == 1:
                    continue
                self.send_errors += 1
            except OSError:  # ENOBUFS, EPERM, ENETUNREACH …
                self.send_errors += 1
            else:
                self.sent_ns[number] = now
                self.sent += 1
            break
        self.next = number + 1

    def _receive(self) -> None:
        """Take what has arrived, up to a batch."""
        for _ in range(BATCH):
            try:
                # One byte more than was sent, to notice a reply that grew.
                reply = self.sock.recv(self.size + 1)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self.refused += 1
            except OSError:
                pass  # another ICMP error; the datagram that it is about stays lost
            else:
                self._note(reply, now_ns())

    def _note(self, reply: bytes, now: int) -> None:
        """Match a reply with its question by number and by every byte."""
        try:
            header = wire.unpack(reply)
        except ValueError:
            self.corrupted += 1
            return
        number = header.number
        asked = number < self.next and header == (self.run, number, self.sent_ns[number])
        if not asked or not wire.verify(reply, header, self.size):
            self.corrupted += 1
        elif self.received_ns[number]:
            self.duplicated += 1
        else:
            self.received_ns[number] = now
            if now - header.sent_ns > self.timeout_ns:
                self.late += 1
                return
            self.received += 1
            if number < self.highest:  # RFC 4737 section 3.3, on the first arrivals in time
                self.reordered += 1
            else:
                self.highest = number

    def round_trips(self) -> dict[int, int]:
        """Round trip in ns by number, of those that were received."""
        pairs = zip(self.sent_ns, self.received_ns, strict=True)
        return {
            number: back - left
            for number, (left, back) in enumerate(pairs)
            if back and back - left <= self.timeout_ns
        }

    def lateness(self) -> list[int]:
        """How long after it was due each datagram left, in ns."""
        return [
            left - self.started_ns - int(number * self.interval_ns)
            for number, left in enumerate(self.sent_ns)
            if left
        ]

    def samples(self) -> list[tuple[int, int, int | None]]:
        """List number, sent_ns and received_ns (None: no intact reply) of all that was sent."""
        pairs = zip(self.sent_ns, self.received_ns, strict=True)
        return [(n, left, back or None) for n, (left, back) in enumerate(pairs) if left]

    def figures(self) -> dict[str, object]:
        """Put all of it into the report's words."""
        trips, lateness = self.round_trips(), self.lateness()
        departures = [left for left in self.sent_ns if left]
        first, last = (departures[0], departures[-1]) if departures else (None, None)
        spread = last - first if first is not None and last is not None else 0
        # RFC 3393 asks for packets next to each other; here of the round trip, not one way.
        variation = [abs(trips[n] - trips[n - 1]) for n in trips if n - 1 in trips]
        late_ticks = sum(late > TOLERANCE_NS for late in lateness)
        return {
            "run": self.run,
            "sent": self.sent,
            "received": self.received,
            "lost": self.sent - self.received,
            "late": self.late,
            "duplicated": self.duplicated,
            "reordered": self.reordered,
            "corrupted": self.corrupted,
            "refused": self.refused,
            "send_errors": self.send_errors,
            "late_ticks": late_ticks,
            "tolerance_ms": TOLERANCE_NS / MS,
            "lateness_ms": summary(lateness, MS, "p50", "p99", "max"),
            "first_sent_ns": first,
            "last_sent_ns": last,
            "achieved_per_s": (self.sent - 1) * NS / spread if spread else None,
            "rtt_ms": summary(trips.values(), MS, "min", "p50", "p90", "p99", "max", "mean"),
            "ipdv_ms": summary(variation, MS, "p50", "p99"),
        }


def open_socket(host: str, port: int) -> tuple[socket.socket, str]:
    """Connect a UDP socket with large buffers; return it with the address in use.

    Connected, so that the kernel passes on only this server's datagrams and its ICMP errors.
    """
    family, address = resolve(host, port, socket.SOCK_DGRAM)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    try:
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise CannotMeasure(f"{host}: {error.strerror}") from error
    sock.setblocking(False)
    return sock, str(address[0])


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the probe as asked and return its report; CannotMeasure when nothing can be sent."""
    interval_s = 1 / args.rate if args.rate else args.interval
    sock, address = open_socket(args.host, args.port)
    with sock:
        flight = Flight(
            sock,
            count=args.count,
            size=args.size,
            interval_ns=interval_s * NS,
            timeout_ns=int(args.timeout * NS),
        )
        before = kernel.counters()
        with quiet_interpreter():
            flight.fly(stop, Progress(args.count, wanted=args.progress))
        deltas = grown(before, kernel.counters(), *KERNEL_COUNTERS)
        got = [sock.getsockopt(socket.SOL_SOCKET, o) for o in (socket.SO_RCVBUF, socket.SO_SNDBUF)]
    report = {
        "probe": "udp",
        "host": args.host,
        "address": address,
        "port": args.port,
        "size": args.size,
        "asked": args.count,
        "interval_s": interval_s,
        "timeout_s": args.timeout,
        "interrupted": stop.asked > 0,
        **flight.figures(),
        "duration_s": seconds(flight.finished_ns - flight.started_ns),
        "buffers": {"asked": BUFFER_BYTES, "receive": got[0], "send": got[1]},
        # Of the whole namespace, as are the counters: a second probe beside us shows up, too.
        "buffer_drops": deltas["Udp.RcvbufErrors"] + deltas["Udp.MemErrors"],
        "kernel": deltas,
    }
    if args.samples:
        report["samples"] = flight.samples()
    return report


def main(argv: list[str] | None = None) -> int:
    """Read the arguments, measure, print; return the exit code."""
    parser = options.parser("lab.node.probe.udp", "Numbered datagrams to a UDP echo server.")
    add = parser.add_argument
    add("--count", type=options.integer(1, 10_000_000), default=100, help="default: 100")
    add(
        "--size",
        type=options.integer(wire.MIN_SIZE, wire.MAX_DATAGRAM),
        default=64,
        help="bytes of payload, default: 64",
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--interval", type=options.number(1e-6, 3600), default=0.01, help="seconds, default: 0.01"
    )
    pace.add_argument("--rate", type=options.number(1 / 3600, 1e6), help="datagrams a second")
    add(
        "--timeout",
        type=options.number(0.001, 600),
        default=1.0,
        help="seconds after which a reply counts as lost, default: 1",
    )
    add("--samples", action="store_true", help="add [number, sent_ns, received_ns or null] of all")
    args = parser.parse_args(argv)
    return run(parser.prog, lambda stop: measure(args, stop))


if __name__ == "__main__":
    sys.exit(main())
