"""Joining what the stations saw, over a network whose true account is known."""

import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lab.capture.account import account_of
from lab.capture.headers import identity
from lab.capture.join import ARRIVED, SENT, WAN_IN, WAN_OUT, Joining, Seen, Topology
from lab.capture.packet import Packet
from lab.capture.read import frames

CLIENT, SERVER = bytes([10, 0, 0, 5]), bytes([10, 0, 0, 3])
TOPOLOGY = Topology({CLIENT: "client-1", SERVER: "udp-server"}, b"\2wan\0\0")


def _ipv4(protocol: int, payload: bytes, ident: int = 0) -> bytes:
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0x4000, 64, protocol, 0, CLIENT, SERVER
    )
    return bytes(12) + b"\x08\x00" + header + payload


def _udp(payload: bytes) -> bytes:
    return _ipv4(17, struct.pack(">HHHH", 4000, 7, 8 + len(payload), 0) + payload)


def _tcp(seq: int, payload: bytes, flags: int, ident: int) -> bytes:
    header = struct.pack(">HHIIBBHHH", 4000, 7, seq, 0, 0x50, flags, 1000, 0, 0)
    return _ipv4(6, header + payload, ident)


def _joined(rows: list[tuple[int, int, bytes]], end_ns: int = 10**10) -> list[Packet]:
    seen = []
    for place, (time, stage, frame) in enumerate(sorted(rows, key=lambda row: row[:2])):
        key = identity(frame)
        assert key is not None
        seen.append(Seen(time, time, stage, 0, place, key, frame, len(frame)))
    joining = Joining(TOPOLOGY, end_ns=end_ns)
    return [trace.packet for trace in joining.traces(seen)]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.lists(st.integers(1, 50), min_size=2, max_size=2)),
        min_size=1, max_size=60,
    )
)  # fmt: skip
def test_a_network_that_drops_copies_and_reorders_is_joined_exactly(
    fates: list[tuple[int, list[int]]],
) -> None:
    rows = []
    for number, (copies, delays) in enumerate(fates):
        frame, sent = _udp(b"%d" % number), number * 10_000
        rows += [(sent, SENT, frame), (sent + 1, WAN_IN, frame)]
        for delay in delays[:copies]:
            out = sent + delay * 1000
            rows += [(out, WAN_OUT, frame), (out + 1, ARRIVED, frame)]
    packets = _joined(rows)
    sums = account_of(packets).sums["udp"]["toward_server"]
    assert sums.packets == sums.wan_in == len(fates)
    assert sums.lost == sums.lost_in_wan == sum(copies == 0 for copies, _ in fates)
    assert sums.copies == sums.copies_arrived == sum(copies == 2 for copies, _ in fates)
    assert sums.wan_out == sum(copies for copies, _ in fates)
    firsts = [
        number * 10_000 + min(delays[:copies]) * 1000 if copies else None
        for number, (copies, delays) in enumerate(fates)
    ]
    overtaken = sum(
        first is not None and any(later is not None and later < first for later in firsts[at + 1 :])
        for at, first in enumerate(firsts)
    )
    assert sums.overtaken == overtaken


def test_a_flipped_bit_is_one_packet_and_no_loss() -> None:
    frame = _udp(b"hello")
    broken = frame[:-1] + bytes([frame[-1] ^ 4])
    (packet,) = _joined(
        [(0, SENT, frame), (1, WAN_IN, frame), (2, WAN_OUT, broken), (3, ARRIVED, broken)]
    )
    assert (packet.fate, packet.corrupted, packet.arrived_ns) == ("arrived", True, 3)


def test_what_the_end_cut_off_is_in_flight() -> None:
    frame = _udp(b"hello")
    assert [p.fate for p in _joined([(0, SENT, frame)], end_ns=1000)] == ["in flight"]
    assert [p.fate for p in _joined([(0, SENT, frame)])] == ["lost"]


def test_repeats_are_tied_to_what_they_repeat_and_a_keep_alive_repeats_nothing() -> None:
    rows = []
    sent = [(99, b"", 2), (100, b"abc", 24), (100, b"abc", 24), (103, b"", 17), (102, b"", 16)]
    for number, (seq, payload, flags) in enumerate(sent):
        frame, time = _tcp(seq, payload, flags, number + 1), number * 1000
        rows.append((time, SENT, frame))
        if number != 1:
            rows.append((time + 1, ARRIVED, frame))
    packets = _joined(rows)
    assert [packet.seq for packet in packets] == [0, 1, 1, 4, 3]
    assert [packet.repeats for packet in packets] == [None, None, 2, None, None]
    sums = account_of(packets).as_dict()["tcp"]["toward_server"]
    assert (sums["repeated"], sums["repeated_needlessly"], sums["past_wan"]) == (1, 0, 4)


def test_frames_keep_their_nanoseconds(tmp_path: Path) -> None:
    file = tmp_path / "x.pcap"
    file.write_bytes(
        struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 192, 1)
        + struct.pack("<IIII", 1_700_000_000, 123_456_789, 4, 60) + b"abcd"
    )  # fmt: skip
    (found,) = frames(file)
    assert found == (0, 1_700_000_000_123_456_789, b"abcd", 60)
