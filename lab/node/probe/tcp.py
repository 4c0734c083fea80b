"""Measure delivery and timing with messages over many streams to a TCP echo server.

    python3 -m lab.node.probe.tcp HOST [--count N] [--size BYTES] [--streams S] [--window W] …

TCP has no loss ratio of its own. What shows is that every message comes back, what that took
(retransmissions, by TCP_INFO) and how long: a message's time runs from when it was handed to
the kernel until its last byte came back.
"""

import argparse
import secrets
import socket
from collections import Counter

from lab.node import kernel, wire
from lab.node.probe import options, tcp_info
from lab.node.probe.pool import Pool
from lab.node.probe.report import grown, summary
from lab.node.probe.session import (
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

# For 2 000 messages of 64 bytes: every stream's share is one segment, so that it can lose only
# one thing after the other. Found by trying, 1 % to 30 % loss in both directions.
STREAMS, WINDOW = 100, 20

MODULE = "lab.node.probe.tcp"

KERNEL_COUNTERS = (
    "Tcp.RetransSegs",
    "Tcp.OutSegs",
    "Tcp.InSegs",
    "Tcp.ActiveOpens",
    "Tcp.InCsumErrors",
    "Ip.InHdrErrors",
)


def figures(pool: Pool) -> dict[str, object]:
    """Put all of it into the report's words: sent = received + corrupted + failed + missing."""
    connects = [s.connect_ns for s in pool.streams if s.connect_ns is not None]
    trips = [trip.received_ns - trip.sent_ns for s in pool.streams for trip in s.trips]
    before = [s.before for s in pool.streams if s.before]
    after = [s.after for s in pool.streams if s.after]
    states = Counter(s.state for s in pool.streams)
    left = Counter[State]()
    for s in pool.streams:
        left[s.state] += len(s.under_way)
    duration_ns = pool.finished_ns - pool.started_ns
    bits = len(trips) * pool.streams[0].size * 8
    return {
        "sent": pool.next,
        "received": len(trips),
        "corrupted": sum(s.corrupted for s in pool.streams),
        "failed": left[State.FAILED],
        "missing": left[State.CUT_OFF],
        "streams": {
            "asked": len(pool.streams),
            "connected": len(connects),
            "abandoned": states[State.ABANDONED],
            "failed": states[State.FAILED],
            "closed": states[State.CLOSED],
        },
        "problems": dict(Counter(s.problem for s in pool.streams if s.problem)),
        "per_stream": summary(
            [s.taken for s in pool.streams if s.connect_ns is not None], 1, "min", "p50", "max"
        ),
        "duration_s": seconds(duration_ns),
        "goodput_bps": bits * NS / duration_ns if duration_ns else None,
        "connect_ms": summary(connects, MS, "p50", "p99", "max"),
        "rtt_ms": summary(trips, MS, "min", "p50", "p90", "p99", "max", "mean"),
        "retransmissions": sum(info.total_retrans or 0 for info in after),
        "tcp_info": {"before": tcp_info.figures(before), "after": tcp_info.figures(after)},
    }


def samples(pool: Pool) -> list[tuple[int, int, int | None]]:
    """List number, sent_ns and received_ns (None: not back, or spoiled) of all that was sent."""
    back = {trip.number: trip for s in pool.streams for trip in s.trips}
    sent = {number: ns for s in pool.streams for number, ns in s.handed_over}
    return [
        (number, sent[number], back[number].received_ns if number in back else None)
        for number in sorted(sent)
    ]


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the probe as asked and return its report; CannotMeasure when no stream is let in."""
    family, address = resolve(args.host, args.port, socket.SOCK_STREAM)
    before = kernel.counters()
    number = secrets.randbits(32)
    with quiet_interpreter():
        started_ns = now_ns()
        try:
            streams = [
                Stream(family, address, run=number, size=args.size, congestion=args.congestion)
                for _ in range(args.streams)
            ]
        except OSError as error:  # no more file descriptors, no more memory
            raise CannotMeasure(f"--streams {args.streams}: {error.strerror}") from error
        pool = Pool(streams, count=args.count, window=args.window, started_ns=started_ns)
        end_ns = started_ns + int(args.timeout * NS)
        pool.work(stop, Progress(args.count, wanted=args.progress), end_ns)
    if all(s.state is State.FAILED and s.connect_ns is None for s in streams):
        raise CannotMeasure(f"{args.host}:{args.port}: {streams[0].problem}: no stream was let in")
    report = {
        "probe": "tcp",
        "host": args.host,
        "address": str(address[0]),
        "port": args.port,
        "size": args.size,
        "asked": args.count,
        "window": args.window,
        "timeout_s": args.timeout,
        "interrupted": stop.asked > 0,
        "run": number,
        "congestion_control": next((s.congestion for s in streams if s.before), None),
        **figures(pool),
        # Of the whole namespace: a second probe beside us shows up, too.
        "kernel": grown(before, kernel.counters(), *KERNEL_COUNTERS),
    }
    if args.samples:
        report["samples"] = samples(pool)
    return report


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(
        "lab.node.probe.tcp", "Messages over many streams to a TCP echo server."
    )
    add = parser.add_argument
    add("--count", type=options.integer(1, 10_000_000), default=100, help="default: 100")
    add(
        "--size",
        type=options.integer(wire.MIN_SIZE, wire.MAX_SIZE),
        default=64,
        help="bytes a message, default: 64",
    )
    add("--streams", type=options.integer(1, 1000), default=STREAMS, help=f"default: {STREAMS}")
    add(
        "--window",
        type=options.integer(1, 1000),
        default=WINDOW,
        help=f"messages under way on a stream, default: {WINDOW}",
    )
    add("--congestion", metavar="NAME", help="congestion control; default: as the kernel has it")
    add(
        "--timeout",
        type=options.number(0.001, 3600),
        default=60.0,
        help="seconds for all of it, default: 60",
    )
    add("--samples", action="store_true", help="add [number, sent_ns, received_ns or null] of all")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(MODULE, arguments, measure)
