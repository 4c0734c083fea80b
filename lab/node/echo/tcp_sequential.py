"""One client at a time: accept, echo until it hangs up, accept the next

Where it breaks: a second client connects (the kernel completes its handshake and keeps it in
the queue), sends, and hears nothing until the first hangs up; one idle client stops the whole
service. Scenarios: `one-at-a-time`, and `backlog` for what becomes of those who wait.
"""

import socket

from lab.node.echo.program import CHUNK, announce, complain, pause, serve
from lab.node.tally import Tally


def echo(connection: socket.socket, tally: Tally) -> None:
    """Send back what comes in until the client shuts down its sending side."""
    # No waiting to fill a segment (RFC 9293, 3.7.4), as asyncio sets it: else models differ.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(CHUNK):
        tally.received(len(data))
        connection.sendall(data)  # send may take a part only (send(2)); sendall sees to the rest
        tally.sent(len(data))


def sequential(host: str, port: int, tally: Tally) -> None:
    """Accept one connection after another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # Restart at once, though old connections are in TIME-WAIT (socket(7), SO_REUSEADDR).
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)  # textbooks say 5: the sixth who waits gets no answer
        announce(tally, listener)
        while True:
            try:
                connection, _ = listener.accept()
            except OSError as error:
                pause(error)
                continue
            tally.connected()
            with connection:
                try:
                    echo(connection, tally)
                except OSError as error:  # reset or timed out: this client's end, not ours
                    complain(error)


if __name__ == "__main__":
    serve(__file__, __doc__, sequential)
