"""Each echo program's round trips a second, with one client and with fifty.

All programs run at the same time, on ports of their own, and idle but for the one that is asked:
so each round asks all of them within seconds, and what the machine does meanwhile hits all alike.
The clients are `closed_loop`, in one process: leaner than lab.node.probe.tcp, whose checks
cost more than most of these servers do.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lab import catalogue
from lab.engine import Engine
from lab.nodes import Lab
from tests.bench import ground

CLIENTS = (1, 50)
ROUNDS = 5
SECONDS = 0.5
SIZE = 64
FIRST_PORT = 7001
PLAIN = {"tcp": "tcp_threaded", "udp": "udp_socket"}
_SOURCE = (Path(__file__).resolve().parent / "closed_loop.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Trips:
    """Median of the rounds. least, most: the ratios to the plain program's in the same round."""

    per_s: float
    ratio: float  # of the medians
    least: float
    most: float
    served: int  # of the clients: how many heard anything


Result = dict[str, dict[int, Trips]]


def measure(engine: Engine, lab: Lab) -> Result:
    """Ask every program in turn; by program and number of clients."""
    ports = _start(engine, lab)
    runs: dict[tuple[str, int], list[tuple[float, int]]] = {
        (name, clients): [] for name in ports for clients in CLIENTS
    }
    for _ in range(ROUNDS):
        for (name, clients), done in runs.items():
            done.append(_ask(engine, lab, name, ports[name], clients))
    return {
        name: {
            clients: _trips(runs[name, clients], runs[PLAIN[name[:3]], clients])
            for clients in CLIENTS
        }
        for name in ports
    }


def _start(engine: Engine, lab: Lab) -> dict[str, int]:
    """Start all programs, the plain one of each protocol first; return their ports."""
    known = sorted(
        catalogue.servers(), key=lambda p: (p.protocol, p.name != PLAIN[p.protocol], p.name)
    )
    ports = {program.name: FIRST_PORT + number for number, program in enumerate(known)}
    for program in known:
        port = ports[program.name]
        argv = ["python3", "-m", f"lab.node.echo.{program.name}", "--port", str(port)]
        node = lab.node(f"{program.protocol}-server")
        ground.start(engine, node, program.protocol, port, argv)
    return ports


def _ask(engine: Engine, lab: Lab, name: str, port: int, clients: int) -> tuple[float, int]:
    """Round trips a second, and how many of the clients were served."""
    protocol = name[:3]
    words = [protocol, f"{protocol}-server", str(port), str(clients), str(SECONDS), str(SIZE)]
    output = engine.run(lab.node("client"), ["timeout", "30", "python3", "-c", _SOURCE, *words])
    if output.code != 0:
        said = ground.last_line(output.stderr)
        raise ground.BenchError(f"{name} with {clients} clients: {said}")
    told = json.loads(output.stdout)
    return told["trips"] / told["elapsed_s"], told["served"]


def _trips(done: list[tuple[float, int]], plain: list[tuple[float, int]]) -> Trips:
    per_s = median(own for own, _ in done)
    ratios = [own / its for (own, _), (its, _) in zip(done, plain, strict=True)]
    return Trips(
        per_s=per_s,
        ratio=per_s / median(its for its, _ in plain),
        least=min(ratios),
        most=max(ratios),
        served=min(served for _, served in done),
    )
