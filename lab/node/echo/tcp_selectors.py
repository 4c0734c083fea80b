"""One thread, many sockets: epoll says which of them is ready

Where it breaks: nothing may block, for one slow step stops everybody, and one processor is all
it uses. The classic trap is a client that does not read: what we owe it must not pile up in
memory, so we do not read from it either until it does. Scenarios: `c10k`, `slow-reader`.
"""

import socket
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

from lab.node.echo.program import CHUNK, announce, complain, pause, serve
from lab.node.tally import Tally


def echo(connection: socket.socket, owed: bytearray, tally: Tally) -> bool:
    """Do what can be done for a client without waiting; tell whether it is still there."""
    try:
        if not owed:
            owed += connection.recv(CHUNK)
            if not owed:  # it shut down its sending side, and has all its bytes
                return False
            tally.received(len(owed))
        sent = connection.send(owed)  # maybe only a part
        tally.sent(sent)
        del owed[:sent]
    except BlockingIOError:  # "ready" was a hint, or the send buffer is full (select(2), send(2))
        pass
    except OSError as error:  # reset or timed out: this client's end, not ours
        complain(error)
        return False
    return True


def ready(host: str, port: int, tally: Tally) -> None:
    """Ask the kernel who is ready, serve them, ask again."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener, DefaultSelector() as watch:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)
        listener.setblocking(False)  # what epoll promised may be gone when we come (select(2))
        watch.register(listener, EVENT_READ)
        announce(tally, listener)
        while True:
            for key, _ in watch.select():
                if key.fileobj is listener:
                    try:
                        connection, _ = listener.accept()
                        connection.setblocking(False)
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    except OSError as error:
                        pause(error)
                        continue
                    tally.connected()
                    watch.register(connection, EVENT_READ, (connection, bytearray()))
                    continue
                connection, owed = key.data
                if echo(connection, owed, tally):
                    # Whoever is owed something is not read from: that is all of back-pressure.
                    watch.modify(connection, EVENT_WRITE if owed else EVENT_READ, key.data)
                else:
                    watch.unregister(connection)
                    connection.close()


if __name__ == "__main__":
    serve(__file__, __doc__, ready)
