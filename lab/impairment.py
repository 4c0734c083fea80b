"""What the network is to do to packets: an `Impairment`, and the `Direction` it is for.

Values only. Knows the words of tc-netem(8) for the knobs and the one syntax in which they are
written; knows nothing of how a kernel, or a program of ours, is made to obey (see `lab.link`).

A further knob is a field, its check in `__post_init__`, and a line in `_KNOBS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, NamedTuple, Self

from lab import units
from lab.units import refusal


class Direction(Enum):
    """Which way a packet goes through `wan`; the value is the word after `--toward`."""

    TOWARD_SERVER = "server"
    TOWARD_CLIENT = "client"

    @property
    def label(self) -> str:
        """The words for a reader: `toward server`."""
        return f"toward {self.value}"


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """What happens to the packets of one direction. `Impairment()` does nothing to them.

    loss: the share of packets dropped, each independently; a ratio, 0 to 1.
    delay_ms: what is added to each packet's way, in milliseconds; 0 to one hour.
    rate_bps: the rate of the link in bits a second; None leaves it unbounded.

    A value out of range cannot be built: `BadInput` names the knob, the value and the range.
    """

    loss: float = 0.0
    delay_ms: float = 0.0
    rate_bps: int | None = None

    def __post_init__(self) -> None:
        """Check every value, and make equal values the same (`0`, `-0.0` and `0.0` of loss)."""
        _check_number("loss", self.loss, 0.0, 1.0)
        _check_number("delay_ms", self.delay_ms, 0.0, units.MAX_DURATION_MS)
        object.__setattr__(self, "loss", abs(float(self.loss)))
        object.__setattr__(self, "delay_ms", abs(float(self.delay_ms)))
        if self.rate_bps is None:
            return
        if type(self.rate_bps) is not int:
            raise refusal("rate_bps", self.rate_bps, "is no whole number of bits a second")
        _check_number("rate_bps", self.rate_bps, units.MIN_RATE_BPS, units.MAX_RATE_BPS)
        if self.rate_bps % units.RATE_STEP_BPS:
            raise refusal("rate_bps", self.rate_bps, f"is no multiple of {units.RATE_STEP_BPS}")

    @property
    def is_clear(self) -> bool:
        """True where nothing is impaired."""
        return not self.knobs()

    def knobs(self) -> frozenset[str]:
        """The names of the knobs that are set, such as `{"loss", "rate"}`.

        So a backend can say which of them it cannot do.
        """
        return frozenset(self.as_dict())

    def __str__(self) -> str:
        """Words and values as on the command line: `loss 10% rate 1mbit`; `none` where clear."""
        return " ".join(f"{knob} {value}" for knob, value in self.as_dict().items()) or "none"

    def as_dict(self) -> dict[str, str]:
        """For JSON: only what is set, as it is typed: `{"loss": "10%", "rate": "1mbit"}`."""
        return {
            knob: how.write(getattr(self, how.field))
            for knob, how in _KNOBS.items()
            if getattr(self, how.field) != _DEFAULTS[how.field]
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, object], where: str = "impairment") -> Self:
        """The inverse of `as_dict`. Raises `BadInput`, naming `where` and the knob.

        A bare number is refused here too: a file's `loss: 10` is no clearer than `--loss 10`.
        """
        if not isinstance(given, Mapping):
            raise refusal(where, given, "is no table of knobs; write for example {loss: 10%}")
        values: dict[str, Any] = {}
        for knob, value in given.items():
            if knob not in _KNOBS:
                raise refusal(where, knob, f"is no knob; allowed {', '.join(_KNOBS)}")
            values[_KNOBS[knob].field] = _KNOBS[knob].read(str(value), f"{where}.{knob}")
        return cls(**values)


class _Knob(NamedTuple):
    """How one knob is kept and written."""

    field: str
    read: Callable[[str, str], Any]
    write: Callable[[Any], str]


# In the order in which they are written; the names are those of tc-netem(8).
_KNOBS: dict[str, _Knob] = {
    "loss": _Knob("loss", units.parse_share, units.format_share),
    "delay": _Knob("delay_ms", units.parse_duration, units.format_duration),
    "rate": _Knob("rate_bps", units.parse_rate, units.format_rate),
}
_DEFAULTS = {field.name: field.default for field in fields(Impairment)}


def _check_number(name: str, value: float, low: float, high: float) -> None:
    """Refuse what is no number (a bool is none) and what is out of range (NaN is)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal(name, value, f"is no number; allowed {low:.15g} to {high:.15g}")
    if not low <= value <= high:
        raise refusal(name, value, f"is out of range; allowed {low:.15g} to {high:.15g}")
