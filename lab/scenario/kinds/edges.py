"""`boundaries`, `close` and `flood`: the edges of messages, of a connection, and of a link."""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lab import parsing, units
from lab.engine import Engine
from lab.errors import ProbeError
from lab.link import Link
from lab.nodes import Lab
from lab.scenario.kind import CLIENT, Kind, Measured, Option
from lab.scenario.kinds.probing import PROTOCOL, probe, seconds

CLOSE_PORTS = range(7000, 27_000)
"""For the server's end of `close`: any, as one in TIME_WAIT stays in use for a minute. They end
below those that the kernel gives to clients (ip_local_port_range, ip(7))."""
LISTENING_S = 5


def boundaries(
    engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True
) -> Measured:
    """Send messages and see what reads they become, by `lab.node.probe.boundaries`.

    Added for TCP: `server_reads` and `server_read_sizes` (the last 256), as its program read them;
    for UDP: `reassembled_at_server` (datagrams, Ip.ReasmOKs). Series, a row for each datagram of
    UDP: number, size, error, fragments, read (None: nothing came back); for each read of TCP:
    number, read.
    """
    protocol = options["protocol"]
    switches = [name for name in ("late", "nodelay", "cork", "dont-fragment") if options[name]]
    words = [
        "--protocol", protocol, "--sizes", ",".join(map(str, options["sizes"])),
        "--timeout", seconds(options["timeout"]), *(f"--{name}" for name in switches),
    ]  # fmt: skip
    if options["read-size"] is not None:
        words += ["--read-size", str(options["read-size"])]
    found = probe(engine, lab, "boundaries", f"{protocol}-server", words, options["client"], alone)
    report = found.report
    if protocol == "udp":
        rows = report.pop("datagrams")
        names = ("number", "size", "error", "fragments", "read")
        report["reassembled_at_server"] = found.server("Ip.ReasmOKs")
        return Measured(report, {name: [row[name] for row in rows] for name in names})
    reads = _newest(found.after["last_reads"], report["bytes"])
    report["server_reads"] = len(reads) if alone else None
    report["server_read_sizes"] = reads if alone else None
    read = report["read_sizes"]
    return Measured(report, {"number": list(range(len(read))), "read": read})


def _newest(reads: Sequence[int], total: int) -> list[int]:
    """The newest reads that make up so many bytes."""
    taken, place = 0, len(reads)
    while taken < total and place:
        place -= 1
        taken += reads[place]
    return list(reads[place:])


def flood(engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True) -> Measured:
    """Send datagrams that nobody reads, by `lab.node.probe.flood`; see its report.

    Added: `dropped_…` by wan's counters; and `received`, `received_bps` and `loss_ratio` by the
    server's kernel, exact also beside other traffic, as nothing else goes to a port without a
    socket. Series: t_s (begin of 100 ms), sent_bps.
    """
    words = [
        "--rate", str(options["rate"]), "--size", str(options["size"]),
        "--seconds", seconds(options["duration"]),
        # The server is asked when what wan still holds has come out.
        "--linger", str(Link(engine, lab).state().longest_stay_s(options["client"])),
    ]  # fmt: skip
    found = probe(engine, lab, "flood", "udp-server", words, options["client"], alone)
    report = found.report
    bins, bin_s = report.pop("samples"), report.pop("bin_s")
    bits = options["size"] * 8
    received = found.after["kernel"]["Udp.NoPorts"] - found.before["kernel"]["Udp.NoPorts"]
    report |= {
        "received": received,
        "received_bps": received * bits / report["duration_s"],
        "loss_ratio": 1 - received / report["sent"] if report["sent"] else None,
    }
    series = {
        "t_s": [number * bin_s for number in range(len(bins))],
        "sent_bps": [sent * bits / bin_s for sent in bins],
    }
    return Measured(report, series)


@dataclass(frozen=True)
class Ending:
    """A way for a connection to end. first: steps of the one that ends it; other: of its peer.

    `AT` stands for when it is done, `LATER` for when the peer says something after that.
    """

    first: tuple[str, ...]
    other: tuple[str, ...] = ()
    other_deaf: bool = False
    first_deaf: bool = False


ENDINGS = {
    # FIN, FIN: who says so first keeps TIME_WAIT (RFC 9293, 3.6).
    "orderly": Ending(("0 send 64", "AT shut", "eof close"), ("eof close",)),
    # One direction has ended, the other goes on.
    "half-close": Ending(("0 send 64", "AT shut", "eof close"), ("eof send SIZE", "eof close")),
    # A reset: nothing is left of it, and the peer is told when it reads, and again when it sends.
    "abort": Ending(("0 send 64", "AT abort"), ("error send 64", "error close")),
    # Closed with something unread: data were lost, and so TCP resets (RFC 2525, 2.17).
    "unread": Ending(("AT close",), ("0 send 64", "error send 64", "error close"), first_deaf=True),
    # The peer is not told, as the network is away (a schedule sees to that), and speaks later.
    "half-open": Ending(
        ("0 send 64", "AT abort"), ("LATER send 64", "error send 64", "error close")
    ),
}


def close(engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True) -> Measured:
    """End one connection in one way, both ends by `lab.node.probe.close`; see there.

    Report: `how`, `by`, `client` and `server`, each with `events` ([t_s, what, result]), `states`
    ([t_s, state], in RFC 9293's names), `read_error`, `write_error` (an
    errno's name or None), `end_of_file`, `sent` and `received` (bytes), `time_wait_s` (how long
    it is to last, None where there was none) and `rebind`; and `time_wait`: who has it. Times
    count from when the connection stands, at the client. Series: t_s, who, what, result, of events
    and states (what: `state`) together.
    """
    how = ENDINGS[options["how"]]
    roles = {"client": how.first, "server": how.other}
    deaf = {"client": how.first_deaf, "server": how.other_deaf}
    if options["by"] == "server":
        roles = {"client": how.other, "server": how.first}
        deaf = {"client": how.other_deaf, "server": how.first_deaf}
    port, timeout = secrets.choice(CLOSE_PORTS), options["timeout"]
    words = {
        who: [
            "--port", str(port), "--timeout", seconds(timeout), *(["--deaf"] if deaf[who] else []),
            *(word for step in steps for word in ("--do", _step(step, options))),
        ]
        for who, steps in roles.items()
    }  # fmt: skip
    node, server = lab.client(options["client"]), lab.node("tcp-server")
    with ThreadPoolExecutor(max_workers=1) as pool:
        listening = pool.submit(engine.python, server, "probe.close", "--listen", *words["server"])
        if not engine.python(server, "sockets", str(port), str(LISTENING_S))["listens"]:
            listening.result()  # says why
            raise ProbeError(f"tcp-server: nobody listens on {port} after {LISTENING_S} s")
        at_client = engine.python(node, "probe.close", "tcp-server", *words["client"])
        at_server = listening.result()
    begun_ns = at_client["begun_ns"]
    ends = {"client": _end(at_client, begun_ns), "server": _end(at_server, begun_ns)}
    report = {
        "how": options["how"],
        "by": options["by"],
        "begun_ns": begun_ns,
        "time_wait": next((who for who, end in ends.items() if end["time_wait_s"]), None),
        **ends,
    }
    rows = sorted(
        (row[0], who, *(row[1:] if name == "events" else ("state", row[1])))
        for who, end in ends.items()
        for name in ("events", "states")
        for row in end[name]
    )
    columns = ("t_s", "who", "what", "result")
    return Measured(report, {name: [row[n] for row in rows] for n, name in enumerate(columns)})


def _step(step: str, options: Mapping[str, Any]) -> str:
    at, later = options["at"], options["at"] + options["later"]
    values = {"AT": str(round(at)), "LATER": str(round(later)), "SIZE": str(options["size"])}
    return " ".join(values.get(word, word) for word in step.split())


def _end(found: Mapping[str, Any], begun_ns: int) -> dict[str, Any]:
    """One end's part of the report."""
    events = [[(ns - begun_ns) / 1e9, what, result] for ns, what, result in found["events"]]

    def error(action: str) -> str | None:
        return next((r for _, what, r in events if what == action and r.startswith("E")), None)

    return {
        "events": events,
        "states": [[(ns - begun_ns) / 1e9, state] for ns, state in found["states"]],
        "read_error": error("recv"),
        "write_error": error("send"),
        "end_of_file": any(what == "recv" and r == "end of file" for _, what, r in events),
        "sent": found["sent"],
        "received": found["received"],
        "time_wait_s": found["time_wait_s"],
        "rebind": found["rebind"],
    }


def sizes(text: str, where: str) -> tuple[int, ...]:
    """Sizes with commas between them; `10x100` is ten times 100."""
    found: list[int] = []
    for part in text.split(","):
        times, cross, size = part.strip().partition("x")
        repeat = parsing.number(1, 256)(times, where) if cross else 1
        found += [parsing.number(1, 65_536)(size if cross else times, where)] * repeat
    if len(found) > 256:
        raise units.refusal(where, text, "is too many sends; allowed 1 to 256")
    return tuple(found)


BOUNDARIES = Kind(
    "boundaries",
    {
        "protocol": Option(PROTOCOL, "tcp", "tcp or udp"),
        "sizes": Option(sizes, (100,) * 10, "of each send, such as 10x100 or 1472, 1473"),
        "read-size": Option(parsing.number(1, 1 << 20), None, "bytes that one read may return"),
        "late": Option(parsing.switch, False, "TCP: read when all has arrived"),
        "nodelay": Option(parsing.switch, False, "TCP: TCP_NODELAY"),
        "cork": Option(parsing.switch, False, "TCP: TCP_CORK until all is written"),
        "dont-fragment": Option(parsing.switch, False, "UDP: what fits no packet is refused"),
        "timeout": Option(parsing.duration(1, 600_000), 5000.0, "for all of it"),
        "client": CLIENT,
    },
    boundaries,
    "sends of some sizes, and the reads that they become at both ends",
)

FLOOD = Kind(
    "flood",
    {
        "rate": Option(units.parse_rate, 1_000_000, "of payload"),
        "size": Option(parsing.number(1, 65_507), 1400, "bytes of payload"),
        "duration": Option(parsing.duration(10, 3_600_000), 10_000.0, "of sending"),
        "client": CLIENT,
    },
    flood,
    "datagrams at a set rate that nobody reads and that yield to nobody",
)

CLOSE = Kind(
    "close",
    {
        "how": Option(parsing.choice(*ENDINGS), "orderly", ", ".join(ENDINGS)),
        "by": Option(parsing.choice("client", "server"), "client", "who ends it"),
        "at": Option(parsing.duration(0, 600_000), 200.0, "when, after connecting"),
        "later": Option(parsing.duration(0, 600_000), 1000.0, "half-open: the peer speaks then"),
        "size": Option(parsing.number(1, 1 << 20), 20_000, "half-close: bytes that still come"),
        "timeout": Option(parsing.duration(10, 600_000), 10_000.0, "for all of it"),
        "client": CLIENT,
    },
    close,
    "the end of a connection: states, end of file, errors, resets, TIME_WAIT",
)
