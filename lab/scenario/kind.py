"""What a kind of measurement is: its name, its options, and how it is run. Knows none itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from lab import parsing
from lab.engine import Engine
from lab.nodes import Lab


class _Required:
    """Stands in place of a default where there is none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Option:
    """One option of a kind. parse: text and where it stands to its value; raises `BadInput`.

    default: a value as `parse` returns it, or `REQUIRED`. about: what it is, in a few words.
    """

    parse: Callable[[str, str], Any]
    default: Any = REQUIRED
    about: str = ""


@dataclass(frozen=True)
class Measured:
    """What a measurement found.

    report: plain data, as JSON has it; becomes the measurement's part of a point. series: columns
    of one length by name; `sent_s` and `t_s` are seconds since the report's `begun_ns`, which is
    CLOCK_MONOTONIC, the one clock of all nodes. What is of one flow has the name that it has in
    the report, such as `flows.0.cwnd`.
    """

    report: Mapping[str, Any]
    series: Mapping[str, Sequence[Any]] = field(default_factory=dict)


class Run(Protocol):
    """How a kind is run."""

    def __call__(
        self, engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True
    ) -> Measured:
        """Measure, and wait until it is done. Raises `LabError`; `NotHere` where it can't be done.

        options: a value for each option of the kind. alone: nothing else is measured meanwhile.
        wan's counters and the servers' are of all that is under way, so that what only they could
        tell is None where a measurement is not alone.
        """
        ...


@dataclass(frozen=True)
class Kind:
    """One kind of measurement. summary: what it measures, in one line without a full stop."""

    name: str
    options: Mapping[str, Option]
    run: Run
    summary: str

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The options given with the defaults of the others. Raises `KeyError` for a missing one.

        For callers in code; the reader of files checks what was given and says where it stands.
        """
        missing = [
            name for name, each in self.options.items()
            if each.default is REQUIRED and name not in given
        ]  # fmt: skip
        unknown = given.keys() - self.options.keys()
        if missing or unknown:
            raise KeyError(f"{self.name}: missing {missing}, unknown {sorted(unknown)}")
        return {name: each.default for name, each in self.options.items()} | dict(given)


CLIENT = Option(
    parsing.word(r"client(-[1-9][0-9]{0,3})?", "client", "client-1"), "client-1", "which client"
)
