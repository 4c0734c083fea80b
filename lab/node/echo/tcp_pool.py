"""A pool of 32 threads: no more clients at once than there are threads

Where it breaks: 32 idle clients hold all threads, and the next one connects, sends and hears
nothing until one of them hangs up; but the server's own cost has a bound. Each worker accepts
for itself, so those who wait do so in the kernel's queue; in front of a ThreadPoolExecutor they
would pile up in the program, without bound. Scenarios: `one-at-a-time`, `backlog`, `c10k`.
"""

import socket
import threading

from lab.node.echo.program import CHUNK, announce, complain, pause, serve
from lab.node.tally import Tally

THREADS = 32


def work(listener: socket.socket, tally: Tally) -> None:
    """Serve one client after another, as one of the pool."""
    while True:
        try:
            connection, _ = listener.accept()  # the kernel wakes one of those who wait here
        except OSError as error:
            pause(error)
            continue
        tally.connected()
        with connection:
            try:
                echo(connection, tally)
            except OSError as error:  # reset or timed out: this client's end, not ours
                complain(error)


def echo(connection: socket.socket, tally: Tally) -> None:
    """Send back what comes in until the client shuts down its sending side."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(CHUNK):
        tally.received(len(data))
        connection.sendall(data)
        tally.sent(len(data))


def pool(host: str, port: int, tally: Tally) -> None:
    """Listen, and start the pool."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)
        for _ in range(THREADS - 1):
            threading.Thread(target=work, args=(listener, tally), daemon=True).start()
        announce(tally, listener)
        work(listener, tally)  # the main thread is one of them


if __name__ == "__main__":
    serve(__file__, __doc__, pool)
