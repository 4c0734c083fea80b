"""A thread per connection: the kernel's scheduler does the juggling

Where it breaks: every client costs a thread, idle or not, until the container's limit on
threads is reached and newcomers are turned away. Scenarios: `thread-per-client-runs-out`,
`c10k`; and `slow-reader`, which costs this model one blocked thread and nobody else anything.
"""

import socket
import threading

from lab.node.echo.program import CHUNK, announce, complain, pause, serve
from lab.node.tally import Tally


def echo(connection: socket.socket, tally: Tally) -> None:
    """Serve one client to its end, in a thread of its own."""
    with connection:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := connection.recv(CHUNK):
                tally.received(len(data))
                connection.sendall(data)  # blocks while the client does not read: back-pressure
                tally.sent(len(data))
        except OSError as error:  # reset or timed out: this client's end, not ours
            complain(error)


def threaded(host: str, port: int, tally: Tally) -> None:
    """Accept, and start a thread for each connection."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)
        announce(tally, listener)
        while True:
            try:
                connection, _ = listener.accept()
            except OSError as error:
                pause(error)
                continue
            tally.connected()
            try:
                threading.Thread(target=echo, args=(connection, tally), daemon=True).start()
            except RuntimeError as error:  # can't start new thread (pthread_create(3), EAGAIN)
                connection.close()
                complain(error)


if __name__ == "__main__":
    serve(__file__, __doc__, threaded)
