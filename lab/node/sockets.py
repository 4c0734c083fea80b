"""This node's TCP sockets as the kernel lists them: /proc/net/tcp, proc_net(5).

    python3 -m lab.node.sockets PORT [SECONDS]

waits until somebody listens on a port and prints ``{"listens": true}``, or false when the time is
up. States: RFC 9293, 3.3.2.
"""

import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

TABLE = Path("/proc/net/tcp")
STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "SYN_RECV",  # NEW_SYN_RECV, which the kernel shows as 3
}
USER_HZ = 100  # of every time that the kernel hands out in ticks (time(7))


class Entry(NamedTuple):
    """One socket. unacknowledged: bytes sent and not acknowledged. timer_s: until its timer ends.

    In TIME_WAIT that is how long it still stays.
    """

    local_port: int
    remote_port: int
    state: str
    unacknowledged: int
    timer_s: float


def parse(text: str) -> list[Entry]:
    """Read the table; its first line is a heading."""
    return [_entry(line.split()) for line in text.splitlines()[1:]]


def _entry(fields: list[str]) -> Entry:
    local, remote, state, queues, timer = fields[1:6]
    return Entry(
        int(local.partition(":")[2], 16),
        int(remote.partition(":")[2], 16),
        STATES.get(int(state, 16), state),
        int(queues.partition(":")[0], 16),
        int(timer.partition(":")[2], 16) / USER_HZ,
    )


def read() -> list[Entry]:
    """All sockets of this node now."""
    return parse(TABLE.read_text(encoding="ascii"))


def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    return any(each.local_port == port and each.state == "LISTEN" for each in read())


if __name__ == "__main__":
    deadline = time.monotonic() + float(sys.argv[2] if len(sys.argv) > 2 else 5)
    while not (there := listens(int(sys.argv[1]))) and time.monotonic() < deadline:
        time.sleep(0.005)
    print(json.dumps({"listens": there}))
