"""Capture files, frame by frame: pcap and pcapng, with nanoseconds kept.

Not by dpkt: its reader gives the time as a float, and of seconds since 1970 a float keeps about
240 ns; it also hides on which interface a frame of a pcapng was seen. Both formats are a few
fixed fields, and so are the headers that the join needs (`lab.capture.headers`). dpkt reads what
we write, in the tests. Reads with a fixed amount of memory, however long the file.

pcap: pcap-savefile(5). pcapng: draft-ietf-opsawg-pcapng.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lab.errors import BadInput

_PCAP = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
_SECTION, _INTERFACE, _NAMES, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 4, 5, 6
_ORDER = 0x1A2B3C4D
_LONGEST = 16 * 1024 * 1024
"""Of one block: a longer one is no block of a capture, but a broken length."""


class Frame(NamedTuple):
    """One frame: the interface that saw it, when (ns since 1970), what was kept, its length."""

    interface: int
    time_ns: int
    data: bytes
    length: int


@dataclass
class Interface:
    """An interface as a pcapng describes it. end_ns: when its capture ended, where it is told."""

    name: str = ""
    mac: bytes = b""
    snaplen: int = 0
    tick_ns: float = 1000
    end_ns: int | None = None


@dataclass
class About:
    """What a file says of itself; complete once the file was read to its end."""

    comments: list[str] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    names: dict[bytes, str] = field(default_factory=dict)


def frames(path: Path, about: About | None = None) -> Iterator[Frame]:
    """The frames of a file in its order; `about` is filled on the way.

    Raises `BadInput` for what is no capture of Ethernet, or ends in the middle of a frame.
    """
    about = about or About()
    with path.open("rb") as file:
        start = file.read(4)
        if start == _SECTION.to_bytes(4, "big"):
            yield from _pcapng(file, path, about)
            return
        for order in "<>":
            if len(start) == 4 and (scale := _PCAP.get(struct.unpack(order + "I", start)[0])):
                yield from _pcap(file, path, order, scale, about)
                return
    raise BadInput("capture", path.name, "is neither pcap nor pcapng")


def _pcap(file: BinaryIO, path: Path, order: str, scale: int, about: About) -> Iterator[Frame]:
    header = file.read(20)
    if len(header) < 20:
        raise _cut(path)
    *_, snaplen, link = struct.unpack(order + "HHiIII", header)
    _ethernet(link & 0xFFFF, path)
    about.interfaces.append(Interface(snaplen=snaplen))
    unpack, read = struct.Struct(order + "IIII").unpack, file.read
    while header := read(16):
        if len(header) < 16:
            raise _cut(path)
        seconds, part, kept, length = unpack(header)
        data = read(kept) if kept <= _LONGEST else b""
        if len(data) < kept:
            raise _cut(path)
        yield Frame(0, seconds * 1_000_000_000 + part * scale, data, length)


def cut_to_whole_frames(path: Path) -> int:
    """Take the last frame of a pcap off where it is not whole; how many there are."""
    found, end = 0, 24
    with path.open("r+b") as file:
        order = "<" if struct.unpack("<I", file.read(4))[0] in _PCAP else ">"
        size = file.seek(0, 2)
        while end + 16 <= size:
            file.seek(end + 8)
            (kept,) = struct.unpack(order + "I", file.read(4))
            if end + 16 + kept > size:
                break
            found, end = found + 1, end + 16 + kept
        file.truncate(end)
    return found


def _pcapng(file: BinaryIO, path: Path, about: About) -> Iterator[Frame]:
    order, first = "<", 0  # the section's byte order, and the first of its interfaces
    file.seek(0)
    while start := file.read(12):
        if len(start) < 12:
            raise _cut(path)
        if start[:4] == _SECTION.to_bytes(4, "big"):
            order, first = (
                "<" if start[8:] == struct.pack("<I", _ORDER) else ">",
                len(about.interfaces),
            )
        kind, size = struct.unpack(order + "II", start[:8])
        if not 12 <= size <= _LONGEST or size % 4:
            raise BadInput("capture", path.name, f"has a block of {size} bytes")
        rest = file.read(size - 12)
        if len(rest) < size - 12:
            raise _cut(path)
        body = (start[8:] + rest)[:-4]
        if kind == _PACKET:
            if len(body) < 20:
                raise BadInput("capture", path.name, f"has a packet of {size} bytes")
            number, high, low, kept, length = struct.unpack_from(order + "IIIII", body)
            if first + number >= len(about.interfaces) or 20 + kept > len(body):
                raise BadInput("capture", path.name, "has a packet without its interface")
            ticks = about.interfaces[first + number].tick_ns
            time = (
                (high << 32 | low) * int(ticks) if ticks >= 1 else int((high << 32 | low) * ticks)
            )
            yield Frame(first + number, time, body[20 : 20 + kept], length)
        else:
            try:
                _described(kind, body, order, first, about, path)
            except (struct.error, IndexError):
                raise BadInput(
                    "capture", path.name, f"has a damaged block of type {kind}"
                ) from None


def _described(kind: int, body: bytes, order: str, first: int, about: About, path: Path) -> None:
    """Take in a block that is no packet; blocks that we don't know are passed over."""
    if kind == _SECTION:
        about.comments += [text.decode("utf-8", "replace") for text in _options(body, 16, order, 1)]
    elif kind == _INTERFACE:
        link, _, snaplen = struct.unpack_from(order + "HHI", body)
        _ethernet(link, path)
        name = next(_options(body, 8, order, 2), b"").decode("utf-8", "replace")
        ticks = next(_options(body, 8, order, 9), b"\x06")[0]
        tick = 1e9 / 2 ** (ticks & 127) if ticks & 128 else 10.0 ** (9 - ticks)
        mac = next(_options(body, 8, order, 6), b"")
        about.interfaces.append(Interface(name, mac, snaplen, tick))
    elif kind == _NAMES:
        at = 0
        while at + 4 <= len(body):
            record, size = struct.unpack_from(order + "HH", body, at)
            if record == 0:
                break
            value = body[at + 4 : at + 4 + size]
            if record == 1:
                about.names[value[:4]] = value[4:].split(b"\0")[0].decode("utf-8", "replace")
            at += 4 + -(-size // 4) * 4
    elif kind == _STATISTICS:
        number = first + struct.unpack_from(order + "I", body)[0]
        for end in _options(body, 12, order, 3):
            high, low = struct.unpack(order + "II", end)
            each = about.interfaces[number]
            each.end_ns = int((high << 32 | low) * int(each.tick_ns))


def _options(body: bytes, at: int, order: str, wanted: int) -> Iterator[bytes]:
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            return
        if code == wanted:
            yield body[at + 4 : at + 4 + size]
        at += 4 + -(-size // 4) * 4


def _ethernet(link: int, path: Path) -> None:
    if link != 1:
        raise BadInput("capture", path.name, f"is of link type {link}; allowed: 1 (Ethernet)")


def _cut(path: Path) -> BadInput:
    return BadInput("capture", path.name, "ends in the middle of a packet")
