"""The library's TCPServer: one client at a time, without writing the loop

Where it breaks: where `tcp_sequential` does, for it is the same model: the second client waits
for the first to hang up. Its defaults hide two more traps, a queue of 5 and no SO_REUSEADDR.
Scenarios: `one-at-a-time`, `backlog`.
"""

import socket
import socketserver
import sys
from typing import Any

from lab.node.echo.program import CHUNK, announce, complain, serve
from lab.node.tally import Tally


class Server(socketserver.TCPServer):
    """Binds, listens and accepts; a `Handler` serves each connection before the next accept."""

    allow_reuse_address = True
    request_queue_size = socket.SOMAXCONN
    tally: Tally

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reset ends one client's service: no traceback, which is the default."""
        complain(sys.exception())


class Handler(socketserver.BaseRequestHandler):
    """One connection: `self.request` is its socket."""

    server: Server

    def handle(self) -> None:
        """Echo until the client shuts down its sending side."""
        tally = self.server.tally
        tally.connected()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := self.request.recv(CHUNK):
            tally.received(len(data))
            self.request.sendall(data)
            tally.sent(len(data))


def library(host: str, port: int, tally: Tally) -> None:
    """Have the library serve."""
    with Server((host, port), Handler) as server:
        server.tally = tally
        announce(tally, server.socket)
        server.serve_forever()


if __name__ == "__main__":
    serve(__file__, __doc__, library)
