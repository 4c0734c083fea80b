import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.node.link import fates, queue
from lab.node.link.config import Refused

from . import made
from .made import CLIENT, OTHER, SERVER, Bench, numbers, udp

MS = 1_000_000


def test_without_settings_all_passes_untouched() -> None:
    bench = Bench()
    bench.send(3)
    bench.link.receive(b"\x60" + b"\0" * 60, 0)  # the kernel's own IPv6
    assert numbers(bench.written) == [0, 1, 2]
    assert bench.link.state()["untouched"] == 3
    assert bench.counters()["in"] == 0


def test_written_with_its_hop_back() -> None:
    bench = Bench()
    bench.set({})
    bench.link.receive(udp(b"abc", ttl=62), 0)
    assert bench.written == [udp(b"abc", ttl=63)]


def test_directions_are_told_by_the_servers() -> None:
    bench = Bench()
    bench.set({"loss": 1})
    bench.link.receive(udp(), 0)
    bench.link.receive(udp(source=SERVER, destination=CLIENT, number=1), 0)
    bench.link.receive(udp(source=CLIENT, destination=OTHER, number=2), 0)
    assert numbers(bench.written) == [1, 2]
    assert (bench.counters()["lost"], bench.counters("client")["passed"]) == (1, 1)


def test_own_settings_of_a_client_replace_the_general_ones() -> None:
    bench = Bench()
    bench.set({"loss": 1}, clients={OTHER: {"server": {"duplicate": 1}}})
    bench.link.receive(udp(source=OTHER, number=5), 0)
    bench.link.receive(udp(source=CLIENT, number=6), 0)
    bench.link.receive(udp(source=SERVER, destination=OTHER, number=7), 0)
    assert numbers(bench.written) == [5, 5, 7]
    assert bench.counters()["duplicated"] == 1


def lost_numbers(bench: Bench, count: int) -> list[int]:
    bench.written.clear()
    bench.send(count)
    bench.link.flush()
    return sorted(set(range(count)) - set(numbers(bench.written)))


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"delay_ms": 20, "jitter_ms": 10, "order_free": True},
        {"duplicate": 0.0, "corrupt": 0.0, "rate_bps": 10**9},
        {"reorder": 0.3, "delay_ms": 10},
    ],
)
def test_seed_drops_the_same_numbers_whatever_else_is_set(others: dict[str, Any]) -> None:
    bench, alone = Bench(), Bench()
    bench.set({"loss": 0.1, **others})
    alone.set({"loss": 0.1})
    assert lost_numbers(bench, 1000) == lost_numbers(alone, 1000) != []


def test_rule_shifts_no_sequence() -> None:
    bench, alone = Bench(), Bench()
    bench.set({"loss": 0.1}, rules=[{"action": "drop", "nth": [[3, 5]]}])
    alone.set({"loss": 0.1})
    assert lost_numbers(bench, 500) == sorted({2, 3, 4, *lost_numbers(alone, 500)})


def test_setting_the_seed_again_starts_again() -> None:
    bench = Bench()
    bench.set({"loss": 0.1})
    first = lost_numbers(bench, 300)
    bench.set({"loss": 0.1})
    assert lost_numbers(bench, 300) == first
    assert bench.counters()["in"] == 600
    bench.set({"loss": 0.1}, seed=8)
    assert lost_numbers(bench, 300) != first


def test_directions_and_clients_have_sequences_of_their_own() -> None:
    bench = Bench()
    half = {"loss": 0.5}
    bench.link.set({"servers": [SERVER], "seed": 1, "impairments": {"server": half, "client": half},
                    "clients": {OTHER: {"server": half}}}, 0)  # fmt: skip
    ways = [(CLIENT, SERVER), (SERVER, CLIENT), (OTHER, SERVER)]
    seen = []
    for source, destination in ways:
        bench.written.clear()
        for number in range(64):
            bench.link.receive(udp(source=source, destination=destination, number=number), 0)
        seen.append(numbers(bench.written))
    assert seen[0] != seen[1] != seen[2] != seen[0]


def test_without_a_seed_no_two_runs_are_alike() -> None:
    bench = Bench()
    runs = []
    for _ in range(2):
        bench.set({"loss": 0.5}, seed=None)
        runs.append(lost_numbers(bench, 200))
    assert runs[0] != runs[1]


def test_delay_is_kept_to_the_nanosecond() -> None:
    bench = Bench()
    bench.set({"delay_ms": 10})
    bench.send(2, gap=MS)
    assert bench.link.queue.next_due() == 10 * MS
    assert bench.departures(20 * MS, MS) == [(10 * MS, 0), (11 * MS, 1)]
    assert bench.link.queue.next_due() is None


def test_jitter_keeps_the_order_unless_asked() -> None:
    for free in (False, True):
        bench = Bench()
        bench.set({"delay_ms": 50, "jitter_ms": 40, "order_free": free})
        bench.send(200, gap=MS // 10)
        bench.link.flush()
        assert (numbers(bench.written) != list(range(200))) is free
        assert sorted(numbers(bench.written)) == list(range(200))


def test_rate_spaces_packets_by_their_frames() -> None:
    bench = Bench()
    bench.set({"rate_bps": 8 * 1000 * 42})  # 28 bytes of IP and 14 of Ethernet: one a ms
    bench.send(4)
    assert bench.departures(10 * MS, MS) == [(MS, 0), (2 * MS, 1), (3 * MS, 2), (4 * MS, 3)]
    bench.send(1, now=100 * MS)
    assert bench.link.queue.next_due() == 101 * MS


def test_rate_begins_where_the_delay_ends() -> None:
    bench = Bench()
    bench.set({"rate_bps": 8 * 1000 * 42, "delay_ms": 5})
    bench.send(2)
    assert bench.departures(10 * MS, MS) == [(6 * MS, 0), (7 * MS, 1)]


def test_limit_counts_those_that_wait() -> None:
    bench = Bench()
    bench.set({"delay_ms": 10, "limit": 3})
    bench.send(5)
    assert bench.counters()["overflowed"] == 2
    bench.link.queue.release(10 * MS)
    bench.send(1, now=11 * MS, first=9)
    assert bench.counters()["delayed_now"] == 1


def test_overflow_takes_no_time_of_the_rate() -> None:
    bench = Bench()
    bench.set({"rate_bps": 8 * 1000 * 42, "limit": 2})
    bench.send(10)
    assert bench.departures(10 * MS, MS) == [(MS, 0), (2 * MS, 1)]
    bench.send(1, now=2 * MS, first=50)
    assert bench.link.queue.next_due() == 3 * MS


def test_whole_link_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_PACKETS", 4)
    bench = Bench()
    bench.set({"delay_ms": 10})
    bench.send(6)
    assert (bench.counters()["overrun"], bench.counters()["delayed_now"]) == (2, 4)


def test_early_packets_overtake_one_in_a_gap() -> None:
    bench = Bench()
    bench.set({"delay_ms": 10, "reorder": 1, "reorder_gap": 5})
    bench.send(12)
    assert numbers(bench.written) == [4, 9]
    assert bench.counters()["reordered"] == 2


def test_copy_follows_the_impairments_but_is_not_copied_again() -> None:
    bench = Bench()
    bench.set({"duplicate": 1, "delay_ms": 1})
    bench.send(3)
    bench.link.flush()
    assert numbers(bench.written) == [0, 0, 1, 1, 2, 2]
    assert bench.counters()["duplicated"] == 3


def test_duplicated_and_lost_is_one_packet_as_in_netem() -> None:
    bench = Bench()
    bench.set({"duplicate": 1, "loss": 1})
    bench.send(5)
    assert numbers(bench.written) == [0, 1, 2, 3, 4]
    assert (bench.counters()["lost"], bench.counters()["duplicated"]) == (0, 0)


def test_corruption_flips_one_bit_of_those_it_hits() -> None:
    bench = Bench()
    bench.set({"corrupt": 0.5})
    sent = [udp(b"x" * 40, ttl=63, number=n) for n in range(200)]
    for packet in sent:
        bench.link.receive(packet, 0)
    bits = [
        (int.from_bytes(got, "big") ^ int.from_bytes(udp(b"x" * 40, ttl=64, number=n), "big"))
        for n, got in enumerate(bench.written)
    ]
    counters = bench.counters()
    assert {bit.bit_count() for bit in bits} == {0, 1}
    assert sum(map(bool, bits)) == counters["corrupted"] > 50
    broken = sum(made.checksum(got[:20]) != 0 for got in bench.written)
    assert broken == counters["broken"] > 0


def test_change_keeps_the_time_of_what_is_queued_and_the_order() -> None:
    bench = Bench()
    bench.set({"delay_ms": 10})
    bench.send(1)
    bench.set({"delay_ms": 2})
    bench.send(1, now=MS, first=1)
    bench.set({})
    bench.send(1, now=2 * MS, first=2)
    assert bench.departures(20 * MS, MS) == [(10 * MS, 0), (10 * MS, 1), (10 * MS, 2)]
    bench.send(1, now=30 * MS, first=3)
    assert numbers(bench.written)[-1] == 3


def test_change_ends_a_standing_queue_for_what_comes_after() -> None:
    bench = Bench()
    bench.set({"rate_bps": 8 * 42, "limit": 10})  # a packet a second
    bench.send(10)
    bench.set({"limit": 3}, now=2 * MS)
    bench.send(1, now=2 * MS, first=77)
    assert bench.counters()["overflowed"] == 0
    assert bench.departures(2000 * MS, MS)[:2] == [(1000 * MS, 0), (1002 * MS, 77)]


def test_client_that_gets_its_own_settings_does_not_overtake_itself() -> None:
    bench = Bench()
    bench.set({"delay_ms": 10})
    bench.send(1)
    bench.set({}, clients={CLIENT: {"server": {}}})
    bench.send(1, now=MS, first=1)
    assert bench.departures(20 * MS, MS) == [(10 * MS, 0), (10 * MS, 1)]


def test_wrong_settings_change_nothing() -> None:
    bench = Bench()
    bench.set({"delay_ms": 10})
    bench.send(1)
    before = bench.link.state()
    with pytest.raises(Refused):
        bench.set({"loss": 2})
    assert bench.link.state() == before


def test_rules_drop_delay_and_duplicate() -> None:
    bench = Bench()
    bench.set(
        {},
        rules=[
            {"action": "drop", "nth": [[2, 2]], "line": 4},
            {"action": "delay", "by_ms": 5, "nth": [[2, 2]], "line": 9},
            {"action": "duplicate", "nth": [[3, 3]], "line": 12},
        ],
    )
    bench.send(6)
    bench.link.queue.release(0)
    assert numbers(bench.written) == [0, 3, 4, 4, 5]
    bench.link.queue.release(5 * MS)
    assert numbers(bench.written)[-1] == 2
    counters = bench.counters()
    assert (counters["ruled"], counters["duplicated"], counters["passed"]) == (1, 1, 6)
    assert bench.link.state()["rules"][0] == {"line": 4, "matched": 6, "acted": 1}


def test_log_says_what_befell_each() -> None:
    bench = Bench()
    rules = [{"action": "drop", "nth": [[1, 1]], "line": 3}]
    bench.set({"delay_ms": 1.5}, rules=rules, log=True)
    bench.send(2)
    page = bench.link.log(0)
    assert (page["next"], page["more"], page["left_out"]) == (2, False, 0)
    assert page["fates"] == [
        {"t_ns": 0, "n": 1, "direction": "server", "client": CLIENT, "protocol": "udp",
         "src": CLIENT, "dst": SERVER, "sport": 4000, "dport": 7, "flags": [], "length": 0,
         "fate": "dropped", "why": "rule (line 3)", "delay_ms": 0.0},
        {"t_ns": 0, "n": 2, "direction": "server", "client": CLIENT, "protocol": "udp",
         "src": CLIENT, "dst": SERVER, "sport": 4000, "dport": 7, "flags": [], "length": 0,
         "fate": "delayed", "why": "delay", "delay_ms": 1.5},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, ["passed:"]),
        ({"loss": 1}, ["dropped:loss"]),
        ({"gemodel": [0, 0, 1, 1]}, ["dropped:gemodel"]),
        ({"duplicate": 1}, ["duplicated:duplicate", "passed:"]),
        ({"reorder": 1, "delay_ms": 1}, ["passed:reorder"]),
        ({"corrupt": 1}, ["corrupted:corrupt"]),
        ({"rate_bps": 1}, ["delayed:delay"]),
    ],
)
def test_fates_and_reasons(asked: dict[str, Any], said: list[str]) -> None:
    bench = Bench()
    bench.set(asked, log=True)
    bench.link.receive(udp(b"x" * 9000), 0)
    rows: Any = bench.link.log(0)["fates"]
    assert [f"{row['fate']}:{row['why']}" for row in rows] == said


def test_log_is_bounded_and_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fates, "MAX_FATES", 7)
    monkeypatch.setattr(fates, "PAGE", 5)
    bench = Bench()
    bench.set({}, log=True)
    bench.send(10)
    first, second = bench.link.log(0), bench.link.log(5)
    assert (first["next"], first["more"], first["left_out"]) == (5, True, 3)
    assert (second["next"], second["more"]) == (7, False)
    bench.set({})
    with pytest.raises(Refused):
        bench.link.log(0)


def test_flush_lets_all_go_in_order() -> None:
    bench = Bench()
    bench.set({"delay_ms": 1000})
    bench.send(5)
    bench.link.flush()
    assert numbers(bench.written) == [0, 1, 2, 3, 4]


def test_lateness_is_owned_up_to() -> None:
    bench = Bench()
    bench.set({"delay_ms": 10})
    bench.send(1)
    bench.link.queue.release(13 * MS)
    assert bench.link.state()["late"] == {"packets": 1, "max_ms": 3.0}


RATIO = st.sampled_from([0.0, 0.0, 0.2, 1.0])
IMPAIRMENTS = st.fixed_dictionaries(
    {},
    optional={
        "loss": RATIO,
        "duplicate": RATIO,
        "corrupt": RATIO,
        "reorder": RATIO,
        "delay_ms": st.sampled_from([0, 1, 20]),
        "jitter_ms": st.sampled_from([0, 1, 30]),
        "order_free": st.booleans(),
        "rate_bps": st.sampled_from([None, 10_000, 10**8]),
        "limit": st.sampled_from([1, 5, 1000]),
        "distribution": st.sampled_from(["uniform", "normal", "pareto"]),
    },
)
RULES = st.lists(
    st.fixed_dictionaries(
        {"action": st.sampled_from(["drop", "delay", "duplicate"])},
        optional={"every": st.integers(1, 4), "by_ms": st.sampled_from([0, 3])},
    ),
    max_size=2,
)


def refused_by_wire(packet: bytes | bytearray) -> None:
    """A kernel without room for every seventh packet."""
    if packet[5] % 7 == 0:
        raise OSError("no room")


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(IMPAIRMENTS, RULES, st.integers(0, 30), st.booleans()), max_size=4),
    st.booleans(),
)
def test_no_packet_is_unaccounted_for(
    steps: list[tuple[dict[str, Any], list[dict[str, Any]], int, bool]], wire_refuses: bool
) -> None:
    bench = Bench()
    if wire_refuses:
        bench.link.queue._put = refused_by_wire
    now = sent = 0
    for impairment, rules, count, log in steps:
        bench.set(impairment, rules=rules, log=log)
        bench.send(count, now=now, gap=MS, first=sent)
        now, sent = now + count * MS, sent + count
        counters = bench.counters()
        assert counters["in"] == sent
        assert counters["in"] + counters["duplicated"] == math.fsum(
            counters[name]
            for name in ("passed", "lost", "ruled", "overflowed", "overrun", "delayed_now")
        )
        if not wire_refuses:
            assert counters["passed"] == len(bench.written)
    bench.link.flush()
    assert bench.counters()["delayed_now"] == 0
