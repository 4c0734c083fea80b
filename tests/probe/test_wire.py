"""A message survives the way there and back, and nothing else passes for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.node import wire

u32 = st.integers(0, 2**32 - 1)
headers = st.builds(wire.Header, u32, u32, st.integers(0, 2**64 - 1))
sizes = st.integers(wire.MIN_SIZE, 2000)


@given(headers, sizes)
def test_pack_and_unpack_are_inverses(header: wire.Header, size: int) -> None:
    message = wire.pack(*header, size)
    assert len(message) == size
    assert wire.unpack(message) == header
    assert wire.verify(message, header, size)


@given(headers, sizes, st.data())
def test_one_changed_byte_is_noticed(header: wire.Header, size: int, data: st.DataObject) -> None:
    message = bytearray(wire.pack(*header, size))
    message[data.draw(st.integers(0, size - 1))] ^= data.draw(st.integers(1, 255))
    assert not wire.verify(bytes(message), header, size)


@given(headers, sizes)
def test_a_byte_more_or_less_is_noticed(header: wire.Header, size: int) -> None:
    message = wire.pack(*header, size)
    assert not wire.verify(message[:-1], header, size)
    assert not wire.verify(message + b"\0", header, size)


@given(u32, st.integers(1, 4092))
def test_padding_depends_on_the_number(number: int, apart: int) -> None:
    assert wire.padding(number, 44) == wire.padding(number, 44)
    assert wire.padding(number, 44) != wire.padding(number + apart, 44)


@pytest.mark.parametrize("size", [wire.MIN_SIZE, 64, wire.MAX_DATAGRAM, wire.MAX_SIZE])
@pytest.mark.parametrize("number", [0, 4092, 2**32 - 1])
def test_every_size_is_filled(size: int, number: int) -> None:
    assert len(wire.pack(1, number, 2, size)) == size


def test_the_padding_is_the_same_on_every_machine() -> None:
    assert wire.padding(0, 8).hex() == "58052d75cea34cf2"


@pytest.mark.parametrize("data", [b"", b"LABP", b"LABP" + bytes(15), b"XABP" + bytes(16)])
def test_what_has_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"magic|too few"):
        wire.unpack(data)
