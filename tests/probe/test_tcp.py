"""The TCP probe against peers that reset, spoil, stop, close early and answer in crumbs."""

import json
import signal
import socket
import struct
import subprocess

import pytest

from lab.node import wire
from lab.node.probe import pool, session, tcp
from lab.node.probe.stream import State, Stream

from .peers import Report, command, echo, exactly, probe, tcp_peer

# The contract with the host side, which reads this report.
KEYS = {
    "probe", "host", "address", "port", "size", "asked", "window", "timeout_s", "interrupted",
    "run", "congestion_control", "sent", "received", "corrupted", "failed", "missing", "streams",
    "problems", "per_stream", "duration_s", "goodput_bps", "connect_ms", "rtt_ms",
    "retransmissions", "tcp_info", "kernel",
}  # fmt: skip
INNER = {
    "streams": {"asked", "connected", "abandoned", "failed", "closed"},
    "per_stream": {"min", "p50", "max"},
    "connect_ms": {"p50", "p99", "max"},
    "rtt_ms": {"min", "p50", "p90", "p99", "max", "mean"},
    "tcp_info": {"before", "after"},
    "kernel": {
        "Tcp.RetransSegs",
        "Tcp.OutSegs",
        "Tcp.InSegs",
        "Tcp.ActiveOpens",
        "Tcp.InCsumErrors",
        "Ip.InHdrErrors",
    },
}
TCP_INFO = {"streams", "retransmissions", "rtt_ms", "cwnd"}
COUNTS = ("sent", "received", "corrupted", "failed", "missing")


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> "Measure":
    """Measure in this process, with shares that hold for good: who gets what is then certain."""
    monkeypatch.setattr(pool, "FAIR_NS", 10**12)
    return Measure()


class Measure:
    def __call__(self, port: int, *options: object) -> Report:
        words = ["127.0.0.1", "--port", str(port), "--timeout", "30", *map(str, options)]
        return tcp.measure(tcp.arguments(words), session.Stop())


def counts(report: Report) -> dict[str, int]:
    return {key: report[key] for key in COUNTS if report[key]}


def test_the_report_has_exactly_these_keys() -> None:
    with tcp_peer(echo) as port:
        report = probe("tcp", port, "--streams", 3)
    assert set(report) == KEYS
    assert {key: set(report[key]) for key in INNER} == INNER
    assert set(report["tcp_info"]["before"]) == TCP_INFO
    assert set(report["tcp_info"]["after"]) == TCP_INFO


def test_a_good_server_returns_all_and_every_stream_does_its_share(measure: Measure) -> None:
    with tcp_peer(echo) as port:
        report = measure(port, "--count", 2000, "--streams", 100, "--window", 4)
    assert counts(report) == {"sent": 2000, "received": 2000}
    assert report["per_stream"] == {"min": 20, "p50": 20, "max": 20}
    assert report["streams"] == {
        "asked": 100,
        "connected": 100,
        "abandoned": 0,
        "failed": 0,
        "closed": 100,
    }
    assert report["problems"] == {}
    assert report["tcp_info"]["after"]["streams"] == 100


def test_more_streams_than_messages() -> None:
    with tcp_peer(echo) as port:
        report = probe("tcp", port, "--count", 3, "--streams", 10)
    assert counts(report) == {"sent": 3, "received": 3}


def test_large_messages_fill_the_buffers_and_come_back_whole(measure: Measure) -> None:
    with tcp_peer(echo) as port:
        report = measure(
            port, "--count", 12, "--streams", 2, "--window", 3, "--size", wire.MAX_SIZE
        )
    assert counts(report) == {"sent": 12, "received": 12}


def test_crumbs_are_put_together(measure: Measure) -> None:
    def crumbs(connection: socket.socket, _number: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(65536):
            for byte in data:
                connection.sendall(bytes([byte]))

    with tcp_peer(crumbs) as port:
        report = measure(port, "--count", 20, "--streams", 2)
    assert counts(report) == {"sent": 20, "received": 20}


def test_spoiled_bytes_are_noticed_message_by_message(measure: Measure) -> None:
    def spoil(connection: socket.socket, _number: int) -> None:
        data = bytearray(exactly(connection, 20 * 64))
        data[2 * 64 + 63] ^= 1  # the last byte of the third
        data[7 * 64] ^= 128  # the first byte of the eighth
        connection.sendall(data)
        echo(connection)

    with tcp_peer(spoil) as port:
        report = measure(port, "--count", 40, "--streams", 2)
    assert counts(report) == {"sent": 40, "received": 36, "corrupted": 4}
    assert report["streams"]["failed"] == 0


def test_a_reset_fails_what_was_under_way_and_nothing_else(measure: Measure) -> None:
    def reset_the_first(connection: socket.socket, number: int) -> None:
        if number == 0:
            connection.sendall(exactly(connection, 20 * 64)[: 5 * 64])
            linger = struct.pack("ii", 1, 0)  # close() then sends a reset, socket(7)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            echo(connection)

    with tcp_peer(reset_the_first) as port:
        report = measure(port, "--count", 60, "--streams", 3)
    assert counts(report) == {"sent": 60, "received": 45, "failed": 15}
    assert report["streams"]["failed"] == 1
    assert report["streams"]["closed"] == 2
    assert report["problems"] == {"ECONNRESET": 1}


def test_an_early_end_fails_what_was_under_way(measure: Measure) -> None:
    def close_early(connection: socket.socket, _number: int) -> None:
        connection.sendall(exactly(connection, 20 * 64)[: 5 * 64 + 10])

    with tcp_peer(close_early) as port:
        report = measure(port, "--count", 40, "--streams", 2)
    assert counts(report) == {"sent": 40, "received": 10, "failed": 30}
    assert report["problems"] == {"closed early": 2}


def test_surplus_bytes_are_no_echo(measure: Measure) -> None:
    def chatty(connection: socket.socket, _number: int) -> None:
        connection.sendall(exactly(connection, 20 * 64) + b"!")
        echo(connection)

    with tcp_peer(chatty) as port:
        report = measure(port, "--count", 20, "--streams", 1)
    assert counts(report) == {"sent": 20, "received": 20}
    assert report["problems"] == {"surplus bytes": 1}
    assert report["streams"]["failed"] == 1


def test_when_every_stream_breaks_the_rest_is_not_sent(measure: Measure) -> None:
    def one_message(connection: socket.socket, _number: int) -> None:
        connection.sendall(exactly(connection, 64))

    with tcp_peer(one_message) as port:
        report = measure(port, "--count", 40, "--streams", 2, "--window", 1)
    assert report["asked"] == 40
    assert report["received"] == 2
    assert report["sent"] == report["received"] + report["failed"] < 40
    assert report["streams"]["failed"] == 2


def test_what_never_comes_back_is_missing_after_the_timeout() -> None:
    def swallow(connection: socket.socket, _number: int) -> None:
        while connection.recv(65536):
            pass

    with tcp_peer(swallow) as port:
        report = probe(
            "tcp", port, "--count", 30, "--streams", 2, "--window", 5, "--timeout", "0.5"
        )
    assert counts(report) == {"sent": 10, "missing": 10}
    assert report["rtt_ms"] == dict.fromkeys(INNER["rtt_ms"])
    assert report["duration_s"] >= 0.5


def test_a_signal_ends_it_with_a_report() -> None:
    def swallow(connection: socket.socket, _number: int) -> None:
        while connection.recv(65536):
            pass

    with tcp_peer(swallow) as port:
        words = command("tcp", port, "--count", 30, "--streams", 2, "--progress")
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            while json.loads(process.stderr.readline()) != {"done": 0, "of": 30}:
                pass
            process.send_signal(signal.SIGTERM)
            report = json.loads(process.stdout.read() if process.stdout else "")
    assert process.returncode == 0
    assert report["interrupted"] is True
    assert report["sent"] == report["missing"]


def test_the_connected_do_the_work_of_those_that_never_connect() -> None:
    # A backlog of 0 has room for one; while that one is not accepted, further SYNs are dropped.
    with (
        tcp_peer(echo) as port,
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),
    ):
        started_ns = session.now_ns()
        working, stuck = (
            Stream(socket.AF_INET, address, run=1, size=64)
            for address in (("127.0.0.1", port), full.getsockname())
        )
        shared = pool.Pool([working, stuck], count=10, window=2, started_ns=started_ns)
        shared.work(session.Stop(), session.Progress(10, wanted=False), started_ns + 30 * 10**9)
        figures = tcp.figures(shared)
    assert (working.state, stuck.state) == (State.CLOSED, State.ABANDONED)
    assert (figures["sent"], figures["received"]) == (10, 10)
    assert figures["streams"] == {
        "asked": 2,
        "connected": 1,
        "abandoned": 1,
        "failed": 0,
        "closed": 1,
    }


def test_a_closed_port_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = subprocess.run(
        command("tcp", port), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"lab.node.probe.tcp: 127.0.0.1:{port}: ECONNREFUSED: " + (
        "no stream was let in\n"
    )


def test_the_congestion_control_asked_for_is_in_use() -> None:
    with tcp_peer(echo) as port:
        report = probe("tcp", port, "--congestion", "reno")  # RFC 5681, in every kernel
    assert report["congestion_control"] == "reno"


def test_an_unknown_congestion_control_is_refused_with_what_there_is() -> None:
    with tcp_peer(echo) as port:
        done = subprocess.run(
            command("tcp", port, "--congestion", "nonesuch"),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "--congestion: 'nonesuch' is refused by this kernel" in done.stderr
    assert "reno" in done.stderr
