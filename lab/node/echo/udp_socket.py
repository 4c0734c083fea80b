"""One socket, one loop: each datagram goes back to where it came from

UDP has no connections, so one loop serves every client. Where it breaks: datagrams that come
faster than the loop turns wait in the receive buffer, and when it is full the kernel drops them
and tells nobody but its own counter (`Udp.RcvbufErrors`). Scenarios: `udp-overrun`, `loss`.
"""

import socket

from lab.node.echo.program import MAX_DATAGRAM, RECEIVE_BUFFER, announce, complain, serve
from lab.node.tally import Tally


def datagrams(host: str, port: int, tally: Tally) -> None:
    """Receive, send back, receive the next."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        # No SO_REUSEADDR: with UDP it lets a second program take the port over (socket(7)).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, port))
        announce(tally, sock)
        while True:
            # A buffer too small would cut the datagram off, and the rest is gone (udp(7)).
            data, client = sock.recvfrom(MAX_DATAGRAM)
            tally.datagram_received(data)
            try:
                tally.datagram_sent(sock.sendto(data, client))
            except OSError as error:  # ENOBUFS, no route: this echo is lost, as any may be
                complain(error)


if __name__ == "__main__":
    serve(__file__, __doc__, datagrams)
