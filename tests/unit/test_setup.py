"""lab/setup.sh on machines that lack this or that: one line, and what is installed.

The script is the real one, on a PATH of small fakes; only three absolute paths are turned aside.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lab import compose

# What the script calls besides the programs that it is about.
TOOLS = [
    "cksum",
    "cp",
    "cut",
    "dirname",
    "grep",
    "head",
    "mkdir",
    "rm",
    "seq",
    "setsid",
    "sh",
    "sleep",
]
TOOLS += ["tail", "touch"]

PYTHON = """
case "$1 $2" in
"-c import sys;"*) exit 0 ;;
"-c import ensurepip"*) exit 0 ;;
"-m venv") mkdir -p .venv/bin; cp "$BIN/venv-python" .venv/bin/python ;;
--version*) echo "Python 3.13.5" ;;
esac"""
NO_VENV = PYTHON.replace('ensurepip"*) exit 0', 'ensurepip"*) exit 1')
OLD_PYTHON = "exit 1"
VENV_PYTHON = '[ "$1" != -c ] || echo "$SOURCE"'
DOCKER = """
case "$1" in
version) [ -e "$BIN/engine-is-up" ] || { echo "Cannot connect to the daemon" >&2; exit 1; } ;;
compose) [ -e "$BIN/compose-version" ] && read -r version <"$BIN/compose-version" &&
    echo "$version" ;;
esac"""
FORBIDDEN = "echo 'permission denied while trying to connect to the API' >&2; exit 1"
DOCKERD = 'touch "$BIN/engine-is-up"; sleep 1'
APT = """
echo "$*" >>"$BIN/apt-calls"
case "$*" in
update*) touch "$BIN/updated" ;;
indextargets*) [ ! -e "$BIN/updated" ] || echo "$MIRROR" ;;
*"update -qq"*) ;;
*"download -qq docker-compose") touch docker-compose_2.26.1-4_all.deb ;;
*docker-compose*) echo 2.26.1-4 >"$BIN/compose-version" ;;
*docker.io*) cp "$BIN/later/docker" "$BIN/later/dockerd" "$BIN" ;;
*python3-venv*) cp "$BIN/later/python3" "$BIN" ;;
esac"""

# dpkg-deb -x PACKAGE FOLDER
UNPACK = """
mkdir -p "$3/usr/libexec/docker/cli-plugins"
echo plugin >"$3/usr/libexec/docker/cli-plugins/docker-compose"
echo 2.26.1-4 >"$BIN/compose-version"
"""

DEBIAN_12 = 'ID=debian\nVERSION_ID="12"'
DEBIAN_13 = 'ID=debian\nVERSION_ID="13"'
DEBIAN_TESTING = "ID=debian"  # it has no VERSION_ID before it is released
UBUNTU = 'ID=ubuntu\nVERSION_ID="24.04"'
ARCH = "ID=arch"

MAKING = "making .venv with Python 3.13.5"
PIP = "installing the project's Python packages into .venv"
START = "starting the container engine (dockerd, log in .tools/dockerd.log)"
INSTALL_PYTHON = "installing python3 python3-venv (Python)"
INSTALL_BUILDER = (
    "installing mmdebstrap debian-archive-keyring (no registry answers; it builds the image)"
)
JOIN = (
    "you may not use the container engine; run as root, or join the group docker "
    "(as root: usermod -aG docker pupil; then log in anew)"
)
NO_ENGINE = (
    "no container engine answers; install Docker (Engine 20.10 or later, or Desktop) and start it"
)
NO_COMPOSE = "Docker Compose 2.20 or later is missing{}; install the Compose plugin"


@dataclass(frozen=True)
class Machine:
    """What is there before: programs by their script, and how far the engine is."""

    os: str = DEBIAN_13
    root: bool = False
    has: dict[str, str] = field(default_factory=dict)
    engine_up: bool = False
    compose: str = ""
    source: str = "here"
    env: dict[str, str] = field(default_factory=dict)

    def run(self, tmp: Path, *extra: str) -> tuple[int, list[str], list[str]]:
        """Run the script: exit code, its lines, and what apt-get was told to install."""
        project, bin_ = tmp / "project", tmp / "bin"
        (project / "lab").mkdir(parents=True)
        (bin_ / "later").mkdir(parents=True)
        (tmp / "os-release").write_text(self.os + "\n")
        script = (compose.ROOT / "lab" / "setup.sh").read_text()
        for path, aside in (
            ("/etc/os-release", tmp / "os-release"),
            ("/run/systemd", tmp / "no-systemd"),
            ("/usr/local/lib/docker", tmp / "plugins"),
        ):
            assert path in script
            script = script.replace(path, os.fspath(aside))
        (project / "lab" / "setup.sh").write_text(script)
        (project / "pyproject.toml").touch()
        for tool in TOOLS:
            real = shutil.which(tool)
            assert real, tool
            (bin_ / tool).symlink_to(real)
        name, uid = ("root", 0) if self.root else ("pupil", 1000)
        fakes = {"id": f'[ "$1" = -u ] && echo {uid} || echo {name}', "venv-python": VENV_PYTHON}
        later = {"docker": DOCKER, "dockerd": DOCKERD, "python3": PYTHON}
        for folder, scripts in (bin_, {**fakes, **self.has}), (bin_ / "later", later):
            for each, text in scripts.items():
                (folder / each).write_text(f"#!/bin/sh\n{text}\n")
                (folder / each).chmod(0o755)
        if self.engine_up:
            (bin_ / "engine-is-up").touch()
        if self.compose:
            (bin_ / "compose-version").write_text(self.compose + "\n")
        env = {"PATH": os.fspath(bin_), "BIN": os.fspath(bin_), "SOURCE": self.source, **self.env}
        done = subprocess.run(
            ["/bin/sh", project / "lab" / "setup.sh", *extra],
            env=env, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        calls = bin_ / "apt-calls"
        asked = calls.read_text().splitlines() if calls.exists() else []
        prefix = "install -y -qq --no-install-recommends "
        return (
            done.returncode,
            [line.removeprefix("setup: ") for line in done.stderr.splitlines()],
            [call.removeprefix(prefix) for call in asked if call.startswith(prefix)],
        )


ALL = {"python3": PYTHON, "docker": DOCKER, "dockerd": DOCKERD}
BUILDER = {"mmdebstrap": ""}


@pytest.mark.parametrize(
    ("machine", "line"),
    [
        (Machine(), "Python 3.11 or later is missing; install it, with its venv module"),
        (
            Machine(has={"python3": OLD_PYTHON}),
            "Python 3.11 or later is missing; install it, with its venv module",
        ),
        (
            Machine(has={"python3": NO_VENV}),
            "Python's venv module is missing; install python3-venv",
        ),
        (
            Machine(has={"python3": OLD_PYTHON, "python3.12": NO_VENV}),
            "Python's venv module is missing; install python3.12-venv",
        ),
        (Machine(has={"python3": PYTHON}), NO_ENGINE),
        (Machine(has={"python3": PYTHON, "docker": DOCKER}), NO_ENGINE),
        (Machine(has={"python3": PYTHON, "docker": FORBIDDEN}), JOIN),
        (Machine(has=ALL), "the container engine does not run; start it, as root"),
        (
            Machine(has=ALL, env={"DOCKER_HOST": "tcp://192.0.2.1:9"}),
            "no container engine answers at DOCKER_HOST, tcp://192.0.2.1:9",
        ),
        (Machine(has=ALL, engine_up=True), NO_COMPOSE.format("")),
        (
            Machine(has=ALL, engine_up=True, compose="2.19.1"),
            NO_COMPOSE.format(" (here is 2.19.1)"),
        ),
        (
            Machine(has={**ALL, "docker-compose": "echo 1.29.2"}, engine_up=True),
            NO_COMPOSE.format(" (here is 1.29.2)"),
        ),
        (  # alone it is no plugin, and `docker compose` is what the lab calls
            Machine(has={**ALL, "docker-compose": "echo 2.40.3"}, engine_up=True),
            NO_COMPOSE.format(" (here is 2.40.3)"),
        ),
        (Machine(ARCH, root=True, has={"python3": PYTHON, "apt-get": APT}), NO_ENGINE),
        (
            Machine(root=True, has={"apt-get": "echo 'E: no route to the mirror'; exit 1"}),
            "apt-get install python3 python3-venv failed: E: no route to the mirror",
        ),
        (
            Machine(root=True, has={**ALL, "dockerd": "echo 'no cgroups here' >&2; exit 1"}),
            "the container engine ended: no cgroups here",
        ),
    ],
)
def test_what_is_missing_is_one_line(tmp_path: Path, machine: Machine, line: str) -> None:
    code, lines, _ = machine.run(tmp_path)
    assert (code, lines[-1]) == (1, line)
    steps = {MAKING, PIP, START, INSTALL_PYTHON}
    assert set(lines[:-1]) <= steps


@pytest.mark.parametrize(
    ("machine", "lines", "installed"),
    [
        (Machine(has=ALL, engine_up=True, compose="2.20.0"), [], []),
        (Machine(has=ALL, engine_up=True, compose="v2.40.3-desktop.1"), [], []),
        (Machine(ARCH, has=ALL, engine_up=True, compose="5.0.0", source=""), [], []),
        (
            Machine(root=True, has={**ALL, "apt-get": APT}, engine_up=True, compose="2.26.1"),
            [],
            [],
        ),
        (Machine(root=True, has={**ALL, "apt-get": APT}, compose="2.26.1"), [START], []),
        (
            Machine(root=True, has={**ALL, **BUILDER}, engine_up=True, compose="3.0", source=""),
            [],
            [],
        ),
    ],
)
def test_what_is_there_is_left_alone(
    tmp_path: Path, machine: Machine, lines: list[str], installed: list[str]
) -> None:
    assert machine.run(tmp_path) == (0, [MAKING, PIP, *lines], installed)


@pytest.mark.parametrize(
    ("release", "engine", "plugin"),
    [
        (DEBIAN_13, "docker.io docker-cli", "docker-compose"),
        (DEBIAN_TESTING, "docker.io docker-cli", "docker-compose"),
        (UBUNTU, "docker.io", "docker-compose-v2"),
    ],
)
def test_root_on_a_fresh_machine(tmp_path: Path, release: str, engine: str, plugin: str) -> None:
    code, lines, installed = Machine(release, root=True, has={"apt-get": APT}, source="").run(
        tmp_path
    )
    assert code == 0
    assert installed == [
        "python3 python3-venv", engine, plugin, "mmdebstrap debian-archive-keyring"
    ]  # fmt: skip
    assert lines == [
        INSTALL_PYTHON,
        MAKING,
        PIP,
        f"installing {engine} (the container engine)",
        START,
        f"installing {plugin} (Docker Compose)",
        INSTALL_BUILDER,
    ]


def test_debian_12_gets_the_plugin_of_debian_13(tmp_path: Path) -> None:
    """And its package lists are fetched where they never were, to find the mirror."""
    has = {**ALL, "apt-get": APT, "dpkg-deb": UNPACK, "docker-compose": "echo 1.29.2"}
    mirror = {"MIRROR": "http://deb.example/debian"}
    machine = Machine(DEBIAN_12, root=True, has=has, engine_up=True, env=mirror)
    code, lines, installed = machine.run(tmp_path)
    plugins = tmp_path / "plugins" / "cli-plugins"
    assert (code, installed) == (0, [])
    assert lines[2:] == [
        f"installing Debian 13's Compose plugin into {plugins} (Debian 12 has none)"
    ]
    assert [each.name for each in plugins.iterdir()] == ["docker-compose"]
    assert not (tmp_path / "project" / ".tools" / "apt").exists()


def test_debian_12_without_a_mirror(tmp_path: Path) -> None:
    has = {**ALL, "apt-get": APT}
    machine = Machine(DEBIAN_12, root=True, has=has, engine_up=True, env={"MIRROR": ""})
    code, lines, _ = machine.run(tmp_path)
    assert (code, lines[-1]) == (1, "no Debian mirror among this machine's package sources")


READY = {**ALL, **BUILDER, "apt-get": APT}
NO_BROWSER = "no browser: tests that look at pages are skipped; to run them install chromium"
BROWSER = "chromium fonts-dejavu-core"


@pytest.mark.parametrize(
    ("machine", "lines", "installed"),
    [
        (
            Machine(root=True, has=READY),
            [f"installing {BROWSER} (tests look at pages in a browser)"],
            [BROWSER],
        ),
        (Machine(root=True, has={**READY, "chromium": ""}), [], []),
        (Machine(root=True, has={**READY, "google-chrome": ""}), [], []),
        (Machine(has=READY), [NO_BROWSER], []),  # no right to install
        (Machine(UBUNTU, root=True, has=READY), [NO_BROWSER], []),  # there it is a snap
        (Machine(ARCH, root=True, has=READY), [NO_BROWSER], []),
    ],
)
def test_a_browser_for_the_tests(
    tmp_path: Path, machine: Machine, lines: list[str], installed: list[str]
) -> None:
    ready = replace(machine, engine_up=True, compose="2.40.3")
    assert ready.run(tmp_path, "dev") == (0, [MAKING, PIP, *lines], installed)


def test_no_browser_where_no_test_is_to_run(tmp_path: Path) -> None:
    machine = Machine(root=True, has=READY, engine_up=True, compose="2.40.3")
    assert machine.run(tmp_path) == (0, [MAKING, PIP], [])
