"""Every kind of measurement that a scenario can name, once through a real lab."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab import rules
from lab.engine import Engine
from lab.errors import NotHere
from lab.impairment import Direction, Impairment
from lab.link import Link, Script
from lab.measure import quiet
from lab.nodes import Lab
from lab.scenario.kind import Measured
from lab.scenario.measures import KINDS
from lab.stats import exact_interval

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
DELAY_MS = 20.0
UDP_KEYS = (
    "sent", "server_received", "server_sent", "received", "dropped_toward_server",
    "dropped_toward_client", "buffer_drops", "unexplained", "duplicated", "reordered", "late",
    "corrupted", "late_ticks", "timeout_s", "rtt_ms", "one_way_ms", "duration_s",
)  # fmt: skip
TCP_KEYS = (
    "sent", "received", "corrupted", "failed", "missing", "retransmissions",
    "retransmissions_toward_server", "retransmissions_toward_client", "dropped_toward_server",
    "dropped_toward_client", "streams", "connect_ms", "rtt_ms", "goodput_bps", "duration_s",
)  # fmt: skip


@pytest.fixture
def far(engine: Engine, lab: Lab) -> Iterator[Lab]:
    """The lab with 20 ms each way."""
    Link(engine, lab).set(dict.fromkeys(Direction, Impairment(delay_ms=DELAY_MS)))
    yield lab


def measure(engine: Engine, lab: Lab, kind: str, *, alone: bool = True, **given: Any) -> Measured:
    options = KINDS[kind].complete({name.replace("_", "-"): v for name, v in given.items()})
    measured = KINDS[kind].run(engine, lab, options, alone=alone)
    assert len({len(column) for column in measured.series.values()}) <= 1
    return measured


def scripted(engine: Engine, lab: Lab, text: str) -> None:
    script = Script(rules=tuple(rule.wire() for rule in rules.parse(text, "rules")))
    Link(engine, lab).set(dict.fromkeys(Direction, Impairment()), script=script)


def test_udp_with_single_packets_lost(engine: Engine, lab: Lab) -> None:
    scripted(engine, lab, "- drop: {protocol: udp, toward: server, nth: [3-5, 9]}\n"
                          "- drop: {protocol: udp, toward: client, nth: [1]}\n")  # fmt: skip
    report, series = vars(measure(engine, lab, "udp", count=20)).values()
    assert set(UDP_KEYS) <= set(report)
    assert (report["sent"], report["server_received"], report["received"]) == (20, 16, 15)
    assert (report["dropped_toward_server"], report["dropped_toward_client"]) == (4, 1)
    assert report["unexplained"] == 0
    runs = report["lost_in_a_row"]
    assert runs["toward_server"] == {"count": 2, "max": 3, "mean": 2.0, "lengths": {"1": 1, "3": 1}}
    assert runs["toward_client"]["lengths"] == {"1": 1}
    assert series["number"] == list(range(20))
    gone = [n for n, delay in enumerate(series["toward_server_ms"]) if delay is None]
    assert gone == [2, 3, 4, 8]
    assert [n for n, rtt in enumerate(series["rtt_ms"]) if rtt is None] == [0, *gone]


def test_tcp_has_the_time_of_each_message(engine: Engine, far: Lab) -> None:
    report, series = vars(measure(engine, far, "tcp", count=50, streams=10)).values()
    assert set(TCP_KEYS) <= set(report)
    assert (report["sent"], report["received"]) == (50, 50)
    assert series["number"] == list(range(50))
    assert min(series["rtt_ms"]) >= 2 * DELAY_MS
    assert report["checksum_errors_toward_server"] == 0


def test_what_the_checksum_catches(engine: Engine, lab: Lab) -> None:
    Link(engine, lab).set({SERVER: Impairment(corrupt=0.2)})
    report = measure(engine, lab, "udp", count=500, size=1000).report
    assert report["corrupted"] == 0  # nothing wrong gets through to the application
    assert report["checksum_errors_toward_server"] > 50
    assert report["received"] == report["server_received"]
    delivered = measure(engine, lab, "tcp", count=100, size=1000, streams=20).report
    assert (delivered["received"], delivered["corrupted"]) == (100, 0)
    assert delivered["checksum_errors_toward_server"] > 0


def test_what_comes_through_without_a_checksum(engine: Engine, lab: Lab) -> None:
    Link(engine, lab).set({SERVER: Impairment(corrupt=0.2), CLIENT: Impairment()})
    report = measure(engine, lab, "udp", count=1000, size=500, checksum=False).report
    # There is none to be wrong, but where a flip makes one of the 16 bits that say so.
    low, high = exact_interval(report["checksum_errors_toward_server"], report["sent"], 0.99999)
    assert low <= 0.2 * 16 / (8 * (20 + 8 + 500)) <= high
    assert report["corrupted"] > 100  # of some 200 flips, 7 % in a header
    # A datagram with a flipped port finds nobody, and the ICMP that says so went through wan, too.
    assert report["unexplained"] == 0


def test_a_connection_costs_a_round_trip(engine: Engine, far: Lab) -> None:
    tcp = measure(engine, far, "request", count=5).report
    assert (tcp["received"], tcp["server_connections"]) == (5, 5)
    assert tcp["connect_ms"]["min"] >= 2 * DELAY_MS
    assert tcp["total_ms"]["min"] >= 4 * DELAY_MS
    udp = measure(engine, far, "request", count=5, protocol="udp").report
    assert 2 * DELAY_MS <= udp["total_ms"]["min"] < 4 * DELAY_MS
    kept = measure(engine, far, "request", count=5, keep=True)
    assert kept.report["server_connections"] == 1
    assert kept.series["connect_ms"][1:] == [None] * 4


def test_a_lost_syn_is_repeated_after_a_second(engine: Engine, lab: Lab) -> None:
    scripted(engine, lab, "- drop: {protocol: tcp, flags: SYN, toward: server, nth: 1}\n")
    report = measure(engine, lab, "connect").report
    assert report["outcomes"] == {"connected": 1}
    (again,) = report["retries_s"]
    assert 0.99 < again < 1.3
    assert report["dropped_toward_server"] == report["kernel"]["Tcp.RetransSegs"] == 1
    refused = measure(engine, lab, "connect", port=8, count=2)
    assert refused.series["outcome"] == ["refused", "refused"]


def test_an_outage_is_noticed_by_whom_a_timeout_tells(engine: Engine, lab: Lab) -> None:
    """Nothing comes through from the sixth message on, but the connection was made."""
    lost = "- drop: {protocol: tcp, toward: server, length: 1-, nth: 6-1000}\n"
    asked: dict[str, Any] = {"interval": 20.0, "duration": 300.0, "timeout": 1500.0}
    scripted(engine, lab, lost)
    patient = measure(engine, lab, "steady", **asked)
    assert (patient.report["received"], patient.report["error"]) == (5, None)
    assert patient.report["missing"] == 10
    assert patient.series["rtt_ms"][5:] == [None] * 10
    Link(engine, lab).clear()
    assert quiet(engine, lab, 40) is None  # what TCP still had to say is said
    scripted(engine, lab, lost)
    impatient = measure(engine, lab, "steady", user_timeout=500.0, **asked)
    assert (impatient.report["received"], impatient.report["error"]) == (5, "ETIMEDOUT")
    assert 0.5 < impatient.report["error_s"] < 1.8
    assert impatient.series["unacked"][-1] > 0


def test_two_flows_side_by_side(engine: Engine, lab: Lab) -> None:
    both = dict.fromkeys(Direction, Impairment(rate_bps=10_000_000, delay_ms=5.0))
    Link(engine, lab).set(both)
    report, series = vars(
        measure(
            engine, lab, "bulk", streams=2, congestion=("cubic", "reno"), stagger=200.0,
            warmup=1000.0, duration=1500.0,
        )
    ).values()  # fmt: skip
    assert [flow["congestion_control"] for flow in report["flows"]] == ["cubic", "reno"]
    assert 0.5 < report["fairness"] <= 1
    assert 7e6 < report["goodput_bps"] < 10e6
    assert {"t_s", "goodput_bps", "flows.0.cwnd", "flows.1.rtt_ms"} <= set(series)
    with pytest.raises(NotHere, match="no congestion control 'nosuch' in this kernel; it has"):
        measure(engine, lab, "bulk", congestion=("nosuch",))


def test_a_window_below_the_pipe_sets_the_pace(engine: Engine, far: Lab) -> None:
    window = 20_000
    report = measure(engine, far, "bulk", window=window, warmup=500.0, duration=1000.0).report
    pace = window * 8 / (2 * DELAY_MS / 1000)
    assert 0.8 * pace < report["goodput_bps"] < 1.05 * pace


def test_a_flood_beside_a_transfer_of_which_each_tells_its_own(engine: Engine, lab: Lab) -> None:
    Link(engine, lab).set({SERVER: Impairment(rate_bps=10_000_000)})
    with ThreadPoolExecutor() as pool:
        flooding = pool.submit(
            measure, engine, lab, "flood", alone=False, rate=8_000_000, duration=2500.0
        )
        bulk = measure(engine, lab, "bulk", alone=False, warmup=500.0, duration=1000.0).report
        flood = flooding.result().report
    assert bulk["lost"] is bulk["passed"] is flood["dropped_toward_server"] is None
    assert bulk["goodput_bps"] < 6e6
    assert flood["sent_bps"] == pytest.approx(8e6, rel=0.1)
    assert 0 < flood["received"] <= flood["sent"]
    alone = measure(engine, lab, "flood", rate=2_000_000, duration=500.0).report
    assert (alone["received"], alone["dropped_toward_server"]) == (alone["sent"], 0)


def test_ten_sends_are_no_ten_reads(engine: Engine, lab: Lab) -> None:
    corked = measure(engine, lab, "boundaries", cork=True, late=True).report
    assert corked["server_read_sizes"] == corked["read_sizes"] == [1000]
    nagle = measure(engine, lab, "boundaries", late=True)
    assert sum(nagle.report["server_read_sizes"]) == 1000
    assert nagle.series["read"] == [1000]
    report, series = vars(
        measure(engine, lab, "boundaries", protocol="udp", sizes=(1472, 1473, 65507, 65508))
    ).values()
    assert series["error"] == [None, None, None, "EMSGSIZE"]
    assert series["fragments"] == [0, 2, 45, 0]  # 65 515 bytes in pieces of 1480
    assert series["read"] == [1472, 1473, 65507, None]
    assert report["reassembled_at_server"] == 2
    kept = measure(
        engine, lab, "boundaries", protocol="udp", sizes=(1472, 1473), dont_fragment=True
    )
    assert kept.series["error"] == [None, "EMSGSIZE"]


def test_how_connections_end(engine: Engine, far: Lab) -> None:
    orderly = measure(engine, far, "close").report
    assert orderly["time_wait"] == "client"
    assert [state for _, state in orderly["client"]["states"]] == [
        "ESTABLISHED", "FIN_WAIT1", "TIME_WAIT",
    ]  # fmt: skip
    assert orderly["client"]["rebind"]["plain"] == "EADDRINUSE"
    by_server = measure(engine, far, "close", by="server").report
    assert by_server["time_wait"] == "server"
    assert by_server["server"]["rebind"] == {"plain": "EADDRINUSE", "reuseaddr": "ok"}
    half = measure(engine, far, "close", how="half-close").report
    assert half["client"]["received"] == half["server"]["sent"] == 20_000
    assert "FIN_WAIT2" in [state for _, state in half["client"]["states"]]
    for how in ("abort", "unread"):
        report = measure(engine, far, "close", how=how).report
        assert report["time_wait"] is None
        assert (report["server"]["read_error"], report["server"]["write_error"]) == (
            "ECONNRESET", "EPIPE",
        )  # fmt: skip


def test_one_end_is_gone_and_the_other_does_not_know(engine: Engine, lab: Lab) -> None:
    """The server's reset is lost; the client speaks a second later and hears of it."""
    scripted(engine, lab, "- drop: {protocol: tcp, flags: RST ACK, toward: client, nth: 1}\n")
    report, series = vars(measure(engine, lab, "close", how="half-open", by="server")).values()
    client = report["client"]
    assert [(what, result) for _, what, result in client["events"]] == [
        ("recv", "64 bytes"),
        ("send", "64 bytes"),
        ("recv", "ECONNRESET"),
        ("send", "EPIPE"),
        ("close", "ok"),
    ]
    assert client["events"][1][0] >= 1.2
    assert client["states"][0][1] == "ESTABLISHED"
    assert series["t_s"] == sorted(series["t_s"])
