"""What a backend is: one way to make an `Impairment` real on a leaf of the tree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lab.impairment import Impairment
from lab.link.lane import Lane
from lab.link.tree import Argv, Shown


@dataclass(frozen=True)
class Backend:
    """One way of impairing, as pure functions from values to tc's words and back.

    needs: what of `lab.node.abilities` it takes. knobs: which of `Impairment.knobs` it can do.
    knob_needs: by knob, what of the abilities that one takes besides.
    install: lays a lane's leaf, impairing nothing. change: sets all knobs of it, and drops
    no packet by doing so. read: what is in force, None where the leaf is not this backend's.
    drops: packets dropped by (loss, a full queue) since the leaf is there. label: what `read` needs
    to know beyond what tc shows; it finds it as `Shown.alias`.
    """

    name: str
    needs: tuple[str, ...]
    knobs: frozenset[str]
    install: Callable[[Lane], list[Argv]]
    change: Callable[[Lane, Impairment], list[Argv]]
    read: Callable[[Lane, Shown], Impairment | None]
    drops: Callable[[Lane, Shown], tuple[int, int]]
    label: Callable[[Mapping[Lane, Impairment]], str] = lambda _: ""
    knob_needs: Mapping[str, str] = field(default_factory=dict)
