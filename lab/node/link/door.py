"""The serving end of the control socket: one JSON line in, one JSON line out, then it is closed.

Never blocks, for packets wait meanwhile: a client that is slow to ask or to read is kept in a
buffer, and those beyond `MAX_CLIENTS` wait in the backlog. Knows nothing of what is asked.
"""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.node.link.config import Refused, refusal

PATH = Path("/run/lab/link.sock")
MAX_REQUEST = 4_000_000  # bytes: some twenty thousand clients or rules
MAX_CLIENTS = 16

Answer = Callable[[Any], dict[str, Any]]


class Taken(Exception):
    """Another link serves this socket."""


class _Client:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.asked = b""
        self.unsent = b""


class Door:
    """A Unix socket at `path`; `answer` turns a request into an answer, or raises `Refused`."""

    def __init__(self, path: Path, answer: Answer) -> None:
        """Listen; a socket that nobody serves any more is replaced, else `Taken` is raised."""
        self._path = path
        self._answer = answer
        self._clients: dict[int, _Client] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        try:
            if path.exists() and _is_served(path):
                raise Taken(f"{path}: another link is serving")
            path.unlink(missing_ok=True)
            self._listener.bind(str(path))
        except BaseException:
            self._listener.close()
            raise
        path.chmod(0o600)
        self._listener.listen(MAX_CLIENTS)

    def close(self) -> None:
        """Close all, and remove the socket."""
        for client in self._clients.values():
            client.connection.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def waiting(self) -> tuple[list[int], list[int]]:
        """The descriptors to wait on: for reading, for writing."""
        readers = [number for number, client in self._clients.items() if not client.unsent]
        writers = [number for number, client in self._clients.items() if client.unsent]
        if len(self._clients) < MAX_CLIENTS:
            readers.append(self._listener.fileno())
        return readers, writers

    def serve(self, ready: list[int]) -> None:
        """Do what can be done at these descriptors of `waiting`; others are not ours."""
        for number in ready:
            if number == self._listener.fileno():
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                self._clients[connection.fileno()] = _Client(connection)
            elif (client := self._clients.get(number)) and not self._goes_on(client):
                del self._clients[number]
                client.connection.close()

    def _goes_on(self, client: _Client) -> bool:
        try:
            if not client.unsent:
                chunk = client.connection.recv(65_536)
                client.asked += chunk
                if chunk and b"\n" not in chunk and len(client.asked) <= MAX_REQUEST:
                    return True
                client.unsent = self._respond(client.asked)
            sent = client.connection.send(client.unsent)
        except BlockingIOError:
            return True
        except OSError:
            return False  # the client went away; what it asked for is done or was never asked
        client.unsent = client.unsent[sent:]
        return bool(client.unsent)

    def _respond(self, asked: bytes) -> bytes:
        try:
            if len(asked) > MAX_REQUEST:
                raise refusal("request", len(asked), f"at most {MAX_REQUEST} bytes")
            answer = self._answer(json.loads(asked))
        except Refused as reason:
            answer = {"refused": str(reason)}
        except (ValueError, RecursionError) as reason:
            answer = {"refused": f"request: no JSON: {reason}"}
        return json.dumps(answer).encode() + b"\n"


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        try:
            visitor.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True
