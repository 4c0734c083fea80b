"""The library's ThreadingUDPServer: a new thread for every single datagram

Where it breaks: starting a thread costs far more than an echo, so this one overruns first of
all; and threads finish in any order, so the echoes do too. It pays only where an answer takes
long to work out. Scenarios: `udp-overrun`, `loss`.
"""

import socket
import socketserver
import sys
from typing import Any

from lab.node.echo.program import MAX_DATAGRAM, RECEIVE_BUFFER, announce, complain, serve
from lab.node.tally import Tally


class Server(socketserver.ThreadingUDPServer):
    """Receives, and starts a thread for each datagram in which a `Handler` answers it."""

    max_packet_size = MAX_DATAGRAM  # the library's own: 8192
    daemon_threads = True
    block_on_close = False
    tally: Tally

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Count the datagram when it is received, not when its thread gets to run."""
        self.tally.datagram_received(request[0])
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An echo that could not be sent, or got no thread, is lost: no traceback."""
        complain(sys.exception())


class Handler(socketserver.BaseRequestHandler):
    """One datagram: `self.request` is its bytes, and the socket to answer with."""

    server: Server

    def handle(self) -> None:
        """Send it back to where it came from."""
        data, sock = self.request
        self.server.tally.datagram_sent(sock.sendto(data, self.client_address))


def library(host: str, port: int, tally: Tally) -> None:
    """Have the library serve."""
    with Server((host, port), Handler) as server:
        server.tally = tally
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        announce(tally, server.socket)
        server.serve_forever()


if __name__ == "__main__":
    serve(__file__, __doc__, library)
