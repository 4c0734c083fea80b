"""Send datagrams at a set rate to where nobody reads them, whatever becomes of them.

    python3 -m lab.node.probe.flood HOST [--rate BITS_PER_S] [--size BYTES] [--seconds SECONDS] …

To port 9 (RFC 863, discard), where no program has to keep up: the receiving kernel finds no socket
and counts each datagram that arrived (Udp.NoPorts). It answers some of them by ICMP, a few a second
(icmp(7), icmp_ratelimit), so that hardly anything flows back.
"""

import argparse
import select
import socket
from typing import Any

from lab.node import wire
from lab.node.probe import options
from lab.node.probe.session import (
    LONGEST_WAIT_NS,
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

MODULE = "lab.node.probe.flood"
DISCARD = 9
BIN_NS = 100 * MS
LONGEST_BURST = 64  # datagrams: after a pause of the scheduler the rate is not made up for at once


class Flood:
    """Datagrams under way to nowhere: how many the kernel took, and when."""

    def __init__(
        self, sock: socket.socket, address: Any, *, size: int, interval_ns: float, for_ns: int
    ) -> None:
        """Take a non-blocking socket, not connected: nobody hears of ICMP errors then (udp(7))."""
        self._sock, self._address, self._piece = sock, address, bytes(size)
        self._interval_ns, self._for_ns = interval_ns, for_ns
        self.sent = self.not_taken = 0
        self.begun_ns = self.ended_ns = 0
        self.bins = [0] * -(-for_ns // BIN_NS)

    def flow(self, stop: Stop, progress: Progress) -> None:
        """Send for the time, each datagram when it is due; what is not taken is not sent again."""
        self.begun_ns = now = now_ns()
        due_ns = float(now)
        while (elapsed := now - self.begun_ns) < self._for_ns and not stop.asked:
            due_ns = max(due_ns, now - LONGEST_BURST * self._interval_ns)
            while due_ns <= now:
                self._send(elapsed // BIN_NS)
                due_ns += self._interval_ns
            progress.tell(elapsed // MS, now)
            now = now_ns()
            if due_ns > now:
                select.select([], [], [], min(due_ns - now, LONGEST_WAIT_NS) / NS)
                now = now_ns()
        self.ended_ns = now_ns()

    def _send(self, place: int) -> None:
        try:
            self._sock.sendto(self._piece, self._address)
        except OSError:  # no room
            self.not_taken += 1
        else:
            self.sent += 1
            self.bins[place] += 1


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the probe as asked and return its report."""
    family, address = resolve(args.host, args.port, socket.SOCK_DGRAM)
    bits = args.size * 8
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        for_ns = int(args.seconds * NS)
        flood = Flood(
            sock, address, size=args.size, interval_ns=bits * NS / args.rate, for_ns=for_ns
        )
        with quiet_interpreter():
            flood.flow(stop, Progress(for_ns // MS, wanted=args.progress))
    linger = Waiting(flood.ended_ns + int(args.linger * NS), stop)
    while linger.left:
        linger.pause(LONGEST_WAIT_NS)
    duration_ns = flood.ended_ns - flood.begun_ns
    return {
        "probe": "flood",
        "host": args.host,
        "address": str(address[0]),
        "port": args.port,
        "size": args.size,
        "asked_bps": args.rate,
        "interrupted": stop.asked > 0,
        "begun_ns": flood.begun_ns,  # CLOCK_MONOTONIC
        "sent": flood.sent,
        "not_taken": flood.not_taken,
        "duration_s": seconds(duration_ns),
        "sent_bps": flood.sent * bits * NS / duration_ns,
        "bin_s": seconds(BIN_NS),
        "samples": flood.bins,
    }


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(MODULE, "Datagrams at a set rate that nobody reads.")
    parser.set_defaults(port=DISCARD)
    add = parser.add_argument
    add(
        "--rate",
        type=options.number(1000, 1e10),
        default=1e6,
        help="bits of payload a second, default: 1000000",
    )
    add(
        "--size",
        type=options.integer(1, wire.MAX_DATAGRAM),
        default=1400,
        help="bytes of payload, default: 1400",
    )
    add("--seconds", type=options.number(0.01, 3600), default=10.0, help="default: 10")
    add(
        "--linger",
        type=options.number(0, 3600),
        default=0.0,
        help="seconds to stay afterwards, until the last has arrived; default: 0",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(MODULE, arguments, measure)
