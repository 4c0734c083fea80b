"""The asking end of the control socket.

    python3 -m lab.node.link.control '{"do": "state"}' [--socket PATH] [--at NS]

    {"do": "set", "config": CONFIG}   set all of it, at once        -> {"set": true, "since_ns": NS}
    {"do": "state"}                   {"config", "counters", "untouched", "late", "rules", "tun"}
    {"do": "log", "since": N}         {"fates": [...], "next": N, "left_out": K}

Times are CLOCK_MONOTONIC's; --at asks at that time, so that the way to here delays nothing.
Prints the answer as one JSON line. A request that is refused is one line on stderr, exit code 1.
"""

import argparse
import json
import socket
import sys
from pathlib import Path
from typing import Any

from lab.node import clock
from lab.node.link.config import Refused
from lab.node.link.door import PATH

TIMEOUT_S = 10


def ask(request: Any, path: Path = PATH) -> dict[str, Any]:
    """Ask once; raise `Refused` or, where no link answers, `OSError`.

    The link hands its log out in pages, not to keep packets waiting; here they are one again.
    """
    answer = _ask(request, path)
    while answer.pop("more", False):
        page = _ask({**request, "since": answer["next"]}, path)
        page["fates"] = answer["fates"] + page["fates"]
        answer = page
    return answer


def _ask(request: Any, path: Path) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(b"".join(iter(lambda: connection.recv(65_536), b"")))
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer


def main() -> None:
    """Ask what the command line says."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.node.link.control")
    parser.add_argument("request", help="one JSON object")
    parser.add_argument("--socket", type=Path, default=PATH, help="default: %(default)s")
    parser.add_argument("--at", type=int, default=0, help="default: at once")
    given = parser.parse_args()
    try:
        request = json.loads(given.request)
        clock.wait_until(given.at)
        print(json.dumps(ask(request, given.socket)))
    except Refused as reason:
        sys.exit(str(reason))
    except json.JSONDecodeError as reason:
        sys.exit(f"request: no JSON: {reason}")
    except OSError as reason:
        sys.exit(f"{given.socket}: no link answers: {reason.strerror or reason}")


if __name__ == "__main__":
    main()
