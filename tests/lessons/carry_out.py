"""Runs the commands of a lesson as a student would type them, in a lab that is theirs alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lab import compose
from tests.lessons.lesson import Command

LONGEST_S = 110


def carry_out(name: str, folder: Path, asked: list[Command]) -> Iterator[tuple[Command, list[str]]]:
    """Each command with the lines it printed. name: of the lab. folder: where they are typed.

    Raises `AssertionError` where one ends with another exit code than 0.
    """
    environment = {
        **os.environ,
        "LAB_NAME": name,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.fspath(compose.ROOT),
    }
    for command in asked:
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
        printed = done.stdout.decode("utf-8", "replace").replace(name, "lab")
        assert done.returncode == 0, f"line {command.line}: $ {command.text}\n{printed}"
        yield command, printed.splitlines()
