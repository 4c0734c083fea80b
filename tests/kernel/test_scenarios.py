"""Scenarios of the catalogue for which netem is the network: here by the kernel's own, and passing.

Elsewhere their impairments are made in user space. Chosen are those that are about netem's models
of loss and of delay; for the rest, which know no backend, the slow CPU here takes too long.
"""

import pytest

from lab import catalogue, lifecycle
from lab.engine import Engine
from lab.link import Link
from lab.nodes import Lab
from lab.scenario import file
from lab.scenario.measures import KINDS
from lab.scenario.model import Scenario
from lab.scenario.sweep import SweepRun

SLOWER = {"burst-loss": ("interval: 100us", "interval: 500us")}
"""At 10 000 datagrams a second one slow CPU fills the sockets' buffers, and those drop some too."""


def read(name: str) -> Scenario:
    path = catalogue.scenario_file(name)
    text = path.read_text(encoding="utf-8")
    if name in SLOWER:
        fast, slow = SLOWER[name]
        assert text.count(fast) == 1
        text = text.replace(fast, slow)
    return file.read(text, str(path), name, KINDS)


CHOSEN = ("burst-loss", "jitter-and-order")
NEED_IT = [
    name
    for name in catalogue.scenarios()
    if name not in catalogue.CODED and read(name).backend == "netem"
]


@pytest.mark.parametrize("name", sorted({*CHOSEN, *NEED_IT}))
@pytest.mark.timeout(200)
def test_a_scenario_passes_on_netem(name: str, engine: Engine, lab: Lab, link: Link) -> None:
    scenario = read(name)
    with lifecycle.fitted(
        engine, lab.name, print, clients=scenario.clients, servers=scenario.servers
    ) as fitted:
        run = SweepRun(engine, fitted, scenario)
        run.measure()
    result = run.result()
    assert result["failures"] == []
    assert (result["verdict"], result["backend"]) == ("pass", "netem")
    assert link.state().backend == "netem"
