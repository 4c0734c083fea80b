"""A made-up loss run to render (a FIXTURE, simulated from a seed, measured nowhere), and the
space of all impairments, which `st.from_type(Impairment)` then draws from.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from lab.gemodel import Gemodel
from lab.impairment import Impairment
from lab.knobs import DISTRIBUTIONS, MAX_CORRELATION, MAX_GAP, MAX_JITTER_MS, MAX_PACKETS
from lab.stats import exact_interval, percentile, two_way_loss
from lab.units import MAX_DURATION_MS, MIN_DURATION_MS, MIN_SHARE

CONFIDENCE = 0.999
LOSSES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3)
MESSAGES = 2000

Result = dict[str, Any]


def simulated_loss_run(seed: int = 7) -> Result:
    """The result of a run that passed, in the shape that `lab run loss --json` prints."""
    rng = random.Random(seed)
    return {
        "scenario": "loss",
        "title": "What UDP loses, TCP repairs",
        "lab": "lab",
        "started": "2026-11-24T14:50:01+00:00",
        "finished": "2026-11-24T14:50:38+00:00",
        "command": "lab run loss",
        "backend": "tc-bpf",
        "kernel": "6.18.44",
        "congestion_control": "cubic",
        "engine": "20.10.24",
        "compose": "2.40.3",
        "lab_version": "0.1.0",
        "programs": {"tcp": "tcp_threaded", "udp": "udp_socket"},
        "confidence": CONFIDENCE,
        "run_confidence": 0.999,
        "interrupted": False,
        "verdict": "pass",
        "failures": [],
        "points": [
            {"loss": loss, "udp": _udp(rng, loss), "tcp": _tcp(rng, loss)} for loss in LOSSES
        ],
    }


def failing_loss_run() -> Result:
    """At 20 % seven datagrams vanished unseen by any counter, and TCP came up short at 30 %."""
    result = simulated_loss_run()
    udp, tcp = result["points"][4]["udp"], result["points"][5]["tcp"]
    udp["received"] -= 7
    udp["unexplained"] = 7
    udp.update(_ratio(MESSAGES, MESSAGES - udp["received"], udp["expected"]))
    tcp["received"] = 1988
    result["verdict"] = "fail"
    result["failures"] = [
        "20 % loss: the ledger does not close: 7 datagrams are explained by no counter",
        "30 % loss: TCP delivered 1988 of 2000",
    ]
    return result


def interrupted_loss_run() -> Result:
    """Ctrl-C in the TCP half of the fourth point."""
    result = simulated_loss_run()
    result["points"] = result["points"][:4]
    result["points"][3]["tcp"] = None
    result.update(interrupted=True, verdict="fail", failures=["interrupted at 10 % loss"])
    return result


def _udp(rng: random.Random, loss: float) -> Result:
    at_server = sum(rng.random() >= loss for _ in range(MESSAGES))
    back = sum(rng.random() >= loss for _ in range(at_server))
    times = [0.07 + rng.expovariate(1 / 0.02) for _ in range(back)]
    each_way = {"p50": 0.041, "p99": 0.09}
    return {
        "sent": MESSAGES,
        "server_received": at_server,
        "server_sent": at_server,
        "received": back,
        "dropped_toward_server": MESSAGES - at_server,
        "dropped_toward_client": at_server - back,
        "buffer_drops": 0,
        "unexplained": 0,
        "duplicated": 0,
        "reordered": 0,
        "late": 0,
        "corrupted": 0,
        "timeout_s": 0.5,
        **_ratio(MESSAGES, MESSAGES - back, two_way_loss(loss, loss)),
        "toward_server": {
            "sent": MESSAGES,
            "lost": MESSAGES - at_server,
            **_ratio(MESSAGES, MESSAGES - at_server, loss),
        },
        "toward_client": {
            "sent": at_server,
            "lost": at_server - back,
            **_ratio(at_server, at_server - back, loss),
        },
        "rtt_ms": _times(times),
        "one_way_ms": {"toward_server": each_way, "toward_client": each_way},
        "duration_s": 1.5,
    }


def _tcp(rng: random.Random, loss: float) -> Result:
    """Each message, and its echo, waits 0.2 s for its first loss and twice as long for the next."""
    times = []
    tries = [0, 0]
    for _ in range(MESSAGES):
        ms = 0.1 + rng.expovariate(1 / 0.03)
        for way in (0, 1):
            wait = 205.0
            while rng.random() < loss:
                ms, wait = ms + wait, 2 * wait
                tries[way] += 1
        times.append(ms)
    return {
        "sent": MESSAGES,
        "received": MESSAGES,
        "corrupted": 0,
        "retransmissions": sum(tries),
        "retransmissions_toward_server": tries[0],
        "retransmissions_toward_client": tries[1],
        "dropped_toward_server": tries[0],
        "dropped_toward_client": tries[1],
        "streams": 100,
        "connect_ms": {"p50": 0.12, "p99": 1000.2 if loss else 0.4, "max": 3000.1 if loss else 0.9},
        "rtt_ms": _times(times),
        "duration_s": round(max(sum(times[n::100]) for n in range(100)) / 1000, 3),
    }


def _ratio(trials: int, lost: int, expected: float) -> Result:
    return {
        "loss_ratio": lost / trials,
        "expected": expected,
        "interval": list(exact_interval(lost, trials, CONFIDENCE)),
    }


def _times(times: list[float]) -> Result:
    shown = {"p50": percentile(times, 50), "p99": percentile(times, 99), "max": max(times)}
    return {key: round(value, 3) for key, value in shown.items()}


@pytest.fixture
def passed() -> Result:
    return simulated_loss_run()


@pytest.fixture
def failed() -> Result:
    return failing_loss_run()


@pytest.fixture
def interrupted() -> Result:
    return interrupted_loss_run()


@pytest.fixture(params=[simulated_loss_run, failing_loss_run, interrupted_loss_run])
def any_run(request: pytest.FixtureRequest) -> Result:
    make: Callable[[], Result] = request.param
    return make()


shares = st.floats(MIN_SHARE, 1)
correlations = st.just(0.0) | st.floats(MIN_SHARE, MAX_CORRELATION)
rates = st.integers(1000, 12_500_000_000).map(lambda octets: 8 * octets)
gemodels = st.builds(Gemodel, shares, shares, shares, st.just(0.0) | shares) | st.builds(
    Gemodel, shares, shares
)


@st.composite
def _impairments(draw: st.DrawFn) -> Impairment:
    """Each knob set or not, and of those that need another only where that one is set."""
    values: dict[str, Any] = {}
    for name in ("loss", "duplicate", "corrupt"):
        if draw(st.booleans()):
            values |= {name: draw(shares), f"{name}_correlation": draw(correlations)}
    if "loss" not in values and draw(st.booleans()):
        values["gemodel"] = draw(gemodels)
    if draw(st.booleans()):
        values["rate_bps"] = draw(rates)
    if draw(st.booleans()):
        delay = draw(st.floats(MIN_DURATION_MS, MAX_DURATION_MS))
        values["delay_ms"] = delay
        if draw(st.booleans()):
            values |= {
                "jitter_ms": draw(st.floats(MIN_DURATION_MS, min(delay, MAX_JITTER_MS))),
                "delay_correlation": draw(correlations),
                "distribution": draw(st.sampled_from(DISTRIBUTIONS)),
                "order_free": "rate_bps" not in values and draw(st.booleans()),
            }
        if draw(st.booleans()):
            values |= {
                "reorder": draw(shares),
                "reorder_correlation": draw(correlations),
                "reorder_gap": draw(st.integers(1, MAX_GAP)),
            }
    if values.keys() & {"rate_bps", "delay_ms"}:
        values["limit"] = draw(st.none() | st.integers(1, MAX_PACKETS))
    return Impairment(**values)


# No example is timed: a busy machine is no mistake of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
st.register_type_strategy(Impairment, _impairments())
