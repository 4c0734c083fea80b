"""All kinds of measurement that a scenario file can name, by their names.

`KINDS[name].run(engine, lab, options, alone=…)` gives a `Measured`: a report and its series.
"""

from collections.abc import Mapping

from lab.errors import NotHere
from lab.scenario.kind import REQUIRED, Kind, Measured, Option
from lab.scenario.kinds.connections import CONNECT, REQUEST, STEADY
from lab.scenario.kinds.edges import BOUNDARIES, CLOSE, FLOOD
from lab.scenario.kinds.packets import UDP
from lab.scenario.kinds.transfers import BULK, TCP

__all__ = ["KINDS", "REQUIRED", "Kind", "Measured", "NotHere", "Option"]

KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (UDP, TCP, REQUEST, CONNECT, STEADY, BULK, FLOOD, BOUNDARIES, CLOSE)
}
