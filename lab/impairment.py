"""What the network is to do to packets: an `Impairment`, and the `Direction` it is for.

Values only. Knows what a value may be and what goes together; the names and the syntax are in
`lab.knobs`. Knows nothing of how a kernel, or a program of ours, is made to obey (see `lab.link`).
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from enum import Enum
from math import isclose
from typing import Any, Self

from lab import units
from lab.errors import BadInput
from lab.gemodel import Gemodel
from lab.knobs import DISTRIBUTIONS, KNOBS, MAX_CORRELATION, MAX_GAP, MAX_JITTER_MS, MAX_PACKETS
from lab.located import Located
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

    Shares are ratios, 0 to 1; times are milliseconds. See tc-netem(8).

    loss: the share dropped, each packet by itself. gemodel: losses in bursts instead.
    delay_ms: added to each packet's way. jitter_ms: the spread around it, at most the delay, by
    `distribution`; order is kept (a packet waits for the one before it) unless order_free.
    reorder: the share that overtakes, waiting for neither delay nor rate; of every reorder_gap
    packets one at most. duplicate: the share sent twice. corrupt: the share with one bit flipped.
    rate_bps: the rate of the link in bits a second; None leaves it unbounded.
    limit: how many packets the queue holds, those that are being delayed among them; None leaves
    it to the backend.
    …_correlation: how much of a draw is the one before it. It narrows the draws around their
    middle, so that a correlated loss of 1 % loses far less than that; for bursts take gemodel.

    What is out of range or makes no sense cannot be built: `BadInput` names the knob, the value
    and what is allowed.
    """

    loss: float = 0.0
    loss_correlation: float = 0.0
    gemodel: Gemodel | None = None
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    delay_correlation: float = 0.0
    distribution: str = "uniform"
    order_free: bool = False
    reorder: float = 0.0
    reorder_correlation: float = 0.0
    reorder_gap: int = 1
    duplicate: float = 0.0
    duplicate_correlation: float = 0.0
    corrupt: float = 0.0
    corrupt_correlation: float = 0.0
    rate_bps: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        """Check every value and what goes together, and make equal values the same."""
        for name, high in _SHARES.items():
            object.__setattr__(self, name, units.checked_share(getattr(self, name), name, high))
        for name, high in _DURATIONS.items():
            object.__setattr__(self, name, units.checked_duration(getattr(self, name), name, high))
        for name, (low, high) in _WHOLE.items():
            _check_whole(name, getattr(self, name), low, high, _DEFAULTS[name])
        if self.rate_bps is not None and self.rate_bps % units.RATE_STEP_BPS:
            raise refusal("rate_bps", self.rate_bps, f"is no multiple of {units.RATE_STEP_BPS}")
        if self.gemodel is not None and not isinstance(self.gemodel, Gemodel):
            raise refusal("gemodel", self.gemodel, "is no Gemodel")
        if not isinstance(self.order_free, bool):
            raise refusal("order_free", self.order_free, "is neither True nor False")
        if self.distribution not in DISTRIBUTIONS:
            allowed = f"allowed {', '.join(DISTRIBUTIONS)}"
            raise refusal("distribution", self.distribution, f"is none of these; {allowed}")
        self._check_together()

    def _check_together(self) -> None:
        written = self.as_dict()
        for knob, others in _NEEDS.items():
            if knob in written and not any(other in written for other in others):
                problem = f"makes no sense without {' or '.join(others)}; add it, or leave this out"
                raise refusal(knob, written[knob], problem)
        for knob, (other, why) in _EXCLUDES.items():
            if knob in written and other in written:
                raise refusal(knob, written[knob], f"does not go with {other}: {why}")
        if self.jitter_ms > self.delay_ms:
            # netem sends at once what would have had to leave before it came, which makes the
            # delay another one than asked: 10ms with a jitter of 40ms is 16ms in the middle.
            problem = f"is more than the delay; allowed 0ms to {written['delay']}"
            raise refusal("jitter", written["jitter"], problem)

    @property
    def is_clear(self) -> bool:
        """True where nothing is impaired."""
        return not self.knobs()

    @property
    def loss_ratio(self) -> float:
        """The share lost in the long run by loss or gemodel, where loss is not correlated."""
        return self.gemodel.loss if self.gemodel else self.loss

    def knobs(self) -> frozenset[str]:
        """The names of the knobs that are set, such as `{"loss", "rate"}`.

        So a backend can say which of them it cannot do.
        """
        return frozenset(self.as_dict())

    def __str__(self) -> str:
        """Words and values as on the command line: `loss 10% rate 1mbit`; `none` where clear."""
        return " ".join(f"{knob} {value}" for knob, value in self.as_dict().items()) or "none"

    @classmethod
    def parse(cls, text: str, where: str = "impairment") -> Self:
        """The inverse of `str`. Raises `BadInput`, naming `where` and the knob."""
        words = text.split()
        given: dict[str, list[str]] = {}
        for number, word in enumerate([] if words == ["none"] else words):
            if word in given:
                raise refusal(where, word, "is given twice")
            if word in KNOBS:
                given[word] = values = []
            elif number == 0:
                raise refusal(where, word, f"is no knob; allowed {', '.join(KNOBS)}")
            else:
                values.append(word)
        return cls.from_dict({knob: " ".join(value) for knob, value in given.items()}, where)

    def as_dict(self) -> dict[str, str]:
        """For JSON: only what is set, as it is typed: `{"loss": "10%", "rate": "1mbit"}`."""
        return {knob: how.format(value) for knob, how, value in self._set()}

    @classmethod
    def from_dict(cls, given: Mapping[str, object], where: str = "impairment") -> Self:
        """The inverse of `as_dict`. Raises `BadInput`, naming `where` and the knob.

        A bare number is refused here too: a file's `loss: 10` is no clearer than `--loss 10`.
        """
        if not isinstance(given, Mapping):
            raise refusal(where, given, "is no table of knobs; write for example {loss: 10%}")
        values: dict[str, Any] = {}
        for knob, value in given.items():
            if knob not in KNOBS:
                raise refusal(where, knob, f"is no knob; allowed {', '.join(KNOBS)}")
            values[KNOBS[knob].field] = KNOBS[knob].parse(str(value), f"{where}.{knob}")
        try:
            return cls(**values)
        except BadInput as error:
            raise BadInput(f"{where}.{error.where}", error.got, error.problem) from error

    @classmethod
    def from_located(cls, given: Mapping[str, Located]) -> Self:
        """As `from_dict`, from values of a file, with each complaint at the line it is about."""
        values = {
            KNOBS[name].field: KNOBS[name].parse(at.text, at.where) for name, at in given.items()
        }
        try:
            return cls(**values)
        except BadInput as error:
            # What is wrong in a value by itself was found above; the rest names a knob.
            raise BadInput(given[error.where].where, error.got, error.problem) from error

    def wire(self) -> dict[str, Any]:
        """The numbers for a program of ours, as JSON: fields by name, only what is set.

        gemodel is the list `[p, r, 1-h, 1-k]`.
        """
        return {
            how.field: list(astuple(value)) if isinstance(value, Gemodel) else value
            for _, how, value in self._set()
        }

    @classmethod
    def from_wire(cls, given: Mapping[str, Any]) -> Self:
        """The inverse of `wire`. Raises `BadInput`."""
        values = dict(given)
        if unknown := sorted(values.keys() - _DEFAULTS.keys()):
            raise refusal("impairment", unknown[0], f"is no field; allowed {', '.join(_DEFAULTS)}")
        if values.get("gemodel") is not None:
            values["gemodel"] = Gemodel(*values["gemodel"])
        return cls(**values)

    def close_to(self, other: "Impairment") -> bool:
        """Whether both are the same to the precision of a kernel and of what tc shows of it.

        tc shows six digits, and the kernel keeps a share in 32 bits and a time in nanoseconds.
        """
        mine, theirs = self.wire(), other.wire()
        if mine.keys() != theirs.keys():
            return False
        return all(_close(name, mine[name], theirs[name]) for name in mine)

    def _set(self) -> list[tuple[str, Any, Any]]:
        return [
            (knob, how, getattr(self, how.field))
            for knob, how in KNOBS.items()
            if getattr(self, how.field) != _DEFAULTS[how.field]
        ]


_DEFAULTS = {field.name: field.default for field in fields(Impairment)}

_CORRELATIONS = [name for name in _DEFAULTS if name.endswith("_correlation")]
_SHARES = {
    **dict.fromkeys(("loss", "reorder", "duplicate", "corrupt"), 1.0),
    **dict.fromkeys(_CORRELATIONS, MAX_CORRELATION),
}
_DURATIONS = {"delay_ms": units.MAX_DURATION_MS, "jitter_ms": MAX_JITTER_MS}
_WHOLE = {
    "reorder_gap": (1, MAX_GAP),
    "rate_bps": (units.MIN_RATE_BPS, units.MAX_RATE_BPS),
    "limit": (1, MAX_PACKETS),
}

# A knob that does nothing without another: netem would take it without a word.
_NEEDS = {
    "loss-correlation": ("loss",),
    "jitter": ("delay",),
    "delay-correlation": ("jitter",),
    "distribution": ("jitter",),
    "order": ("jitter",),
    "reorder": ("delay",),
    "reorder-correlation": ("reorder",),
    "reorder-gap": ("reorder",),
    "duplicate-correlation": ("duplicate",),
    "corrupt-correlation": ("corrupt",),
    "limit": ("rate", "delay"),  # else nothing ever waits
}
_EXCLUDES = {
    "gemodel": ("loss", "two models of loss; choose one"),
    "order": ("rate", "what goes through a link of one rate stays in order; choose one"),
}


def _check_whole(name: str, value: object, low: int, high: int, default: object) -> None:
    if value == default and not isinstance(value, bool | float):
        return
    if type(value) is not int:
        raise refusal(name, value, f"is no whole number; allowed {low} to {high}")
    if not low <= value <= high:
        raise refusal(name, value, f"is out of range; allowed {low} to {high}")


def _close(name: str, mine: Any, theirs: Any) -> bool:
    if name == "gemodel":
        return all(map(_close, ["p", "r", "1-h", "1-k"], mine, theirs))
    if isinstance(mine, float):
        return isclose(mine, theirs, rel_tol=1e-5, abs_tol=2e-6 if name in _DURATIONS else 1e-9)
    return bool(mine == theirs)
