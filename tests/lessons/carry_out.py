"""Runs the commands of a lesson as a student would type them, in a lab that is theirs alone."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from lab import compose
from tests.lessons.lesson import Command

LONGEST_S = 110


def carry_out(name: str, folder: Path, asked: list[Command]) -> Iterator[tuple[Command, list[str]]]:
    """Each command with the lines it printed. name: of the lab. folder: where they are typed.

    Raises `AssertionError` where one ends with another exit code than 0. An experiment whose
    expectations did not hold is done once more, and warned of: its intervals miss by chance now and
    then, and the machine may have been busy. A lesson that is wrong fails twice.
    """
    environment = {
        **os.environ,
        "LAB_NAME": name,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.fspath(compose.ROOT),
    }
    for command in asked:
        code, printed = _typed(command, folder, environment)
        if code == 1 and command.text.startswith("lab run "):
            warnings.warn(f"done once more: {command.text}\n{printed}", stacklevel=2)
            code, printed = _typed(command, folder, environment)
        printed = printed.replace(name, "lab")
        assert code == 0, f"line {command.line}: $ {command.text}\n{printed}"
        yield command, printed.splitlines()


def _typed(command: Command, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", command.text],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LONGEST_S,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")
