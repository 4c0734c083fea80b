"""What the stations saw of IPv4, in the order in which it happened.

The stations share one clock, and a station looks at it before it passes a frame on: of 576 000
gaps between two stations, half of them by the kernel's link and half by that in user space, with
a load of 7 to 10 on two cores, none was negative, and the shortest 2.9 us. So the order is that
of time, and among equals that of the way. Frames of a file may be out of order by `_SHUFFLED`
places. Knows nothing of packets: one is seen up to four times.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lab.capture.headers import identity
from lab.capture.read import About, frames

SENT, WAN_IN, WAN_OUT, ARRIVED = range(4)
"""The stages of a packet's way."""
_SHUFFLED = 512


@dataclass(frozen=True)
class Topology:
    """Who is who: names by IPv4 address (4 bytes), and wan's address on Ethernet."""

    names: Mapping[bytes, str]
    wan_mac: bytes

    @classmethod
    def of(cls, about: About) -> "Topology":
        """As a file of ours says it."""
        macs = (each.mac for each in about.interfaces if each.name == "wan")
        return cls(about.names, next(macs, b""))


class Seen(NamedTuple):
    """A frame at a station; sorts by time and way."""

    time_ns: int
    stage: int
    station: int
    place: int
    key: bytes
    data: bytes
    length: int


def seen(paths: Mapping[str, Path], topology: Topology) -> Iterator[Seen]:
    """What the stations' files (by name of station) hold of IPv4, in the order of time."""
    return heapq.merge(
        *(
            _sorted(_at(number, name, path, topology))
            for number, (name, path) in enumerate(paths.items())
        )
    )


def _at(number: int, name: str, path: Path, topology: Topology) -> Iterator[Seen]:
    for place, (_, time_ns, data, length) in enumerate(frames(path)):
        if (key := identity(data)) is not None:
            stage = _stage(name, data, topology)
            yield Seen(time_ns, stage, number, place, key, data, length)


def seen_in(path: Path, topology: Topology) -> Iterator[Seen]:
    """The same of one pcapng with the frames of all stations."""
    about = About()

    def all_of() -> Iterator[Seen]:
        for place, (number, time_ns, data, length) in enumerate(frames(path, about)):
            if (key := identity(data)) is not None:
                stage = _stage(about.interfaces[number].name, data, topology)
                yield Seen(time_ns, stage, number, place, key, data, length)

    return _sorted(all_of())


def _stage(station: str, data: bytes, topology: Topology) -> int:
    if station == "wan":
        return WAN_IN if data[:6] == topology.wan_mac else WAN_OUT
    return SENT if topology.names.get(data[26:30]) == station else ARRIVED


def _sorted(seen: Iterator[Seen]) -> Iterator[Seen]:
    """Two processors may write to a file in another order than they looked at the clock."""
    heap: list[Seen] = []
    for each in seen:
        if len(heap) < _SHUFFLED:
            heapq.heappush(heap, each)
        else:
            yield heapq.heappushpop(heap, each)
    yield from sorted(heap)
