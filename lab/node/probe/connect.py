"""Measure what becomes of attempts to connect, and when the kernel sends a SYN again.

    python3 -m lab.node.probe.connect HOST [--count N] [--syn-retries N] [--timeout SECONDS] …

A SYN that is not answered is sent again after 1 s, and then (RFC 6298) after 2, 4, 8 s more; Linux
since 6.5 waits 1 s each for the first net.ipv4.tcp_syn_linear_timeouts times, and so sends more of
them in the time after which it gives up, which --syn-retries sets: that of so many doublings.
TCP_INFO tells how often it was; we look every two milliseconds, and note when the count has grown.
"""

import argparse
import errno
import os
import select
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.node import kernel
from lab.node.probe import options, tcp_info
from lab.node.probe.report import grown, summary
from lab.node.probe.session import MS, NS, Progress, Stop, main, now_ns, resolve, seconds

MODULE = "lab.node.probe.connect"
LOOK_NS = 2 * MS
LINEAR = Path("/proc/sys/net/ipv4/tcp_syn_linear_timeouts")
RETRIES = Path("/proc/sys/net/ipv4/tcp_syn_retries")
KERNEL_COUNTERS = (
    "Tcp.ActiveOpens",
    "Tcp.AttemptFails",
    "Tcp.RetransSegs",
    "Tcp.OutSegs",
    "Tcp.InSegs",
)
OUTCOMES = {
    0: "connected",
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timed out",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ECONNRESET: "reset",
}
GAVE_UP = "gave up"


@dataclass
class Attempt:
    """One attempt: how it ended, after how long, and when each SYN was sent again, in ns.

    outcome: `connected`, `refused` (a reset came back), `timed out` (the kernel sent its last SYN),
    `gave up` (we did), `unreachable`, or an errno's name.
    """

    began_ns: int
    outcome: str = GAVE_UP
    took_ns: int = 0
    retries_ns: list[int] = field(default_factory=list)


def attempt(
    family: socket.AddressFamily, address: Any, syn_retries: int | None, end_ns: int, stop: Stop
) -> Attempt:
    """Try to connect until ``end_ns``; a connection that stands is closed in order."""
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        if syn_retries is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, syn_retries)
        made = Attempt(now_ns())
        code = sock.connect_ex(address)
        while code == errno.EINPROGRESS and now_ns() < end_ns and not stop.asked:
            _, ready, _ = select.select([], [sock], [], LOOK_NS / NS)
            # Before the socket's error, which the kernel hands out once and then forgets.
            info = tcp_info.read(sock)
            now = now_ns()
            again = max(info.total_retrans or 0, 0) - len(made.retries_ns)
            made.retries_ns += [now - made.began_ns] * again
            if ready:
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        made.took_ns = now_ns() - made.began_ns
        if code != errno.EINPROGRESS:
            made.outcome = OUTCOMES.get(code) or errno.errorcode.get(code, os.strerror(code))
    return made


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the probe as asked and return its report; an attempt that fails is data."""
    family, address = resolve(args.host, args.port, socket.SOCK_STREAM)
    progress = Progress(args.count, wanted=args.progress)
    before = kernel.counters()
    made: list[Attempt] = []
    begun_ns = now_ns()
    while len(made) < args.count and not stop.asked:
        end_ns = now_ns() + int(args.timeout * NS)
        made.append(attempt(family, address, args.syn_retries, end_ns, stop))
        progress.tell(len(made), now_ns())
    outcomes = [each.outcome for each in made]
    return {
        "probe": "connect",
        "host": args.host,
        "address": str(address[0]),
        "port": args.port,
        "asked": args.count,
        "timeout_s": args.timeout,
        "syn_retries": args.syn_retries if args.syn_retries is not None else _setting(RETRIES),
        "syn_linear_timeouts": _setting(LINEAR),
        "interrupted": stop.asked > 0,
        "attempts": len(made),
        "connected": outcomes.count("connected"),
        "outcomes": {name: outcomes.count(name) for name in sorted(set(outcomes))},
        "retries": sum(len(each.retries_ns) for each in made),
        "connect_ms": summary(
            [each.took_ns for each in made if each.outcome == "connected"],
            MS, "min", "p50", "p99", "max", "mean",
        ),
        "duration_s": seconds(now_ns() - begun_ns),
        # Of the whole namespace: who else connects meanwhile shows up, too.
        "kernel": grown(before, kernel.counters(), *KERNEL_COUNTERS),
        "samples": [
            [each.began_ns, each.outcome, each.took_ns, each.retries_ns] for each in made
        ],
    }  # fmt: skip


def _setting(path: Path) -> int | None:
    """A setting of this kernel; None where it has none of that name."""
    try:
        return int(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(MODULE, "Attempts to connect, one after the other.")
    add = parser.add_argument
    add("--count", type=options.integer(1, 100_000), default=1, help="default: 1")
    add(
        "--syn-retries",
        type=options.integer(1, 127),
        help="when to give up: TCP_SYNCNT (tcp(7)); default: as the kernel has it",
    )
    add(
        "--timeout",
        type=options.number(0.001, 600),
        default=30.0,
        help="seconds for each attempt, default: 30",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(MODULE, arguments, measure)
