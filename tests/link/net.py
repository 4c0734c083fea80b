"""The lab's own picture without containers: a client, wan and a server on one Ethernet.

Every packet between the two ends goes through wan, where the link program runs. Needs root,
iproute2 and /dev/net/tun.
"""

import contextlib
import ctypes
import itertools
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from lab.node.link.control import ask

CLIENT, WAN, SERVER = "10.98.0.3", "10.98.0.2", "10.98.0.4"
SUBNET = "10.98.0.0/24"
_serial = itertools.count()
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*words: str) -> str:
    """Run a command that has to succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def within(namespace: str) -> Iterator[None]:
    """Be in a network namespace; sockets made here stay in it (os.setns is of Python 3.12)."""
    with (
        Path("/proc/thread-self/ns/net").open() as before,
        Path(f"/run/netns/{namespace}").open() as there,
    ):
        if _libc.setns(there.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            _libc.setns(before.fileno(), _CLONE_NEWNET)


class Net:
    """Three hosts as network namespaces, and a fourth one that is the Ethernet switch."""

    def __init__(self) -> None:
        serial = f"link-{os.getpid()}-{next(_serial)}"
        self.client, self.wan, self.server, self.switch = (
            f"{serial}-{role}" for role in ("client", "wan", "server", "switch")
        )

    def ip(self, namespace: str, *words: str) -> str:
        return run("ip", "-n", namespace, *words)

    def build(self) -> None:
        hosts = {self.client: CLIENT, self.wan: WAN, self.server: SERVER}
        for namespace in (self.switch, *hosts):
            run("ip", "netns", "add", namespace)
            self.ip(namespace, "link", "set", "lo", "up")
        self.ip(self.switch, "link", "add", "br0", "type", "bridge")
        self.ip(self.switch, "link", "set", "br0", "up")
        for number, (host, address) in enumerate(hosts.items()):
            run("ip", "link", "add", "eth0", "netns", host, "type", "veth",
                "peer", "name", f"port{number}", "netns", self.switch)  # fmt: skip
            self.ip(self.switch, "link", "set", f"port{number}", "master", "br0", "up")
            self.ip(host, "address", "add", f"{address}/24", "dev", "eth0")
            # Else TCP sends super-packets, and one loss takes many segments.
            self.ip(host, "link", "set", "dev", "eth0", "up", "gso_max_segs", "1")
            if host != self.wan:
                self.ip(host, "route", "add", WAN, "dev", "eth0")
                self.ip(host, "route", "replace", SUBNET, "via", WAN, "dev", "eth0")
        settings = {"ip_forward": "1", "conf/all/send_redirects": "0",
                    "conf/eth0/send_redirects": "0"}  # fmt: skip
        with within(self.wan):
            for name, value in settings.items():
                Path(f"/proc/sys/net/ipv4/{name}").write_text(value)

    def remove(self) -> None:
        for namespace in (self.client, self.wan, self.server, self.switch):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)

    def socket(self, namespace: str, kind: socket.SocketKind) -> socket.socket:
        """A socket of that host, which never waits for longer than 20 s."""
        with within(namespace):
            made = socket.socket(socket.AF_INET, kind)
        made.settimeout(20)
        return made


@contextlib.contextmanager
def network() -> Iterator[Net]:
    """Build the hosts, and remove them whatever happens."""
    net = Net()
    try:
        net.build()
        yield net
    finally:
        net.remove()


class LinkProcess:
    """The program as the lab runs it, in wan's namespace. A context manager: ends it."""

    def __init__(self, net: Net, directory: Path) -> None:
        self.path = directory / "link.sock"
        self._words = ["ip", "netns", "exec", net.wan, sys.executable, "-m", "lab.node.link",
                       "--socket", str(self.path)]  # fmt: skip

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(self._words, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 10)
        line = self.process.stdout.readline() if readable else ""
        self.ready = json.loads(line or '{"event": null}')
        if self.ready["event"] != "ready":
            self.__exit__()
            raise RuntimeError(f"the link is not ready: {line!r}")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def set(self, **config: Any) -> None:
        """Set what is given, with our one server."""
        self.ask({"do": "set", "config": {"servers": [SERVER], **config}})

    def ask(self, request: Any) -> dict[str, Any]:
        return ask(request, self.path)

    def counters(self, direction: str) -> dict[str, int]:
        counters: dict[str, int] = self.ask({"do": "state"})["counters"][direction]
        return counters

    def fates(self) -> list[dict[str, Any]]:
        fates: list[dict[str, Any]] = self.ask({"do": "log"})["fates"]
        return fates


def until(condition: Any, seconds: float = 10) -> Any:
    """Wait until the condition gives something true, and return that; else fail with the last."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {found!r}")
        time.sleep(0.01)
    return found
