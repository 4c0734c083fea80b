"""Runs commands one after the other, so that many of them cost one way into the container.

    python3 -m lab.node.batch '[["tc", "qdisc", "show"], ["ip", "route"]]' [--all]

Prints a JSON list with ``{"code", "stdout", "stderr"}`` of each command that ran. The first one
that fails is the last one that runs (what builds on it would only fail in a stranger way),
unless ``--all`` is given, for commands that only look.
"""

import json
import subprocess
import sys


def run(commands: list[list[str]], every: bool = False) -> list[dict[str, object]]:
    """Run argument lists in order: `every` one, or up to and including the first that fails."""
    done: list[dict[str, object]] = []
    for argv in commands:
        ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
        done.append({"code": ended.returncode, "stdout": ended.stdout, "stderr": ended.stderr})
        if ended.returncode != 0 and not every:
            break
    return done


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]), "--all" in sys.argv[2:])))
