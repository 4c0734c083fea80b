"""The probes `request`, `connect` and `steady` over loopback, against peers that misbehave."""

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from .peers import command, echo, exactly, probe, tcp_peer, udp_peer

REQUEST = {
    "probe", "host", "address", "port", "protocol", "size", "asked", "timeout_s", "kept",
    "interrupted", "sent", "received", "outcomes", "connect_ms", "first_byte_ms", "total_ms",
    "close_ms", "duration_s", "samples",
}  # fmt: skip
CONNECT = {
    "probe", "host", "address", "port", "asked", "timeout_s", "syn_retries",
    "syn_linear_timeouts", "interrupted", "attempts", "connected", "outcomes", "retries",
    "connect_ms", "duration_s", "kernel", "samples",
}  # fmt: skip
STEADY = {
    "probe", "host", "address", "port", "size", "asked", "interval_s", "timeout_s", "keepalive_s",
    "user_timeout_s", "interrupted", "congestion_control", "sent", "received", "corrupted",
    "connect_ms", "rtt_ms", "error", "error_s", "gap_s", "gap_end_s", "retransmissions",
    "duration_s", "missing", "kernel", "samples", "seen",
}  # fmt: skip


@pytest.mark.parametrize("keep", [False, True])
def test_requests_over_tcp(keep: bool) -> None:
    connections: list[int] = []

    def counting(connection: socket.socket, number: int) -> None:
        connections.append(number)
        echo(connection)

    with tcp_peer(counting) as port:
        report = probe("request", port, "--count", 5, *(["--keep"] if keep else []))
    assert set(report) == REQUEST
    assert (report["sent"], report["received"]) == (5, 5)
    assert report["outcomes"] == {"received": 5}
    assert len(connections) == (1 if keep else 5)
    for number, row in enumerate(report["samples"]):
        _, connect, first, total, close, outcome = row
        assert outcome == "received"
        assert (connect is None) == (keep and number > 0)
        assert (connect or 0) < first <= total
        assert (close is None) == keep


def test_requests_over_udp_have_nothing_to_connect() -> None:
    with udp_peer(lambda data: [data]) as port:
        report = probe("request", port, "--protocol", "udp", "--count", 3)
    assert report["outcomes"] == {"received": 3}
    assert report["connect_ms"]["max"] is None
    assert report["close_ms"]["max"] is None
    assert report["total_ms"]["min"] > 0


def test_a_request_that_fails_is_told_by_its_outcome() -> None:
    def various(connection: socket.socket, number: int) -> None:
        data = exactly(connection, 64)
        if number == 0:
            connection.sendall(data[::-1])  # wrong
        elif number == 1:
            connection.sendall(data[:10])  # and the end
        elif number == 2:
            connection.recv(1)  # nothing, until the client gives up
        else:
            connection.sendall(data)
        with contextlib.suppress(OSError):
            connection.recv(1)

    with tcp_peer(various) as port:
        report = probe("request", port, "--count", 4, "--timeout", 0.3)
    outcomes = [row[5] for row in report["samples"]]
    # The second waits in vain for the rest: the peer reads on, and so does not end.
    assert outcomes == ["wrong", "timed out", "timed out", "received"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for protocol in ("tcp", "udp"):
        report = probe("request", port, "--protocol", protocol, "--count", 1, "--timeout", 1)
        assert report["outcomes"] == {"ECONNREFUSED": 1}


def test_attempts_that_connect_and_that_are_refused() -> None:
    with tcp_peer(echo) as port:
        report = probe("connect", port, "--count", 3)
    assert set(report) == CONNECT
    assert report["outcomes"] == {"connected": 3}
    assert report["connect_ms"]["max"] > 0
    refused = probe("connect", port, "--count", 2)
    assert refused["outcomes"] == {"refused": 2}
    assert (refused["connected"], refused["retries"]) == (0, 0)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port whose listener drops every SYN, as its queue of accepted connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        yield port


def test_a_syn_that_nobody_answers_is_sent_again(silent: int) -> None:
    report = probe("connect", silent, "--timeout", 1.5)
    (row,) = report["samples"]
    _, outcome, took_ns, retries_ns = row
    assert outcome == "gave up"
    assert took_ns >= 1.5e9
    assert len(retries_ns) == report["retries"] == 1
    assert 0.99e9 < retries_ns[0] < 1.3e9  # RFC 6298, 2.1: one second; the kernel rounds up


def test_the_kernel_gives_up_after_the_retries_asked_for(silent: int) -> None:
    report = probe("connect", silent, "--syn-retries", 1, "--timeout", 20)
    assert report["outcomes"] == {"timed out": 1}
    assert report["syn_retries"] == 1
    # One doubling: 1 s and 2 s. Where Linux does not double at once, more SYNs fit into that.
    assert 3 <= report["duration_s"] < 5
    assert report["retries"] == (2 if report["syn_linear_timeouts"] else 1)


def test_a_steady_connection() -> None:
    with tcp_peer(echo) as port:
        report = probe(
            "steady", port, "--seconds", 0.3, "--interval", 0.01, "--keepalive", 1,
            "--user-timeout", 2,
        )  # fmt: skip
    assert set(report) == STEADY
    assert (report["asked"], report["sent"], report["received"]) == (30, 30, 30)
    assert (report["missing"], report["corrupted"], report["error"]) == (0, 0, None)
    assert report["seen"] == ["rto", "backoff", "total_retrans", "unacked", "rtt", "snd_cwnd"]
    assert [row[0] for row in report["samples"]] == list(range(30))
    for number, sent_ns, received_ns, *seen in report["samples"]:
        assert sent_ns >= report["samples"][0][1] + number * 10_000_000 - 1_000_000
        assert received_ns > sent_ns
        assert len(seen) == 6
    assert 0 < report["gap_s"] < 0.3


def test_a_steady_connection_notes_the_gap_and_when_it_ended() -> None:
    def pausing(connection: socket.socket, _number: int) -> None:
        connection.sendall(exactly(connection, 5 * 64))
        held = exactly(connection, 20 * 64)
        connection.sendall(held)
        echo(connection)

    with tcp_peer(pausing) as port:
        report = probe("steady", port, "--seconds", 0.6, "--interval", 0.02)
    assert (report["sent"], report["received"]) == (30, 30)
    # The echo of messages 5 to 24 comes when the last of these was sent, 0.48 s after the first.
    assert 0.35 < report["gap_s"] < 0.6
    assert report["gap_end_s"] >= 0.48
    waited = [received - sent for _, sent, received, *_ in report["samples"][5:25]]
    assert waited == sorted(waited, reverse=True)  # who stood in line first waited longest


def test_a_steady_connection_that_is_reset_says_what_and_when() -> None:
    gone = threading.Event()

    def resetting(connection: socket.socket, _number: int) -> None:
        connection.sendall(exactly(connection, 3 * 64))
        exactly(connection, 64)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        gone.set()

    with tcp_peer(resetting) as port:
        report = probe("steady", port, "--seconds", 5, "--interval", 0.02)
    assert gone.is_set()
    assert report["error"] == "ECONNRESET"
    assert report["received"] == 3
    assert report["sent"] == report["received"] + report["missing"]
    assert 0.06 <= report["error_s"] < 5
    assert report["error_s"] == pytest.approx(report["duration_s"])


def test_nobody_to_keep_a_connection_with() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = subprocess.run(
        command("steady", port), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lab.node.probe.steady: ")
    assert "ECONNREFUSED" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_stopped_probe_reports_what_it_has() -> None:
    with tcp_peer(echo) as port:
        process = subprocess.Popen(
            command("steady", port, "--seconds", 60, "--progress"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr
        process.stderr.readline()  # it measures
        process.terminate()
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(out)["interrupted"] is True
