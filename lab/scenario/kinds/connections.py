"""`request`, `connect` and `steady`: what a connection costs, and what becomes of one."""

from collections.abc import Mapping
from typing import Any

from lab import parsing, units
from lab.engine import Engine
from lab.nodes import Lab
from lab.scenario.kind import CLIENT, Kind, Measured, Option
from lab.scenario.kinds.probing import PROTOCOL, ms, probe, seconds


def request(
    engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True
) -> Measured:
    """Make requests one after the other, by `lab.node.probe.request`; see its report.

    Added: `dropped_…` by wan's counters and `server_connections`. Series, a row for each request:
    number, sent_s, connect_ms, first_byte_ms, total_ms, close_ms (None: it did not come to it),
    outcome.
    """
    protocol = options["protocol"]
    words = [
        "--protocol", protocol, "--count", str(options["count"]), "--size", str(options["size"]),
        "--timeout", seconds(options["timeout"]), *(["--keep"] if options["keep"] else []),
    ]  # fmt: skip
    found = probe(engine, lab, "request", f"{protocol}-server", words, options["client"], alone)
    samples = found.report.pop("samples")
    begun_ns = samples[0][0] if samples else None
    names = ("connect_ms", "first_byte_ms", "total_ms", "close_ms")
    series = {
        "number": list(range(len(samples))),
        "sent_s": [(row[0] - begun_ns) / 1e9 for row in samples],
        **{name: [ms(row[place]) for row in samples] for place, name in enumerate(names, 1)},
        "outcome": [row[5] for row in samples],
    }
    told = {"server_connections": found.connections, "begun_ns": begun_ns}
    return Measured(found.report | told, series)


def connect(
    engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True
) -> Measured:
    """Try to connect, one attempt after the other, by `lab.node.probe.connect`; see its report.

    Added: `dropped_…` by wan's counters, and `retries_s`: when each SYN of the first attempt was
    sent again. Series, a row for each attempt: number, sent_s, outcome, took_ms, retries.
    """
    words = [
        "--count", str(options["count"]), "--timeout", seconds(options["timeout"]),
        "--port", str(options["port"]),
    ]  # fmt: skip
    if options["syn-retries"] is not None:
        words += ["--syn-retries", str(options["syn-retries"])]
    found = probe(engine, lab, "connect", "tcp-server", words, options["client"], alone)
    samples = found.report.pop("samples")
    begun_ns = samples[0][0] if samples else None
    series = {
        "number": list(range(len(samples))),
        "sent_s": [(row[0] - begun_ns) / 1e9 for row in samples],
        "outcome": [row[1] for row in samples],
        "took_ms": [row[2] / 1e6 for row in samples],
        "retries": [len(row[3]) for row in samples],
    }
    first = [ns / 1e9 for ns in samples[0][3]] if samples else []
    kernel = found.report["kernel"] if alone else dict.fromkeys(found.report["kernel"])
    told = {"retries_s": first, "kernel": kernel, "begun_ns": begun_ns}
    return Measured(found.report | told, series)


def steady(engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True) -> Measured:
    """Keep one connection at work, by `lab.node.probe.steady`; see its report.

    Added: `dropped_…` by wan's counters. Series, a row for each message: number, sent_s, rtt_ms
    (None: not back) and, as the kernel had it just before: rto_ms, backoff (how often the RTO was
    doubled), retransmissions, unacked (segments), srtt_ms, cwnd.
    """
    words = [
        "--interval", seconds(options["interval"]), "--seconds", seconds(options["duration"]),
        "--size", str(options["size"]), "--timeout", seconds(options["timeout"]),
    ]  # fmt: skip
    if options["keepalive"] is not None:
        words += ["--keepalive", str(round(options["keepalive"] / 1000))]
    if options["user-timeout"] is not None:
        words += ["--user-timeout", seconds(options["user-timeout"])]
    found = probe(engine, lab, "steady", "tcp-server", words, options["client"], alone)
    samples = found.report.pop("samples")
    place = {name: 3 + number for number, name in enumerate(found.report.pop("seen"))}
    begun_ns = samples[0][1] if samples else None
    series = {
        "number": [row[0] for row in samples],
        "sent_s": [(row[1] - begun_ns) / 1e9 for row in samples],
        "rtt_ms": [None if row[2] is None else (row[2] - row[1]) / 1e6 for row in samples],
        "rto_ms": [row[place["rto"]] / 1000 for row in samples],
        "backoff": [row[place["backoff"]] for row in samples],
        "retransmissions": [row[place["total_retrans"]] for row in samples],
        "unacked": [row[place["unacked"]] for row in samples],
        "srtt_ms": [row[place["rtt"]] / 1000 for row in samples],
        "cwnd": [row[place["snd_cwnd"]] for row in samples],
    }
    return Measured(found.report | {"begun_ns": begun_ns}, series)


def _whole_seconds(text: str, where: str) -> float:
    """A duration that TCP's keep-alive can have: it counts in seconds."""
    value = parsing.duration(1000, 3_600_000)(text, where)
    if value % 1000:
        raise units.refusal(where, text, "is no whole number of seconds, as tcp(7) has it")
    return value


REQUEST = Kind(
    "request",
    {
        "protocol": Option(PROTOCOL, "tcp", "tcp or udp"),
        "count": Option(parsing.number(1, 100_000), 20, "requests, one after the other"),
        "size": Option(parsing.number(20, 65_507), 64, "bytes of request and response"),
        "keep": Option(parsing.switch, False, "all over one connection"),
        "timeout": Option(parsing.duration(1, 600_000), 10_000.0, "for each request"),
        "client": CLIENT,
    },
    request,
    "one request and its response, again and again: connecting, first byte, total, parting",
)

CONNECT = Kind(
    "connect",
    {
        "count": Option(parsing.number(1, 100_000), 1, "attempts, one after the other"),
        "port": Option(parsing.number(1, 65_535), 7, "of the TCP server; on 8 nobody listens"),
        "syn-retries": Option(parsing.number(1, 127), None, "TCP_SYNCNT; none: the kernel's"),
        "timeout": Option(parsing.duration(1, 600_000), 30_000.0, "until we give up"),
        "client": CLIENT,
    },
    connect,
    "attempts to connect: how each ended, after how long, and when SYNs were repeated",
)

STEADY = Kind(
    "steady",
    {
        "interval": Option(parsing.duration(0.1, 600_000), 50.0, "between two messages"),
        "duration": Option(parsing.duration(1, 3_600_000), 10_000.0, "of sending"),
        "size": Option(parsing.number(20, 1 << 20), 64, "bytes a message"),
        "timeout": Option(parsing.duration(0, 600_000), 5000.0, "for replies at the end"),
        "keepalive": Option(_whole_seconds, None, "silence until TCP asks; three may be lost"),
        "user-timeout": Option(
            parsing.duration(1, 3_600_000), None, "how long data may be unacknowledged (RFC 5482)"
        ),
        "client": CLIENT,
    },
    steady,
    "a message at a set interval over one TCP connection: delay, gaps, and who notices what",
)
