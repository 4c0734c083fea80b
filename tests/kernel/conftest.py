"""The lab of tests/lab, on a kernel that has netem; without it these tests fail, none is skipped.

Where there is none, `make test-netem` boots one (see `guest`). It has one slow CPU, on which each
program that is run in a node takes half a second and more: so the lab is not cleared before and
after each test, but a test says, with `Link.set`, what each direction is to do.
"""

import pytest

from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import Lab
from tests.lab.conftest import (  # noqa: F401 - fixtures are found by their names here
    _project_root,
    docker_compose_file,
    docker_compose_project_name,
    docker_setup,
    engine,
    own_name,
    session_lab,
)


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    """Nothing: the lab is removed by its label, which takes a second where Compose takes ten."""
    return []


@pytest.fixture(scope="session")
def lab(engine: Engine, session_lab: str) -> Lab:  # noqa: F811 - the fixtures
    return engine.lab(session_lab)


@pytest.fixture(scope="session")
def link(engine: Engine, lab: Lab) -> Link:  # noqa: F811 - the fixtures
    """The lab's link, on the netem backend."""
    found = Link(engine, lab)
    able = found.kernel.abilities
    assert able["netem"] is True, able["why"]
    state = found.set({Direction.TOWARD_SERVER: Impairment(loss=0.1)})
    assert state.backend == "netem", "auto takes another"
    return found
