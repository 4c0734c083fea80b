"""Runs commands one after the other, so that many of them cost one way into the container.

    python3 -m lab.node.batch '[["tc", "qdisc", "show"], ["ip", "route"]]' [--all] [--at NS]

Prints a JSON list with ``{"code", "stdout", "stderr", "ended_ns"}`` of each command that ran. The
first one that fails is the last one that runs (what builds on it would only fail in a stranger
way), unless ``--all`` is given, for commands that only look. --at: begin at that time
(CLOCK_MONOTONIC, as is ended_ns), so that the way into the container delays nothing.
"""

import argparse
import json
import subprocess
import time

from lab.node import clock


def run(commands: list[list[str]], every: bool = False) -> list[dict[str, object]]:
    """Run argument lists in order: `every` one, or up to and including the first that fails."""
    done: list[dict[str, object]] = []
    for argv in commands:
        ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
        done.append(
            {
                "code": ended.returncode,
                "stdout": ended.stdout,
                "stderr": ended.stderr,
                "ended_ns": time.monotonic_ns(),
            }
        )
        if ended.returncode != 0 and not every:
            break
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python3 -m lab.node.batch")
    parser.add_argument("commands", type=json.loads)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--at", type=int, default=0)
    given = parser.parse_args()
    clock.wait_until(given.at)
    print(json.dumps(run(given.commands, given.all)))
