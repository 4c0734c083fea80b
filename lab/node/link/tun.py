"""The kernel's side: a TUN device, and the policy routing that sends forwarded packets to it.

What comes in on the interface and is not for this host looks into a table of its own, which
leads to the device. What the link writes back comes in on the device and takes the main table.
If the link dies the device goes with it, and a second route, worse in metric, lets the packets
fall: better no network than one without its impairments. See ip-rule(8), ip-route(8).
"""

import contextlib
import fcntl
import json
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

NAME = "link0"
TABLE = "100"
PRIORITY = "100"  # before the main table's, after the local one's: wan's own packets stay its own
QUEUE_PACKETS = 10_000  # read late at the very most: beyond it the kernel drops, and counts
WORST_METRIC = "4278198272"

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h


class Unable(Exception):
    """The kernel, or what this container may do, does not allow it; one line says why."""


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", "-4", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unable(f"ip {' '.join(words)}: {' '.join(done.stderr.split())}")
    return done.stdout


def mtu(interface: str) -> int:
    """The interface's MTU in bytes."""
    return int(json.loads(_ip("-j", "link", "show", "dev", interface))[0]["mtu"])


def create(bytes_at_most: int) -> int:
    """Create the device, up and with this MTU; its descriptor does not block, and is its life."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unable(f"/dev/net/tun: {error.strerror}; give the container that device") from None
    try:
        fcntl.ioctl(
            device, _TUNSETIFF, struct.pack("16sH22x", NAME.encode(), _IFF_TUN | _IFF_NO_PI)
        )
        _ip("link", "set", "dev", NAME, "mtu", str(bytes_at_most),
            "txqueuelen", str(QUEUE_PACKETS), "up")  # fmt: skip
        _accept_any_source()
    except OSError as error:
        os.close(device)
        raise Unable(f"{NAME}: {error.strerror}; needs NET_ADMIN and no other link") from None
    except BaseException:
        os.close(device)
        raise
    return device


def _accept_any_source() -> None:
    """Take packets from the device whatever way leads back to their source, if it can be said.

    Even a strict filter lets them in while the rule stands, for that way back, looked up as from
    the interface, is the device. When it is gone, the last ones need this.
    """
    with contextlib.suppress(OSError):  # /proc/sys may be read-only here
        Path(f"/proc/sys/net/ipv4/conf/{NAME}/rp_filter").write_text("0", encoding="ascii")


def _has_rule(interface: str) -> bool:
    rules = json.loads(_ip("-j", "rule", "show"))
    return any(rule.get("iif") == interface and rule.get("table") == TABLE for rule in rules)


def attach(interface: str) -> None:
    """Lead what comes in on the interface to the device; one that was left behind is mended."""
    _ip("route", "replace", "default", "dev", NAME, "table", TABLE)
    _ip("route", "replace", "blackhole", "default", "metric", WORST_METRIC, "table", TABLE)
    if not _has_rule(interface):
        _ip("rule", "add", "iif", interface, "lookup", TABLE, "priority", PRIORITY)


def detach(interface: str) -> None:
    """Undo `attach`, whatever is left of it; the packets take the main table again."""
    for _ in range(100):
        if not _has_rule(interface):
            break
        _ip("rule", "del", "iif", interface, "lookup", TABLE)
    # A table without routes does not exist, and can't be flushed: then all is done already.
    if any(
        route.get("table") == TABLE
        for route in json.loads(_ip("-j", "route", "show", "table", "all"))
    ):
        _ip("route", "flush", "table", TABLE)


@contextlib.contextmanager
def device(interface: str) -> Iterator[tuple[int, int]]:
    """A device with its routes, as (descriptor, MTU); nothing is left on any way out."""
    limit = mtu(interface)
    descriptor = create(limit)
    try:
        attach(interface)
        yield descriptor, limit
    finally:
        try:
            detach(interface)
        finally:
            os.close(descriptor)


def dropped() -> int:
    """Packets that the kernel dropped because they were not read in time (proc_net(5), dev)."""
    for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == NAME:
            return int(numbers.split()[11])
    raise Unable(f"{NAME}: is gone")
