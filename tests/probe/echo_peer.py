"""A plain echo server for UDP and TCP on one port, run as a script: prints "ready", then serves."""

import contextlib
import socket
import sys
import threading


def serve_udp(sock: socket.socket) -> None:
    while True:
        data, address = sock.recvfrom(65535)
        sock.sendto(data, address)


def serve_tcp(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        while data := connection.recv(65536):
            connection.sendall(data)


def main(port: int) -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    udp.bind(("", port))
    tcp = socket.create_server(("", port), backlog=1024)
    threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, _ = tcp.accept()
        threading.Thread(target=serve_tcp, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
