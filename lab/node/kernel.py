"""The kernel's own counters for this network namespace (proc_net(5), RFC 4113, RFC 4022).

``python3 -m lab.node.kernel`` prints them as JSON, with ``lo.packets``: what went over loopback.
"""

import json
from pathlib import Path

SNMP = Path("/proc/net/snmp")
LOOPBACK = Path("/sys/class/net/lo/statistics/tx_packets")


def parse(text: str) -> dict[str, int]:
    """Turn /proc/net/snmp into a flat dict: ``{"Udp.RcvbufErrors": 0, "Tcp.RetransSegs": 3}``.

    Each protocol has two lines, the names and the values, both starting with the protocol.
    """
    lines = [line.split() for line in text.splitlines()]
    counters: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol = names[0].removesuffix(":")
        for name, value in zip(names[1:], values[1:], strict=True):
            counters[f"{protocol}.{name}"] = int(value)
    return counters


def counters() -> dict[str, int]:
    """Read the counters now; they only grow while the namespace lives."""
    return parse(SNMP.read_text(encoding="ascii"))


if __name__ == "__main__":
    print(json.dumps({**counters(), "lo.packets": int(LOOPBACK.read_text(encoding="ascii"))}))
