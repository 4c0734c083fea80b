"""The UDP probe against peers that drop, double, swap, spoil and delay by script."""

import errno
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.node import wire
from lab.node.probe import session
from lab.node.probe.flight import Flight

from .peers import command, probe, udp_peer

# The contract with the host side, which reads this report.
KEYS = {
    "probe", "host", "address", "port", "size", "asked", "interval_s", "timeout_s",
    "interrupted", "run", "clock", "sent", "received", "lost", "late", "duplicated", "reordered",
    "corrupted", "refused", "send_errors", "late_ticks", "tolerance_ms", "lateness_ms",
    "first_sent_ns", "last_sent_ns", "achieved_per_s", "rtt_ms", "ipdv_ms", "duration_s",
    "buffers", "buffer_drops", "kernel",
}  # fmt: skip
INNER = {
    "lateness_ms": {"p50", "p99", "max"},
    "rtt_ms": {"min", "p50", "p90", "p99", "max", "mean"},
    "ipdv_ms": {"p50", "p99"},
    "buffers": {"asked", "receive", "send"},
    "kernel": {
        "Udp.InDatagrams", "Udp.OutDatagrams", "Udp.InErrors", "Udp.NoPorts",
        "Udp.RcvbufErrors",
        "Udp.InCsumErrors", "Udp.SndbufErrors", "Udp.MemErrors", "Tcp.InSegs", "Tcp.OutSegs",
        "Ip.InHdrErrors", "Icmp.OutDestUnreachs",
    },
}  # fmt: skip
COUNTS = ("sent", "received", "lost", "late", "duplicated", "reordered", "corrupted", "refused")


def same(data: bytes) -> Sequence[bytes]:
    return [data]


def test_the_report_has_exactly_these_keys() -> None:
    with udp_peer(same) as port:
        report = probe("udp", port, "--count", 20, "--rate", 1000)
        with_samples = probe("udp", port, "--count", 3, "--rate", 1000, "--samples")
    assert set(report) == KEYS
    assert {key: set(report[key]) for key in INNER} == INNER
    assert set(with_samples) == KEYS | {"samples"}


def test_a_good_server_loses_nothing() -> None:
    with udp_peer(same) as port:
        report = probe("udp", port, "--count", 300, "--rate", 3000, "--timeout", 10, "--samples")
    assert [report[key] for key in COUNTS] == [300, 300, 0, 0, 0, 0, 0, 0]
    assert report["send_errors"] == 0
    assert report["interrupted"] is False
    assert report["buffers"]["receive"] > 0
    samples = report["samples"]
    assert [number for number, _, _ in samples] == list(range(300))
    assert all(sent < received for _, sent, received in samples)
    assert samples[0][1] == report["first_sent_ns"]
    assert samples[-1][1] == report["last_sent_ns"]


@pytest.mark.parametrize("size", [20, 1473, 65507])
def test_every_size(size: int) -> None:
    with udp_peer(same) as port:
        report = probe("udp", port, "--count", 5, "--size", size, "--timeout", 10)
    assert report["received"] == 5


class Script:
    """What becomes of which number; 12 is held back until it is older than the timeout."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_ns = timeout_s * 1e9
        self.held: dict[int, bytes] = {}

    def __call__(self, data: bytes) -> Sequence[bytes]:
        header = wire.unpack(data)
        replies = self.answer(header.number, data)
        if (old := self.held.get(12)) and (
            time.monotonic_ns() - wire.unpack(old).sent_ns > self.timeout_ns
        ):
            replies.append(self.held.pop(12))
        return replies

    def answer(self, number: int, data: bytes) -> list[bytes]:
        if number in (8, 12):
            self.held[number] = data
        script = {
            3: [],
            5: [data, data],
            7: [],
            8: [],
            9: [data, self.held.get(8, b"")],
            11: [data[:-1] + bytes([data[-1] ^ 1])],
            12: [],
            14: [data[:-1]],
            15: [data + b"x"],
            16: [b"noise", data],
            # Of somebody else's run, and of a number that was never sent.
            17: [data[:4] + bytes(4) + data[8:], wire.pack(1, 9999, 1, 64), data],
        }
        return script.get(number, [data])


def test_every_number_ends_where_the_script_sends_it() -> None:
    with udp_peer(Script(timeout_s=0.6)) as port:
        report = probe(
            "udp", port, "--count", 50, "--interval", 0.03, "--timeout", 0.6, "--samples"
        )
    lost = {3, 7, 11, 12, 14, 15}
    expected = {
        "sent": 50,
        "received": 44,
        "lost": 6,
        "late": 1,
        "duplicated": 1,
        "reordered": 1,
        "corrupted": 6,
        "refused": 0,
    }
    assert {key: report[key] for key in COUNTS} == expected
    unanswered = {number for number, _, received in report["samples"] if received is None}
    assert unanswered == lost - {12}


def test_a_silent_server_is_waited_for_and_all_is_lost() -> None:
    with udp_peer(lambda _: []) as port:
        report = probe("udp", port, "--count", 5, "--rate", 1000, "--timeout", 0.2)
    assert (report["sent"], report["lost"]) == (5, 5)
    assert report["duration_s"] >= 0.2
    assert report["rtt_ms"] == dict.fromkeys(INNER["rtt_ms"])


def test_a_closed_port_is_data() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    report = probe("udp", port, "--count", 10, "--rate", 200, "--timeout", 0.1)
    assert report["received"] == 0
    assert report["refused"] >= 1
    assert report["sent"] + report["send_errors"] == 10


class Moody(socket.socket):
    """A socket whose send fails as scripted: errors by number of the call, from 0."""

    errors: dict[int, int]
    calls = 0

    def send(self, data: bytes, flags: int = 0, /) -> int:  # type: ignore[override]
        call, self.calls = self.calls, self.calls + 1
        if call in self.errors:
            raise OSError(self.errors[call], os.strerror(self.errors[call]))
        return super().send(data, flags)


def test_what_the_kernel_does_not_take_is_not_sent() -> None:
    with (
        udp_peer(same) as port,
        Moody(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        # Calls:  0 ok · 1 ENOBUFS · 2 full, then 3 ok · 4 refused, then 5 ok · 6 and 7 refused
        sock.errors = {
            1: errno.ENOBUFS,
            2: errno.EAGAIN,
            4: errno.ECONNREFUSED,
            6: errno.ECONNREFUSED,
            7: errno.ECONNREFUSED,
            8: errno.EPERM,
        }
        flight = Flight(sock, count=8, size=64, interval_ns=1e6, timeout_ns=10**10)
        flight.fly(session.Stop(), session.Progress(8, wanted=False))
    assert (flight.sent, flight.received, flight.send_errors, flight.refused) == (5, 5, 3, 3)
    assert [number for number, _, _ in flight.samples()] == [0, 2, 3, 6, 7]


def test_a_stall_makes_ticks_late_and_skips_none() -> None:
    stall_s = 0.3
    words = command("udp", 0, "--interval", 0.001, "--count", 100_000, "--progress", "--samples")
    with udp_peer(same) as port:
        words[words.index("--port") + 1] = str(port)
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            assert json.loads(process.stderr.readline())["of"] == 100_000
            process.send_signal(signal.SIGSTOP)
            status = Path(f"/proc/{process.pid}/stat")
            deadline = time.monotonic() + 20
            while status.read_text().rsplit(")", 1)[1].split()[0] != "T":
                assert time.monotonic() < deadline
            select.select([], [], [], stall_s)  # the stall itself
            process.send_signal(signal.SIGCONT)
            while json.loads(process.stderr.readline())["done"] < stall_s * 1000 + 100:
                assert time.monotonic() < deadline
            process.send_signal(signal.SIGINT)
            report = json.loads(process.stdout.read() if process.stdout else "")
    assert process.returncode == 0
    assert report["interrupted"] is True
    # All that was due in the stall is late, but for what was due in its last millisecond.
    assert report["late_ticks"] >= stall_s * 1000 - 2
    assert report["lateness_ms"]["max"] >= stall_s * 1000 - 1
    assert [number for number, _, _ in report["samples"]] == list(range(report["sent"]))
    assert report["sent"] < report["asked"]


def test_progress_is_at_most_ten_lines_a_second() -> None:
    with udp_peer(same) as port:
        done = subprocess.run(
            command("udp", port, "--count", 500, "--rate", 1000, "--progress"),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    report = json.loads(done.stdout)
    assert 1 <= len(lines) <= report["duration_s"] * 10 + 1
    assert all(set(line) == {"done", "of"} and line["of"] == 500 for line in lines)
