"""A client and a server in network namespaces, with a router between them that drops packets.

The same picture as the lab's own, without containers: the loss happens in the router, so neither
end is told of it. Needs root and iproute2; the kernel needs no netem (drops are a classic BPF
filter on the kernel's random word).
"""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

SERVER = "10.99.2.2"
_serial = itertools.count()


class Net(NamedTuple):
    """Names of the namespaces; prefix a command with ``at(...)`` to run it in one."""

    client: str
    router: str
    server: str


def at(namespace: str) -> list[str]:
    """Return the words that run a command inside ``namespace``."""
    return ["ip", "netns", "exec", namespace]


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")


def _drop(net: Net, interface: str, loss: float) -> None:
    tc = [*at(net.router), "tc"]
    _run(*tc, "qdisc", "add", "dev", interface, "root", "handle", "1:", "htb", "default", "0")
    if loss:
        # Load a random u32; up to the threshold: drop (2), above it: no match (-1).
        threshold = round(loss * 2**32) - 1
        code = f"4,32 0 0 4294963256,37 1 0 {threshold},6 0 0 2,6 0 0 4294967295"
        _run(*tc, "filter", "add", "dev", interface, "parent", "1:", "protocol", "ip",
             "bpf", "da", "bytecode", code)  # fmt: skip


@contextlib.contextmanager
def network(*, toward_server: float, toward_client: float) -> Iterator[Net]:
    """Build the three namespaces with these loss ratios, and remove them whatever happens."""
    serial = f"{os.getpid()}-{next(_serial)}"
    net = Net(*(f"probe-{serial}-{role}" for role in ("client", "router", "server")))
    try:
        for namespace in net:
            _run("ip", "netns", "add", namespace)
            _run(*at(namespace), "ip", "link", "set", "lo", "up")
        for side, (end, address, loss) in enumerate(
            ((net.client, "10.99.1.2", toward_client), (net.server, SERVER, toward_server)), 1
        ):
            _run("ip", "link", "add", "eth0", "netns", end, "type", "veth",
                 "peer", "name", f"eth{side}", "netns", net.router)  # fmt: skip
            for namespace, interface, own in (
                (end, "eth0", address),
                (net.router, f"eth{side}", f"10.99.{side}.1"),
            ):
                ip = [*at(namespace), "ip"]
                _run(*ip, "address", "add", f"{own}/24", "dev", interface)
                _run(*ip, "link", "set", "dev", interface, "up", "gso_max_segs", "1")
            _run(*at(end), "ip", "route", "add", "default", "via", f"10.99.{side}.1")
            _drop(net, f"eth{side}", loss)
        _run(*at(net.router), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        yield net
    finally:
        for namespace in net:
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
