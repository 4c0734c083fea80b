"""What every scenario's run does: wait for quiet, sweep, put back, and tell what was measured."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab import measure
from lab.engine import Engine
from lab.errors import LabError
from lab.link import Link
from lab.nodes import Lab

QUIET_S = 40

Point = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What the run is about to do, in words, and how many of its measurements are done.

    left_s: how long the rest will take, as far as can be told.
    """

    words: str
    done: int
    of: int
    left_s: float | None = None


class Run(ABC):
    """One run; `result` is what has been measured so far, at any time, as the JSON contract has it.

    So a run that is interrupted or fails in the middle loses nothing that it had.
    """

    name: str
    title: str

    def __init__(
        self,
        engine: Engine,
        lab: Lab,
        *,
        facts: Mapping[str, Any] | None = None,
        watch: Callable[[Step], None] = lambda _: None,
    ) -> None:
        """`facts`: what else the result is to say of itself (command, versions, …)."""
        self._engine, self._lab, self._link = engine, lab, Link(engine, lab)
        self._watch = watch
        self._facts = dict(facts or {})
        self._backend: str | None = None
        self._congestion: str | None = None
        self._problem: str | None = None
        self._started, self._finished = _now(), ""

    def measure(self) -> None:
        """Sweep; whatever was impaired before is so again afterwards, also after Ctrl-C."""
        try:
            self._quiet()
            with self._link.restored():
                self._sweep()
            self._step("done")
        except LabError as error:
            self._problem = str(error)
            raise
        except OSError as error:  # packets or figures that could not be kept
            self._problem = f"{error.filename or 'this machine'}: {error.strerror}"
            raise LabError(self._problem) from error
        finally:
            self._finished = _now()

    @abstractmethod
    def _sweep(self) -> None:
        """Measure all points, each kept as soon as it is there."""

    @property
    @abstractmethod
    def _progress(self) -> tuple[int, int]:
        """How many measurements are done, and of how many."""

    @property
    @abstractmethod
    def _points(self) -> Sequence[Point]:
        """What was measured so far, in the order of the points."""

    @abstractmethod
    def _broken(self, points: Sequence[Point]) -> list[str]:
        """A line for each expectation that did not hold."""

    @abstractmethod
    def _setting(self) -> Mapping[str, Any]:
        """What the scenario was run with: into the result, before its verdict."""

    @property
    def samples(self) -> dict[str, Any] | None:
        """What samples.json is to hold; None where a scenario keeps none."""
        return None

    @property
    def whole(self) -> bool:
        """Whether every point was measured."""
        done, of = self._progress
        return done == of

    def result(self) -> dict[str, Any]:
        """The run as one JSON object; `verdict` is `pass` only where all was measured and held."""
        points = list(self._points)
        failures = self._broken(points) + ([self._problem] if self._problem else [])
        return {
            "scenario": self.name,
            "title": self.title,
            **self._facts,
            "lab": self._lab.name,
            "started": self._started,
            "finished": self._finished or _now(),
            "backend": self._backend,
            "kernel": self._engine.kernel,
            "engine": self._engine.version,
            "congestion_control": self._congestion,
            **self._setting(),
            "interrupted": not self.whole and self._problem is None,
            "verdict": "pass" if self.whole and not failures else "fail",
            "failures": failures,
            "points": points,
        }

    def _step(self, words: str) -> None:
        self._watch(Step(words, *self._progress, self._left_s()))

    def _left_s(self) -> float | None:
        """How long the measurements still to come will take, as far as can be told."""
        return None

    def _quiet(self) -> None:
        if busy := self._busy(0):
            self._step(f"waiting for {busy}: TCP has something left to say")
            busy = self._busy(QUIET_S)
        if busy:
            raise LabError(
                f"{busy} still has TCP connections at work after {QUIET_S} s; "
                "the ledger of this run could not close"
            )

    def _busy(self, seconds: float) -> str | None:
        """A node that is not quiet within that time."""
        return measure.quiet(self._engine, self._lab, seconds)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
