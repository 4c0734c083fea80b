"""Client, wan and server as network namespaces, and each backend on wan, as the lab drives it.

tc's words are those of `lab.link`'s backends, in its tree; the link program is set by the lab's own
`UserspaceLink`. Only the ways into containers are missing, which take half a second each in the
guest.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from lab import compose
from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.link import Lane, LinkState, Script
from lab.link.kernel import BACKENDS
from lab.link.tree import Shown, classes, filters, leaf_of, root, show, tc
from lab.link.userspace import UserspaceLink
from lab.node import batch
from lab.nodes import Lab, Node
from tests.link.net import CLIENT, SERVER, WAN, LinkProcess, Net, within

TOWARD_SERVER = Lane(Direction.TOWARD_SERVER)
LEAF = leaf_of(TOWARD_SERVER)


class NotInForce(Exception):
    """Another impairment is in force than was asked for, or packets are gone unaccounted."""


class Ground(Protocol):
    """One backend on wan."""

    name: str

    def impair(self, asked: Impairment) -> None:
        """Have this toward the server, and nothing the other way; read it back."""

    def dropped(self) -> int:
        """Packets dropped toward the server since it was set, by the backend's own counters."""


def _node(name: str, address: str) -> Node:
    return Node(name, name.removesuffix("-1"), name, "running", address, "")


LAB = Lab(
    "referee",
    (_node("wan", WAN), _node("client-1", CLIENT), _node("udp-server", SERVER)),
)


class KernelGround:
    """A backend of the kernel: netem or tc-bpf.

    Only the lane toward the server is laid: newer kernels let a netem duplicate only where it is
    alone on the interface.
    """

    def __init__(self, net: Net, name: str) -> None:
        self.name = name
        self._net = net
        self._backend = BACKENDS[name]
        self._before = 0

    def lay(self) -> None:
        self._run(
            root(),
            classes(TOWARD_SERVER),
            *self._backend.install(TOWARD_SERVER),
            *filters(TOWARD_SERVER, [SERVER], None),
        )

    def remove(self) -> None:
        self._run(tc("qdisc", "del", "root"))

    def impair(self, asked: Impairment) -> None:
        self._run(*self._backend.change(TOWARD_SERVER, asked))
        shown = self._shown(self._backend.label({TOWARD_SERVER: asked}))
        found = self._backend.read(TOWARD_SERVER, shown)
        if found is None or not found.close_to(asked):
            raise NotInForce(f"{self.name}: asked for {asked}, in force is {found}")
        self._before = sum(self._backend.drops(TOWARD_SERVER, shown))

    def dropped(self) -> int:
        return sum(self._backend.drops(TOWARD_SERVER, self._shown(""))) - self._before

    def _shown(self, label: str) -> Shown:
        """What tc shows: the qdiscs, and the leaf's filters where the backend has some."""
        qdiscs, *_, on_leaf = show([LEAF])
        (shown,) = self._run(qdiscs)
        told = self._run(on_leaf) if self.name == "tc-bpf" else ["[]"]
        return Shown(
            {each["handle"]: each for each in json.loads(shown)},
            {LEAF: json.loads(told[0])},
            label,
        )

    def _run(self, *commands: list[str]) -> list[str]:
        with within(self._net.wan):
            done = batch.run(list(commands))
        if done[-1]["code"]:
            raise NotInForce(f"{commands[len(done) - 1]}: {done[-1]['stderr']}")
        return [str(each["stdout"]) for each in done]


class Host:
    """Stands in for the engine: speaks to the link program without a container."""

    def __init__(self, link: LinkProcess) -> None:
        self._link = link

    def companion(self, _: str) -> Node:
        """The link program: it is always there."""
        return _node("link", WAN)

    def outlived(self, _: Node, __: Node) -> bool:
        return False

    def python(self, _: Node, module: str, request: str, *when: str, user: str) -> Any:
        assert (module, when, user) == ("link.control", ("--at", "0"), "root")
        return self._link.ask(json.loads(request))


class UserspaceGround:
    """The link program on wan."""

    name = "userspace"

    def __init__(self, process: LinkProcess) -> None:
        self._link = UserspaceLink(cast(Engine, Host(process)), LAB)
        self._before = 0

    def impair(self, asked: Impairment) -> None:
        other = Lane(Direction.TOWARD_CLIENT)
        self._link.apply({TOWARD_SERVER: asked, other: Impairment()}, Script())
        state = self._state()
        self._before = state.counted[TOWARD_SERVER].dropped
        found = state.impairment(Direction.TOWARD_SERVER)
        if not found.close_to(asked):
            raise NotInForce(f"{self.name}: asked for {asked}, in force is {found}")

    def dropped(self) -> int:
        return self._state().counted[TOWARD_SERVER].dropped - self._before

    def _state(self) -> LinkState:
        state = self._link.state()
        assert state is not None
        if state.overrun:
            raise NotInForce(f"{self.name}: could not keep up with {state.overrun} packets")
        return state


@contextmanager
def ground(net: Net, name: str) -> Iterator[Ground]:
    """One backend on wan, and nothing of it afterwards."""
    if name in BACKENDS:
        kernel = KernelGround(net, name)
        with _tables():
            kernel.lay()
            try:
                yield kernel
            finally:
                kernel.remove()
    else:
        with tempfile.TemporaryDirectory() as folder, LinkProcess(net, Path(folder)) as process:
            yield UserspaceGround(process)


@contextmanager
def _tables() -> Iterator[None]:
    """Have tc find this machine's tables of distributions, and the node image's own."""
    with tempfile.TemporaryDirectory() as folder:
        for table in (*Path("/usr/lib").glob("*/tc/*.dist"), *Path("/usr/lib/tc").glob("*.dist")):
            (Path(folder) / table.name).symlink_to(table)
        own = compose.ROOT / "images" / "node" / "uniform.dist"
        (Path(folder) / own.name).symlink_to(own)
        os.environ["TC_LIB_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["TC_LIB_DIR"]
