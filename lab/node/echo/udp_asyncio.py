"""One socket in an event loop: the loop of `udp_socket`, which awaits instead of blocking

Where it breaks: where `udp_socket` does, only sooner, for the event loop stands between. It
pays where the same thread has other work as well. Scenarios: `udp-overrun`, `loss`.
"""

import asyncio
import socket

from lab.node.echo.program import MAX_DATAGRAM, RECEIVE_BUFFER, announce, complain, serve
from lab.node.tally import Tally


async def datagrams(host: str, port: int, tally: Tally) -> None:
    """Receive, send back, receive the next.

    On the socket itself and not as a DatagramProtocol, whose transport silently drops an empty
    datagram before Python 3.13 and keeps without bound what the kernel does not take at once.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setblocking(False)
        sock.bind((host, port))
        announce(tally, sock)
        while True:
            data, client = await loop.sock_recvfrom(sock, MAX_DATAGRAM)
            tally.datagram_received(data)
            try:
                tally.datagram_sent(await loop.sock_sendto(sock, data, client))
            except OSError as error:  # ENOBUFS, no route: this echo is lost, as any may be
                complain(error)


def asynchronous(host: str, port: int, tally: Tally) -> None:
    """Run the event loop."""
    asyncio.run(datagrams(host, port, tally))


if __name__ == "__main__":
    serve(__file__, __doc__, asynchronous)
