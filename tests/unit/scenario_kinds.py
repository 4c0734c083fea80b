"""Kinds of measurement for tests of scenario files: few, and not those of today's lab."""

from lab import parsing
from lab.scenario.kind import CLIENT, REQUIRED, Kind, Measured, Option


def _never(*_: object, **__: object) -> Measured:
    raise AssertionError("reading a file measures nothing")


_UDP = Kind(
    "udp",
    {
        "count": Option(parsing.number(1, 1000), 10),
        "interval": Option(parsing.duration(0.01, 1000), 1.0),
        "client": CLIENT,
    },
    _never,
    "datagrams",
)
_BULK = Kind(
    "bulk",
    {
        "congestion": Option(parsing.word("[a-z]+", "congestion control", "reno"), REQUIRED),
        "sizes": Option(parsing.several(parsing.number(1, 9), 3), (1,)),
        "client": CLIENT,
    },
    _never,
    "as fast as it goes",
)
KINDS = {kind.name: kind for kind in (_UDP, _BULK)}
