"""One lab for the session, of the real command and real containers; gone whatever happens.

Docker is needed, and its absence is a failure: a skipped lab would prove nothing. pytest-docker
brings the services up by Compose; what its own clean-up cannot see (its set-up is outside its
`try`) is taken away by label.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab import compose, images, measure
from lab.engine import Engine
from lab.link import Link
from lab.nodes import Lab

LAB = [sys.executable, "-m", "lab.cli"]


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def lab_command(*words: str, timeout: float = 100) -> Ended:
    done = subprocess.run(
        [*LAB, *words], capture_output=True, text=True, check=False, timeout=timeout
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def until(condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    """Wait for a condition with a deadline; return what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="session")
def engine() -> Engine:
    found = Engine()
    images.ensure(found, print)
    return found


def _new_name(engine: Engine, prefix: str) -> Iterator[str]:
    """A name that no lab has; nothing of that lab stays."""
    name = f"{prefix}-{secrets.token_hex(3)}"
    try:
        yield name
    finally:
        engine.remove(name)


@pytest.fixture(scope="session")
def docker_compose_project_name(engine: Engine) -> Iterator[str]:
    yield from _new_name(engine, "t-session")


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    return str(compose.FILE)


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    return ["up --detach --no-build"]


@pytest.fixture(scope="session")
def session_lab(engine: Engine, docker_services: object, docker_compose_project_name: str) -> str:
    """The name of the session's lab, brought up by pytest-docker and ready."""
    assert docker_services
    lab = engine.lab(docker_compose_project_name)
    assert engine.python(lab.node("client"), "ready", "10", user="root") == {"ready": True}
    return lab.name


@pytest.fixture
def lab(engine: Engine, session_lab: str) -> Iterator[Lab]:
    """The session's lab, with nothing impaired before and after."""
    found = engine.lab(session_lab)
    Link(engine, found).clear()
    assert measure.quiet(engine, found, 40) is None
    yield found
    Link(engine, engine.lab(session_lab)).clear()


@pytest.fixture
def own_name(engine: Engine) -> Iterator[str]:
    """The name of a lab that a test makes itself; nothing of it stays."""
    yield from _new_name(engine, "t-own")


@pytest.fixture(autouse=True)
def _project_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Results that a test does not name go nowhere near the project's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.fspath(compose.ROOT))
