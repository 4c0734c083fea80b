"""The bulk probe over loopback: what it counts, and what it says when a peer is no echo server."""

import contextlib
import signal
import socket
import subprocess
import threading

import pytest

from lab.node.probe import bulk, session

from .peers import Report, command, echo, exactly, probe, tcp_peer

# The contract with the host side, which reads this report.
KEYS = {
    "probe", "host", "address", "port", "interrupted", "congestion_control", "begun_ns",
    "warmup_s", "window_s", "flows",
}  # fmt: skip
FLOW = {
    "congestion_control", "goodput_bps", "bytes_acked", "segments", "acks", "retransmissions",
    "timeouts", "busy_us", "rwnd_limited_us", "sndbuf_limited_us", "mss", "rtt_ms", "rto_ms",
    "cwnd",
}  # fmt: skip
SHORT = ("--warmup", 0.1, "--seconds", 0.5)


def test_flows_are_measured_on_the_sending_side() -> None:
    with tcp_peer(echo) as port:
        report = probe(
            "bulk", port, "--streams", 2, "--congestion", "reno", "--send-buffer", 65536, *SHORT
        )
    assert set(report) == KEYS
    assert report["congestion_control"] == "reno"
    assert report["interrupted"] is False
    assert report["window_s"] >= 0.5
    assert len(report["flows"]) == 2
    for flow in report["flows"]:
        assert set(flow) == FLOW
        assert set(flow["cwnd"]) == {"min", "p50", "max", "mean"}
        assert flow["bytes_acked"] > 100_000
        acked = flow["goodput_bps"] * report["window_s"] / 8
        assert acked == pytest.approx(flow["bytes_acked"])
        assert flow["segments"] > 0
        assert flow["acks"] > 0
        assert flow["rto_ms"] >= 200  # TCP_RTO_MIN of Linux


def test_a_server_that_reads_nothing_is_seen_to_hold_the_flow_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "CLOSING_S", 0.1)  # nothing comes back, however long we wait
    done = threading.Event()

    def deaf(_connection: socket.socket, _number: int) -> None:
        done.wait(30)

    with tcp_peer(deaf) as port:
        words = ["127.0.0.1", "--port", str(port), "--warmup", "0.5", "--seconds", "0.5"]
        report: Report = bulk.measure(bulk.arguments(words), session.Stop())
        done.set()
    (flow,) = report["flows"]
    assert flow["goodput_bps"] < 1e9 / 8
    assert flow["rwnd_limited_us"] + flow["sndbuf_limited_us"] > flow["busy_us"] / 2 > 0


def test_each_flow_has_its_congestion_control_and_its_start() -> None:
    with tcp_peer(echo) as port:
        report = probe(
            "bulk", port, "--streams", 3, "--congestion", "reno,cubic", "--stagger", 0.2,
            "--warmup", 0, "--seconds", 0.6, "--samples",
        )  # fmt: skip
    assert [flow["congestion_control"] for flow in report["flows"]] == ["reno", "cubic", "reno"]
    times, histories = report["samples_ns"], report["samples"]
    assert set(report) == KEYS | {"samples_ns", "samples"}
    assert times == sorted(times)
    for number, history in enumerate(histories):
        assert len(history) == len(times)
        acked = [bytes_acked for _, _, bytes_acked in history]
        begun = [ns for ns, total in zip(times, acked, strict=True) if total > 1]  # 1: the SYN
        assert begun
        assert begun[0] >= number * 0.2 * 1e9


def test_a_window_bounds_what_is_under_way() -> None:
    most = 0

    def slow(connection: socket.socket, _number: int) -> None:
        nonlocal most
        while data := exactly(connection, 10_000):
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                data += connection.recv(65536)
            connection.setblocking(True)
            most = max(most, len(data))
            connection.sendall(data)

    with tcp_peer(slow) as port:
        report = probe("bulk", port, "--window", 10_000, *SHORT)
    assert most == 10_000
    assert report["flows"][0]["bytes_acked"] > 10_000


def test_a_server_that_ends_is_no_bulk_transfer() -> None:
    def brief(connection: socket.socket, _number: int) -> None:
        connection.recv(65536)

    with tcp_peer(brief) as port:
        done = subprocess.run(
            command("bulk", port, *SHORT), capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("lab.node.probe.bulk: ")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = subprocess.run(
        command("bulk", port, *SHORT), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "refused" in done.stderr


def test_it_can_be_stopped() -> None:
    with tcp_peer(echo) as port:
        process = subprocess.Popen(
            command("bulk", port, "--warmup", 0.1, "--seconds", 60, "--progress"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr
        process.stderr.readline()  # it measures
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert '"interrupted": true' in out


def test_it_can_be_stopped_before_it_has_connected() -> None:
    with socket.socket() as full:  # its queue of one is taken: every further SYN is dropped
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            stop = session.Stop()
            stop.asked = 1
            words = ["127.0.0.1", "--port", str(port)]
            with pytest.raises(session.CannotMeasure, match="before 1 streams were let in"):
                bulk.measure(bulk.arguments(words), stop)
