"""The library's UDPServer: the loop of `udp_socket`, with a handler object per datagram

Where it breaks: where `udp_socket` does, only sooner, for each datagram also costs a poll and an
object. Its default cuts every datagram off after 8192 bytes, and says nothing.
Scenarios: `udp-overrun`, `loss`.
"""

import socket
import socketserver
import sys
from typing import Any

from lab.node.echo.program import MAX_DATAGRAM, RECEIVE_BUFFER, announce, complain, serve
from lab.node.tally import Tally


class Server(socketserver.UDPServer):
    """Receives; a `Handler` answers each datagram before the next is received."""

    max_packet_size = MAX_DATAGRAM  # the library's own: 8192
    tally: Tally

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An echo that could not be sent is lost, as any may be: no traceback."""
        complain(sys.exception())


class Handler(socketserver.BaseRequestHandler):
    """One datagram: `self.request` is its bytes, and the socket to answer with."""

    server: Server

    def handle(self) -> None:
        """Send it back to where it came from."""
        data, sock = self.request
        self.server.tally.datagram_received(data)
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
