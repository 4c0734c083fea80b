"""Starts an echo program as the container does, and ends it whatever happens."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from lab.node import tally
from lab.node.echo import program as echo_program

ECHO = Path(echo_program.__file__).parent
DEADLINE_S = 20.0  # for what should take milliseconds: a loaded machine is slow, not wrong
LOCALHOST = "127.0.0.1"

Counts = dict[str, Any]


def programs(protocol: str, folder: Path = ECHO) -> list[str]:
    """The rule of registration: the file name is enough."""
    stems = (path.stem for path in folder.glob(f"{protocol}_*.py"))
    return sorted(stem for stem in stems if not stem.endswith("_client"))


def command(name: str, *arguments: str, prelude: str = "") -> list[str]:
    """The command line of a program; `prelude` is Python that makes its kernel misbehave.

    -S hides everything but the standard library, which is all that the container has.
    """
    if not prelude:
        return [sys.executable, "-S", "-m", name, *arguments]
    run = f"{prelude}\nimport runpy\nrunpy.run_module({name!r}, run_name='__main__')"
    return [sys.executable, "-S", "-c", run, *arguments]


class Server:
    """One echo program, listening on a free port."""

    def __init__(
        self,
        name: str,
        root: Path,
        folder: Path,
        *,
        port: int = 0,
        prelude: str = "",
        tally_path: Path | None = None,
    ) -> None:
        self.name = name
        self.protocol = name.partition("_")[0]
        self.path = tally_path or folder / f"{name}.{time.monotonic_ns()}.json"
        self._errors = folder / f"{name}.{time.monotonic_ns()}.stderr"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command(
                    f"lab.node.echo.{name}",
                    *("--host", LOCALHOST, "--port", str(port)),
                    prelude=prelude,
                ),
                cwd=root,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "LAB_TALLY": str(self.path)},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
        assert "Traceback" not in self.errors()

    def wait_until_listening(self) -> Self:
        first = self._line()
        assert first == {
            "event": "listening",
            "program": self.name,
            "host": LOCALHOST,
            "port": first.get("port"),
        }, self.errors()
        self.address = (LOCALHOST, int(first["port"]))
        return self

    def _line(self) -> Counts:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.errors()
        answer: Counts = json.loads(line)
        return answer

    def errors(self) -> str:
        return self._errors.read_text()

    def connect(self, receive_buffer: int = 0, send_buffer: int = 0) -> socket.socket:
        """A client; the buffers have to be set before it connects (tcp(7))."""
        kind = socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM
        client = socket.socket(socket.AF_INET, kind)
        client.settimeout(DEADLINE_S)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if send_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        client.connect(self.address)
        return client

    def ask(self, run: int | None = None, timeout_s: float = DEADLINE_S) -> Counts:
        return tally.ask(self.process.pid, self.path, timeout_s, run)

    def end(self, number: int = signal.SIGTERM) -> tuple[Counts, float]:
        """Signal it; return its last line and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_S)
        took = time.monotonic() - began
        assert code == 0, self.errors()
        return self._line(), took

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def memory_kb(self) -> int:
        """The most memory that it ever had (proc_pid_status(5), VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1])


Start = Callable[..., Server]


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for it, but not for ever."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)


@contextlib.contextmanager
def sending(client: socket.socket, data: bytes, *, half_close: bool = False) -> Iterator[None]:
    """Send in the background, so that the caller can receive meanwhile."""

    def send() -> None:
        with contextlib.suppress(OSError):  # the receiving side is the one that judges
            client.sendall(data)
            if half_close:
                client.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def receive(client: socket.socket, size: int) -> bytes:
    """Read so many bytes, or fewer if the other side ends first."""
    parts = bytearray()
    while len(parts) < size and (part := client.recv(min(size - len(parts), 1 << 20))):
        parts += part
    return bytes(parts)


def exchange(client: socket.socket, data: bytes) -> bytes:
    """Send all and receive as much, both at once."""
    with sending(client, data):
        return receive(client, len(data))


def counts(name: str, **numbers: int) -> Counts:
    """What a tally says that says nothing else."""
    zero = dict.fromkeys(
        ["connections", "bytes_received", "bytes_sent", "datagrams_received", "datagrams_sent"], 0
    )
    return {"program": name, "protocol": name.partition("_")[0], **zero, **numbers}


def only_counts(answer: Counts) -> Counts:
    """The part of an answer or of the last line that `counts` makes."""
    return {key: answer[key] for key in counts("")}
