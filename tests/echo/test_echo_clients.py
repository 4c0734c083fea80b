"""The clients that a student runs by hand, and what a server says of bad arguments."""

import contextlib
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .servers import LOCALHOST, Server, Start, command, programs

CLIENTS = {"tcp_client": "tcp_threaded", "udp_client": "udp_socket"}
ECHO_LINE = re.compile(r"(.*)  (\d+\.\d{3}) ms")


def run(
    root: Path, name: str, *arguments: str, typed: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(f"lab.node.echo.{name}", *arguments),
        cwd=root,
        input=typed,
        capture_output=True,
        timeout=20,
        check=False,
    )


def echoes(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    matches = [ECHO_LINE.fullmatch(line) for line in done.stdout.decode().splitlines()]
    assert all(matches), done.stdout
    return [match[1] for match in matches if match]


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def served(client: str, start: Start) -> Server:
    return start(CLIENTS[client])


@contextlib.contextmanager
def fake(kind: socket.SocketKind, behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that misbehaves; yields its port."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(20)
        sock.bind((LOCALHOST, 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        thread = threading.Thread(target=behave, args=(sock,), daemon=True)
        thread.start()
        yield str(sock.getsockname()[1])
        thread.join(20)


def silent(_: socket.socket) -> None:
    """The kernel accepts and receives; nobody answers."""


@pytest.mark.parametrize("message", ["hello", "two words", "grüße 你好", "x" * 60_000])
def test_one_shot(client: str, served: Server, root: Path, message: str) -> None:
    done = run(root, client, LOCALHOST, message, "--port", str(served.address[1]))
    assert (done.returncode, done.stderr) == (0, b"")
    assert echoes(done) == [message]


def test_interactive(client: str, served: Server, root: Path) -> None:
    typed = b"one\ntwo words\r\nwithout a newline"
    done = run(root, client, LOCALHOST, "--port", str(served.address[1]), typed=typed)
    assert (done.returncode, done.stderr) == (0, b"")
    assert echoes(done) == ["one", "two words", "without a newline"]


def test_interactive_shows_each_echo_at_once(client: str, served: Server, root: Path) -> None:
    with subprocess.Popen(
        command(f"lab.node.echo.{client}", LOCALHOST, "--port", str(served.address[1])),
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        for word in (b"first", b"second"):
            process.stdin.write(word + b"\n")
            process.stdin.flush()
            assert process.stdout.readline().startswith(word + b"  ")
        process.stdin.close()
        assert process.wait(20) == 0


def test_an_empty_line(client: str, served: Server, root: Path) -> None:
    """A datagram may be empty. A stream has no empty messages: nothing would come back."""
    done = run(root, client, LOCALHOST, "--port", str(served.address[1]), typed=b"a\n\nb\n")
    assert done.returncode == 0
    assert echoes(done) == (["a", "", "b"] if client == "udp_client" else ["a", "b"])
    assert (b"message: 0 bytes" in done.stderr) == (client == "tcp_client")


def test_a_long_line_over_tcp(start: Start, root: Path) -> None:
    """More than the buffers hold: who only sends while the server only sends waits for ever."""
    server = start("tcp_sequential")
    typed = b"x" * (16 << 20)
    done = run(root, "tcp_client", LOCALHOST, "--port", str(server.address[1]), typed=typed)
    assert echoes(done) == [typed.decode()]


def test_refused(client: str, root: Path) -> None:
    kind = socket.SOCK_STREAM if client == "tcp_client" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as nobody:
        nobody.bind((LOCALHOST, 0))
        port = nobody.getsockname()[1]
        if client == "udp_client":
            nobody.close()
        done = run(root, client, LOCALHOST, "hello", "--port", str(port))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"{client}: {LOCALHOST}:{port}: Connection refused\n"


def test_timeout(client: str, root: Path) -> None:
    kind = socket.SOCK_STREAM if client == "tcp_client" else socket.SOCK_DGRAM
    with fake(kind, silent) as port:
        done = run(root, client, LOCALHOST, "hello", "--port", port, "--timeout", "0.1")
    assert (done.returncode, done.stdout) == (1, b"")
    assert (
        done.stderr.decode()
        == {
            "tcp_client": f"tcp_client: {LOCALHOST}:{port}: no answer within 0.1 s\n",
            "udp_client": "udp_client: no echo within 0.1 s: lost, or late\n",
        }[client]
    )


def test_tcp_reply_in_parts(root: Path) -> None:
    def behave(sock: socket.socket) -> None:
        connection, _ = sock.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in connection.recv(100):
                connection.sendall(bytes([byte]))

    with fake(socket.SOCK_STREAM, behave) as port:
        assert echoes(run(root, "tcp_client", LOCALHOST, "in parts", "--port", port)) == [
            "in parts"
        ]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"", "the server hung up before it echoed all"),
        (b"hel", "the server hung up before it echoed all"),
        (b"HELLO", "the echo differs from what was sent"),
    ],
)
def test_tcp_wrong_reply(root: Path, answer: bytes, complaint: str) -> None:
    def behave(sock: socket.socket) -> None:
        connection, _ = sock.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)

    with fake(socket.SOCK_STREAM, behave) as port:
        done = run(root, "tcp_client", LOCALHOST, "hello", "--port", port)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"tcp_client: {LOCALHOST}:{port}: {complaint}\n"


def test_udp_late_echo_is_not_taken_for_the_next(root: Path) -> None:
    def behave(sock: socket.socket) -> None:
        sock.recvfrom(100)
        _, client = sock.recvfrom(100)
        for message in (b"one", b"two"):
            sock.sendto(message, client)
        sock.recvfrom(100)

    with fake(socket.SOCK_DGRAM, behave) as port:
        arguments = (LOCALHOST, "--port", port, "--timeout", "0.3")
        done = run(root, "udp_client", *arguments, typed=b"one\ntwo\nthree\n")
    assert echoes(done) == ["two"]
    assert done.stderr.decode() == "udp_client: no echo within 0.3 s: lost, or late\n" * 2
    assert done.returncode == 1


BAD_ARGUMENTS = [
    ([], "the following arguments are required: host"),
    (["h", "m", "--port", "0"], "--port: '0' is no whole number from 1 to 65535"),
    (["h", "m", "--port", "65536"], "--port: '65536' is no whole number"),
    (["h", "m", "--port", "echo"], "--port: 'echo' is no whole number"),
    (["h", "m", "--timeout", "0"], "--timeout: '0' is no duration"),
    (["h", "m", "--timeout", "-1"], "--timeout: '-1' is no duration"),
    (["h", "m", "more"], "unrecognized arguments: more"),
]


@pytest.mark.parametrize(("arguments", "complaint"), BAD_ARGUMENTS)
def test_bad_arguments(root: Path, client: str, arguments: list[str], complaint: str) -> None:
    assert_refused(run(root, client, *arguments), complaint)


def test_bad_messages(root: Path) -> None:
    too_long = run(root, "udp_client", LOCALHOST, "x" * 65_508)
    assert_refused(too_long, "message: 65508 bytes; allowed are 0 to 65507")
    empty = run(root, "tcp_client", LOCALHOST, "")
    assert_refused(empty, "message: 0 bytes; allowed are 1 to")


def assert_refused(done: subprocess.CompletedProcess[bytes], complaint: str) -> None:
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert complaint in done.stderr.decode()


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_host_that_cannot_be(root: Path, client: str, host: str) -> None:
    done = run(root, client, host, "hello")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert done.stderr.decode().startswith(f"{client}: {host}:7: ")


@pytest.mark.parametrize("name", programs("tcp") + programs("udp"))
def test_a_port_in_use_is_one_line(root: Path, start: Start, name: str) -> None:
    """Also for UDP, where SO_REUSEADDR would let a second server steal the first one's port."""
    port = start(name).address[1]
    done = run(root, name, "--host", LOCALHOST, "--port", str(port))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert re.match(rf"{name}: {LOCALHOST}:{port}: .*ddress already in use", done.stderr.decode())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "65536"], "--port: '65536' is no whole number from 0 to 65535"),
        (["--port", "-1"], "--port: '-1' is no whole number"),
        (["--backlog", "5"], "unrecognized arguments: --backlog 5"),
    ],
)
def test_a_server_refuses_bad_arguments(root: Path, arguments: list[str], complaint: str) -> None:
    assert_refused(run(root, "tcp_threaded", *arguments), complaint)


def test_a_server_on_a_host_that_is_not_ours_is_one_line(root: Path) -> None:
    for name in programs("tcp") + programs("udp"):
        done = run(root, name, "--host", "192.0.2.1", "--port", "0")  # RFC 5737: nobody's
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1), name
