"""Joining what the stations saw: each trap by itself, and networks whose true account is known."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.capture.account import Account, Segments, account_of
from lab.capture.join import Joining
from lab.capture.packet import Packet
from lab.capture.seen import ARRIVED, SENT, WAN_IN, WAN_OUT, seen
from lab.impairment import Direction
from tests.made_captures import (
    ACK,
    FIN,
    PSH,
    SECOND,
    SYN,
    TOPOLOGY,
    Made,
    ipv4,
    stations,
    tcp,
    udp,
)  # fmt: skip

MS = 1_000_000
LOST = (SENT, WAN_IN)


def _fates(packets: list[Packet]) -> list[str]:
    said = []
    for each in packets:
        words: list[str] = [each.fate]
        words += [f"copy of {each.copy_of}"] if each.copy_of else []
        words += [f"repeats {each.repeats}"] if each.repeats else []
        words += [word for word in ("overtaken", "corrupted", "fragment") if getattr(each, word)]
        words += ["past wan"] if each.wan_in_ns is None and not each.copy_of else []
        said.append(", ".join(words))
    return said


def _ttl(made: Made) -> None:
    made.see(0, udp(b"a"))


def _same_bytes(made: Made) -> None:
    """No IP ID (RFC 6864), the same payload: the second of three is lost."""
    for number in range(3):
        made.see(number * MS, udp(b"same"), *(LOST if number == 1 else ()))


def _fragments(made: Made) -> None:
    whole = udp(bytes(range(256)) * 10)[34:]
    for at in (0, 1480):
        more = 0x2000 if at == 0 else 0
        made.see(at, ipv4(17, whole[at : at + 1480], ident=9, cut=more | at // 8))


def _copies(made: Made) -> None:
    made.see(0, udp(b"a"))
    made.see(MS, udp(b"a"), WAN_OUT, ARRIVED)
    made.see(2 * MS, udp(b"a"), WAN_OUT)


def _corruption(made: Made) -> None:
    frame = udp(b"hello")
    made.see(0, frame, SENT, WAN_IN)
    made.see(MS, frame[:-1] + bytes([frame[-1] ^ 4]), WAN_OUT, ARRIVED)


def _reordering(made: Made) -> None:
    for number in range(3):
        made.see(number * MS, udp(b"%d" % number), SENT, WAN_IN)
    for late, number in enumerate((1, 2, 0)):
        made.see((10 + late) * MS, udp(b"%d" % number), WAN_OUT, ARRIVED)


def _past_wan(made: Made) -> None:
    made.see(0, udp(b"a"), SENT, ARRIVED)


def _lost_after_wan(made: Made) -> None:
    made.see(0, udp(b"a"), SENT, WAN_IN, WAN_OUT)


def _other_ident(made: Made) -> None:
    made.see(0, tcp(99, SYN, ident=1))
    made.see(MS, tcp(100, ACK | PSH, b"abc", ident=2), *LOST)
    made.see(2 * MS, tcp(100, ACK | PSH, b"abc", ident=3))


def _keep_alive(made: Made) -> None:
    """With no byte, as Linux; with one byte of rubbish, as RFC 9293, 3.8.4 has it for others."""
    made.see(0, tcp(99, SYN, ident=1))
    made.see(MS, tcp(100, ACK | PSH, b"abc", ident=2))
    made.see(2 * MS, tcp(500, ACK, ack=103, back=True, ident=1))
    made.see(3 * MS, tcp(102, ACK, ident=3))
    made.see(4 * MS, tcp(102, ACK, b"\0", ident=4))


def _tail_loss_probe(made: Made) -> None:
    """RFC 8985, 7: the last segment once more, though nothing asked for it."""
    made.see(0, tcp(99, SYN, ident=1))
    made.see(MS, tcp(100, ACK | PSH, b"abc", ident=2))
    made.see(2 * MS, tcp(103, ACK | PSH, b"def", ident=3))
    made.see(3 * MS, tcp(103, ACK | PSH, b"def", ident=4))


def _handshake(made: Made) -> None:
    made.see(0, tcp(99, SYN, ident=1), *LOST)
    made.see(1 * SECOND, tcp(99, SYN, ident=2))
    made.see(1 * SECOND + MS, tcp(499, SYN | ACK, ack=100, back=True, ident=0), *LOST)
    made.see(2 * SECOND, tcp(499, SYN | ACK, ack=100, back=True, ident=0))


def _last_words(made: Made) -> None:
    made.see(0, tcp(99, SYN, ident=1))
    made.see(MS, tcp(100, ACK | FIN, ident=2), *LOST)
    made.see(2 * MS, tcp(100, ACK | FIN, ident=3))


def _ports_again(made: Made) -> None:
    for number, first in enumerate((99, 7_000_099)):
        made.see(number * SECOND, tcp(first, SYN, ident=5))
        made.see(number * SECOND + MS, tcp(first + 1, ACK | PSH, b"abc", ident=6))


def _around_zero(made: Made) -> None:
    made.see(0, tcp(0xFFFFFFFE, SYN, ident=1))
    made.see(MS, tcp(0xFFFFFFFF, ACK | PSH, b"abcd", ident=2))
    made.see(2 * MS, tcp(3, ACK | PSH, b"e", ident=3))


def _arp(made: Made) -> None:
    made.see(0, b"\xff" * 12 + b"\x08\x06" + bytes(28), SENT)
    made.see(MS, udp(b"a"))


TRAPS: list[tuple[Callable[[Made], None], list[str]]] = [
    (_ttl, ["arrived"]),
    (_same_bytes, ["arrived", "lost", "arrived"]),
    (_fragments, ["arrived", "arrived, fragment"]),
    (_copies, ["arrived", "arrived, copy of 1", "lost, copy of 1"]),
    (_corruption, ["arrived, corrupted"]),
    (_reordering, ["arrived, overtaken", "arrived", "arrived"]),
    (_past_wan, ["arrived, past wan"]),
    (_lost_after_wan, ["lost"]),
    (_other_ident, ["arrived", "lost", "arrived, repeats 2"]),
    (_keep_alive, ["arrived"] * 5),
    (_tail_loss_probe, ["arrived", "arrived", "arrived", "arrived, repeats 3"]),
    (_handshake, ["lost", "arrived, repeats 1", "lost", "arrived, repeats 3"]),
    (_last_words, ["arrived", "lost", "arrived, repeats 2"]),
    (_ports_again, ["arrived"] * 4),
    (_around_zero, ["arrived"] * 3),
    (_arp, ["arrived"]),
]


@pytest.mark.parametrize(("trap", "fates"), TRAPS, ids=[trap.__name__ for trap, _ in TRAPS])
@pytest.mark.parametrize("snaplen", [65_535, 192, 82])
def test_each_trap(trap: Callable[[Made], None], fates: list[str], snaplen: int) -> None:
    made = Made(snaplen=snaplen)
    trap(made)
    found = made.joined()
    assert _fates(found) == fates
    assert [each.number for each in found] == list(range(1, len(found) + 1))


def test_numbers_are_relative_also_around_zero_and_when_ports_come_again() -> None:
    made = Made()
    _around_zero(made)
    assert [(each.seq, each.length) for each in made.joined()] == [(0, 0), (1, 4), (5, 1)]
    made = Made()
    _ports_again(made)
    assert [each.seq for each in made.joined()] == [0, 1, 0, 1]


def test_windows_are_scaled_where_both_ends_asked_and_never_in_a_syn() -> None:
    scale = bytes([3, 3, 7, 0])
    for answer, wanted in ((scale, 1000 << 7), (b"", 1000)):
        made = Made()
        made.see(0, tcp(99, SYN, options=scale, ident=1))
        made.see(MS, tcp(499, SYN | ACK, ack=100, options=answer, back=True))
        made.see(2 * MS, tcp(100, ACK, ack=500, ident=2))
        assert [each.window for each in made.joined()] == [1000, 1000, wanted]


def test_sack_blocks_are_relative() -> None:
    made = Made()
    made.see(0, tcp(99, SYN, ident=1))
    made.see(MS, tcp(499, SYN | ACK, ack=100, back=True))
    block = bytes([1, 1, 5, 10]) + (104).to_bytes(4, "big") + (108).to_bytes(4, "big")
    made.see(2 * MS, tcp(500, ACK, ack=100, options=block, back=True, ident=9))
    assert made.joined()[-1].sack == ((5, 9),)


@pytest.mark.parametrize(
    ("end_ns", "settled", "fate"),
    [(200 * MS, False, "in flight"), (SECOND, False, "lost"), (200 * MS, True, "lost")],
)
def test_what_the_end_cut_off_is_in_flight(end_ns: int, settled: bool, fate: str) -> None:
    made = Made()
    made.see(0, udp(b"a"), *LOST)
    assert [each.fate for each in made.joined(end_ns=end_ns, settled=settled)] == [fate]


@st.composite
def _networks(draw: st.DrawFn) -> list[tuple[int, list[int], bool]]:
    """For each packet: which of few payloads it has, the delay of each that leaves wan, TCP."""
    return draw(
        st.lists(
            st.tuples(
                st.integers(0, 10**6),
                st.lists(st.integers(1, 50), max_size=2),
                st.booleans(),
            ),
            min_size=1, max_size=60,
        )
    )  # fmt: skip


@given(_networks(), st.booleans())
def test_a_network_that_drops_copies_and_reorders_is_joined_exactly(
    fates: list[tuple[int, list[int], bool]], back: bool
) -> None:
    made, firsts = Made(), []
    for number, (extra, delays, as_tcp) in enumerate(fates):
        data = b"%d %d" % (number, extra)
        frame = (
            tcp(1 + 20 * number, ACK | PSH, data, ident=number, back=back)
            if as_tcp
            else udp(data, back=back)
        )
        sent = number * 10_000
        made.see(sent, frame, SENT, WAN_IN)
        for delay in delays:
            made.see(sent + delay * 10_001, frame, WAN_OUT, ARRIVED)
        firsts.append((as_tcp, sent + min(delays) * 10_001 if delays else None))
    account = account_of(made.joined())
    way = Direction.TOWARD_CLIENT if back else Direction.TOWARD_SERVER
    for protocol, wanted in (("udp", False), ("tcp", True)):
        sums = account.of(protocol, way)
        mine = [(delays, at) for at, (_, delays, kind) in enumerate(fates) if kind == wanted]
        assert sums.packets == sums.wan_in == len(mine)
        assert sums.lost == sums.lost_in_wan == sum(not delays for delays, _ in mine)
        assert sums.copies == sums.copies_arrived == sum(len(delays) == 2 for delays, _ in mine)
        assert sums.wan_out == sum(len(delays) for delays, _ in mine)
        came = [time for kind, time in firsts if kind == wanted]
        assert sums.overtaken == sum(
            time is not None and any(later is not None and later < time for later in came[at + 1 :])
            for at, time in enumerate(came)
        )
        assert (sums.past_wan, sums.corrupted, sums.in_flight, sums.lost_before_wan) == (0,) * 4
        if isinstance(sums, Segments):
            assert sums.repeated == 0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_every_repetition_is_found_and_told_from_a_needless_one(
    segments: list[tuple[bool, bool]],
) -> None:
    """Each segment is lost or not, and sent again (and arrives) or not."""
    made = Made()
    made.see(0, tcp(0, SYN, ident=1))
    ident = 2
    for number, (lost, again) in enumerate(segments):
        made.see(number * 3 * MS + MS, tcp(1 + 10 * number, ACK, b"0123456789", ident=ident),
                 *(LOST if lost else ()))  # fmt: skip
        ident += 1
        if again:
            made.see(
                number * 3 * MS + 2 * MS, tcp(1 + 10 * number, ACK, b"0123456789", ident=ident)
            )
            ident += 1
    sums = account_of(made.joined()).of("tcp", Direction.TOWARD_SERVER)
    assert isinstance(sums, Segments)
    assert sums.repeated == sum(again for _, again in segments)
    assert sums.repeated_needlessly == sum(again and not lost for lost, again in segments)
    assert sums.lost == sum(lost for lost, _ in segments)


def test_memory_does_not_grow_with_the_capture(tmp_path: Path) -> None:
    peaks = []
    for packets in (1_500, 6_000):
        paths, _ = stations(tmp_path, packets)
        joining, account = Joining(TOPOLOGY, stay_ns=25 * MS, settled=True), Account()
        tracemalloc.start()
        try:
            for trace in joining.traces(seen(paths, TOPOLOGY)):
                account.add(trace.packet)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        sums = account.of("udp", Direction.TOWARD_SERVER)
        assert (sums.packets, sums.arrived + sums.lost) == (packets, packets)
    assert peaks[1] < 1.2 * peaks[0]


def test_what_is_open_is_bounded_and_told() -> None:
    made = Made()
    for number in range(20):
        made.see(number, udp(b"%d" % number), SENT)
    joining = Joining(TOPOLOGY, most_open=5)
    assert len(list(joining.traces(made.seen()))) == 20
    assert joining.cut_short == 15
    assert not Account(cut_short=15).complete
