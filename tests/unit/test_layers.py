"""A frame taken apart: each byte in its field, once, and what the field holds."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.frame import Layer, take_apart
from lab.report.layers import layers
from tests import made_frames

FRAMES = list(made_frames.FRAMES.values())


def value(frame: bytes, layer: str, field: str) -> str:
    return next(
        each.value
        for part in take_apart(frame) if part.name == layer
        for each in part.fields if each.name == field
    )  # fmt: skip


def meaning(frame: bytes, layer: str, field: str) -> str:
    return next(
        each.meaning
        for part in take_apart(frame) if part.name == layer
        for each in part.fields if each.name == field
    )  # fmt: skip


def whole(parts: list[Layer], frame: bytes) -> bool:
    """Whether the fields are each byte of the frame, once, in order."""
    at = 0
    for field in (each for part in parts for each in part.fields):
        if field.start != at or field.length < 1:
            return False
        at += field.length
    return at == len(frame)


def test_layers_of_each_protocol() -> None:
    assert [[part.name for part in take_apart(frame)] for frame in FRAMES] == [
        ["Ethernet", "IPv4", "UDP", "Payload"],
        ["Ethernet", "IPv4", "TCP"],
        ["Ethernet", "IPv4", "TCP", "Payload"],
        ["Ethernet", "IPv4", "ICMP", "Payload"],
    ]
    assert [part.length for part in take_apart(made_frames.udp())] == [14, 20, 8, 15]


@pytest.mark.parametrize(
    ("frame", "layer", "field", "expected"),
    [
        (made_frames.udp(), "Ethernet", "destination", "02:42:ac:14:00:02"),
        (made_frames.udp(), "Ethernet", "type", "0x0800"),
        (made_frames.udp(), "IPv4", "version, length", "4, 5"),
        (made_frames.udp(), "IPv4", "total length", "43"),
        (made_frames.udp(), "IPv4", "flags, offset", "DF, 0"),
        (made_frames.udp(), "IPv4", "source", "172.20.0.5"),
        (made_frames.udp(), "IPv4", "destination", "172.20.0.3"),
        (made_frames.udp(), "UDP", "source port", "50102"),
        (made_frames.udp(), "UDP", "length", "23"),
        (made_frames.udp(), "Payload", "data", "echo me, please"),
        (made_frames.tcp_syn(), "TCP", "sequence number", "2834557000"),
        (made_frames.tcp_syn(), "TCP", "flags", "SYN"),
        (made_frames.tcp_syn(), "TCP", "maximum segment size", "1460"),
        (made_frames.tcp_syn(), "TCP", "timestamps", "1234567, 0"),
        (made_frames.tcp_syn(), "TCP", "window scale", "7"),
        (made_frames.tcp_data(), "TCP", "flags", "PSH ACK"),
        (made_frames.tcp_data(), "TCP", "SACK", "1001–2001"),
        (made_frames.ping(), "ICMP", "sequence number", "1"),
    ],
)
def test_a_field(frame: bytes, layer: str, field: str, expected: str) -> None:
    assert value(frame, layer, field) == expected


@pytest.mark.parametrize("layer", ["IPv4", "TCP"])
def test_a_checksum_is_checked(layer: str) -> None:
    frame = bytearray(made_frames.tcp_data())
    assert "it is right" in meaning(bytes(frame), layer, "checksum")
    at = {"IPv4": 14 + 10, "TCP": 34 + 16}[layer]
    right = int.from_bytes(frame[at : at + 2], "big")
    frame[at : at + 2] = struct.pack("!H", right ^ 1)
    assert f"it is wrong, right would be 0x{right:04x}" in meaning(bytes(frame), layer, "checksum")


def test_what_is_cut_off_is_not_checked() -> None:
    assert "not all bytes are here" in meaning(made_frames.udp()[:-3], "UDP", "checksum")


def test_padding_is_of_the_frame() -> None:
    frame = made_frames.udp(b"hi") + bytes(16)
    last = take_apart(frame)[-1]
    assert (last.name, last.length) == ("Ethernet, continued", 16)
    assert value(frame, "Payload", "data") == "hi"


def test_a_later_fragment_has_no_header_inside() -> None:
    frame = bytearray(made_frames.udp())
    frame[20:22] = struct.pack("!H", 0x2000 | 185)
    assert [part.name for part in take_apart(bytes(frame))] == ["Ethernet", "IPv4", "Payload"]
    assert value(bytes(frame), "IPv4", "flags, offset") == "none, 1480"


@given(st.sampled_from(FRAMES), st.data())
def test_each_byte_is_told_once_whatever_the_bytes(frame: bytes, data: st.DataObject) -> None:
    changed = bytearray(frame)
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    made = bytes(changed[: data.draw(st.integers(0, len(frame)))])
    assert whole(take_apart(made), made)
    layers(made, title="A frame")


def test_its_figure_shows_every_byte_and_field() -> None:
    frame = made_frames.tcp_syn()
    html = layers(frame, title="A <SYN>")
    assert 'aria-label="A &lt;SYN&gt;"' in html
    for line in ("<b>TCP</b>, RFC\u00a09293: bytes 34–73, 40\u202fbytes", "c3 b6"):
        assert line.replace("40\u202fbytes", "40 bytes") in html
    assert html.count("<tr>") == sum(len(part.fields) + 1 for part in take_apart(frame))
    assert f'<span class="link">{frame[:14].hex(" ")}</span>' in html
    long = layers(made_frames.udp(b"<" * 1400), title="Long")
    assert len(long) < 12_000
    assert "&lt;&lt;" in long
