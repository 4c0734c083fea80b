"""Every TCP program against every trap."""

import contextlib
import random
import re
import select
import signal
import socket
import struct
import threading
from pathlib import Path

import pytest

from lab.node.echo.program import CHUNK

from .servers import LOCALHOST, Server, Start, eventually, exchange, programs, receive, sending

# How many clients a model serves at once; who is not here serves as many as come.
AT_ONCE = {
    "tcp_sequential": 1,  # accepts the next client when the one before has hung up
    "tcp_socketserver": 1,  # the same: TCPServer handles a request before the next accept
    "tcp_pool": 32,  # its threads
}
MANY = 50
# Models that take more from the kernel than the program has asked for, and how much at most.
READ_AHEAD = {
    "tcp_asyncio": 2 * 65_536 + 262_144,  # StreamReader pauses above twice its limit, and a recv
}
# Models that start a thread for each client, and turn the client away if they cannot.
THREAD_PER_CLIENT = ["tcp_socketserver_threading", "tcp_threaded"]

MESSAGES = {
    "one byte": b"x",
    "a line": b"hello\r\n",
    "every byte value": bytes(range(256)),
    "garbage": b"GET / HTTP/1.1\r\n\0\x16\x03\x01LABP" + random.Random(7).randbytes(10_000),
    "more than any buffer": random.Random(8).randbytes(8 * 1024 * 1024),
}
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger (socket(7))
SILENCE_S = 0.2  # long enough to see that nothing comes: an echo takes 0.1 ms


def at_once(server: Server) -> int:
    return AT_ONCE.get(server.name, MANY)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_echoes(tcp: Server, message: bytes) -> None:
    with tcp.connect() as client:
        assert exchange(client, message) == message


def test_echoes_what_has_come_without_waiting_for_more(tcp: Server) -> None:
    with tcp.connect() as client:
        for part in (b"no newline", b"\n", b"x" * 5000, b"y"):
            client.sendall(part)
            assert receive(client, len(part)) == part


def test_a_thousand_messages_pipelined(tcp: Server) -> None:
    messages = [b"message %d;" % number for number in range(1000)]
    with tcp.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for message in messages:
            client.sendall(message)
        assert receive(client, len(b"".join(messages))) == b"".join(messages)


def test_serves_as_many_at_once_as_it_promises(tcp: Server) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(tcp.connect()) for _ in range(at_once(tcp))]
        for turn in range(2):
            for number, client in enumerate(clients):
                message = b"turn %d of client %d" % (turn, number)
                assert exchange(client, message) == message


@pytest.mark.parametrize("name", AT_ONCE)
def test_one_more_waits_until_somebody_hangs_up(name: str, start: Start) -> None:
    server = start(name)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(at_once(server))]
        for client in clients:
            assert exchange(client, b"here") == b"here"
        late = stack.enter_context(server.connect())  # the kernel shakes hands for the program
        late.sendall(b"anybody?")
        assert not select.select([late], [], [], SILENCE_S)[0]
        clients[0].close()
        assert receive(late, 8) == b"anybody?"


def test_half_close_still_gets_every_byte(tcp: Server) -> None:
    message = MESSAGES["more than any buffer"]
    with tcp.connect() as client, sending(client, message, half_close=True):
        assert receive(client, len(message) + 1) == message  # and then the end, not more


def test_half_close_at_once(tcp: Server) -> None:
    with tcp.connect() as client:
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""


@pytest.mark.parametrize("pushed", [0, 1, 4 * 1024 * 1024], ids=["idle", "a byte", "in mid-echo"])
def test_a_reset_ends_nobody_else(tcp: Server, pushed: int) -> None:
    for _ in range(10):
        client = tcp.connect(receive_buffer=4096)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        push(client, pushed)
        client.close()
    with tcp.connect() as client:
        assert exchange(client, b"still there?") == b"still there?"
    for line in tcp.errors().splitlines():
        assert re.search("Connection reset by peer|Broken pipe|Connection lost", line)


def push(client: socket.socket, limit: int) -> int:
    """Send without ever reading, until nothing more is taken; return how much was."""
    client.setblocking(False)
    taken = 0
    while taken < limit and select.select([], [client], [], SILENCE_S)[1]:
        with contextlib.suppress(BlockingIOError):
            taken += client.send(bytes(min(65_536, limit - taken)))
    client.settimeout(20)
    return taken


def test_a_client_that_never_reads_is_not_read_from(tcp: Server) -> None:
    with tcp.connect() as client:
        assert exchange(client, bytes(1 << 20)) == bytes(1 << 20)  # what an echo needs, it has
    before_kb = tcp.memory_kb()
    limit = 128 * 1024 * 1024
    with tcp.connect(receive_buffer=4096, send_buffer=65_536) as client:
        taken = push(client, limit)
        # Up to 32 MB fit in the kernel's own buffers for the server (tcp(7), tcp_rmem).
        assert taken < limit / 2, "the server swallows what it cannot send"
        assert tcp.memory_kb() - before_kb < 4096
        eventually(lambda: counted_right(tcp, client, taken))
        if at_once(tcp) > 1:
            with tcp.connect() as other:
                assert exchange(other, b"not my fault") == b"not my fault"
        assert receive(client, taken) == bytes(taken), "back-pressure loses nothing"


def counted_right(server: Server, client: socket.socket, taken: int) -> bool:
    """Compare the tally with the queues of both sockets, after an exchange of 1 MB before.

    /proc/net/tcp has, of each socket, the two ports and the bytes that are not yet acknowledged
    and not yet read (proc_net(5)). The client, which sent `taken` bytes, has read none. What is
    being sent is counted when all of it is sent: at most one chunk is missing, and none too many.
    """
    ports = client.getsockname()[1], server.address[1]
    queues: dict[tuple[int, ...], list[int]] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, waiting, *_ = line.split()
        ends = tuple(int(end.partition(":")[2], 16) for end in (local, remote))
        queues[ends] = [int(size, 16) for size in waiting.split(":")]
    client_unsent, client_unread = queues[ports]
    server_unsent, server_unread = queues[ports[::-1]]
    answer = server.ask()
    received, sent = (int(answer[key]) - (1 << 20) for key in ("bytes_received", "bytes_sent"))
    ahead = taken - client_unsent - server_unread - received
    missing = server_unsent + client_unread - sent
    return 0 <= ahead <= READ_AHEAD.get(server.name, 0) and 0 <= missing < CHUNK


def test_sigterm_with_clients_idle_blocked_and_waiting(tcp: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(min(at_once(tcp), 5) - 1):
            idle = stack.enter_context(tcp.connect())
            assert exchange(idle, b"x") == b"x"
        blocked = stack.enter_context(tcp.connect(receive_buffer=4096))
        taken = 0

        def holds_back() -> bool:
            nonlocal taken
            taken += push(blocked, 64 * 1024 * 1024 - taken)
            tally = tcp.ask()
            return bool(tally["bytes_sent"] < tally["bytes_received"])

        # On a busy machine the server may have had no turn while the client was silent.
        eventually(holds_back)
        stack.enter_context(tcp.connect())
        last, took_s = tcp.end()
    assert took_s < 1
    assert last["bytes_sent"] < last["bytes_received"] <= taken + 4


def test_sends_the_rest_when_the_kernel_takes_a_part(tcp: Server, start: Start) -> None:
    """send(2) may take less than it is given; a kernel that always does makes it certain."""
    prelude = """
import socket
class Short(socket.socket):
    def send(self, data, *flags):
        return super().send(bytes(data)[:999], *flags)
    def sendmsg(self, buffers, *rest):
        return self.send(b"".join(buffers))
socket.socket = Short
"""
    server = start(tcp.name, prelude=prelude)
    message = random.Random(9).randbytes(200_000)
    with server.connect() as client:
        assert exchange(client, message) == message
    assert server.end()[0]["bytes_sent"] == len(message)


def test_a_crowd_may_queue(tcp: Server) -> None:
    """The textbook's backlog of 5, or asyncio's 100, leaves the rest without an answer."""
    tcp.process.send_signal(signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(150):
            client = stack.enter_context(socket.socket())
            client.settimeout(0.9)  # a SYN that was dropped is sent again after 1 s (RFC 6298)
            client.connect(tcp.address)
            clients.append(client)
        tcp.process.send_signal(signal.SIGCONT)
        clients[0].settimeout(20)
        assert exchange(clients[0], b"first") == b"first"


def test_starts_again_on_its_port_at_once(tcp: Server, start: Start) -> None:
    """Who closes first keeps the port in TIME-WAIT (RFC 9293, 3.6.1; SO_REUSEADDR)."""
    with tcp.connect() as client:
        assert exchange(client, b"x") == b"x"
        tcp.end()
        assert client.recv(1) == b""
    again = start(tcp.name, port=tcp.address[1])
    with again.connect() as client:
        assert exchange(client, b"again") == b"again"


@pytest.mark.parametrize("name", THREAD_PER_CLIENT)
def test_without_a_thread_to_be_had_the_client_is_turned_away(name: str, start: Start) -> None:
    prelude = """
import threading
start = threading.Thread.start
failures = [1, 1]
def scarce(self):
    if self.name != "signals" and failures:
        failures.pop()
        raise RuntimeError("can't start new thread")
    start(self)
threading.Thread.start = scarce
"""
    server = start(name, prelude=prelude)
    for _ in range(2):
        with server.connect() as client:
            assert client.recv(1) == b""
    with server.connect() as client:
        assert exchange(client, b"now") == b"now"
    assert server.errors().count("can't start new thread") == 1  # a flood says it once


@pytest.mark.parametrize("name", programs("tcp"))
def test_survives_having_no_descriptor_left(name: str, start: Start) -> None:
    prelude = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))"
    server = start(name, prelude=prelude)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(40)]
        if at_once(server) > 1:
            eventually(lambda: server.descriptors() == 20)
        assert exchange(clients[0], b"one of the first") == b"one of the first"
    with server.connect() as client:
        assert exchange(client, b"after them") == b"after them"


def test_two_clients_at_full_speed(tcp: Server) -> None:
    """In parallel where the model promises it, else one after the other; right either way."""
    message = random.Random(10).randbytes(2 * 1024 * 1024)
    echoes: list[bytes] = []

    def one() -> None:
        with tcp.connect() as client:
            echoes.append(exchange(client, message))

    threads = [threading.Thread(target=one, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert echoes == [message, message]


def test_listens_where_it_is_told(tcp: Server) -> None:
    assert tcp.address[0] == LOCALHOST
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(("127.0.0.2", tcp.address[1]))
