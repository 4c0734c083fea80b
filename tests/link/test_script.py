"""Single packets by script, and what TCP makes of it: nothing here is left to chance.

TCP's own choices that would blur the picture are set to what the RFCs say, in these namespaces:
no tail loss probes (RFC 8985, 7), and the SYN's timeout doubles from the first (RFC 6298, 5.5).
"""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.node.probe import tcp_info

from .net import SERVER, LinkProcess, Net, until, within
from .test_device import Pair

PORT = 7
SEGMENT = 1448  # 1500 less 20 of IP, 20 of TCP and 12 of its timestamps
FIN_WAIT2 = 5
SETTINGS = {"tcp_early_retrans": "0", "tcp_syn_linear_timeouts": "0"}


@pytest.fixture(scope="module", autouse=True)
def by_the_book(hosts: Net) -> None:
    for namespace in (hosts.client, hosts.server):
        with within(namespace):
            for name, value in SETTINGS.items():
                # The second came with Linux 6.5, and so did what it turns off.
                with contextlib.suppress(FileNotFoundError):
                    Path(f"/proc/sys/net/ipv4/{name}").write_text(value)


@pytest.fixture
def listener(hosts: Net) -> Iterator[socket.socket]:
    with hosts.socket(hosts.server, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((SERVER, PORT))
        listening.listen()
        yield listening


@contextlib.contextmanager
def connected(hosts: Net, listener: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a connection."""
    with hosts.socket(hosts.client, socket.SOCK_STREAM) as client:
        client.connect((SERVER, PORT))
        server, _ = listener.accept()
        server.settimeout(20)
        with server:
            yield client, server


def netstat(hosts: Net, name: str) -> int:
    """A counter of the client's kernel (TcpExt)."""
    with within(hosts.client):
        lines = Path("/proc/thread-self/net/netstat").read_text().splitlines()
    names, values = (line.split() for line in lines[:2])
    return int(values[names.index(name)])


def retransmissions(connection: socket.socket) -> int:
    """Segments sent again in this end's whole life, SYN and FIN included."""
    sent_again = tcp_info.read(connection).total_retrans
    assert sent_again is not None
    return sent_again


def unacknowledged(connection: socket.socket) -> int:
    """Segments in flight: tcpi_unacked (linux/tcp.h)."""
    data = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    return int.from_bytes(data[24:28], sys.byteorder)


def exactly(connection: socket.socket, count: int) -> int:
    """Read so many bytes, and say how many there were."""
    got = 0
    while got < count and (chunk := connection.recv(count - got)):
        got += len(chunk)
    return got


def transfer(client: socket.socket, server: socket.socket, segments: int) -> int:
    """Send whole segments and read them; how many segments had to be sent again."""
    size = segments * SEGMENT
    sender = threading.Thread(target=client.sendall, args=(b"x" * size,))
    sender.start()
    assert exactly(server, size) == size
    sender.join()
    until(lambda: unacknowledged(client) == 0)
    return retransmissions(client)


@pytest.mark.parametrize(("dropped", "at_least", "at_most"), [(1, 0.95, 2.5), (2, 2.95, 5.5)])
def test_lost_syns_double_the_timeout(
    hosts: Net,
    link: LinkProcess,
    listener: socket.socket,
    dropped: int,
    at_least: float,
    at_most: float,
) -> None:
    link.set(rules=[{"action": "drop", "flags": ["SYN"], "nth": [[1, dropped]], "line": 1}])
    began = time.monotonic()
    with connected(hosts, listener) as (client, _):
        took = time.monotonic() - began
        assert retransmissions(client) == dropped
    assert at_least < took < at_most
    rule = link.ask({"do": "state"})["rules"][0]
    assert rule == {"line": 1, "matched": dropped + 1, "acted": dropped}
    assert link.counters("server")["ruled"] == dropped


def test_one_lost_segment_among_later_ones_is_repaired_by_fast_retransmit(
    hosts: Net, link: LinkProcess, listener: socket.socket
) -> None:
    third = {"action": "drop", "direction": "server", "length": [1, None], "nth": [[3, 3]]}
    link.set(impairments={"server": {"delay_ms": 5}, "client": {"delay_ms": 5}}, rules=[third])
    fast, timeouts = netstat(hosts, "TCPFastRetrans"), netstat(hosts, "TCPTimeouts")
    with connected(hosts, listener) as ends:
        assert transfer(*ends, 20) == 1
    assert link.counters("server")["ruled"] == 1
    assert netstat(hosts, "TCPFastRetrans") == fast + 1
    assert netstat(hosts, "TCPTimeouts") == timeouts


def test_lost_pure_ack_costs_nothing(
    hosts: Net, link: LinkProcess, listener: socket.socket
) -> None:
    ack = {"action": "drop", "direction": "client", "flags": ["ACK"], "length": [0, 0]}
    link.set(
        impairments={"server": {"delay_ms": 5}, "client": {"delay_ms": 5}},
        rules=[{**ack, "nth": [[2, 2]]}],
    )
    with connected(hosts, listener) as ends:
        assert transfer(*ends, 40) == 0
    assert link.counters("client")["ruled"] == 1


def test_all_acks_lost_for_a_while_cost_retransmissions_and_no_byte(
    hosts: Net, link: LinkProcess, listener: socket.socket
) -> None:
    acks = {"action": "drop", "direction": "client", "flags": ["ACK"], "for_ms": 300}
    link.set(rules=[acks])
    with connected(hosts, listener) as ends:
        assert transfer(*ends, 40) >= 1
    assert link.counters("client")["ruled"] >= 1


def test_lost_fin_is_sent_again_and_both_ends_end_right(
    hosts: Net, link: LinkProcess, listener: socket.socket
) -> None:
    link.set(
        rules=[{"action": "drop", "direction": "server", "flags": ["FIN", "ACK"], "nth": [[1, 1]]}]
    )
    with connected(hosts, listener) as (client, server):
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert exactly(server, 100) == len(b"last words")  # and then the end
        until(lambda: tcp_info.read(client).state == FIN_WAIT2)
        assert retransmissions(client) == 1
        server.close()
        assert client.recv(100) == b""
    assert link.counters("server")["ruled"] == 1


def test_doubled_syn_ack_harms_nothing(
    hosts: Net, link: LinkProcess, listener: socket.socket
) -> None:
    link.set(rules=[{"action": "duplicate", "direction": "client", "flags": ["SYN", "ACK"]}])
    with connected(hosts, listener) as ends:
        assert transfer(*ends, 5) == 0
    assert link.counters("client")["duplicated"] == 1


def test_datagrams_three_and_seven(hosts: Net, link: LinkProcess) -> None:
    link.set(rules=[{"action": "drop", "protocol": "udp", "nth": [[3, 3], [7, 7]]}])
    with Pair(hosts) as pair:
        pair.send(10)
        until(lambda: link.counters("server")["passed"] == 8)
        assert pair.received() == [1, 2, 4, 5, 6, 8, 9, 10]


def test_every_fifth_datagram_is_late(hosts: Net, link: LinkProcess) -> None:
    link.set(
        rules=[{"action": "delay", "every": 5, "by_ms": 100, "direction": "server", "line": 2}],
        log=True,
    )
    with Pair(hosts) as pair:
        pair.send(12)
        until(lambda: link.counters("server")["passed"] == 12)
        assert pair.received() == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 5, 10]
    late = [fate for fate in link.fates() if fate["fate"] == "delayed"]
    assert [(fate["n"], fate["why"], fate["delay_ms"]) for fate in late] == [
        (5, "rule (line 2)", 100.0),
        (10, "rule (line 2)", 100.0),
    ]
