"""A client to run by hand: connects, sends a message, shows its echo and how long it took

HOST MESSAGE sends one message; HOST alone sends each line of standard input over one connection.
"""

import socket
import sys
import time

from lab.node.echo.program import CHUNK, Client


def exchange(connection: socket.socket, message: bytes) -> bytes:
    """Send the message and read as many bytes as it has: a stream does not say where it ends."""
    echo = bytearray()
    for start in range(0, len(message), CHUNK):  # piece by piece, so that both never only send
        connection.sendall(message[start : start + CHUNK])
        while len(echo) < min(start + CHUNK, len(message)):
            data = connection.recv(CHUNK)  # whatever has come by now, maybe a part
            if not data:
                raise ConnectionError("the server hung up before it echoed all")
            echo += data
    if echo != message:
        raise ConnectionError("the echo differs from what was sent")
    return bytes(echo)


def talk(client: Client) -> bool:
    """Exchange all messages over one connection."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(client.timeout_s)
        connection.connect(client.address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for message in client.messages():
            began_ns = time.monotonic_ns()
            client.show(exchange(connection, message), began_ns)
    return True


if __name__ == "__main__":
    sys.exit(Client(__file__, __doc__, sizes=range(1, 2**31)).run(talk))
