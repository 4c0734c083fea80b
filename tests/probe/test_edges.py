"""The probes `boundaries`, `close` and `flood` over loopback: edges of messages and connections."""

import json
import socket
import subprocess
import sys

import pytest

from lab.node import kernel, sockets, wire

from .peers import Report, command, echo, probe, tcp_peer, udp_peer

TCP = {
    "probe", "host", "address", "port", "protocol", "read_size", "interrupted", "sends", "bytes",
    "intact", "reads", "read_sizes", "duration_s", "kernel",
}  # fmt: skip
UDP = {
    "probe", "host", "address", "port", "protocol", "read_size", "interrupted", "mtu", "sends",
    "sent", "refused", "reads", "read_sizes", "whole", "datagrams", "duration_s", "kernel",
}  # fmt: skip
END = {
    "probe", "local", "remote", "interrupted", "begun_ns", "sent", "received", "events", "states",
    "time_wait_s", "rebind",
}  # fmt: skip


def test_ten_sends_are_one_read_when_all_has_arrived() -> None:
    with tcp_peer(echo) as port:
        report = probe("boundaries", port, "--late")
    assert set(report) == TCP
    assert (report["sends"], report["bytes"], report["intact"]) == (10, 1000, True)
    assert report["read_sizes"] == [1000]


def test_one_send_is_many_reads_where_a_read_takes_less() -> None:
    with tcp_peer(echo) as port:
        report = probe("boundaries", port, "--late", "--sizes", 1000, "--read-size", 300)
    assert report["sends"] == 1
    assert report["read_sizes"] == [300, 300, 300, 100]


def test_a_cork_makes_one_segment_of_ten_sends() -> None:
    reads: list[int] = []

    def noting(connection: socket.socket, _number: int) -> None:
        while data := connection.recv(65536):
            reads.append(len(data))
            connection.sendall(data)

    with tcp_peer(noting) as port:
        probe("boundaries", port, "--cork")
        assert reads == [1000]


def test_datagrams_keep_their_edges() -> None:
    with udp_peer(lambda data: [data]) as port:
        report = probe("boundaries", port, "--protocol", "udp", "--sizes", "1,100,1000,65507,65508")
    assert set(report) == UDP
    assert report["read_sizes"] == [1, 100, 1000, 65507]
    assert (report["sends"], report["sent"], report["refused"], report["whole"]) == (5, 4, 1, 4)
    assert [row["error"] for row in report["datagrams"]] == [None] * 4 + ["EMSGSIZE"]


def test_a_read_too_small_cuts_a_datagram_off() -> None:
    with udp_peer(lambda data: [data]) as port:
        report = probe(
            "boundaries", port, "--protocol", "udp", "--sizes", "40,60", "--read-size", 50
        )
    assert [(row["read"], row["cut_off"]) for row in report["datagrams"]] == [
        (40, False),
        (50, True),
    ]


def test_a_datagram_that_does_not_come_back_is_told() -> None:
    with udp_peer(lambda data: [data] if len(data) != 2 else []) as port:
        report = probe(
            "boundaries", port, "--protocol", "udp", "--sizes", "1,2,3", "--timeout", 0.5
        )
    assert [row["read"] for row in report["datagrams"]] == [1, None, 3]


def both(port: int, client: list[str], server: list[str]) -> tuple[Report, Report]:
    """Both ends of one connection: what each saw."""
    words = [sys.executable, "-m", "lab.node.probe.close", "--listen", "--port", str(port), *server]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as listening:
        there = subprocess.run(
            [sys.executable, "-m", "lab.node.sockets", str(port), "10"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(there.stdout) == {"listens": True}
        at_client = probe("close", port, *client)
        out, _ = listening.communicate(timeout=20)
    return at_client, json.loads(out)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def seen(end: Report, what: str) -> list[str]:
    return [result for _, each, result in end["events"] if each == what]


def test_who_ends_first_keeps_time_wait(port: int) -> None:
    client, server = both(
        port,
        ["--do", "0 send 64", "--do", "50 shut", "--do", "eof close"],
        ["--do", "eof close"],
    )
    assert set(client) == set(server) == END
    assert seen(client, "recv") == ["end of file"]
    assert seen(server, "recv") == ["64 bytes", "end of file"]
    assert client["states"][0][1] == "ESTABLISHED"
    assert client["states"][-1][1] == "TIME_WAIT"
    assert 55 < client["time_wait_s"] <= 60  # TCP_TIMEWAIT_LEN of Linux
    assert server["states"][-1][1] == "CLOSED"
    assert server["time_wait_s"] is None
    assert client["rebind"]["plain"] == "EADDRINUSE"


def test_a_server_that_ends_first_is_started_again_by_reuseaddr_alone(port: int) -> None:
    client, server = both(port, ["--do", "eof close"], ["--do", "50 shut", "--do", "eof close"])
    assert seen(client, "recv") == ["end of file"]
    assert server["states"][-1][1] == "TIME_WAIT"
    assert server["rebind"] == {"plain": "EADDRINUSE", "reuseaddr": "ok"}


def test_a_half_closed_connection_still_carries_the_other_direction(port: int) -> None:
    client, server = both(
        port,
        ["--do", "0 shut", "--do", "eof close"],
        ["--do", "eof send 50000", "--do", "eof close"],
    )
    assert client["received"] == server["sent"] == 50_000
    assert seen(client, "recv")[-1] == "end of file"
    order = [what for _, what, _ in client["events"]]
    assert order[0] == "shut" and order[-1] == "close"


def test_a_reset_is_told_once_by_reading_and_then_by_writing(port: int) -> None:
    client, server = both(
        port,
        ["--do", "error send 10", "--do", "error close"],
        ["--do", "50 abort"],
    )
    assert [(what, result) for _, what, result in client["events"]] == [
        ("recv", "ECONNRESET"),
        ("send", "EPIPE"),
        ("close", "ok"),
    ]
    assert client["time_wait_s"] is server["time_wait_s"] is None
    assert client["states"][-1][1] == server["states"][-1][1] == "CLOSED"


def test_closing_with_something_unread_resets(port: int) -> None:
    client, _ = both(
        port, ["--do", "0 send 64", "--do", "error close"], ["--deaf", "--do", "200 close"]
    )
    assert seen(client, "recv") == ["ECONNRESET"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["h", "--do", "soon send 5"], "--do: 'soon' is no whole number"),
        (["h", "--do", "0 send"], "--do: '0 send' is no step; write WHEN ACTION [BYTES], such as"),
        (["h", "--do", "0 shut 5"], "--do: '0 shut 5' is no step; write"),
        (["h", "--listen"], "HOST or --listen: one of both"),
        ([], "HOST or --listen: one of both"),
    ],
)
def test_a_bad_script_is_one_line(words: list[str], line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab.node.probe.close", *words],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"lab.node.probe.close: {line}")
    assert done.stderr.count("\n") == 1


def test_a_flood_arrives_where_nobody_reads_and_the_kernel_counts_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    before = kernel.counters()["Udp.NoPorts"]
    report = probe("flood", port, "--rate", 8_000_000, "--size", 1000, "--seconds", 0.5)
    assert kernel.counters()["Udp.NoPorts"] - before >= report["sent"]
    assert set(report) == {
        "probe", "host", "address", "port", "size", "asked_bps", "interrupted", "begun_ns",
        "sent", "not_taken", "duration_s", "sent_bps", "bin_s", "samples",
    }  # fmt: skip
    assert report["not_taken"] == 0
    assert sum(report["samples"]) == report["sent"]
    assert len(report["samples"]) == 5
    # 1 000 a second for half a second; after a pause of the scheduler up to 64 are made up for.
    assert 300 < report["sent"] <= 501
    assert report["sent_bps"] == pytest.approx(report["sent"] * 8000 / report["duration_s"])


LISTED = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:1F90 0100007F:C350 06 00000000:00000000 03:00001729 00000000     0
   2: 0100007F:C350 0100007F:1F90 01 00000040:00000000 01:00000014 00000000     0
"""


def test_sockets_are_read_as_the_kernel_lists_them() -> None:
    assert sockets.parse(LISTED) == [
        sockets.Entry(8080, 0, "LISTEN", 0, 0.0),
        sockets.Entry(8080, 50_000, "TIME_WAIT", 0, 59.29),
        sockets.Entry(50_000, 8080, "ESTABLISHED", 64, 0.2),
    ]


def test_a_listener_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert sockets.listens(port)
    assert not sockets.listens(port)


def test_exactly_as_many_arguments_as_there_is_room_for() -> None:
    done = subprocess.run(
        command("boundaries", 7, "--sizes", f"1,{wire.MAX_DATAGRAM + 30}"),
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == ("lab.node.probe.boundaries: --sizes: '65537' is not from 1 to 65536\n")
