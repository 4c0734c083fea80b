"""A client to run by hand: sends a datagram, shows its echo and how long it took

HOST MESSAGE sends one datagram; HOST alone sends each line of standard input as one. Nobody
sends a lost datagram again: it is reported, and the next one follows.
"""

import socket
import sys
import time

from lab.node.echo.program import MAX_DATAGRAM, Client


def exchange(sock: socket.socket, message: bytes, timeout_s: float) -> bool:
    """Send a datagram and wait for its echo; tell whether it came in time."""
    sock.send(message)
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0:
        sock.settimeout(left_s)
        try:
            if sock.recv(MAX_DATAGRAM) == message:  # else a late echo of an earlier one
                return True
        except TimeoutError:
            break
    return False


def talk(client: Client) -> bool:
    """Send all messages; tell whether each had its echo."""
    lost = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        # Sends nothing, but now the kernel tells us when nobody is there (udp(7), ECONNREFUSED).
        sock.connect(client.address)
        for message in client.messages():
            began_ns = time.monotonic_ns()
            if exchange(sock, message, client.timeout_s):
                client.show(message, began_ns)
            else:
                lost += 1
                client.complain(f"no echo within {client.timeout_s:g} s: lost, or late")
    return not lost


if __name__ == "__main__":
    # At most 65,507 bytes: an IPv4 packet less its 20 bytes of header and UDP's 8.
    sys.exit(Client(__file__, __doc__, sizes=range(65_508)).run(talk))
