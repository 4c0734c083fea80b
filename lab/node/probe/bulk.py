"""Measure what a long transfer over TCP gets through: its goodput, and what the kernel did for it.

    python3 -m lab.node.probe.bulk HOST [--streams S] [--warmup SECONDS] [--seconds SECONDS] …

Each stream sends as fast as TCP lets it and reads the echo as it comes, so that congestion control
alone sets the pace; or a window, where one is asked for: so many bytes are sent at most whose echo
has not come back, which is a sliding window with the echo for its acknowledgement. Counted is the
sending side: the bytes that the peer has acknowledged (each once, however often it was sent)
between the end of the warm-up and the end, by TCP_INFO.
"""

import argparse
import selectors
import socket

from lab.node.probe import options, tcp_info
from lab.node.probe.flow import Flow
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
)

MODULE = "lab.node.probe.bulk"
CLOSING_S = 10.0
SAMPLE_NS = 50 * MS


class Transfer:
    """All flows, in one thread: they connect, settle, are measured, and end."""

    def __init__(self, flows: list[Flow], stop: Stop, progress: Progress) -> None:
        """Take over the flows, which are connecting."""
        self.flows, self._stop, self._progress = flows, stop, progress
        self._connecting = set(flows)
        self._room = bytearray(1 << 18)
        self._selector = selectors.DefaultSelector()
        for flow in flows:
            self._selector.register(flow.sock, selectors.EVENT_WRITE, flow)
        self.begun_ns = 0  # all are connected
        self.sampled_ns: list[int] = []  # since then
        self.window_ns = 0

    def work(self, warmup_ns: int, window_ns: int) -> None:
        """Do all of it; CannotMeasure when a flow does not connect, or breaks."""
        with self._selector:
            try:
                self._connect()
                self.begun_ns = now_ns()
                self._flow(warmup_ns)
                for flow in self.flows:
                    flow.before = tcp_info.read(flow.sock)
                begun_ns = now_ns()
                self._flow(window_ns, counts=True)
                for flow in self.flows:
                    flow.after = tcp_info.read(flow.sock)
                self.window_ns = now_ns() - begun_ns
                self._end()
            finally:
                for flow in self.flows:
                    flow.sock.close()

    def _connect(self) -> None:
        end_ns = now_ns() + int(CONNECT_S * NS)
        while self._connecting and not self._stop.asked:
            if now_ns() > end_ns:
                raise CannotMeasure(f"{len(self._connecting)} streams not let in in {CONNECT_S} s")
            for key, _ in self._selector.select(LONGEST_WAIT_NS / NS):
                if key.data in self._connecting:
                    key.data.connected()
                    self._connecting.remove(key.data)
                    self._selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
        if self._connecting:
            raise CannotMeasure(f"stopped before {len(self._connecting)} streams were let in")

    def _flow(self, for_ns: int, *, counts: bool = False) -> None:
        begun_ns = due_ns = now_ns()
        end_ns = begun_ns + for_ns
        while (now := now_ns()) < end_ns and not self._stop.asked:
            if now >= due_ns:
                due_ns += SAMPLE_NS
                self._sample(now, counts=counts)
                if counts:
                    self._progress.tell((now - begun_ns) // MS, now)
            for key, events in self._selector.select((min(due_ns, end_ns) - now) / NS):
                key.data.act(events, self._room)
                self._watch(key.data, now)

    def _sample(self, now: int, *, counts: bool) -> None:
        """Note the state of all flows; and let those send whose time has come."""
        self.sampled_ns.append(now - self.begun_ns)
        for flow in self.flows:
            flow.sample(counts=counts)
            self._watch(flow, now)

    def _watch(self, flow: Flow, now: int) -> None:
        """Keep the selector informed of what a flow waits for."""
        events = flow.events(now - self.begun_ns)
        if events != self._selector.get_key(flow.sock).events:
            self._selector.modify(flow.sock, events, flow)

    def _end(self) -> None:
        """Say that no more will come, and take what is still on its way.

        A reset would be quicker, but it may be lost, and then a server that has nothing to send
        waits for ever.
        """
        for flow in self.flows:
            flow.sock.shutdown(socket.SHUT_WR)
            self._selector.modify(flow.sock, selectors.EVENT_READ, flow)
        end_ns = now_ns() + int(CLOSING_S * NS)
        while self._selector.get_map() and now_ns() < end_ns and not self._stop.asked:
            for key, _ in self._selector.select(LONGEST_WAIT_NS / NS):
                if key.data.drained(self._room):
                    self._selector.unregister(key.fileobj)


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the probe as asked and return its report; CannotMeasure when a stream broke."""
    family, address = resolve(args.host, args.port, socket.SOCK_STREAM)
    window_ns = int(args.seconds * NS)
    names = args.congestion.split(",") if args.congestion else [None]
    with quiet_interpreter():
        flows = [
            Flow(
                family,
                address,
                congestion=names[number % len(names)],
                start_ns=int(number * args.stagger * NS),
                send_buffer=args.send_buffer,
                window=args.window,
            )
            for number in range(args.streams)
        ]
        progress = Progress(window_ns // MS, wanted=args.progress)
        transfer = Transfer(flows, stop, progress)
        transfer.work(int(args.warmup * NS), window_ns)
    report: dict[str, object] = {
        "probe": "bulk",
        "host": args.host,
        "address": str(address[0]),
        "port": args.port,
        "interrupted": stop.asked > 0,
        "congestion_control": flows[0].congestion,
        "begun_ns": transfer.begun_ns,  # CLOCK_MONOTONIC, when all were connected
        "warmup_s": args.warmup,
        "window_s": transfer.window_ns / NS,
        "flows": [flow.figures(transfer.window_ns) for flow in flows],
    }
    if args.samples:
        report["samples_ns"] = transfer.sampled_ns
        report["samples"] = [flow.history for flow in flows]
    return report


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(MODULE, "Long transfers to a TCP echo server, all at the same time.")
    add = parser.add_argument
    add("--streams", type=options.integer(1, 1000), default=1, help="default: 1")
    add(
        "--warmup",
        type=options.number(0, 600),
        default=3.0,
        help="seconds before anything counts, for slow start; default: 3",
    )
    add("--seconds", type=options.number(0.1, 3600), default=10.0, help="that count; default: 10")
    add(
        "--congestion",
        metavar="NAME[,NAME]",
        help="congestion control of the flows in turn; default: as the kernel has it",
    )
    add(
        "--stagger",
        type=options.number(0, 600),
        default=0.0,
        help="seconds from the start of one stream to that of the next; default: 0",
    )
    add(
        "--send-buffer",
        type=options.integer(4096, 1 << 30),
        help="bytes, SO_SNDBUF (socket(7)); default: as the kernel sizes it",
    )
    add(
        "--window",
        type=options.integer(1, 1 << 30),
        help="bytes that may be under way, there and back; default: without end",
    )
    add(
        "--samples",
        action="store_true",
        help="add the time of each sample, and of each flow [cwnd, rtt in us, bytes acked]",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(MODULE, arguments, measure)
