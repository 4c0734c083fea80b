import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.node.link.packet import HEADER_BYTES, is_ipv4, parse, with_flipped_bit, with_hop_back

from . import made


def test_tcp_segment() -> None:
    header = parse(made.tcp("SYN", "ACK", payload=b"x" * 9, ports=(7, 4000)))
    assert header.source == made.CLIENT and header.destination == made.SERVER
    assert header.protocol == "tcp" and header.flags == {"SYN", "ACK"}
    assert (header.source_port, header.destination_port, header.length) == (7, 4000, 9)


def test_push_and_the_like_are_no_flags_of_ours() -> None:
    packet = bytearray(made.tcp("ACK"))
    packet[33] |= 0x08 | 0x40  # PSH, ECE
    assert parse(packet).flags == {"ACK"}


def test_datagram_behind_ip_options() -> None:
    header = parse(made.udp(b"12345", options=b"\x01" * 8))
    assert (header.protocol, header.destination_port, header.length) == ("udp", 7, 5)


def test_start_of_a_packet_is_enough() -> None:
    whole = made.tcp("ACK", payload=b"x" * 1400)
    assert parse(whole[:HEADER_BYTES]) == parse(whole)


def test_first_fragment_stands_for_its_datagram() -> None:
    payload = struct.pack("!HHHH", 4000, 7, 8 + 3000, 0) + b"x" * 1472
    first = parse(made.ip(17, payload, fragment=0x2000))
    assert (first.length, first.later_fragment) == (3000, False)
    later = parse(made.ip(17, b"x" * 1480, fragment=185))
    assert later.later_fragment and later.destination_port is None and later.length is None


@pytest.mark.parametrize("packet", [made.ip(17, b""), made.ip(6, b"\0" * 19), made.ip(1, b"x")])
def test_no_more_is_read_than_there_is(packet: bytes) -> None:
    assert parse(packet).destination_port is None


def test_other_protocol_is_its_number() -> None:
    assert parse(made.ip(47, b"")).protocol == "47"


@pytest.mark.parametrize(
    ("packet", "whole"),
    [(made.udp(), True), (made.udp()[:19], False), (b"\x60" + b"\0" * 39, False), (b"", False)],
)
def test_is_ipv4(packet: bytes, whole: bool) -> None:
    assert is_ipv4(packet) is whole


@given(st.integers(1, 254), st.integers(0, 0xFFFF), st.integers(0, 255), st.binary(max_size=40))
def test_hop_comes_back_with_a_right_checksum(
    ttl: int, number: int, protocol: int, payload: bytes
) -> None:
    packet = made.ip(protocol, payload, ttl=ttl, number=number)
    assert bytes(with_hop_back(packet)) == made.ip(protocol, payload, ttl=ttl + 1, number=number)


@given(st.floats(0, 1, exclude_max=True))
def test_one_bit_is_flipped(place: float) -> None:
    packet = made.udp(b"x" * 20)
    flipped, in_header = with_flipped_bit(bytearray(packet), place)
    changed = int.from_bytes(packet, "big") ^ int.from_bytes(flipped, "big")
    assert changed.bit_count() == 1
    assert in_header == (changed.bit_length() > (len(packet) - 20) * 8)
    # What the kernel makes of it: the header's checksum is wrong, or its version.
    assert in_header == (made.checksum(bytes(flipped[:20])) != 0)
