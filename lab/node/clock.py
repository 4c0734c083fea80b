"""CLOCK_MONOTONIC, which all containers of one machine share: read it, or wait for its time.

    python3 -m lab.node.clock

Prints it in nanoseconds. What happens in several nodes, and in the link between them, is put in
order by it, whatever clock the machine has from which a measurement is started.
"""

import time


def wait_until(due_ns: int) -> None:
    """Return as soon as it is that time, or at once where that is over."""
    while (left_ns := due_ns - time.monotonic_ns()) > 0:
        time.sleep(left_ns / 1e9)


if __name__ == "__main__":
    print(time.monotonic_ns())
