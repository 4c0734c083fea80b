"""Waits until no TCP connection of this node has anything left to say.

    python3 -m lab.node.quiet [SECONDS]

After a run under loss a peer may still repeat a SYN-ACK or a FIN, seconds apart; such a segment
in the middle of the next measurement would be counted on wan as if it belonged to it. States:
RFC 9293, 3.3.2; /proc/net/tcp: proc_net(5). Prints ``{"quiet": true}``, or false when the time
is up.
"""

import json
import sys
import time
from pathlib import Path

SYN_SENT, SYN_RECV, FIN_WAIT1, CLOSING, LAST_ACK = "02", "03", "04", "0B", "09"
BUSY = {SYN_SENT, SYN_RECV, FIN_WAIT1, CLOSING, LAST_ACK}
NOTHING_QUEUED = "00000000"


def busy() -> bool:
    """Whether a connection waits for an answer or has bytes that are not acknowledged."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    for fields in map(str.split, lines):
        state, unacknowledged = fields[3], fields[4].partition(":")[0]
        if state in BUSY or (state == "01" and unacknowledged != NOTHING_QUEUED):
            return True
    return False


if __name__ == "__main__":
    deadline = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else 40)
    while (still := busy()) and time.monotonic() < deadline:
        time.sleep(0.02)
    print(json.dumps({"quiet": not still}))
