"""Whether the lab is wired and both servers echo, asked once, as any client would.

    python3 -m lab.node.ready [SECONDS] [--only tcp-server|udp-server]

With --only one server alone is asked, wherever this runs, and the wiring is not looked at: in
the server's own node that tells whether it echoes, whatever the network is made to lose.
Prints ``{"ready": true}``; else one line on stderr that says what is not, and exit code 1.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable

PORT = 7  # the Echo Protocol (RFC 862)
ASK = b"ready?"


def through_wan() -> None:
    """Raise `OSError` unless the way to both servers leads over wan, in single packets."""
    wan = socket.gethostbyname("wan")
    for server in ("tcp-server", "udp-server"):
        address = socket.gethostbyname(server)
        route = subprocess.run(
            ["ip", "-4", "route", "get", address], capture_output=True, text=True, check=True
        ).stdout.split()
        if route[1:3] != ["via", wan]:
            raise OSError(f"the way to {server} does not lead over wan: {' '.join(route)}")
    link = subprocess.run(
        ["ip", "-d", "link", "show", "eth0"], capture_output=True, text=True, check=True
    ).stdout.split()
    if link[link.index("gso_max_segs") + 1] != "1":
        raise OSError("eth0 sends super-packets (gso_max_segs is not 1)")


def tcp_echoes(timeout: float) -> None:
    """Raise `OSError` unless tcp-server echoes."""
    with socket.create_connection(("tcp-server", PORT), timeout) as connection:
        connection.sendall(ASK)
        connection.shutdown(socket.SHUT_WR)
        echo = b""
        while chunk := connection.recv(64):
            echo += chunk
    if echo != ASK:
        raise OSError(f"tcp-server echoed {echo!r}")


def udp_echoes(timeout: float) -> None:
    """Raise `OSError` unless udp-server echoes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(timeout)
        connection.connect(("udp-server", PORT))
        connection.send(ASK)
        if (echo := connection.recv(64)) != ASK:
            raise OSError(f"udp-server echoed {echo!r}")


STEPS: dict[str, Callable[[], None]] = {
    "wiring": through_wan,
    "tcp-server": lambda: tcp_echoes(1),
    "udp-server": lambda: udp_echoes(0.5),
}


def main() -> None:
    """Try until all is well or the time is up."""
    # No argparse: its import alone would be a tenth of what this takes.
    words = sys.argv[1:]
    only = words[words.index("--only") + 1] if "--only" in words else None
    deadline = time.monotonic() + float(words[0] if words and words[0] != "--only" else 10)
    for name, step in STEPS.items():
        if only not in (None, name):
            continue
        while True:
            try:
                step()
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    sys.exit(f"not ready: {error}")
                time.sleep(0.02)
    print('{"ready": true}')


if __name__ == "__main__":
    main()
