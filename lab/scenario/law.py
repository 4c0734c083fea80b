"""The law of TCP: goodput over a long way against loss, beside the models of Mathis and PFTK.

Many long transfers at once, of Reno, for it is Reno that the models are of. There is no
bottleneck, so they do not meet. Packets are lost toward the server alone: there the data go; what
comes back carries the ACKs, and the models lose none of them.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from statistics import fmean
from typing import Any

from lab import catalogue, measure, tcpmodel
from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.nodes import Lab
from lab.scenario import law_checks
from lab.scenario.run import Point, Run, Step
from lab.stats import exact_interval, mean_interval, run_confidence
from lab.wording import exact_percent

LOSSES = (0.001, 0.003, 0.01, 0.02, 0.03, 0.05)
DELAY_MS = 25.0
CONGESTION = "reno"
B = 1
"""Acknowledged segments that open the window as one. Linux's Reno counts segments and not ACKs
(tcp_cong_avoid_ai(), as RFC 3465 has it), so that delayed ACKs slow nothing."""
CONFIDENCE = 0.95
"""Of each interval shown around a goodput: Student's, by the spread over the flows."""
LOSS_CONFIDENCE = 0.9999
"""That the run as a whole finds no fault with a loss that is what was asked."""

RTO_S = 0.25
"""As Linux has it here: the round trip and, at the least, 200 ms (TCP_RTO_MIN)."""
PACE = 3000
"""Segments a second, all flows together, as PFTK has it; and as many echoes. A backend that had to
hurry would add to the round trip."""
MIN_FLOWS, MAX_FLOWS = 6, 32
DROPS = 120
"""So many lost segments each point is to see, within the bounds on its length: the loss is then
known to a tenth, and the goodput, which goes with its root, to a twentieth."""
MIN_WINDOW_S, MAX_WINDOW_S = 6.0, 20.0
WARMUP_S = 3.0
"""60 round trips: slow start ends far above what the loss allows, and each loss halves that."""
ROOM = 4
"""The send buffer is for so many times the window that the loss allows on average. It keeps slow
start from flooding the link and binds nothing afterwards, which is checked."""
SEGMENT_ROOM = 1100
"""Bytes to ask of SO_SNDBUF a segment: the kernel doubles it and then counts what a segment takes
in memory, some 2 200 bytes (socket(7))."""
MAX_SEND_BUFFER = 212_992  # net.core.wmem_max of every Linux that was not tuned


class LawRun(Run):
    """Points of rising loss, each of some flows for some seconds."""

    name = "tcp-law"
    title = catalogue.CODED["tcp-law"]

    def __init__(
        self,
        engine: Engine,
        lab: Lab,
        *,
        losses: Sequence[float] = LOSSES,
        facts: Mapping[str, Any] | None = None,
        watch: Callable[[Step], None] = lambda _: None,
    ) -> None:
        """`losses`: ratios above 0, toward the server. For the rest see `Run`."""
        super().__init__(engine, lab, facts=facts, watch=watch)
        self._losses = sorted(losses)
        self._measured: list[Point] = []

    def _sweep(self) -> None:
        for loss in self._losses:
            self._step(f"{CONGESTION} at {exact_percent(loss)} loss toward the server")
            self._measured.append(self._one(loss))

    def _one(self, loss: float) -> Point:
        toward_server = Impairment(loss=loss, delay_ms=DELAY_MS)
        state = self._link.set(
            {
                Direction.TOWARD_SERVER: toward_server,
                Direction.TOWARD_CLIENT: Impairment(delay_ms=DELAY_MS),
            }
        )
        self._backend = state.backend
        flows, window_s = plan(loss)
        room = ROOM * tcpmodel.peak_window(loss, B) * SEGMENT_ROOM
        report = measure.bulk(
            self._engine, self._lab, streams=flows, warmup_s=WARMUP_S, window_s=window_s,
            congestion=CONGESTION, send_buffer=min(MAX_SEND_BUFFER, max(65_536, int(room))),
        )  # fmt: skip
        self._congestion = report["congestion_control"]
        each = run_confidence(LOSS_CONFIDENCE, len(self._losses))
        return point(loss, report, each)

    @property
    def _progress(self) -> tuple[int, int]:
        return len(self._measured), len(self._losses)

    @property
    def _points(self) -> Sequence[Point]:
        return self._measured

    def _broken(self, points: Sequence[Point]) -> list[str]:
        return law_checks.broken(points)

    def _setting(self) -> Mapping[str, Any]:
        return {
            "programs": {"tcp": self._lab.node("tcp-server").program},
            "delay_ms": DELAY_MS,
            "b": B,
            "mathis_c": tcpmodel.MATHIS_C,
            "warmup_s": WARMUP_S,
            "confidence": CONFIDENCE,
            "factors": {
                "pftk": law_checks.FACTOR_PFTK,
                "pftk_seen": law_checks.FACTOR_SEEN,
                "mathis": law_checks.FACTOR_MATHIS,
            },
        }


def plan(loss: float) -> tuple[int, float]:
    """How many flows for how many seconds show `DROPS` losses, within bounds on both."""
    pace = tcpmodel.pftk(loss, 2 * DELAY_MS / 1000, RTO_S, B)
    flows = max(MIN_FLOWS, min(MAX_FLOWS, int(PACE / pace)))
    return flows, float(max(MIN_WINDOW_S, min(MAX_WINDOW_S, ceil(DROPS / (flows * pace * loss)))))


def point(loss: float, report: Mapping[str, Any], confidence: float) -> Point:
    """A point of the result, from what `measure.bulk` reported.

    The models get the loss, the round trip and the timeout that were measured, not those asked
    for. `confidence`: of the exact interval of the loss. Per flow: goodput, mathis, pftk (bit/s).
    """
    flows: Sequence[Mapping[str, Any]] = report["flows"]
    dropped = report["lost"] + report["overflowed"]
    crossed = report["passed"] + dropped
    mss = max(flow["mss"] for flow in flows)
    rtt_ms, rto_ms = _mean(flows, "rtt_ms"), _mean(flows, "rto_ms")
    goodputs = [flow["goodput_bps"] for flow in flows]
    goodput = fmean(goodputs)
    segments = _sum(flows, "segments")
    found: Point = {
        "loss": loss,
        "flows": len(flows),
        "window_s": report["window_s"],
        "segments": segments,
        "bytes_acked": _sum(flows, "bytes_acked"),
        "retransmissions": _sum(flows, "retransmissions"),
        "timeouts": _sum(flows, "timeouts") if flows[0]["timeouts"] is not None else None,
        "acks_per_segment": _sum(flows, "acks") / segments if segments else 0.0,
        "limited": _limited(flows),
        "passed": report["passed"],
        "dropped": dropped,
        "overflowed": report["overflowed"] + report["overflowed_toward_client"],
        "measured_loss": dropped / crossed if crossed else 0.0,
        "loss_bounds": list(exact_interval(dropped, crossed, confidence)),
        "mss": mss,
        "rtt_ms": rtt_ms,
        "rto_ms": rto_ms,
        "cwnd": fmean(flow["cwnd"]["mean"] for flow in flows),
        "goodput_bps": goodput,
        "interval": list(mean_interval(goodputs, CONFIDENCE)),
        **{f"{model}_bps": None for model in MODELS},
        **{f"ratio_{model}": None for model in MODELS},
        "flows_bps": goodputs,
    }
    for model, bps in predicted(found).items():
        found |= {f"{model}_bps": bps, f"ratio_{model}": goodput / bps}
    return found


MODELS = ("mathis", "pftk", "pftk_seen")
"""`pftk_seen`: PFTK with as many timeouts as the kernel counted, in place of those it expects."""


def predicted(point: Mapping[str, Any], loss: float | None = None) -> dict[str, float]:
    """The goodput of a flow by each model, in bit/s, with what the point measured.

    `loss`: another loss than the point's own. Of what PFTK sends (1 - p) arrives. Empty where
    nothing was lost; without `pftk_seen` where the kernel counts no timeouts (before Linux 6.7).
    """
    p = point["measured_loss"] if loss is None else loss
    if not 0 < p < 1:
        return {}
    rtt_s, rto_s, bits = point["rtt_ms"] / 1000, point["rto_ms"] / 1000, point["mss"] * 8
    found = {
        "mathis": tcpmodel.mathis(p, rtt_s, B) * bits,
        "pftk": tcpmodel.pftk(p, rtt_s, rto_s, B) * (1 - p) * bits,
    }
    if point["timeouts"] is not None:
        share = min(1.0, point["timeouts"] / max(1, point["retransmissions"]))
        found["pftk_seen"] = tcpmodel.pftk(p, rtt_s, rto_s, B, timeouts=share) * (1 - p) * bits
    return found


def _limited(flows: Sequence[Mapping[str, Any]]) -> float | None:
    """The share of the busy time in which a buffer, and not congestion control, set the pace."""
    held = [_sum(flows, key) for key in ("rwnd_limited_us", "sndbuf_limited_us")]
    busy = _sum(flows, "busy_us")
    return (held[0] + held[1]) / busy if busy else None


def _sum(flows: Sequence[Mapping[str, Any]], key: str) -> int:
    return sum(flow[key] or 0 for flow in flows)


def _mean(flows: Sequence[Mapping[str, Any]], key: str) -> float:
    return fmean(flow[key] for flow in flows if flow[key])
