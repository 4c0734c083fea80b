"""A closed loop, run inside a node: each client asks again as soon as it has its answer.

    python3 -c SOURCE tcp|udp HOST PORT CLIENTS SECONDS SIZE

One thread, one epoll for all clients, and as little else as possible: on two cores the client
has one and the server the other, and a dear client would hide what the servers cost. Prints
``{"trips": n, "elapsed_s": s, "served": n}``; served: clients that had one answer at least.
"""

import json
import select
import socket
import sys
import time

PATIENCE_S = 0.2  # after so long without any answer, datagrams count as lost and are asked again
CONNECT_S = 5.0


def connect(protocol: str, host: str, port: int, clients: int) -> list[socket.socket]:
    """Open so many sockets, connected."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    socks = []
    for _ in range(clients):
        sock = socket.socket(socket.AF_INET, kind)
        sock.settimeout(CONNECT_S)
        sock.connect((host, port))
        if protocol == "tcp":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        socks.append(sock)
    return socks


def loop(socks: list[socket.socket], seconds: float, size: int) -> dict[str, float]:
    """Ask, and on each whole answer ask again, until the time is up."""
    message = bytes(size)
    by_number = {sock.fileno(): sock for sock in socks}
    missing = dict.fromkeys(by_number, size)
    trips = dict.fromkeys(by_number, 0)
    with select.epoll() as poll:
        for number, sock in by_number.items():
            poll.register(number, select.EPOLLIN)
            sock.send(message)
        now = start = time.monotonic()
        while now < start + seconds:
            ready = poll.poll(PATIENCE_S)
            for number, _ in ready:
                sock = by_number[number]
                got = len(sock.recv(size))
                if not got:
                    sys.exit("the server hung up")
                missing[number] -= got
                if not missing[number]:
                    missing[number] = size
                    trips[number] += 1
                    sock.send(message)
            if not ready and socks[0].type == socket.SOCK_DGRAM:
                for sock in socks:
                    sock.send(message)
            now = time.monotonic()
    return {
        "trips": sum(trips.values()),
        "elapsed_s": now - start,
        "served": sum(1 for count in trips.values() if count),
    }


def main() -> None:
    """Read the arguments, measure, print."""
    protocol, host, port, clients, seconds, size = sys.argv[1:]
    socks = connect(protocol, host, int(port), int(clients))
    print(json.dumps(loop(socks, float(seconds), int(size))))


if __name__ == "__main__":
    main()
