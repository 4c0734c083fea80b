"""What a server counts, and how it says so: on SIGTERM, on SIGUSR1, to `lab.node.tally`."""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lab.node import kernel, wire
from lab.node.tally import ARRIVAL, AskError, Tally, arrivals_path, ask, replace

from .servers import (
    Counts,
    Server,
    Start,
    command,
    counts,
    exchange,
    only_counts,
    receive,
    sending,
)

BIG = bytes(range(256)) * 4096


def probe(run: int, number: int, size: int = 64) -> bytes:
    return wire.HEADER.pack(wire.MAGIC, run, number, time.monotonic_ns()).ljust(size, b".")


def talk(server: Server) -> Counts:
    """Have one client get some echoes; return what the server must have counted."""
    messages = [b"", b"x", bytes(1000)] if server.protocol == "udp" else [b"x", BIG]
    size = sum(map(len, messages))
    with server.connect() as client:
        for message in messages:
            if server.protocol == "udp":
                client.send(message)
                assert client.recv(65_535) == message
            else:
                assert exchange(client, message) == message
    number = len(messages)
    kinds = (
        {"datagrams_received": number, "datagrams_sent": number}
        if server.protocol == "udp"
        else {"connections": 1}
    )
    return counts(server.name, bytes_received=size, bytes_sent=size, **kinds)


def times(expected: Counts, factor: int) -> Counts:
    return {k: v * factor if isinstance(v, int) else v for k, v in expected.items()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_last_line_is_exact(server: Server, number: int) -> None:
    expected = talk(server)
    with server.connect():  # idle, or waiting
        last, took_s = server.end(number)
    assert took_s < 1
    assert last.pop("event") == "tally"
    if server.protocol == "tcp":
        assert last.pop("connections") in (1, 2)  # the idle one may not yet have been accepted
        expected.pop("connections")
    assert last == expected
    assert not server.errors()


def test_tells_on_request_and_goes_on(server: Server) -> None:
    nothing = server.ask()
    assert only_counts(nothing) == counts(server.name)
    expected = talk(server)
    asked_ns = time.monotonic_ns()
    answer = server.ask()
    assert only_counts(answer) == expected
    assert asked_ns < answer["taken_ns"] < time.monotonic_ns()
    assert answer.keys() == {*expected, "taken_ns", "kernel", "last_reads"}
    assert answer["kernel"].keys() == kernel.counters().keys()
    talk(server)
    assert only_counts(server.ask()) == times(expected, 2)
    assert only_counts(server.end()[0]) == times(expected, 2)


def test_tcp_is_not_disturbed_by_being_asked(tcp: Server) -> None:
    """No call is interrupted half-way (PEP 475), no byte lost."""
    data = BIG * 8
    with tcp.connect() as client, sending(client, data):
        parts = bytearray()
        while len(parts) < len(data):
            parts += receive(client, min(1 << 20, len(data) - len(parts)))
            assert tcp.ask()["connections"] == 1
        assert bytes(parts) == data


def test_udp_is_not_disturbed_by_being_asked(udp: Server) -> None:
    with udp.connect() as client:
        for number in range(200):
            for copy in range(10):
                client.send(probe(1, number * 10 + copy))
            if number % 20 == 0:
                udp.ask()
            for _ in range(10):
                assert len(client.recv(65_535)) == 64
    assert udp.ask()["datagrams_received"] == 2000


def test_arrivals_of_one_run_with_their_time(udp: Server) -> None:
    window = {}
    with udp.connect() as client:
        for number in (0, 7, 3, 2**32 - 1):
            for run in (1, 2**32 - 1):
                began_ns = time.monotonic_ns()
                client.send(probe(run, number, size=20 + run % 2))
                client.recv(65_535)
                window[run, number] = began_ns, time.monotonic_ns()
        for other in (probe(1, 99)[:19], b"x" + probe(1, 98), b""):  # none of a probe's
            client.send(other)
            client.recv(65_535)
    for run in (1, 2**32 - 1):
        answer = udp.ask(run)
        assert answer["arrivals_forgotten"] == 0
        assert [number for number, _ in answer["arrivals"]] == [0, 7, 3, 2**32 - 1]
        for number, arrived_ns in answer["arrivals"]:
            began_ns, ended_ns = window[run, number]
            assert began_ns < arrived_ns < ended_ns
    assert udp.ask(5)["arrivals"] == []
    assert "arrivals" not in udp.ask()


def test_a_path_that_cannot_be_written_is_a_complaint(start: Start, tmp_path: Path) -> None:
    server = start("udp_socket", tally_path=tmp_path / "missing" / "tally.json")
    with pytest.raises(AskError, match=r"wrote no tally to .*missing/tally.json within 0.3 s"):
        server.ask(timeout_s=0.3)
    assert server.errors() == (
        f"udp_socket: no tally in {server.path}: No such file or directory\n"
    )
    assert talk(server)["datagrams_sent"] == server.end()[0]["datagrams_sent"]


def test_only_the_newest_arrivals_are_kept(tmp_path: Path) -> None:
    tally = Tally("udp_test", ring_size=4)
    path = tmp_path / "tally.json"
    for number in range(10):
        tally.datagram_received(probe(1, number))
        tally.write(path, 0)
        records = list(ARRIVAL.iter_unpack(arrivals_path(path).read_bytes()))
        assert [kept for _, kept, _ in records] == list(range(number + 1))[-4:]
        assert json.loads(path.read_bytes())["arrivals_forgotten"] == max(0, number - 3)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        path.name,
        path.name + ".arrivals",
    ]


class Slow(int):
    """A number that lets another thread run in the middle of +=.

    CPython happens not to switch there today; nothing promises that (PEP 703).
    """

    def __add__(self, other: int) -> "Slow":
        time.sleep(0)
        return Slow(int(self) + other)


def test_no_thread_loses_a_count() -> None:
    tally = Tally("udp_test")
    for name, value in tally.snapshot().items():
        if isinstance(value, int):
            setattr(tally, name, Slow(value))
    data = probe(1, 1)

    def count() -> None:
        for _ in range(100):
            tally.connected()
            tally.received(3)
            tally.sent(2)
            tally.datagram_received(data)
            tally.datagram_sent(5)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.snapshot() == counts(
        "udp_test",
        connections=800,
        bytes_received=800 * (3 + len(data)),
        bytes_sent=800 * (2 + 5),
        datagrams_received=800,
        datagrams_sent=800,
    )


def test_an_answer_may_be_asked_for_by_many(start: Start) -> None:
    server = start("udp_socket")
    expected = talk(server)
    answers: list[Counts] = []
    threads = [threading.Thread(target=lambda: answers.append(server.ask())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [only_counts(answer) for answer in answers] == [expected] * 10


@pytest.mark.parametrize("old", [b"", b"{", b"[1]", b"{}", b'{"taken_ns": 1}', b"\xff"])
def test_an_old_or_broken_file_is_no_answer(start: Start, old: bytes) -> None:
    server = start("udp_socket")
    server.path.write_bytes(old)
    assert only_counts(server.ask()) == counts("udp_socket")


def test_whoever_does_not_listen_is_not_signalled(tmp_path: Path) -> None:
    """SIGUSR1 ends a process that does nothing about it."""
    with subprocess.Popen(["sleep", "60"]) as bystander:
        try:
            with pytest.raises(AskError, match="does not answer SIGUSR1"):
                ask(bystander.pid, tmp_path / "tally.json", 1)
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_replace_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    reader = path.open("rb")
    replace(path, b"new")
    assert (reader.read(), path.read_bytes()) == (b"old", b"new")
    reader.close()


def run_cli(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("lab.node.tally", *arguments),
        cwd=root,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_command_line(start: Start, root: Path) -> None:
    server = start("udp_asyncio")
    with server.connect() as client:
        client.send(probe(9, 4))
        client.recv(65_535)
    where = ("--pid", str(server.process.pid), "--path", str(server.path))
    plain = run_cli(root, *where)
    assert (plain.returncode, plain.stderr, plain.stdout.count("\n")) == (0, "", 1)
    answer = json.loads(plain.stdout)
    assert only_counts(answer) == counts(
        "udp_asyncio", datagrams_received=1, datagrams_sent=1, bytes_received=64, bytes_sent=64
    )
    assert answer["kernel"]["Udp.InDatagrams"] > 0
    arrivals = json.loads(run_cli(root, *where, "--arrivals", "9").stdout)["arrivals"]
    assert [number for number, _ in arrivals] == [4]


GONE = 2**22 - 1  # above the largest pid that a kernel gives by default
BAD_ARGUMENTS = [
    (["--pid", "0"], "--pid: '0' is no whole number from 1 to 4194304"),
    (["--pid", "-1"], "--pid: '-1' is no whole number"),
    (["--pid", "one"], "--pid: 'one' is no whole number"),
    (["--arrivals", "4294967296"], "--arrivals: '4294967296' is no whole number from 0"),
    (["--arrivals", "1.5"], "--arrivals: '1.5' is no whole number"),
    (["--timeout", "0"], "--timeout: '0' is no duration"),
    (["--timeout", "nan"], "--timeout: 'nan' is no duration"),
    (["--timeout", "inf"], "--timeout: 'inf' is no duration"),
    (["--timeout", "2s"], "--timeout: '2s' is no duration"),
    (["1"], "unrecognized arguments: 1"),
]


@pytest.mark.parametrize(("arguments", "complaint"), BAD_ARGUMENTS)
def test_command_line_refuses(root: Path, arguments: list[str], complaint: str) -> None:
    done = run_cli(root, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr


def test_command_line_fails_in_one_line(root: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "tally.json")
    gone = run_cli(root, "--pid", str(GONE), "--path", path)
    assert (gone.returncode, gone.stderr) == (1, f"tally: pid {GONE}: no such process\n")
    deaf = run_cli(root, "--pid", str(os.getpid()), "--path", path)
    assert deaf.returncode == 1
    assert deaf.stderr.startswith(f"tally: pid {os.getpid()} does not answer SIGUSR1")
