"""`tcp` and `bulk`: messages over many connections, and transfers as fast as TCP lets them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lab import measure, parsing
from lab.engine import Engine
from lab.errors import LabError, NotHere, last_words
from lab.nodes import Lab, Node
from lab.scenario.kind import CLIENT, Kind, Measured, Option

AVAILABLE = "/proc/sys/net/ipv4/tcp_available_congestion_control"
ALLOWED = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
CONGESTION = parsing.word(r"[a-z][a-z0-9_]{0,14}", "congestion control", "reno, cubic or bbr")


def tcp(engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True) -> Measured:
    """Measure by `lab.measure.tcp`; see its report.

    Other than there `streams` is how many connected, and `sent` what was asked for: that has to
    come back, not what the probe got around to sending.

    Series, a row for each message: number, sent_s, rtt_ms (None: not back, or not intact).
    """
    report = measure.tcp(
        engine, lab, count=options["count"], size=options["size"], streams=options["streams"],
        timeout_ms=options["timeout"], client=options["client"], details=True, alone=alone,
    )  # fmt: skip
    samples = report.pop("samples")
    begun_ns = samples[0][1] if samples else None
    series = {
        "number": [number for number, _, _ in samples],
        "sent_s": [(sent_ns - begun_ns) / 1e9 for _, sent_ns, _ in samples],
        "rtt_ms": [None if back is None else (back - sent) / 1e6 for _, sent, back in samples],
    }
    report |= {"streams": report["streams"]["connected"], "sent": options["count"]}
    report["begun_ns"] = begun_ns
    return Measured(report, series)


def bulk(engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True) -> Measured:
    """Measure by `lab.measure.bulk`; see its report. Raises `NotHere`: see `refuse_unavailable`.

    Added: `goodput_bps` of all flows together and `fairness` (Jain's index of their goodputs: 1
    where all have the same, 1 / n where one has all). Series: t_s since all were connected, the
    warm-up included; goodput_bps since the row before, of all flows; and of each `flows.N.cwnd`
    (segments), `flows.N.rtt_ms` (smoothed), `flows.N.goodput_bps`.
    """
    refuse_unavailable(engine, lab.client(options["client"]), options["congestion"])
    report = measure.bulk(
        engine, lab, streams=options["streams"], warmup_s=options["warmup"] / 1000,
        window_s=options["duration"] / 1000, congestion=",".join(options["congestion"]),
        send_buffer=options["send-buffer"], stagger_s=options["stagger"] / 1000,
        window=options["window"], client=options["client"], details=True, alone=alone,
    )  # fmt: skip
    series = bulk_series(report.pop("samples_ns"), report.pop("samples"))
    goodputs = [flow["goodput_bps"] or 0.0 for flow in report["flows"]]
    return Measured(report | {"goodput_bps": sum(goodputs), "fairness": fairness(goodputs)}, series)


def fairness(shares: Sequence[float]) -> float | None:
    """Jain's index of some shares (DEC-TR-301, 1984); None where nobody got anything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else None


def bulk_series(
    times_ns: Sequence[int], flows: Sequence[Sequence[tuple[int | None, int | None, int | None]]]
) -> dict[str, list[Any]]:
    """Columns of the samples of some flows: cwnd, rtt in us and bytes acknowledged at each time.

    Rows are the times after the first; the goodput is between a row and the one before.
    """
    spans_s = [(after - before) / 1e9 for before, after in pairwise(times_ns)]
    found: dict[str, list[Any]] = {
        "t_s": [ns / 1e9 for ns in times_ns[1:]],
        "goodput_bps": [0.0] * len(spans_s),
    }
    for number, samples in enumerate(flows):
        rates = [
            None if before is None or after is None else (after - before) * 8 / span_s
            for span_s, ((_, _, before), (_, _, after)) in zip(
                spans_s, pairwise(samples), strict=True
            )
        ]
        found[f"flows.{number}.cwnd"] = [cwnd for cwnd, _, _ in samples[1:]]
        found[f"flows.{number}.rtt_ms"] = [us and us / 1000 for _, us, _ in samples[1:]]
        found[f"flows.{number}.goodput_bps"] = rates
        found["goodput_bps"] = [
            total + (rate or 0.0) for total, rate in zip(found["goodput_bps"], rates, strict=True)
        ]
    return found


def refuse_unavailable(engine: Engine, node: Node, names: Sequence[str]) -> None:
    """Raise `NotHere` where a congestion control can't be had in a node.

    The kernel has it not (or not yet: a module is loaded for root alone), or lets only root choose
    it; but what the node's route has (congctl, ip-route(8)) anybody may use.
    """
    output = engine.run(node, ["cat", AVAILABLE, ALLOWED])
    lines = output.stdout.splitlines()
    if output.code or len(lines) != 2:
        raise LabError(f"{node.name}: can't read {AVAILABLE}: {last_words(output.stderr, 1)}")
    route = engine.run(node, ["ip", "-4", "route", "show", "dev", "eth0"]).stdout.split()
    by_route = {name for word, name in pairwise(route) if word == "congctl"}
    available, allowed = (line.split() for line in lines)
    for name in names:
        if name not in available:
            has = ", ".join(available)
            raise NotHere(f"no congestion control {name!r} in this kernel; it has {has}")
        if name not in allowed and name not in by_route:
            cure = f"on the host: sysctl -w net.ipv4.tcp_allowed_congestion_control='{name} …'"
            raise NotHere(f"this kernel lets only root choose {name!r}; {cure}")


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
        "congestion": Option(
            parsing.several(CONGESTION, 8), ("cubic",), "congestion control of the flows in turn"
        ),
        "stagger": Option(parsing.duration(0, 600_000), 0.0, "from one flow's start to the next"),
        "warmup": Option(parsing.duration(0, 600_000), 3000.0, "before anything counts"),
        "duration": Option(parsing.duration(100, 600_000), 10_000.0, "that counts"),
        "send-buffer": Option(parsing.number(4096, 1 << 30), None, "bytes; none: the kernel's"),
        "window": Option(
            parsing.number(1, 1 << 30), None, "bytes under way, there and back; none: no end"
        ),
        "client": CLIENT,
    },
    bulk,
    "transfers as fast as TCP lets them: goodput, window and round trip over time",
)
