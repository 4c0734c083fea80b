"""Waits until no TCP connection of this node has anything left to say.

    python3 -m lab.node.quiet [SECONDS]

After a run under loss a peer may still repeat a SYN-ACK or a FIN, seconds apart; such a segment
in the middle of the next measurement would be counted on wan as if it belonged to it. States:
RFC 9293, 3.3.2. Prints ``{"quiet": true}``, or false when the time is up.
"""

import json
import sys
import time

from lab.node import sockets

BUSY = {"SYN_SENT", "SYN_RECV", "FIN_WAIT1", "CLOSING", "LAST_ACK"}


def busy() -> bool:
    """Whether a connection waits for an answer or has bytes that are not acknowledged."""
    return any(
        each.state in BUSY or (each.state == "ESTABLISHED" and each.unacknowledged)
        for each in sockets.read()
    )


if __name__ == "__main__":
    deadline = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else 40)
    while (still := busy()) and time.monotonic() < deadline:
        time.sleep(0.02)
    print(json.dumps({"quiet": not still}))
