"""What this kernel can do to packets, found by doing it, never by reading a configuration.

Each way to impair is set up on ``lo`` of this network namespace to drop everything, datagrams
are sent through it, and the kernel's counter and the receiver have to agree that all are gone.
``lo`` carries nothing that matters here, and is left as it was found. Needs CAP_NET_ADMIN.

Prints ``{"netem": true, …, "tun": false, "why": {"tun": "…"}}``, with a key for each of `WAYS`.
"""

import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess

DATAGRAMS = 32
ROOT = ["dev", "lo", "root"]
DROP_ALL = "1,6 0 0 2"  # classic BPF: return 2, which direct action takes as TC_ACT_SHOT


class Unable(Exception):
    """The kernel, or its tools, can't do it; the text says why."""


def tc(*words: str) -> str:
    """Run tc(8); raise `Unable` with its own words where it fails."""
    done = subprocess.run(["tc", *words], capture_output=True, text=True, check=False, timeout=10)
    if done.returncode != 0:
        raise Unable(" ".join(done.stderr.split()))
    return done.stdout


def arrives() -> int:
    """Send `DATAGRAMS` over lo and count all that arrive; loopback delivers at once."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        arrived = 0
        for _ in range(DATAGRAMS):
            sender.sendto(b"?", receiver.getsockname())
            with contextlib.suppress(BlockingIOError):
                while receiver.recv(1):
                    arrived += 1
        return arrived


def dropped() -> int:
    """What tc's own counter says of the root qdisc on lo."""
    shown = json.loads(tc("-j", "-s", "qdisc", "show", "dev", "lo", "root"))
    return int(shown[0]["drops"])


def must_drop_all() -> None:
    """Raise `Unable` unless every datagram is dropped, and counted."""
    arrived, counted = arrives(), dropped()
    if arrived or counted != DATAGRAMS:
        raise Unable(f"set to drop all, it let {arrived} of {DATAGRAMS} pass, counting {counted}")


def netem() -> None:
    """tc-netem(8)."""
    tc("qdisc", "add", *ROOT, "netem", "loss", "100%")
    must_drop_all()


def netem_duplicate() -> None:
    """A netem that duplicates beside another one, as in the lab's tree with its two directions.

    Kernels since 2025 refuse it (net/sched/sch_netem.c, `check_netem_in_tree`).
    """
    tc("qdisc", "add", *ROOT, "handle", "1:", "htb", "default", "1")
    for number, words in ((2, []), (1, ["duplicate", "100%"])):
        place = f"1:{number}"
        tc("class", "add", "dev", "lo", "parent", "1:", "classid", place, "htb", "rate", "1gbit")
        tc("qdisc", "add", "dev", "lo", "parent", place, "netem", *words)
    if (arrived := arrives()) != 2 * DATAGRAMS:
        raise Unable(f"set to double all, it made {arrived} of {DATAGRAMS}")


def tc_bpf() -> None:
    """A classic BPF filter in direct action on an htb, as tc-bpf(8) and tc-htb(8) have it."""
    tc("qdisc", "add", *ROOT, "handle", "1:", "htb")
    tc("filter", "add", "dev", "lo", "parent", "1:", "protocol", "all", "bpf", "da", "bytecode",
       DROP_ALL)  # fmt: skip
    must_drop_all()


def tbf() -> None:
    """tc-tbf(8), which limits the rate."""
    tc("qdisc", "add", *ROOT, "tbf", "rate", "1gbit", "burst", "100kb", "limit", "100kb")
    if (arrived := arrives()) != DATAGRAMS:
        raise Unable(f"below its rate it let only {arrived} of {DATAGRAMS} pass")


def tun() -> None:
    """A TUN device, which the link in user space needs (linux/if_tun.h)."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR)
    except OSError as error:
        raise Unable(f"/dev/net/tun: {error.strerror}") from None
    try:
        fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", b"try%d", 0x1001))  # TUNSETIFF
    except OSError as error:
        raise Unable(f"/dev/net/tun makes no device: {error.strerror}") from None
    finally:
        os.close(device)


WAYS = {
    "netem": netem,
    "netem-duplicate": netem_duplicate,
    "tc-bpf": tc_bpf,
    "tbf": tbf,
    "tun": tun,
}


def abilities() -> dict[str, object]:
    """Try each, and say why not where one fails."""
    found: dict[str, object] = {}
    why: dict[str, str] = {}
    for name, attempt in WAYS.items():
        try:
            attempt()
            found[name] = True
        except Unable as reason:
            found[name] = False
            why[name] = str(reason)
        finally:
            # Fails where nothing had been set up, which is what is wanted.
            subprocess.run(["tc", "qdisc", "del", *ROOT], capture_output=True, check=False)
    return {**found, "why": why}


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(json.dumps(abilities()))
