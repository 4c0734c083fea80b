"""Reads the headers of an IPv4 packet (RFC 791, 768, 9293), and puts back the hop that it lost."""

import socket
import struct
from typing import NamedTuple

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
FLAGS = {"FIN": 0x01, "SYN": 0x02, "RST": 0x04, "ACK": 0x10}
HEADER_BYTES = 80  # enough for both headers, options and all but the longest of them
_IP = struct.Struct("!BxHxxHxBxx4s4s")
_PORTS = struct.Struct("!HH")


class Header(NamedTuple):
    """What a rule or the log asks of a packet. Addresses are dotted, `length` is payload bytes.

    `length` is what TCP or UDP carries; None for other protocols. A fragment but the first is
    `later_fragment` and has no ports, flags or length: these stand in the first one.
    """

    source: str
    destination: str
    protocol: str
    source_port: int | None = None
    destination_port: int | None = None
    flags: frozenset[str] = frozenset()
    length: int | None = None
    later_fragment: bool = False


def is_ipv4(packet: bytes) -> bool:
    """Whether this is a whole IPv4 header; the kernel itself says other things to a TUN, too."""
    return len(packet) >= 20 and packet[0] >> 4 == 4


def parse(packet: bytes | bytearray) -> Header:
    """Read an IPv4 packet, or as much of its start as there is (`HEADER_BYTES` do).

    A packet too short for what it claims gives a header without the fields that are missing.
    """
    version, total, fragment, number, source, destination = _IP.unpack_from(packet)
    start = (version & 15) * 4
    protocol = PROTOCOLS.get(number, str(number))
    plain = Header(socket.inet_ntoa(source), socket.inet_ntoa(destination), protocol)
    if fragment & 0x1FFF:
        return plain._replace(later_fragment=True)
    if protocol == "udp" and len(packet) >= start + 8:
        source_port, destination_port = _PORTS.unpack_from(packet, start)
        # Not the IP length: the first fragment of a datagram stands for all of it.
        length = (packet[start + 4] << 8 | packet[start + 5]) - 8
        return plain._replace(
            source_port=source_port, destination_port=destination_port, length=length
        )
    if protocol == "tcp" and len(packet) >= start + 20:
        source_port, destination_port = _PORTS.unpack_from(packet, start)
        bits = packet[start + 13]
        return plain._replace(
            source_port=source_port,
            destination_port=destination_port,
            flags=frozenset(name for name, bit in FLAGS.items() if bits & bit),
            length=total - start - (packet[start + 12] >> 4) * 4,
        )
    return plain


def with_hop_back(packet: bytes) -> bytearray:
    """Copy a packet with its TTL one higher, as before it was forwarded to the link.

    It is forwarded twice, and is to cost one hop. The checksum follows by RFC 1624, equation 3:
    the word of TTL and protocol grows by 0x0100, so the sum shrinks by it, in ones' complement.
    """
    changed = bytearray(packet)
    checksum = (packet[10] << 8 | packet[11]) - 0x0100
    if checksum < 0:
        checksum += 0xFFFF
    changed[8] += 1  # never over 255: the kernel took one off on the way here
    changed[10] = checksum >> 8
    changed[11] = checksum & 0xFF
    return changed


def with_flipped_bit(packet: bytearray, place: float) -> tuple[bytearray, bool]:
    """Copy a packet with one bit flipped, at `place` (0 ≤ place < 1) of all its bits.

    Also says whether that bit is in the IP header: the kernel drops such a packet, for one wrong
    bit is always seen in the header's checksum (RFC 1071), or is in the version.
    netem flips in the Ethernet header too, which a TUN does not have.
    """
    bit = int(place * len(packet) * 8)
    changed = bytearray(packet)
    changed[bit >> 3] ^= 1 << (bit & 7)
    return changed, bit >> 3 < (packet[0] & 15) * 4
