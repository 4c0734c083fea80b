"""Writes one annotated pcapng of all stations, for Wireshark: an interface a node, names for
addresses, and a comment on what is out of the ordinary.

draft-ietf-opsawg-pcapng; little-endian, nanoseconds.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lab.capture.join import SETTLED, STAY, Trace
from lab.capture.seen import Seen

MOST_COMMENTS = 100_000
_STATIONS = ("the sender", "wan", "wan")


@dataclass(frozen=True)
class Station:
    """A node as an interface of the file."""

    name: str
    address: bytes
    mac: bytes
    description: str


def comments(traces: Iterable[Trace]) -> dict[tuple[int, int], str]:
    """What is to be said of frames, by (station, place); of at most `MOST_COMMENTS`."""
    found: dict[tuple[int, int], str] = {}
    for packet, places in traces:
        first = next((place for place in places if place), None)
        last = next((place for place in reversed(places) if place), None)
        if first is None or last is None or len(found) >= MOST_COMMENTS:
            continue
        said: dict[tuple[int, int], list[str]] = {}
        if packet.repeats is not None:
            said.setdefault(first, []).append(f"repeats packet {packet.repeats}")
        if packet.copy_of is not None:
            said.setdefault(first, []).append(f"a copy of packet {packet.copy_of}")
        if packet.fate == "lost":
            said.setdefault(last, []).append(_lost(packet.source, packet.target, places))
        if packet.fate == "in flight":
            said.setdefault(last, []).append("in flight when the capture ended")
        if packet.overtaken:
            said.setdefault(last, []).append("overtaken by a later packet")
        if packet.corrupted:
            said.setdefault(last, []).append("a bit of it was changed on the way")
        for place, words in said.items():
            found[place] = f"packet {packet.number}: {'; '.join(words)}"
    return found


def _lost(source: str, target: str, places: tuple[tuple[int, int] | None, ...]) -> str:
    if places[2]:
        return f"lost between wan and {target}"
    return "lost in wan" if places[1] else f"lost between {source} and wan"


def write(
    target: Path,
    seen: Iterable[Seen],
    stations: list[Station],
    said: Mapping[tuple[int, int], str],
    *,
    comment: str,
    snaplen: int,
    stay_ns: int,
    end_ns: int,
    settled: bool,
) -> None:
    """Write the file; frames in order of time, each on its station's interface."""
    with target.open("wb") as file:
        texts = (comment, f"{STAY}{stay_ns}", SETTLED if settled else "")
        words = [_option(1, text.encode()) for text in texts if text]
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        _block(file, 0x0A0D0D0A, section + b"".join(words) + _option(4, b"netlab") + b"\0\0\0\0")
        for each in stations:
            _block(
                file, 1,
                struct.pack("<HHI", 1, 0, snaplen) + _option(2, each.name.encode())
                + _option(3, each.description.encode()) + _option(6, each.mac)
                + _option(9, b"\x09") + b"\0\0\0\0",
            )  # fmt: skip
        names = b"".join(_option(1, each.address + each.name.encode() + b"\0") for each in stations)
        _block(file, 4, names + b"\0\0\0\0")
        for frame in seen:
            text = said.get((frame.station, frame.place))
            data, time = frame.data, frame.time_ns
            _block(
                file, 6,
                struct.pack("<IIIII", frame.station, time >> 32, time & 0xFFFFFFFF, len(data),
                            frame.length) + _padded(data)
                + (_option(1, text.encode()) + b"\0\0\0\0" if text else b""),
            )  # fmt: skip
        end = struct.pack("<II", end_ns >> 32, end_ns & 0xFFFFFFFF)
        for number in range(len(stations)):
            times = struct.pack("<III", number, end_ns >> 32, end_ns & 0xFFFFFFFF)
            _block(file, 5, times + _option(3, end) + b"\0\0\0\0")


def _block(file: BinaryIO, kind: int, body: bytes) -> None:
    size = struct.pack("<I", 12 + len(body))
    file.write(struct.pack("<I", kind) + size + body + size)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
