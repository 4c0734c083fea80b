"""How long `lab up` takes, against `docker compose up -d` of the same file.

`lab up` comes back when the lab is wired and echoes; Compose comes back when the containers run.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lab.engine import Engine
from tests.bench import ground

NAME = "b-up"
ROUNDS = 5
MOST_TIMES, MOST_MORE_S = 1.25, 0.4


@dataclass(frozen=True)
class Standing:
    """Seconds of each round."""

    lab_s: tuple[float, ...]
    compose_s: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times as long `lab up` takes."""
        return median(self.lab_s) / median(self.compose_s)

    @property
    def more_s(self) -> float:
        """How much longer `lab up` takes."""
        return median(self.lab_s) - median(self.compose_s)

    @property
    def met(self) -> bool:
        """Whether either goal is met."""
        return self.ratio <= MOST_TIMES or self.more_s <= MOST_MORE_S


def measure(engine: Engine) -> Standing:
    """Bring a lab up in both ways in turn, from nothing each time."""
    lab_up = [str(Path(sys.executable).with_name("lab")), "up", "--name", NAME]
    lab_s, compose_s = [], []
    with tempfile.TemporaryDirectory() as folder:
        # Python keeps compiled modules, as everywhere by default (and not in the project's tree).
        cached = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
        _seconds(engine, lab_up, cached)  # compiles, and is not counted
        for _ in range(ROUNDS):
            lab_s.append(_seconds(engine, lab_up, cached))
            compose_s.append(_seconds(engine, ground.compose_up(NAME)))
    return Standing(tuple(lab_s), tuple(compose_s))


def _seconds(engine: Engine, argv: list[str], settings: ground.Settings | None = None) -> float:
    with ground.nothing_left(engine, NAME):
        begun = time.monotonic_ns()
        ground.run(argv, settings)
        return (time.monotonic_ns() - begun) / 1e9
