"""`tcp` and `bulk`: messages over many connections, and transfers as fast as TCP lets them."""

from collections.abc import Mapping
from typing import Any

from lab import measure, parsing
from lab.engine import Engine
from lab.nodes import Lab
from lab.scenario.kind import CLIENT, Kind, Measured, Option

congestion = parsing.word(r"[a-z][a-z0-9_]{0,14}", "congestion control", "reno, cubic or bbr")


def tcp(engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True) -> Measured:
    """Measure by `lab.measure.tcp`; see its report. Series: sent_s, rtt_ms (None: not back)."""
    report = measure.tcp(
        engine, lab, count=options["count"], size=options["size"], streams=options["streams"],
        timeout_ms=options["timeout"], client=options["client"],
    )  # fmt: skip
    return Measured(report)


def bulk(engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True) -> Measured:
    """Measure by `lab.measure.bulk`; see its report."""
    report = measure.bulk(
        engine, lab, streams=options["streams"], warmup_s=options["warmup"] / 1000,
        window_s=options["duration"] / 1000, congestion=options["congestion"],
        send_buffer=options["send-buffer"], client=options["client"],
    )  # fmt: skip
    return Measured(report)


TCP = Kind(
    "tcp",
    {
        "count": Option(parsing.number(1, 1_000_000), 2000, "messages"),
        "size": Option(parsing.number(20, 1 << 20), 64, "bytes a message"),
        "streams": Option(parsing.number(1, 1000), 100, "connections at the same time"),
        "timeout": Option(parsing.duration(1, 3_600_000), 60_000.0, "for all of it"),
        "client": CLIENT,
    },
    tcp,
    "messages over some connections: delivery, what it took, and how long",
)

BULK = Kind(
    "bulk",
    {
        "streams": Option(parsing.number(1, 100), 1, "flows"),
        "congestion": Option(congestion, "cubic", "congestion control of all flows"),
        "warmup": Option(parsing.duration(0, 600_000), 3000.0, "before anything counts"),
        "duration": Option(parsing.duration(100, 600_000), 10_000.0, "that counts"),
        "send-buffer": Option(parsing.number(4096, 1 << 30), None, "bytes; none: the kernel's"),
        "client": CLIENT,
    },
    bulk,
    "transfers as fast as TCP lets them: goodput, window and round trip over time",
)
