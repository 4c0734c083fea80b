"""Which Compose is taken, and the line that says why another is not."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import compose, images
from lab.errors import ComposeError, ImageError

CURE = "; install the Compose plugin 2.20 or later, or on Debian and Ubuntu as root: make lab-up"
Put = Callable[[str, str], None]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """Put a shell script in a folder that is the whole PATH."""
    monkeypatch.setenv("PATH", os.fspath(tmp_path))

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    compose.version.cache_clear()
    yield put
    compose.version.cache_clear()


def plugin(printed: str) -> str:
    """A docker whose Compose knows its version and fails at all else."""
    return f'[ "$*" = "compose version --short" ] && echo "{printed}"'


NO_PLUGIN = "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1"


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("2.20.0", "2.20.0"),
        ("v2.20.3", "2.20.3"),
        ("2.26.1-4", "2.26.1-4"),
        ("2.24.6+ds1-0ubuntu2", "2.24.6+ds1-0ubuntu2"),
        ("v2.40.3-desktop.1", "2.40.3-desktop.1"),
        ("5.0.0", "5.0.0"),
    ],
)
def test_new_enough(put: Put, printed: str, version: str) -> None:
    put("docker", plugin(printed))
    assert compose.version() == version


@pytest.mark.parametrize(
    ("scripts", "line"),
    [
        ({}, "no docker command on the PATH"),
        ({"docker": plugin("2.19.1")}, "Compose 2.19.1 is too old"),
        ({"docker": plugin("v1.29.2")}, "Compose v1.29.2 is too old"),
        ({"docker": NO_PLUGIN}, "'docker compose' does not answer"),
        ({"docker": plugin("nonsense")}, "'docker compose' does not answer"),
        (
            {"docker": NO_PLUGIN, "docker-compose": "echo 1.29.2"},
            "'docker compose' does not answer "
            "(docker-compose 1.29.2 is Compose 1, which is no longer kept)",
        ),
        (
            {"docker": NO_PLUGIN, "docker-compose": "echo 2.40.3"},
            "'docker compose' does not answer (docker-compose 2.40.3 is no plugin of docker)",
        ),
        (
            {"docker": NO_PLUGIN, "docker-compose": "echo 'No module named compose' >&2; exit 1"},
            "'docker compose' does not answer",
        ),
    ],
)
def test_refused_with_the_cure(put: Put, scripts: dict[str, str], line: str) -> None:
    for name, script in scripts.items():
        put(name, script)
    with pytest.raises(ComposeError) as caught:
        compose.version()
    assert str(caught.value) == line + CURE
    # Whatever Compose is asked for, this is the answer, and not what an old one says of its words.
    with pytest.raises(ComposeError) as caught:
        compose.up("never", clients=1, tcp="tcp_threaded", udp="udp_socket")
    assert str(caught.value) == line + CURE


def test_compose_has_the_last_word_on_its_own_failures(put: Put) -> None:
    put("docker", '[ "$2" = version ] && echo 2.26.1 || { echo "no space left" >&2; exit 1; }')
    with pytest.raises(ComposeError, match=r"^bring up lab 'x': Compose says: no space left$"):
        compose.up("x", clients=1, tcp="tcp_threaded", udp="udp_socket")


@pytest.mark.parametrize(
    ("stderr", "why"),
    [
        (
            "I: running apt-get update...\nE: Failed to fetch InRelease  Temporary failure\n"
            "E: apt-get update failed\nW: hook\nE: mmdebstrap failed to run\n",
            "Failed to fetch InRelease  Temporary failure",
        ),
        ("I: done\nno permission\n", "no permission"),
        ("", "exit code 1"),
    ],
)
def test_a_base_that_can_not_be_built_says_why_first(put: Put, stderr: str, why: str) -> None:
    put("mmdebstrap", "")
    put("newuidmap", "")
    put("sh", f"printf '%s' '{stderr}' >&2; exit 1")
    with pytest.raises(ImageError) as caught:
        images._build_base("label")
    assert str(caught.value) == (
        f"building the base from Debian's packages: {why}; "
        "or bring the image from another machine: lab image save, lab image load"
    )


def test_without_a_builder_the_cure_is_named(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    for user, needed in (0, "mmdebstrap"), (1000, "mmdebstrap and uidmap"):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        with pytest.raises(ImageError, match=f"takes {needed}; install {needed} "):
            images._build_base("label")
    put("mmdebstrap", "")
    assert images.missing() == "uidmap"
    put("newuidmap", "")
    assert images.missing() == ""
