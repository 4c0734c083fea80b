"""The library's ThreadingTCPServer: a thread per connection, which reads and writes files

Where it breaks: where `tcp_threaded` does, a thread a client. And the file interface misleads:
`readline` waits for a newline and `read(n)` for all n bytes, so a client that sent less waits
for ever; `read1` returns what has arrived. Scenarios: `thread-per-client-runs-out`, `c10k`.
"""

import socket
import socketserver
import sys
from typing import Any

from lab.node.echo.program import CHUNK, announce, complain, serve
from lab.node.tally import Tally


class Server(socketserver.ThreadingTCPServer):
    """Accepts, and starts a thread for each connection in which a `Handler` serves it."""

    allow_reuse_address = True
    request_queue_size = socket.SOMAXCONN
    daemon_threads = True  # else the library keeps a list of all of them
    block_on_close = False  # and waits for them at the end
    tally: Tally

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reset, or no thread to be had, ends one client's service: no traceback."""
        complain(sys.exception())


class Handler(socketserver.StreamRequestHandler):
    """One connection: `rfile` and `wfile` are its two directions as files."""

    server: Server
    disable_nagle_algorithm = True  # TCP_NODELAY

    def handle(self) -> None:
        """Echo until the client shuts down its sending side."""
        tally = self.server.tally
        tally.connected()
        while data := self.rfile.read1(CHUNK):
            tally.received(len(data))
            self.wfile.write(data)  # wfile has no buffer and writes all: socket.sendall inside
            tally.sent(len(data))


def library(host: str, port: int, tally: Tally) -> None:
    """Have the library serve."""
    with Server((host, port), Handler) as server:
        server.tally = tally
        announce(tally, server.socket)
        server.serve_forever()


if __name__ == "__main__":
    serve(__file__, __doc__, library)
