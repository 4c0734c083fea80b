"""Every UDP program against every trap."""

import contextlib
import random
import signal
import socket
from collections import Counter

import pytest

from lab.node import wire

from .servers import LOCALHOST, Server, Start, counts, only_counts

SIZES = {
    "empty": 0,  # a datagram all the same; asyncio's own transport dropped it until Python 3.13
    "one byte": 1,
    "one Ethernet frame": 1472,  # 1500 less 20 bytes of IPv4 header and 8 of UDP header
    "one byte more": 1473,
    "more than socketserver's 8192": 8193,
    "the longest": 65_507,
}
MESSAGES = {name: random.Random(size).randbytes(size) for name, size in SIZES.items()} | {
    "every byte value": bytes(range(256)),
    "garbage": b"GET / HTTP/1.1\r\n\0\x16\x03\x01",
    "less than a probe's header": wire.MAGIC + b"\xff" * (wire.HEADER.size - 5),
    "a probe's header and no more": wire.HEADER.pack(wire.MAGIC, 2**32 - 1, 2**32 - 1, 2**64 - 1),
}

# Models whose socket does not block, so that a full buffer is theirs to wait for. To the others
# it cannot happen; if it did, the echo would be lost like any other that cannot be sent.
TRIES_AGAIN = {"udp_asyncio"}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_echoes(udp: Server, message: bytes) -> None:
    with udp.connect() as client:
        for _ in range(2):
            client.send(message)
            assert client.recv(65_535) == message
    expected = counts(
        udp.name,
        datagrams_received=2,
        datagrams_sent=2,
        bytes_received=2 * len(message),
        bytes_sent=2 * len(message),
    )
    assert only_counts(udp.end()[0]) == expected


def test_a_thousand_messages_pipelined(udp: Server) -> None:
    """A few at a time, for UDP has no flow control; a thread for each may change their order."""
    messages = [b"message %d" % number for number in range(1000)]
    with udp.connect() as client:
        echoes = Counter[bytes]()
        for start in range(0, 1000, 20):
            for message in messages[start : start + 20]:
                client.send(message)
            echoes.update(client.recv(65_535) for _ in range(20))
    assert echoes == Counter(messages)


def test_each_client_gets_its_own(udp: Server) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(udp.connect()) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(b"client %d" % number)
        for number, client in reversed(list(enumerate(clients))):
            assert client.recv(65_535) == b"client %d" % number


def test_answers_from_the_port_that_was_asked(udp: Server) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:  # takes anybody's datagram
        client.settimeout(20)
        client.sendto(b"who?", udp.address)
        assert client.recvfrom(65_535) == (b"who?", udp.address)


def test_clients_that_are_gone_end_nobody_else(udp: Server) -> None:
    """Each echo to a closed port comes back as ICMP "port unreachable"."""
    for _ in range(20):
        with udp.connect() as client:
            client.send(b"not waiting")
    with udp.connect() as client:
        client.send(b"still there?")
        assert client.recv(65_535) == b"still there?"
    assert udp.end()[0]["datagrams_received"] == 21


@pytest.mark.parametrize("name", ["ENOBUFS", "EPERM", "ENETUNREACH"])
def test_an_echo_that_cannot_be_sent_is_lost_and_no_more(
    udp: Server, start: Start, name: str
) -> None:
    prelude = f"""
import errno, socket
failures = [1, 1]
class Refusing(socket.socket):
    def sendto(self, *arguments):
        if failures:
            failures.pop()
            raise OSError(errno.{name}, "made up")
        return super().sendto(*arguments)
socket.socket = Refusing
"""
    server = start(udp.name, prelude=prelude)
    with server.connect() as client:
        for message in (b"lost", b"lost too", b"echoed"):
            client.send(message)
            if message == b"lost too":  # threads: the third must not run before the second
                assert_counts_soon(server, datagrams_received=2)
        assert client.recv(65_535) == b"echoed"
    last, _ = server.end()
    assert (last["datagrams_received"], last["datagrams_sent"], last["bytes_sent"]) == (3, 1, 6)
    assert server.errors().count("made up") == 1  # a flood says it once


def assert_counts_soon(server: Server, datagrams_received: int) -> None:
    """Ask until so many have been received; the tally settles before it answers."""
    while server.ask()["datagrams_received"] < datagrams_received:
        assert server.process.poll() is None


def test_a_full_send_buffer_stops_nobody(udp: Server, start: Start) -> None:
    """EAGAIN, as a socket that does not block says it (send(2))."""
    prelude = """
import socket
failures = [1]
class Full(socket.socket):
    def sendto(self, *arguments):
        if failures:
            failures.pop()
            raise BlockingIOError(11, "made up")
        return super().sendto(*arguments)
socket.socket = Full
"""
    server = start(udp.name, prelude=prelude)
    with server.connect() as client:
        client.send(b"first")
        assert_counts_soon(server, datagrams_received=1)
        client.send(b"second")
        if udp.name in TRIES_AGAIN:
            assert client.recv(65_535) == b"first"
        assert client.recv(65_535) == b"second"


def test_its_receive_buffer_holds_a_burst(udp: Server) -> None:
    """The kernel's default (rmem_default, 208 KB) holds 277 small datagrams; twice that fit."""
    udp.process.send_signal(signal.SIGSTOP)
    with udp.connect(receive_buffer=1 << 22) as client:
        for number in range(450):
            client.send(b"%d" % number)
        udp.process.send_signal(signal.SIGCONT)
        assert {client.recv(65_535) for _ in range(450)} == {b"%d" % n for n in range(450)}


def test_listens_where_it_is_told(udp: Server) -> None:
    assert udp.address[0] == LOCALHOST
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.2", udp.address[1]))
        client.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            client.recv(1)
