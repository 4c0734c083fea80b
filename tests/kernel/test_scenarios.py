"""Scenarios of the catalogue for which netem is the network: here by the kernel's own, and passing.

Elsewhere their impairments are made in user space. Those that need more clients than one, or are
about what a fast machine can do, are left to `lab run --all`.
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


def read(name: str) -> Scenario:
    path = catalogue.scenario_file(name)
    return file.read(path.read_text(encoding="utf-8"), str(path), name, KINDS)


CHOSEN = ("burst-loss", "cost-of-connecting", "jitter-and-order")
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
    assert (result["verdict"], result["failures"]) == ("pass", [])
    assert result["backend"] == "netem"
    assert link.kernel.state().backend == "netem"
