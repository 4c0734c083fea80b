"""A frame taken apart: the headers of its layers, field by field, as what they are and mean. Pure.

Reads the bytes of one Ethernet frame with IPv4 and TCP, UDP or ICMP, as they went over the wire.
What it doesn't know, or what is cut off, is a field that says so; no frame is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

Kind = Literal["link", "network", "transport", "payload"]

_ETHER_TYPES = {0x0800: "IPv4", 0x0806: "ARP", 0x86DD: "IPv6", 0x8100: "a VLAN tag"}
_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP"}
_ECN = ("not ECN-capable", "ECT(1)", "ECT(0)", "congestion experienced")
_TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_ICMP = {0: "echo reply", 3: "destination unreachable", 8: "echo request", 11: "time exceeded"}
_MISSING = "not all bytes are here to check it"
_OFFLOADED = "; a sender that leaves the sum to its network card is captured before it is made"


@dataclass(frozen=True, slots=True)
class Field:
    """Some bytes of a frame: where they are, what they are called, hold and mean."""

    start: int
    length: int
    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Layer:
    """A header with its fields, or the payload; source: the document that defines it."""

    kind: Kind
    name: str
    source: str
    fields: tuple[Field, ...]

    @property
    def start(self) -> int:
        """The first of its bytes in the frame."""
        return self.fields[0].start

    @property
    def length(self) -> int:
        """How many bytes it is of."""
        return sum(field.length for field in self.fields)


def take_apart(frame: bytes) -> list[Layer]:
    """The layers of a frame from the outside in; together they hold each byte once, in order."""
    rest = _Bytes(frame)
    found: list[Layer] = []
    try:
        upper = _ethernet(rest, found)
        if upper == 0x0800:
            protocol, end, checkable = _ipv4(rest, found)
            body = _Bytes(frame[:end], rest.at)
            _transport(protocol, body, checkable, found)
            rest.at = body.at
            if rest.at < end:
                text = _text(frame[rest.at : end])
                field = rest.field(end - rest.at, "data", text, "What the program sent.")
                found.append(Layer("payload", "Payload", "", (field,)))
            if rest.at < len(frame):
                field = rest.field(
                    len(frame) - rest.at, "padding", "",
                    "Beyond what IP's total length counts: a frame has at least 60 bytes.",
                )  # fmt: skip
                found.append(Layer("link", "Ethernet, continued", "IEEE 802.3", (field,)))
    except _Cut as cut:
        if cut.layer.fields:
            found.append(cut.layer)
        rest.at = cut.at
    if rest.at < len(frame):
        known = bool(found) and rest.at >= found[-1].start + found[-1].length
        meaning = "What this page does not take apart." if known else "Cut off: not a whole header."
        field = rest.field(len(frame) - rest.at, "the rest", "", meaning)
        found.append(Layer("payload", "The rest", "", (field,)))
    return found


class _Cut(Exception):
    """The bytes end inside a header, or what it says of itself can't be."""

    def __init__(self, at: int, layer: Layer) -> None:
        super().__init__()
        self.at, self.layer = at, layer


class _Bytes:
    """Bytes that are read from the front, a field after the other."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def peek(self, length: int, offset: int = 0) -> int:
        start = self.at + offset
        return int.from_bytes(self.data[start : start + length], "big")

    def left(self) -> int:
        return len(self.data) - self.at

    def field(self, length: int, name: str, value: str, meaning: str) -> Field:
        made = Field(self.at, length, name, value, meaning)
        self.at += length
        return made


def _ethernet(rest: _Bytes, found: list[Layer]) -> int:
    if rest.left() < 14:
        raise _Cut(rest.at, Layer("link", "Ethernet", "IEEE 802.3", ()))
    target, source = rest.data[:6], rest.data[6:12]
    upper = rest.peek(2, 12)
    everybody = " All ones: everybody on it." if target == b"\xff" * 6 else ""
    found.append(
        Layer("link", "Ethernet", "IEEE 802.3", (
            rest.field(6, "destination", _mac(target),
                       f"The next station on this network, seldom the last.{everybody}"),
            rest.field(6, "source", _mac(source), "Who put this frame on this network."),
            rest.field(2, "type", f"0x{upper:04x}",
                       f"What is inside: {_ETHER_TYPES.get(upper, 'nothing that is known here')}."),
        ))
    )  # fmt: skip
    return upper


def _ipv4(rest: _Bytes, found: list[Layer]) -> tuple[int, int, bytes | None]:
    """The protocol inside, where the packet ends in the frame, and both addresses; None for these
    where not all of the packet is here, so that no sum over it can be checked.
    """
    begin = rest.at
    header = 4 * (rest.peek(1) & 15)
    total = rest.peek(2, 2)
    if rest.left() < 20 or rest.peek(1) >> 4 != 4 or not 20 <= header <= min(rest.left(), total):
        raise _Cut(rest.at, Layer("network", "IPv4", "RFC 791", ()))
    raw = rest.data[begin : begin + header]
    tos, flags, protocol = raw[1], rest.peek(2, 6), raw[9]
    source, target = (str(IPv4Address(raw[at : at + 4])) for at in (12, 16))
    may = "may not be fragmented" if flags & 0x4000 else "may be fragmented"
    more = ", more fragments follow" if flags & 0x2000 else ""
    offset = 8 * (flags & 0x1FFF)
    fields = [
        rest.field(1, "version, length", f"4, {header // 4}",
                   f"IP version 4; a header of {header // 4} words of 4 bytes, {header} bytes."),
        rest.field(1, "DSCP, ECN", f"{tos >> 2}, {tos & 3}",
                   f"Class of service (RFC 2474); {_ECN[tos & 3]} (RFC 3168)."),
        rest.field(2, "total length", f"{total}", "Header and all that follows it, in bytes."),
        rest.field(2, "identification", f"0x{raw[4]:02x}{raw[5]:02x}",
                   "The same in all fragments of a packet."),
        rest.field(2, "flags, offset", f"{'DF' if flags & 0x4000 else 'none'}, {offset}",
                   f"It {may}{more}; its data begin at byte {offset} of the whole."),
        rest.field(1, "time to live", f"{raw[8]}",
                   "Each router takes one off; at nought the packet is dropped."),
        rest.field(1, "protocol", f"{protocol}",
                   f"What is inside: {_PROTOCOLS.get(protocol, 'nothing that is known here')}."),
        rest.field(2, "checksum", f"0x{raw[10]:02x}{raw[11]:02x}",
                   f"Over this header; {_verdict(raw, 10)}."),
        rest.field(4, "source", source, "The first sender, all the way."),
        rest.field(4, "destination", target, "The last receiver, all the way."),
    ]  # fmt: skip
    if header > 20:
        fields.append(rest.field(header - 20, "options", "", "Seldom used, often dropped."))
    found.append(Layer("network", "IPv4", "RFC 791", tuple(fields)))
    # A later fragment begins in the middle of the payload: there is no header to take apart.
    end = min(begin + total, len(rest.data))
    whole = end == begin + total and not flags & 0x2000
    return -1 if offset else protocol, end, raw[12:20] if whole else None


def _transport(protocol: int, rest: _Bytes, addresses: bytes | None, found: list[Layer]) -> None:
    pseudo = addresses and addresses + struct.pack("!HH", protocol & 0xFF, rest.left())
    if protocol == 6:
        found.append(_tcp(rest, pseudo))
    elif protocol == 17:
        found.append(_udp(rest, pseudo))
    elif protocol == 1:
        found.append(_icmp(rest, checkable=addresses is not None))


def _udp(rest: _Bytes, pseudo: bytes | None) -> Layer:
    if rest.left() < 8:
        raise _Cut(rest.at, Layer("transport", "UDP", "RFC 768", ()))
    whole = rest.data[rest.at :]
    length, total = rest.peek(2, 4), rest.peek(2, 6)
    told = _sum_of_all(pseudo, whole, 6) if total else "not used"
    return Layer("transport", "UDP", "RFC 768", (
        *_ports(rest),
        rest.field(2, "length", f"{length}", "Header and data, in bytes: a datagram has edges."),
        rest.field(2, "checksum", f"0x{total:04x}", f"Over addresses, header and data; {told}."),
    ))  # fmt: skip


def _tcp(rest: _Bytes, pseudo: bytes | None) -> Layer:
    header = 4 * (rest.peek(1, 12) >> 4)
    if rest.left() < 20 or not 20 <= header <= rest.left():
        raise _Cut(rest.at, Layer("transport", "TCP", "RFC 9293", ()))
    whole = rest.data[rest.at :]
    end = rest.at + header
    bits = rest.peek(1, 13)
    flags = " ".join(name for bit, name in enumerate(_TCP_FLAGS) if bits >> bit & 1)
    total = _sum_of_all(pseudo, whole, 16)
    sequence = "The number of its first byte of data" + (
        ": a SYN counts as one byte, so data begin with the next." if bits & 2 else "."
    )
    fields = [
        *_ports(rest),
        rest.field(4, "sequence number", f"{rest.peek(4)}", sequence),
        rest.field(4, "acknowledgement", f"{rest.peek(4)}",
                   "The next byte that the sender waits for."
                   if bits & 16 else "Not valid: there is no ACK flag."),
        rest.field(1, "data offset", f"{header // 4}",
                   f"A header of {header // 4} words of 4 bytes, {header} bytes."),
        rest.field(1, "flags", flags or "none", _flags(bits)),
        rest.field(2, "window", f"{rest.peek(2)}",
                   "How much more the sender would take, in units of its window scale."),
        rest.field(2, "checksum", f"0x{rest.peek(2):04x}",
                   f"Over addresses, header and data; {total}."),
        rest.field(2, "urgent pointer", f"{rest.peek(2)}",
                   "Where urgent data end." if bits & 32 else "Not used: there is no URG flag."),
        *_options(rest, end),
    ]  # fmt: skip
    return Layer("transport", "TCP", "RFC 9293", tuple(fields))


def _flags(bits: int) -> str:
    told = (
        (2, "opens: its sequence number is the first"), (16, "the acknowledgement is valid"),
        (8, "hand this to the program at once"), (1, "nothing more will come from this side"),
        (4, "this connection is no more"), (32, "the urgent pointer is valid"),
        (64, "ECN: congestion was seen (RFC 3168)"), (128, "ECN: the window was cut (RFC 3168)"),
    )  # fmt: skip
    said = "; ".join(words for bit, words in told if bits & bit)
    return f"{said[:1].upper()}{said[1:]}." if said else "No flag at all."


def _options(rest: _Bytes, end: int) -> Iterator[Field]:
    while rest.at < end:
        kind = rest.peek(1)
        if kind == 0:
            yield rest.field(end - rest.at, "end of options", "", "And padding to a whole word.")
        elif kind == 1:
            yield rest.field(1, "no operation", "", "Aligns the option after it.")
        else:
            length = rest.peek(1, 1) if rest.at + 1 < end else 0
            if not 2 <= length <= end - rest.at:
                yield rest.field(end - rest.at, "broken option", f"kind {kind}", "Ends too late.")
                return
            yield rest.field(length, *_option(kind, rest.data[rest.at + 2 : rest.at + length]))


def _option(kind: int, body: bytes) -> tuple[str, str, str]:
    number = int.from_bytes(body, "big")
    if kind == 2 and len(body) == 2:
        return "maximum segment size", f"{number}", "So much data its sender takes in a segment."
    if kind == 3 and len(body) == 1:
        return "window scale", f"{number}", f"Its windows count {2**number} bytes each (RFC 7323)."
    if kind == 4 and not body:
        return "SACK permitted", "", "It understands selective acknowledgements (RFC 2018)."
    if kind == 5 and body and len(body) % 8 == 0:
        edges = struct.unpack(f"!{len(body) // 4}I", body)
        pairs = zip(edges[::2], edges[1::2], strict=True)
        blocks = ", ".join(f"{low}–{high}" for low, high in pairs)
        return "SACK", blocks, "These arrived, too, beyond a hole (RFC 2018)."
    if kind == 8 and len(body) == 8:
        own, echoed = struct.unpack("!II", body)
        return "timestamps", f"{own}, {echoed}", "Its clock, and the peer's sent back (RFC 7323)."
    return f"option {kind}", body.hex(" "), "Not known here."


def _icmp(rest: _Bytes, *, checkable: bool) -> Layer:
    if rest.left() < 8:
        raise _Cut(rest.at, Layer("transport", "ICMP", "RFC 792", ()))
    whole = rest.data[rest.at :]
    kind = rest.peek(1)
    first = [
        rest.field(1, "type", f"{kind}", f"{_ICMP.get(kind, 'Not known here')}.".capitalize()),
        rest.field(1, "code", f"{rest.peek(1)}", "Which of its kind."),
        rest.field(2, "checksum", f"0x{rest.peek(2):04x}",
                   f"Over header and data; {_verdict(whole, 2) if checkable else _MISSING}."),
    ]  # fmt: skip
    if kind in (0, 8):
        first += [
            rest.field(2, "identifier", f"{rest.peek(2)}", "Whose echo it is."),
            rest.field(2, "sequence number", f"{rest.peek(2)}", "Which of its echoes."),
        ]
    else:
        first.append(rest.field(4, "more of the header", "", "Depends on the type."))
    return Layer("transport", "ICMP", "RFC 792", tuple(first))


def _ports(rest: _Bytes) -> Iterator[Field]:
    for name, who in (("source port", "sent it"), ("destination port", "is to get it")):
        port = rest.peek(2)
        known = " 7 is the Echo Protocol (RFC 862)." if port == 7 else ""
        yield rest.field(2, name, f"{port}", f"Which program on the node {who}.{known}")


def _sum(data: bytes) -> int:
    """The Internet checksum's sum (RFC 1071); 0xffff over what holds a right checksum."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _sum_of_all(pseudo: bytes | None, whole: bytes, at: int) -> str:
    """What is to be said of a checksum over addresses, header and data."""
    if pseudo is None:
        return _MISSING
    more = "" if _right(pseudo + whole) else _OFFLOADED
    return _verdict(pseudo + whole, len(pseudo) + at) + more


def _right(data: bytes) -> bool:
    return _sum(data) == 0xFFFF


def _verdict(data: bytes, at: int) -> str:
    """Whether the checksum at `at` is right, and what it ought to be."""
    if _right(data):
        return "it is right"
    wanted = 0xFFFF - _sum(data[:at] + b"\0\0" + data[at + 2 :])
    return f"it is wrong, right would be 0x{wanted:04x}"


def _mac(octets: bytes) -> str:
    return octets.hex(":")


def _text(data: bytes) -> str:
    """Printable ASCII as it is, else a dot, of the first 48 bytes."""
    shown = "".join(chr(each) if 32 <= each < 127 else "·" for each in data[:48])
    return f"{shown}…" if len(data) > 48 else shown
