"""The main experiment: the same loss for UDP and for TCP; what arrives, and what it costs.

Measures all of UDP first and then all of TCP: a TCP segment that is repeated late would be
counted on wan in the middle of UDP's ledger, and that has to close to the last datagram.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lab import lifecycle, measure
from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.nodes import Lab
from lab.scenario import checks
from lab.scenario.run import Point, Run, Step
from lab.stats import exact_interval, run_confidence, two_way_loss
from lab.undo import undone
from lab.wording import exact_percent

LOSSES = (0.0, 0.01, 0.05, 0.10, 0.20, 0.30)
MESSAGES = 2000
SIZE = 64
STREAMS = 100
UDP_INTERVAL_MS = 0.25
UDP_TIMEOUT_MS = 500.0
TCP_TIMEOUT_MS = 120_000.0
TCP_ROUTE = ("rto_min", "10ms", "quickack", "1")
"""TCP's clock in this run: Linux repeats a segment after 200 ms at the soonest, here after 10 ms,
and acknowledges at once. Each repeat that is lost doubles the wait. At 30 % each way 51 % of round
trips fail, and a wait that doubles with a chance of 51 % has no finite mean: by Linux's own clock
a run now and then takes a minute."""
CONFIDENCE = 0.999
"""Of each interval shown, and of the verdict of the run as a whole."""

_UDP_KEYS = (
    "sent", "server_received", "server_sent", "received", "dropped_toward_server",
    "dropped_toward_client", "buffer_drops", "unexplained", "duplicated", "reordered", "late",
    "corrupted", "late_ticks", "timeout_s", "rtt_ms", "one_way_ms", "duration_s",
)  # fmt: skip
_TCP_KEYS = (
    "sent", "received", "corrupted", "failed", "missing", "retransmissions",
    "retransmissions_toward_server", "retransmissions_toward_client", "dropped_toward_server",
    "dropped_toward_client", "streams", "connect_ms", "rtt_ms", "goodput_bps", "duration_s",
)  # fmt: skip


class LossRun(Run):
    """UDP first and then TCP, through the same losses."""

    name = "loss"

    def __init__(
        self,
        engine: Engine,
        lab: Lab,
        *,
        losses: Sequence[float] = LOSSES,
        messages: int = MESSAGES,
        facts: Mapping[str, Any] | None = None,
        watch: Callable[[Step], None] = lambda _: None,
    ) -> None:
        """`losses`: ratios, the same each way. For the rest see `Run`."""
        super().__init__(engine, lab, facts=facts, watch=watch)
        self._losses, self._messages = losses, messages
        self._udp: dict[float, dict[str, Any]] = {}
        self._tcp: dict[float, dict[str, Any]] = {}

    def _sweep(self) -> None:
        with self._quick_tcp():
            for protocol, one in (("udp", self._one_udp), ("tcp", self._one_tcp)):
                for loss in self._losses:
                    self._step(f"{protocol.upper()} at {exact_percent(loss)} loss")
                    one(loss)

    @contextmanager
    def _quick_tcp(self) -> Iterator[None]:
        lifecycle.rewire(self._engine, self._lab, *TCP_ROUTE)
        # Looked up again, as a node that ended meanwhile is named at once and not waited for.
        with undone(lambda: lifecycle.rewire(self._engine, self._engine.lab(self._lab.name))):
            yield

    def _impair(self, loss: float) -> None:
        state = self._link.set({each: Impairment(loss=loss) for each in Direction})
        self._backend = state.backend

    def _one_udp(self, loss: float) -> None:
        self._impair(loss)
        report = measure.udp(
            self._engine, self._lab, count=self._messages, size=SIZE,
            interval_ms=UDP_INTERVAL_MS, timeout_ms=UDP_TIMEOUT_MS,
        )  # fmt: skip
        kept = {key: report[key] for key in _UDP_KEYS}
        each = run_confidence(CONFIDENCE, self._tests())
        back = report["received"]
        kept |= _loss(report["sent"], report["sent"] - back, two_way_loss(loss, loss), each)
        ways = (
            ("toward_server", report["sent"], report["server_received"]),
            ("toward_client", report["server_sent"], back + report["late"]),
        )
        for name, sent, arrived in ways:
            kept[name] = {"sent": sent, "lost": sent - arrived}
            kept[name] |= _loss(sent, sent - arrived, loss, each)
        self._udp[loss] = kept

    def _one_tcp(self, loss: float) -> None:
        self._impair(loss)
        report = measure.tcp(
            self._engine, self._lab, count=self._messages, size=SIZE, streams=STREAMS,
            timeout_ms=TCP_TIMEOUT_MS,
        )  # fmt: skip
        self._congestion = report["congestion_control"]
        kept = {key: report[key] for key in _TCP_KEYS}
        kept["streams"] = report["streams"]["connected"]
        # What was asked for is what has to come back, not what the probe got around to sending.
        kept["sent"] = self._messages
        self._tcp[loss] = kept

    def _tests(self) -> int:
        """Intervals in the run that may miss by chance: a way, the other, both, where loss is."""
        return max(1, 3 * sum(1 for loss in self._losses if loss > 0))

    @property
    def _progress(self) -> tuple[int, int]:
        return len(self._udp) + len(self._tcp), 2 * len(self._losses)

    @property
    def _points(self) -> Sequence[Point]:
        return [
            {"loss": loss, "udp": self._udp.get(loss), "tcp": self._tcp.get(loss)}
            for loss in sorted(self._losses)
            if loss in self._udp or loss in self._tcp
        ]

    def _broken(self, points: Sequence[Point]) -> list[str]:
        return checks.broken(points)

    def _setting(self) -> Mapping[str, Any]:
        return {
            "tcp_route": " ".join(TCP_ROUTE),
            "programs": {
                protocol: self._lab.node(f"{protocol}-server").program
                for protocol in ("tcp", "udp")
            },
            "confidence": CONFIDENCE,
            "run_confidence": CONFIDENCE,
        }


def _loss(sent: int, lost: int, expected: float, each: float) -> dict[str, Any]:
    """A loss ratio (RFC 7680) with its exact interval, and whether chance explains the rest.

    `each`: the confidence that each interval of a run needs for the run to have its own. The
    interval shown is of this figure alone, and of 15 such one misses in one run of a hundred.
    """
    low, high = exact_interval(lost, sent, each)
    return {
        "loss_ratio": lost / sent if sent else 0.0,
        "expected": expected,
        "interval": list(exact_interval(lost, sent, CONFIDENCE)),
        "held": low <= expected <= high,
    }
