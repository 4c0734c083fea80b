"""Capture files: pcap and pcapng, whole, cut off and damaged; and what we write, read again."""

import struct
from pathlib import Path

import dpkt  # type: ignore[import-untyped]
import pytest

from lab.capture.join import Joining, packets
from lab.capture.pcapng import Station, comments, write
from lab.capture.read import About, cut_to_whole_frames, frames
from lab.capture.seen import ARRIVED, WAN_OUT, seen
from lab.errors import LabError
from tests.made_captures import (
    CLIENT,
    OTHER_MAC,
    SECOND,
    SERVER,
    TOPOLOGY,
    WAN,
    WAN_MAC,
    hop,
    pcap,
    udp,
)  # fmt: skip

TIME = 1_700_000_000 * SECOND + 123_456_789


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("nano", "time"), [(True, TIME), (False, TIME - 789)])
def test_both_kinds_of_pcap_in_either_byte_order(
    tmp_path: Path, order: str, nano: bool, time: int
) -> None:
    pcap(tmp_path / "x", [(TIME, b"abcd")], nano=nano, order=order)
    assert list(frames(tmp_path / "x")) == [(0, time, b"abcd", 4)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "ticks", "time"), [(9, TIME, TIME), (6, TIME // 1000, TIME - 789)]
)
def test_a_pcapng_of_others(
    tmp_path: Path, order: str, resolution: int, ticks: int, time: int
) -> None:
    def block(kind: int, body: bytes) -> bytes:
        size = struct.pack(order + "I", 12 + len(body))
        return struct.pack(order + "I", kind) + size + body + size

    option = struct.pack(order + "HHB3xHH", 9, 1, resolution, 0, 0)
    high, low = divmod(ticks, 2**32)
    (tmp_path / "x").write_bytes(
        block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
        + block(1, struct.pack(order + "HHI", 1, 0, 96) + option)
        + block(0xBAD, b"a block that nobody knows   ")
        + block(6, struct.pack(order + "IIIII", 0, high, low, 4, 60) + b"abcd")
    )
    about = About()
    assert list(frames(tmp_path / "x", about)) == [(0, time, b"abcd", 60)]
    assert about.interfaces[0].snaplen == 96


def _ours(folder: Path) -> Path:
    """A file of ours: two datagrams, of which the second is lost in wan."""
    one, two = udp(b"one"), udp(b"two")
    pcap(folder / "client-1", [(TIME, one), (TIME + 10, two)], nano=True)
    pcap(folder / "wan", [(TIME + 1, one), (TIME + 2, hop(one, WAN_OUT)), (TIME + 11, two)],
         nano=True)  # fmt: skip
    pcap(folder / "tcp-server", [(TIME + 3, hop(one, ARRIVED))], nano=True)
    paths = {name: folder / name for name in ("client-1", "wan", "tcp-server")}
    joining = Joining(TOPOLOGY, settled=True)
    said = comments(joining.traces(seen(paths, TOPOLOGY)))
    write(
        folder / "ours.pcapng", seen(paths, TOPOLOGY),
        [
            Station("client-1", CLIENT, OTHER_MAC, "eth0 of client-1"),
            Station("wan", WAN, WAN_MAC, "eth0 of wan"),
            Station("tcp-server", SERVER, OTHER_MAC, "eth0 of tcp-server"),
        ],
        said, comment="a test", snaplen=192, stay_ns=2 * SECOND, end_ns=TIME + 20, settled=True,
    )  # fmt: skip
    return folder / "ours.pcapng"


def test_what_we_write_is_read_again(tmp_path: Path) -> None:
    file = _ours(tmp_path)
    one, two = packets(file)
    assert (one.sent_ns, one.wan_in_ns, one.wan_out_ns, one.arrived_ns) == (0, 1, 2, 3)
    assert (one.source, one.target, one.fate) == ("client-1", "tcp-server", "arrived")
    assert (two.sent_ns, two.wan_in_ns, two.wan_out_ns, two.fate) == (10, 11, None, "lost")
    about = About()
    assert len(list(frames(file, about))) == 6
    assert [each.name for each in about.interfaces] == ["client-1", "wan", "tcp-server"]
    assert about.names == {CLIENT: "client-1", WAN: "wan", SERVER: "tcp-server"}
    assert about.comments[0] == "a test"
    assert packets(file, most=1) == [one]


def test_others_read_what_we_write(tmp_path: Path) -> None:
    file = _ours(tmp_path)
    with file.open("rb") as opened:
        found = list(dpkt.pcapng.Reader(opened))
    assert len(found) == 6
    assert [bytes(dpkt.ethernet.Ethernet(data).data.data.data) for _, data in found] == (
        [b"one"] * 4 + [b"two"] * 2
    )
    assert file.read_bytes().count(b"packet 2: lost in wan") == 1


CUT = "ends in the middle of a packet"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is neither pcap nor pcapng"),
        (b"abc", "is neither pcap nor pcapng"),
        (b"GIF89a and so on", "is neither pcap nor pcapng"),
        (struct.pack("<I", 0xA1B23C4D) + bytes(10), CUT),
        (
            struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 192, 113),
            "is of link type 113; allowed: 1 (Ethernet)",
        ),
        (struct.pack("<IIIHHq", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1), CUT),
        (struct.pack("<III", 0x0A0D0D0A, 27, 0x1A2B3C4D) + bytes(20), "has a block of 27 bytes"),
        (
            struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
            + struct.pack("<IIIIIIII", 6, 32, 0, 0, 0, 0, 0, 32),
            "has a packet without its interface",
        ),
    ],
)
def test_what_is_no_capture_gets_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "x.pcap"
    file.write_bytes(content)
    with pytest.raises(LabError) as told:
        list(frames(file))
    assert str(told.value) == f"capture: 'x.pcap' {problem}"


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_a_file_cut_off_or_damaged_anywhere_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    whole = _ours(tmp_path) if kind == "pcapng" else tmp_path / "client-1"
    if kind == "pcap":
        _ours(tmp_path)
    content, broken = whole.read_bytes(), tmp_path / "broken"
    all_frames = len(list(frames(whole)))
    for end in range(len(content)):
        broken.write_bytes(content[:end])
        try:
            assert len(list(frames(broken))) < all_frames or kind == "pcapng"
        except LabError as error:
            assert "\n" not in str(error)
    for at in range(len(content)):
        broken.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        try:
            list(frames(broken))
        except LabError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("off", [0, 1, 17, 19])
def test_what_a_full_file_has_no_room_for_is_taken_off(tmp_path: Path, off: int) -> None:
    file = tmp_path / "x"
    pcap(file, [(TIME, b"abcd"), (TIME, b"efgh")], nano=True)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) - off])
    assert cut_to_whole_frames(file) == (1 if off else 2)
    assert [frame.data for frame in frames(file)] == [b"abcd", b"efgh"][: 1 if off else 2]
