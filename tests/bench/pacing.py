"""The UDP probe against irtt and sockperf: the same payload over the same way through wan.

Each tool talks to its own server in the node `udp-server`, from the node `client`; the probe to
`udp_socket`. irtt and sockperf are Go and C++, client and server; the probe is Python at both ends.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from statistics import median

from lab.engine import Engine
from lab.nodes import Lab
from lab.stats import percentile
from tests.bench import ground

SIZE = 64
ROUNDS = 3
IRTT_PER_S, IRTT_S = 1_000, 3
SOCKPERF_PER_S, SOCKPERF_S, SOCKPERF_PORT = 20_000, 2, 11_111
IRTT_PORT = 2112
FLAT_OUT = 60_000  # datagrams of the probe when no pace holds it: about a second
LATE_MS = 1.0  # as the probe has it
SERVERS_LAST_S = "300"
_LOG = "/run/lab/sockperf.csv"  # in the client, in memory


@dataclass(frozen=True)
class Paced:
    """What a tool did. off_beat: share of ticks skipped, or served more than LATE_MS late."""

    per_s: float
    p50_ms: float
    p99_ms: float
    off_beat: float
    lost: float


Tool = Callable[[], Paced]


def start_servers(engine: Engine, lab: Lab) -> None:
    """Start irtt's and sockperf's own servers beside the echo program; idle, they cost nothing."""
    server = lab.node("udp-server")
    limited = ["timeout", SERVERS_LAST_S]
    ground.start(engine, server, "udp", IRTT_PORT, [*limited, "irtt", "server", "-i", "0"])
    ground.start(
        engine, server, "udp", SOCKPERF_PORT,
        [*limited, "sockperf", "server", "--port", str(SOCKPERF_PORT)],
    )  # fmt: skip


def against_irtt(engine: Engine, lab: Lab) -> dict[str, Paced]:
    """At a tick a millisecond: medians of the rounds, by tool."""
    count = IRTT_PER_S * IRTT_S
    return in_turn(
        {
            "the lab's probe": lambda: _probe(engine, lab, count, IRTT_PER_S),
            "irtt": lambda: _irtt(engine, lab, "comp"),
            "irtt --timer=busy": lambda: _irtt(engine, lab, "busy"),
        }
    )


def against_sockperf(engine: Engine, lab: Lab) -> dict[str, Paced]:
    """At 20 000 a second: medians of the rounds, by tool."""
    count = SOCKPERF_PER_S * SOCKPERF_S
    return in_turn(
        {
            "the lab's probe": lambda: _probe(engine, lab, count, SOCKPERF_PER_S),
            "sockperf under-load": lambda: _sockperf(engine, lab, str(SOCKPERF_PER_S)),
        }
    )


def sockperf_at(engine: Engine, lab: Lab, per_s: int) -> Paced:
    """sockperf alone, at so many messages a second."""
    return _sockperf(engine, lab, str(per_s))


def flat_out(engine: Engine, lab: Lab) -> dict[str, Paced]:
    """As fast as each can: medians of the rounds, by tool."""
    return in_turn(
        {
            "the lab's probe": lambda: _probe(engine, lab, FLAT_OUT, 1_000_000),
            "sockperf --mps=max": lambda: _sockperf(engine, lab, "max"),
        }
    )


def in_turn(tools: dict[str, Tool]) -> dict[str, Paced]:
    """Run all tools once a round, and take the median of each figure."""
    runs: dict[str, list[Paced]] = {name: [] for name in tools}
    for _ in range(ROUNDS):
        for name, tool in tools.items():
            runs[name].append(tool())
    return {
        name: Paced(*(median(figures) for figures in zip(*map(astuple, done), strict=True)))
        for name, done in runs.items()
    }


def _probe(engine: Engine, lab: Lab, count: int, per_s: int) -> Paced:
    report = engine.python(
        lab.node("client"), "probe.udp", "udp-server",
        "--count", str(count), "--size", str(SIZE), "--rate", str(per_s),
    )  # fmt: skip
    return Paced(
        per_s=report["achieved_per_s"],
        p50_ms=report["rtt_ms"]["p50"],
        p99_ms=report["rtt_ms"]["p99"],
        off_beat=report["late_ticks"] / count,
        lost=report["lost"] / report["sent"],
    )


def _irtt(engine: Engine, lab: Lab, timer: str) -> Paced:
    """A tick that irtt misses is one that it skipped, as the next was due: late by LATE_MS here."""
    printed = _run(
        engine, lab,
        ["irtt", "client", "-i", f"{1000 // IRTT_PER_S}ms", "-d", f"{IRTT_S}s", "-l", str(SIZE),
         f"--timer={timer}", "-Q", "-o", "-", "udp-server"],
    )  # fmt: skip
    report = json.loads(printed)
    stats, trips = report["stats"], report["round_trips"]
    round_trips = [trip["delay"]["rtt"] / 1e6 for trip in trips if "rtt" in trip["delay"]]
    left = [trip["timestamps"]["client"]["send"]["monotonic"] / 1e9 for trip in trips]
    return Paced(
        per_s=(len(left) - 1) / (left[-1] - left[0]),
        p50_ms=percentile(round_trips, 50),
        p99_ms=percentile(round_trips, 99),
        off_beat=stats["timer_misses"] / (stats["timer_misses"] + stats["packets_sent"]),
        lost=stats["packet_loss_percent"] / 100,
    )


def _sockperf(engine: Engine, lab: Lab, per_s: str) -> Paced:
    printed = _run(
        engine, lab,
        ["sockperf", "under-load", "--ip", lab.node("udp-server").address,
         "--port", str(SOCKPERF_PORT), "--msg-size", str(SIZE), "--time", str(SOCKPERF_S),
         "--mps", per_s, "--reply-every", "1", "--full-rtt", "--full-log", _LOG],
    )  # fmt: skip
    # Its own warm-up and cool-down left out, 2 × 0.2 s.
    found = re.search(
        r"Valid Duration\] RunTime=([\d.]+) sec; SentMessages=(\d+); ReceivedMessages=(\d+)",
        printed,
    )
    if not found:
        raise ground.BenchError("sockperf says that it observed nothing")
    seconds, sent, received = float(found[1]), int(found[2]), int(found[3])
    log = _run(engine, lab, ["cat", _LOG])
    rows = [  # number, left (s), came back (s), round trip (µs)
        tuple(float(field) for field in line.split(","))
        for line in log.splitlines()
        if re.match(r"\d+, ", line)
    ]
    round_trips = [row[3] / 1e3 for row in rows]
    return Paced(
        per_s=sent / seconds,
        p50_ms=percentile(round_trips, 50),
        p99_ms=percentile(round_trips, 99),
        off_beat=0.0 if per_s == "max" else _late(rows, int(per_s)),
        lost=1 - received / sent,
    )


def _late(rows: Sequence[tuple[float, ...]], per_s: int) -> float:
    """The share that left more than LATE_MS after it was due; the punctual ones set the beat."""
    offsets = [left - number / per_s for number, left, *_ in rows]
    beat = min(offsets)
    return sum(offset - beat > LATE_MS / 1e3 for offset in offsets) / len(rows)


def _run(engine: Engine, lab: Lab, argv: list[str]) -> str:
    output = engine.run(lab.node("client"), ["timeout", "30", *argv])
    if output.code != 0:
        said = ground.last_line(output.stderr or output.stdout)
        raise ground.BenchError(f"{argv[0]} failed ({output.code}): {said}")
    return output.stdout
