"""Serves one link.

    python3 -m lab.node.link [serve | teardown] [--interface eth0] [--socket PATH]

`serve` prints one JSON line when it is ready, {"event": "ready", …}, and takes the routes away
when it is ended by SIGTERM or SIGINT. `teardown` takes away what one that was killed has left.
Needs NET_ADMIN and /dev/net/tun; what can't be done is one line on stderr, and exit code 1.
"""

import argparse
import gc
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from lab.node.link import loop, tun
from lab.node.link.config import refusal
from lab.node.link.core import Link
from lab.node.link.door import PATH, Door, Taken


def answer(link: Link, request: Any) -> dict[str, Any]:
    """Do what a request of `control` asks."""
    kind = request.get("do") if isinstance(request, dict) else None
    if kind == "set":
        now_ns = time.monotonic_ns()
        link.set(request.get("config"), now_ns)
        gc.collect()  # the old settings refer to each other; nothing else ever has to
        return {"set": True, "since_ns": now_ns}
    if kind == "state":
        return {**link.state(), "tun": {"dropped": tun.dropped()}}
    if kind == "log":
        since = request.get("since", 0)
        if type(since) is not int or since < 0:
            raise refusal("since", since, "a whole number from 0 on")
        return link.log(since)
    raise refusal("do", kind, "one of set, state, log")


def serve(interface: str, path: Path) -> None:
    """Serve until a signal ends it, leaving nothing behind."""
    with loop.Stop() as stop, tun.device(interface) as (device, limit):
        link = Link(partial(os.write, device))
        read = partial(os.read, device, limit)
        door = Door(path, partial(answer, link))
        try:
            loop.wake_up_on_time()
            gc.disable()  # a pause of milliseconds; nothing on a packet's way needs it
            ready = {"event": "ready", "interface": interface, "tun": tun.NAME,
                     "mtu": limit, "socket": str(path), "pid": os.getpid()}  # fmt: skip
            print(json.dumps(ready), flush=True)
            loop.run(link, read, device, door, stop)
        finally:
            door.close()
            loop.drain(link, read, tun.QUEUE_PACKETS)
            tun.detach(interface)
            loop.drain(link, read, tun.QUEUE_PACKETS)  # what came in meanwhile


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.node.link")
    parser.add_argument("action", nargs="?", choices=["serve", "teardown"], default="serve")
    parser.add_argument("--interface", default="eth0", help="default: %(default)s")
    parser.add_argument("--socket", type=Path, default=PATH, help="default: %(default)s")
    given = parser.parse_args()
    try:
        if given.action == "teardown":
            tun.detach(given.interface)
        else:
            serve(given.interface, given.socket)
    except (tun.Unable, Taken) as reason:
        sys.exit(str(reason))
    except OSError as reason:
        sys.exit(f"the link can't go on: {reason}")


if __name__ == "__main__":
    main()
