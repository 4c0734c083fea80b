"""Measure loss, delay, order and timing with numbered datagrams to a UDP echo server.

    python3 -m lab.node.probe.udp HOST [--count N] [--size BYTES] [--rate PER_S] …

Open loop: datagram k is due at t0 + k * interval whatever became of those before it, so a slow
server cannot slow the question down. One that could not leave in time is sent late and counted
as late; none is skipped.
"""

import argparse
import socket

from lab.node import kernel, wire
from lab.node.probe import options
from lab.node.probe.flight import Flight
from lab.node.probe.report import grown, summary
from lab.node.probe.session import (
    MS,
    NS,
    CannotMeasure,
    Progress,
    Stop,
    main,
    quiet_interpreter,
    resolve,
    seconds,
)

# A tick is late when its datagram leaves more than this after it was due, at every rate: a
# millisecond is what a busy scheduler may cost, and at the usual 1 ms interval it is the point
# where the next one is due. Whoever wants another limit reads the lateness percentiles.
TOLERANCE_NS = 1 * MS
# A small datagram costs the kernel 768 bytes, so this holds two seconds of 20 000/s. The kernel
# gives what net.core.rmem_max allows; what it gave is in the report.
BUFFER_BYTES = 32 << 20

MODULE = "lab.node.probe.udp"
SO_NO_CHECK = 11  # linux/socket.h

KERNEL_COUNTERS = (
    "Udp.InDatagrams",
    "Udp.OutDatagrams",
    "Udp.InErrors",
    "Udp.NoPorts",
    "Udp.RcvbufErrors",
    "Udp.InCsumErrors",
    "Udp.SndbufErrors",
    "Udp.MemErrors",
    "Tcp.InSegs",
    "Tcp.OutSegs",
    "Ip.InHdrErrors",
    "Icmp.OutDestUnreachs",
)


def figures(flight: Flight) -> dict[str, object]:
    """Put all of it into the report's words.

    Of what was sent, each number was received or lost: lost means that no intact reply came
    within the timeout, so what came late is lost, too. Of what arrived, each datagram is
    received, late, duplicated or corrupted.
    """
    trips, lateness = flight.round_trips(), flight.lateness()
    departures = [left for left in flight.sent_ns if left]
    first, last = (departures[0], departures[-1]) if departures else (None, None)
    spread = last - first if first is not None and last is not None else 0
    # RFC 3393 asks for packets next to each other; here of the round trip, not one way.
    variation = [abs(trips[n] - trips[n - 1]) for n in trips if n - 1 in trips]
    late_ticks = sum(late > TOLERANCE_NS for late in lateness)
    return {
        "run": flight.run,
        "clock": "CLOCK_MONOTONIC",  # of every _ns; one for all containers of this host
        "sent": flight.sent,
        "received": flight.received,
        "lost": flight.sent - flight.received,
        "late": flight.late,
        "duplicated": flight.duplicated,
        "reordered": flight.reordered,
        "corrupted": flight.corrupted,
        "refused": flight.refused,
        "send_errors": flight.send_errors,
        "late_ticks": late_ticks,
        "tolerance_ms": TOLERANCE_NS / MS,
        "lateness_ms": summary(lateness, MS, "p50", "p99", "max"),
        "first_sent_ns": first,
        "last_sent_ns": last,
        "achieved_per_s": (flight.sent - 1) * NS / spread if spread else None,
        "rtt_ms": summary(trips.values(), MS, "min", "p50", "p90", "p99", "max", "mean"),
        "ipdv_ms": summary(variation, MS, "p50", "p99"),
    }


def open_socket(host: str, port: int, *, checksum: bool = True) -> tuple[socket.socket, str]:
    """Connect a UDP socket with large buffers; return it with the address in use.

    Connected, so that the kernel passes on only this server's datagrams and its ICMP errors.
    ``checksum``: whether what it sends has one; over IPv4 it need not (RFC 768).
    """
    family, address = resolve(host, port, socket.SOCK_DGRAM)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, not checksum)
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
    sock, address = open_socket(args.host, args.port, checksum=not args.no_checksum)
    with sock:
        flight = Flight(
            sock,
            count=args.count,
            size=args.size,
            interval_ns=interval_s * NS,
            timeout_ns=int(args.timeout * NS),
            linger_ns=int(args.linger * NS),
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
        **figures(flight),
        "duration_s": seconds(flight.finished_ns - flight.started_ns),
        "buffers": {"asked": BUFFER_BYTES, "receive": got[0], "send": got[1]},
        # Of the whole namespace, as are the counters: a second probe beside us shows up, too.
        "buffer_drops": deltas["Udp.RcvbufErrors"] + deltas["Udp.MemErrors"],
        "kernel": deltas,
    }
    if args.samples:
        report["samples"] = flight.samples()
    return report


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(MODULE, "Numbered datagrams to a UDP echo server.")
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
    add("--no-checksum", action="store_true", help="send datagrams without a checksum")
    add(
        "--linger",
        type=options.number(0, 3600),
        default=0.0,
        help="seconds to wait for late replies, where longer than the timeout; default: 0",
    )
    add("--samples", action="store_true", help="add [number, sent_ns, received_ns or null] of all")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(MODULE, arguments, measure)
