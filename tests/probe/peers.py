"""Peers that misbehave by script, in threads of the test; and the probe as a real process."""

import contextlib
import itertools
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Report = dict[str, Any]
Answer = Callable[[bytes], Sequence[bytes]]
Behave = Callable[[socket.socket, int], None]


@contextlib.contextmanager
def udp_peer(answer: Answer) -> Iterator[int]:
    """Answer each datagram with those that ``answer`` returns for it; yields the port."""
    done = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)  # how soon the end of the test is noticed

        def serve() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    data, address = sock.recvfrom(65535)
                    for reply in answer(data):
                        sock.sendto(reply, address)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            done.set()
            thread.join()


@contextlib.contextmanager
def tcp_peer(behave: Behave) -> Iterator[int]:
    """Give each accepted connection and its number to ``behave`` in a thread; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            behave(connection, number)

    def listen() -> None:
        for number in itertools.count():
            try:
                connection, _ = listener.accept()
            except OSError:  # the test is over
                return
            connections.append(connection)
            thread = threading.Thread(target=serve, args=(connection, number))
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=listen)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        accepting.join()
        listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes recv()
        for thread in threads:
            thread.join()


def echo(connection: socket.socket, _number: int = 0) -> None:
    """Echo until the end of file."""
    while data := connection.recv(65536):
        connection.sendall(data)


def exactly(connection: socket.socket, size: int) -> bytes:
    """Read ``size`` bytes, or what comes before the end of file."""
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def command(kind: str, port: int, *options: object, host: str = "127.0.0.1") -> list[str]:
    """Return the words that start a probe."""
    words = [sys.executable, "-m", f"lab.node.probe.{kind}", host, "--port", str(port)]
    return words + [str(option) for option in options]


def probe(kind: str, port: int, *options: object) -> Report:
    """Run a probe as a process to its end; it must do well and be silent on stderr."""
    done = subprocess.run(
        command(kind, port, *options), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    report: Report = json.loads(done.stdout)
    return report
