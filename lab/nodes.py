"""What a lab is: its nodes, as the engine lists their containers. Values only.

A node of a lab is a container with the label `LABEL`; its service, number and program are what
Compose wrote on it. Nothing here speaks to an engine.
"""

from dataclasses import dataclass
from typing import Any

from lab.errors import BadInput, NoSuchLab

LABEL = "org.netlab.lab"
COMPANION = "org.netlab.companion"
"""On a container that is no node, but runs beside one, in its network."""
SERVERS = ("tcp-server", "udp-server")


@dataclass(frozen=True)
class Node:
    """One container of a lab, as it was when it was looked up.

    name: as the lab calls it: `wan`, `tcp-server`, `udp-server`, `client-1`, `client-2`, …
    service: its service in compose.yaml. program: what it runs, such as `tcp_threaded`.
    address: IPv4 on the lab's network; empty where it does not run.
    """

    name: str
    service: str
    container: str
    state: str
    address: str
    program: str

    @property
    def running(self) -> bool:
        """Whether its program runs now."""
        return self.state == "running"


@dataclass(frozen=True)
class Lab:
    """A lab that is there, whole or in part: its name and nodes, servers and wan first."""

    name: str
    nodes: tuple[Node, ...]

    def node(self, name: str) -> Node:
        """The node of that name (`client` is `client-1`). Raises `NoSuchLab`."""
        for node in self.nodes:
            if name in (node.name, node.name.removesuffix("-1")):
                return node
        have = ", ".join(node.name for node in self.nodes)
        raise NoSuchLab(f"lab {self.name!r} has no node {name!r}; it has {have}")

    def client(self, name: str, where: str = "--client") -> Node:
        """The client of that name (`client` is `client-1`). Raises `BadInput`, listing all."""
        clients = self.service("client")
        for node in clients:
            if name in (node.name, node.name.removesuffix("-1")):
                return node
        allowed = ", ".join(node.name for node in clients)
        raise BadInput(where, name, f"is no client of lab {self.name!r}; allowed: {allowed}")

    def service(self, service: str) -> tuple[Node, ...]:
        """All nodes of a service, in order of their number."""
        return tuple(node for node in self.nodes if node.service == service)

    @property
    def whole(self) -> bool:
        """Whether each service has a node and every node runs."""
        services = {node.service for node in self.nodes if node.running}
        return {"wan", "client", *SERVERS} <= services and all(n.running for n in self.nodes)


def command_for(name: str, words: str) -> str:
    """What to type so that a command, such as `lab up`, is about the lab of that name."""
    return words if name == "lab" else f"{words} --name {name}"


def node_of(container: dict[str, Any]) -> Node:
    """Read one entry of the engine's list of containers."""
    labels = container["Labels"]
    service = labels.get(COMPANION) or labels.get("com.docker.compose.service", "?")
    number = labels.get("com.docker.compose.container-number", "1")
    networks = container["NetworkSettings"]["Networks"].values()
    command = container.get("Command", "").split()
    program = command[-1] if command else ""
    return Node(
        name=f"{service}-{number}" if service == "client" else service,
        service=service,
        container=container["Id"],
        state=container["State"],
        address=next((network["IPAddress"] for network in networks), ""),
        program=program.rpartition(".")[2] if service in SERVERS else "",
    )


def order(node: Node) -> tuple[bool, bool, str, int]:
    """Sort key: wan, the servers, the clients by number."""
    number = node.name.rpartition("-")[2]
    return (
        node.service == "client",
        node.service != "wan",
        node.service,
        int(number) if number.isdigit() else 0,
    )
