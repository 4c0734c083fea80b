"""Docker Compose: the only module that runs it. It brings the services of compose.yaml up.

What is there, and taking it away, is the engine's matter (`lab.engine`), by label.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from lab.errors import ComposeError, last_words

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "compose.yaml"
OLDEST = (2, 20)
_CURE = "install the Compose plugin 2.20 or later, or on Debian and Ubuntu as root: make lab-up"


@cache
def version() -> str:
    """Compose's version, such as `2.26.1`. Raises `ComposeError` where missing or too old."""
    if shutil.which("docker") is None:
        raise ComposeError(f"no docker command on the PATH; {_CURE}")
    told = _said("docker", "compose", "version", "--short")
    numbers = [int(number) for number in re.findall(r"\d+", told)[:2]]
    if len(numbers) < 2:
        raise ComposeError(f"'docker compose' does not answer{_alone()}; {_CURE}")
    if tuple(numbers) < OLDEST:
        raise ComposeError(f"Compose {told} is too old; {_CURE}")
    return told.removeprefix("v")


def _alone() -> str:
    """Name the command `docker-compose` where that is what the machine has."""
    found = _said("docker-compose", "version", "--short")
    if not found:
        return ""
    why = "Compose 1, which is no longer kept" if found.startswith("1.") else "no plugin of docker"
    return f" (docker-compose {found} is {why})"


def _said(*argv: str) -> str:
    """What a command prints; empty where it is missing, fails, or says nothing for 30 s."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def up(name: str, *, clients: int, tcp: str, udp: str) -> None:
    """Create and start what is missing of lab `name`; what is right already stays untouched.

    Raises `ComposeError` with Compose's own last line.
    """
    _compose(
        ["-p", name, "up", "--detach", "--no-build", "--scale", f"client={clients}"],
        {"TCP_SERVER": tcp, "UDP_SERVER": udp},
        f"bring up lab {name!r}",
    )


def build(base: str, recipe: str) -> None:
    """Build the node image on `base`, marked with the `recipe` that it was made from."""
    _compose(["build", "wan"], {"LAB_BASE": base, "LAB_RECIPE": recipe}, "build the node image")


def _compose(words: list[str], settings: Mapping[str, str], doing: str) -> None:
    """Run Compose; Ctrl-C ends it too, and is waited for, before it goes on its way here."""
    try:
        process = subprocess.Popen(
            ["docker", "compose", "--file", str(FILE), "--ansi", "never", *words],
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            # A session of its own: what the plugin still creates after a signal that reached
            # only us, or it alone, would be half a lab that nobody removes.
            start_new_session=True,
        )  # fmt: skip
    except OSError:  # missing, or in a folder that one may not look into
        raise ComposeError(f"no docker command on the PATH; {_CURE}") from None
    try:
        _, stderr = process.communicate()
    except BaseException:
        _end(process)
        raise
    if process.returncode != 0:
        version()  # too old, or missing, is the better answer; asked only now, as it takes 0.1 s
        reason = last_words(stderr, process.returncode)
        raise ComposeError(f"{doing}: Compose says: {reason}")


def _end(process: subprocess.Popen[str]) -> None:
    """End Compose and its plugin: ask, and after 10 s insist."""
    for name in ("SIGINT", "SIGKILL"):
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, getattr(signal, name))
            else:  # Windows has no process groups of this kind
                process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=10)
            return
