"""Fixtures: a way to start servers, and one server of each program."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import ECHO, Server, Start, programs


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The container's view: `lab` is a namespace with nothing but `lab.node` in it."""
    folder = tmp_path_factory.mktemp("root")
    (folder / "lab").mkdir()
    (folder / "lab" / "node").symlink_to(ECHO.parent)
    return folder


@pytest.fixture
def start(root: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a program by name; all are ended, and searched for tracebacks, after the test."""
    with contextlib.ExitStack() as stack:

        def start(
            name: str, *, port: int = 0, prelude: str = "", tally_path: Path | None = None
        ) -> Server:
            server = Server(name, root, tmp_path, port=port, prelude=prelude, tally_path=tally_path)
            return stack.enter_context(server).wait_until_listening()

        yield start


@pytest.fixture(params=programs("tcp"))
def tcp(request: pytest.FixtureRequest, start: Start) -> Server:
    return start(request.param)


@pytest.fixture(params=programs("udp"))
def udp(request: pytest.FixtureRequest, start: Start) -> Server:
    return start(request.param)


@pytest.fixture(params=programs("tcp") + programs("udp"))
def server(request: pytest.FixtureRequest, start: Start) -> Server:
    return start(request.param)
