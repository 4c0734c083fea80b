"""From what each station saw to each packet on its way: sender, into wan, out of wan, receiver.

A packet is known again by its bytes without what routers change (`headers.identity`). Those that
are byte by byte the same (UDP without an IP ID, RFC 6864) are taken in the order in which they
came, or, where how long the way takes is known, by that. What has no original with such bytes is
looked for among those that differ in one bit: corruption. All others were copied by the network,
or came by a way that no station sees.

Memory is bounded: a packet is closed `stay_ns` after it was sent, or when `most_open` others are
open.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from lab.capture.headers import ICMP, TCP, UDP, segment
from lab.capture.packet import Fate, Packet
from lab.capture.read import About, frames
from lab.capture.seen import ARRIVED, SENT, WAN_IN, WAN_OUT, Seen, Topology, seen_in
from lab.capture.tcp import Connections, Told

STAY = "longest way of a packet in ns: "
SETTLED = "nothing was on its way at the end"
"""How a file of ours says what is lost and what was in flight when it ended."""
_FRAGMENTED = 1024
_PROTOCOLS = {TCP: "tcp", UDP: "udp", ICMP: "icmp"}


class Trace(NamedTuple):
    """A packet, and the (station, place in its file) of each frame by the stage; None: not seen."""

    packet: Packet
    places: tuple[tuple[int, int] | None, ...]


@dataclass(slots=True, eq=False)
class _Open:
    number: int
    seen: Seen
    times: list[int | None]
    places: list[tuple[int, int] | None]
    told: Told | None
    ports: tuple[int, int]
    copy_of: int | None = None
    overtaken: bool = False
    corrupted: bool = False
    keys: set[bytes] = field(default_factory=set)


@dataclass
class Joining:
    """What a join is told, and what it tells at its end.

    stay_ns: the longest that a packet is on its way. end_ns: when the capture ended; settled:
    nothing was on its way then. cut_short: packets closed before their time.
    """

    topology: Topology
    stay_ns: int = 2_000_000_000
    end_ns: int | None = None
    settled: bool = False
    most_open: int = 100_000
    start_ns: int | None = None
    cut_short: int = 0
    truncated: bool = False
    _open: deque[_Open] = field(default_factory=deque)
    _by_key: dict[bytes, list[_Open]] = field(default_factory=dict)
    _ways: dict[tuple[bytes, int], int] = field(default_factory=dict)
    _latest: OrderedDict[tuple[object, ...], int] = field(default_factory=OrderedDict)
    _fragmented: OrderedDict[bytes, tuple[int, int]] = field(default_factory=OrderedDict)
    _connections: Connections = field(default_factory=Connections)
    _numbers: int = 0
    _last_ns: int = 0

    def traces(self, seen: Iterable[Seen]) -> Iterator[Trace]:
        """Each packet, in the order of sending, when nothing more can be heard of it."""
        opened = self._open
        for each in seen:
            if self.start_ns is None:
                self.start_ns = each.time_ns
            self._last_ns = each.time_ns
            self._take(each)
            while opened and each.time_ns - opened[0].seen.time_ns > self.stay_ns:
                yield self._close(opened.popleft())
            if len(opened) > self.most_open:
                self.cut_short += 1
                yield self._close(opened.popleft())
        while opened:
            yield self._close(opened.popleft())

    def _take(self, seen: Seen) -> None:
        stage = seen.stage
        if seen.length > len(seen.data):
            self.truncated = True
        if stage == SENT:
            self._new(seen)
            return
        alike = self._by_key.get(seen.key)
        found = self._which(alike, seen) if alike else None
        if found is None and not alike and (found := self._one_bit_off(seen)):
            found.corrupted = True
            self._by_key.setdefault(seen.key, []).append(found)
            found.keys.add(seen.key)
        if found is None:
            found = self._new(seen, alike[0] if alike else None)
        else:
            found.times[stage] = seen.time_ns
            found.places[stage] = (seen.station, seen.place)
        if stage == ARRIVED and found.copy_of is None:
            flow = (seen.key[7:15], found.ports, seen.data[23:24])
            latest = self._latest.get(flow, 0)
            found.overtaken = found.number < latest
            self._latest[flow] = max(latest, found.number)
            if len(self._latest) > 10 * _FRAGMENTED:
                self._latest.popitem(last=False)

    def _which(self, alike: list[_Open], seen: Seen) -> _Open | None:
        """Of packets with the same bytes, the one that was seen now."""
        stage = seen.stage
        waiting = [
            each for each in alike if each.times[stage] is None and not any(each.times[stage + 1 :])
        ]
        here = [each for each in waiting if each.times[stage - 1] is not None] or waiting
        if not here:
            return None
        way = (seen.key[7:15], stage)
        usual = self._ways.get(way)
        if len(here) == 1 or usual is None:
            found = here[0]
        else:
            found = min(here, key=lambda each: abs(seen.time_ns - _last(each) - usual))
        if len(alike) == 1 or usual is None:
            self._ways[way] = seen.time_ns - _last(found)
        return found

    def _one_bit_off(self, seen: Seen) -> _Open | None:
        """What this was before a bit of it changed; looked for among the latest few thousand."""
        number, size = int.from_bytes(seen.key, "big"), len(seen.key)
        for each in list(self._open)[-4096:]:
            if (
                len(each.seen.key) == size
                and each.times[seen.stage] is None
                and (number ^ int.from_bytes(each.seen.key, "big")).bit_count() == 1
            ):
                return each
        return None

    def _new(self, seen: Seen, original: _Open | None = None) -> _Open:
        self._numbers += 1
        times: list[int | None] = [None] * 4
        places: list[tuple[int, int] | None] = [None] * 4
        times[seen.stage], places[seen.stage] = seen.time_ns, (seen.station, seen.place)
        if original:
            times[SENT] = original.times[SENT]
            made = _Open(self._numbers, seen, times, places, original.told, original.ports,
                         original.copy_of or original.number)  # fmt: skip
            made.corrupted = original.corrupted
        else:
            told, ports = self._headers(seen)
            made = _Open(self._numbers, seen, times, places, told, ports)
        self._open.append(made)
        self._by_key.setdefault(seen.key, []).append(made)
        return made

    def _headers(self, seen: Seen) -> tuple[Told | None, tuple[int, int]]:
        data, protocol = seen.data, seen.data[23]
        if protocol not in (TCP, UDP):
            return None, (0, 0)
        whole = data[18:20] + data[23:24] + data[26:34]
        if data[20] & 31 or data[21]:  # no first fragment has its ports
            return None, self._fragmented.get(whole, (0, 0))
        at = 14 + (data[14] & 15) * 4
        ports = (
            int.from_bytes(data[at : at + 2], "big"),
            int.from_bytes(data[at + 2 : at + 4], "big"),
        )
        if data[20] & 32:
            self._fragmented[whole] = ports
            if len(self._fragmented) > _FRAGMENTED:
                self._fragmented.popitem(last=False)
        if protocol == TCP and (found := segment(data)):
            return self._connections.told(data[26:34], found, self._numbers), ports
        return None, ports

    def _close(self, each: _Open) -> Trace:
        for key in (each.seen.key, *each.keys):
            alike = self._by_key.get(key, [])
            if each in alike:
                alike.remove(each)
            if not alike:
                self._by_key.pop(key, None)
        data, told, start = each.seen.data, each.told, self.start_ns or 0
        times = [None if time is None else time - start for time in each.times]
        fragment = bool(data[20] & 31 or data[21])
        total = data[16] << 8 | data[17]
        length = max(total - (data[14] & 15) * 4 - (0 if fragment else 8), 0)
        names = self.topology.names
        packet = Packet(
            number=each.number,
            protocol=_PROTOCOLS.get(data[23], "other"),  # type: ignore[arg-type]
            source=names.get(data[26:30]) or ".".join(map(str, data[26:30])),
            target=names.get(data[30:34]) or ".".join(map(str, data[30:34])),
            source_port=each.ports[0], target_port=each.ports[1],
            sent_ns=times[SENT], wan_in_ns=times[WAN_IN],
            wan_out_ns=times[WAN_OUT], arrived_ns=times[ARRIVED],
            flags=told.flags if told else (), seq=told.seq if told else 0,
            ack=told.ack if told else None, length=told.length if told else length,
            window=told.window if told else None, sack=told.sack if told else (),
            fate=self._fate(each), repeats=told.repeats if told and not each.copy_of else None,
            copy_of=each.copy_of, overtaken=each.overtaken, corrupted=each.corrupted,
            frame_bytes=14 + total, fragment=fragment,
        )  # fmt: skip
        return Trace(packet, tuple(each.places))

    def _fate(self, each: _Open) -> Fate:
        if each.times[ARRIVED] is not None:
            return "arrived"
        end = self._last_ns if self.end_ns is None else self.end_ns
        return "lost" if self.settled or end - each.seen.time_ns > self.stay_ns else "in flight"


def _last(each: _Open) -> int:
    return max(time for time in each.times if time is not None)


def packets(path: Path, most: int | None = None) -> list[Packet]:
    """The packets of a file that `capturing` wrote, the first `most` of them."""
    about = About()
    for _ in frames(path, about):  # the end of each station stands behind the frames
        pass
    topology = Topology.of(about)
    ends = [each.end_ns for each in about.interfaces if each.end_ns]
    joining = Joining(topology, end_ns=max(ends, default=None))
    for comment in about.comments:
        if comment.startswith(STAY):
            joining.stay_ns = int(comment.removeprefix(STAY))
        joining.settled |= comment == SETTLED
    found = joining.traces(seen_in(path, topology))
    return [trace.packet for trace in islice(found, most)]
