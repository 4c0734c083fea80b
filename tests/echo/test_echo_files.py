"""The rule of registration, and what the tutorial promises of every file."""

import ast
from pathlib import Path

import pytest

from .servers import ECHO, programs

OF_THE_TUTORIAL = [
    "tcp_asyncio",
    "tcp_pool",
    "tcp_selectors",
    "tcp_sequential",
    "tcp_socketserver",
    "tcp_socketserver_threading",
    "tcp_threaded",
    "udp_asyncio",
    "udp_socket",
    "udp_socketserver",
    "udp_socketserver_threading",
]
SCENARIOS = {
    "one-at-a-time",
    "thread-per-client-runs-out",
    "c10k",
    "slow-reader",
    "backlog",
    "udp-overrun",
    "loss",
}
SERVERS = programs("tcp") + programs("udp")


def test_every_program_of_the_tutorial_is_there() -> None:
    assert set(OF_THE_TUTORIAL) <= set(SERVERS)


def test_a_new_file_is_a_new_server_and_a_client_is_none(tmp_path: Path) -> None:
    for name in ("tcp_mine", "udp_mine", "tcp_my_client", "udp_client", "program", "sctp_mine"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "tcp_notes.txt").touch()
    assert programs("tcp", tmp_path) == ["tcp_mine"]
    assert programs("udp", tmp_path) == ["udp_mine"]


@pytest.mark.parametrize("name", SERVERS)
def test_docstring_says_what_it_is_and_where_it_breaks(name: str) -> None:
    doc = docstring(name)
    summary, empty, *_ = doc.splitlines()
    assert 20 < len(summary) <= 90
    assert not summary.endswith(".")
    assert not empty
    assert "Where it breaks:" in doc
    named = {word for word in doc.replace("\n", " ").split("`") if word in SCENARIOS}
    assert named, "names no scenario that shows it"


@pytest.mark.parametrize("name", [*SERVERS, "tcp_client", "udp_client"])
def test_can_be_read_top_to_bottom(name: str) -> None:
    lines = [line for line in (ECHO / f"{name}.py").read_text().splitlines() if line.strip()]
    assert 15 <= len(lines) <= 60


def docstring(name: str) -> str:
    tree = ast.parse((ECHO / f"{name}.py").read_text())
    return ast.get_docstring(tree) or ""
