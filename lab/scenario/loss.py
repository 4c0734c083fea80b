"""The main experiment: the same loss for UDP and for TCP; what arrives, and what it costs.

Measures all of UDP first and then all of TCP: a TCP segment that is repeated late would be
counted on wan in the middle of UDP's ledger, and that has to close to the last datagram.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab import catalogue, lifecycle, measure
from lab.engine import Engine
from lab.errors import LabError
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import Lab
from lab.scenario import checks
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
QUIET_S = 40
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


@dataclass(frozen=True)
class Step:
    """What the run is about to do, in words, and how many of its measurements are done."""

    words: str
    done: int
    of: int


class LossRun:
    """One run; `result` is what has been measured so far, at any time, as the JSON contract has it.

    So a run that is interrupted or fails in the middle loses nothing that it had.
    """

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
        """`facts`: what else the result is to say of itself (command, versions, …)."""
        self._engine, self._lab, self._link = engine, lab, Link(engine, lab)
        self._losses, self._messages, self._watch = losses, messages, watch
        self._facts = dict(facts or {})
        self._udp: dict[float, dict[str, Any]] = {}
        self._tcp: dict[float, dict[str, Any]] = {}
        self._backend: str | None = None
        self._congestion: str | None = None
        self._problem: str | None = None
        self._started, self._finished = _now(), ""

    def measure(self) -> None:
        """Sweep; whatever was impaired before is so again afterwards, also after Ctrl-C."""
        try:
            self._quiet()
            with self._link.restored(), self._quick_tcp():
                for protocol, one in (("udp", self._one_udp), ("tcp", self._one_tcp)):
                    for loss in self._losses:
                        self._step(f"{protocol.upper()} at {exact_percent(loss)} loss")
                        one(loss)
            self._step("done")
        except LabError as error:
            self._problem = str(error)
            raise
        finally:
            self._finished = _now()

    @contextmanager
    def _quick_tcp(self) -> Iterator[None]:
        lifecycle.rewire(self._engine, self._lab, *TCP_ROUTE)
        # Looked up again, as a node that ended meanwhile is named at once and not waited for.
        with undone(lambda: lifecycle.rewire(self._engine, self._engine.lab(self._lab.name))):
            yield

    def _step(self, words: str) -> None:
        done = len(self._udp) + len(self._tcp)
        self._watch(Step(words, done, 2 * len(self._losses)))

    def _quiet(self) -> None:
        if busy := measure.quiet(self._engine, self._lab, 0):
            self._step(f"waiting for {busy}: TCP has something left to say")
            busy = measure.quiet(self._engine, self._lab, QUIET_S)
        if busy:
            raise LabError(
                f"{busy} still has TCP connections at work after {QUIET_S} s; "
                "the ledger of this run could not close"
            )

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
    def whole(self) -> bool:
        """Whether every point was measured."""
        return len(self._udp) == len(self._tcp) == len(self._losses)

    def result(self) -> dict[str, Any]:
        """The run as one JSON object; `verdict` is `pass` only where all was measured and held."""
        points = [
            {"loss": loss, "udp": self._udp.get(loss), "tcp": self._tcp.get(loss)}
            for loss in sorted(self._losses)
            if loss in self._udp or loss in self._tcp
        ]
        failures = checks.broken(points) + ([self._problem] if self._problem else [])
        return {
            "scenario": "loss",
            "title": catalogue.SCENARIOS["loss"],
            **self._facts,
            "lab": self._lab.name,
            "started": self._started,
            "finished": self._finished or _now(),
            "backend": self._backend,
            "kernel": self._engine.kernel,
            "engine": self._engine.version,
            "congestion_control": self._congestion,
            "tcp_route": " ".join(TCP_ROUTE),
            "programs": {
                protocol: self._lab.node(f"{protocol}-server").program
                for protocol in ("tcp", "udp")
            },
            "confidence": CONFIDENCE,
            "run_confidence": CONFIDENCE,
            "interrupted": not self.whole and self._problem is None,
            "verdict": "pass" if self.whole and not failures else "fail",
            "failures": failures,
            "points": points,
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
