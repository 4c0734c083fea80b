"""The kinds of measurement: their options, and what is made of what a probe tells. Pure."""

from collections.abc import Sequence

import pytest

from lab.errors import BadInput
from lab.scenario.kind import REQUIRED
from lab.scenario.kinds import edges, packets, transfers
from lab.scenario.measures import KINDS

Row = tuple[int | None, int | None, int | None]
WHERE = "mine.yaml:7: measure.option"


def test_every_kind_can_be_named_and_says_what_it_does() -> None:
    assert set(KINDS) == {
        "udp", "tcp", "request", "connect", "steady", "bulk", "flood", "boundaries", "close",
    }  # fmt: skip
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.summary and not kind.summary.endswith(".")
        assert kind.options["client"].default == "client-1"
        for each in kind.options.values():
            assert each.about
            assert each.default is not REQUIRED  # so far none needs one


@pytest.mark.parametrize(
    ("kind", "option", "text", "value"),
    [
        ("udp", "count", "5", 5),
        ("udp", "interval", "250us", 0.25),
        ("udp", "checksum", "off", False),
        ("bulk", "congestion", "reno, bbr", ("reno", "bbr")),
        ("bulk", "duration", "1.5s", 1500.0),
        ("flood", "rate", "8mbit", 8_000_000),
        ("boundaries", "sizes", "3x100, 7", (100, 100, 100, 7)),
        ("boundaries", "late", "on", True),
        ("boundaries", "late", "false", False),
        ("steady", "keepalive", "2s", 2000.0),
        ("close", "how", "half-open", "half-open"),
        ("request", "client", "client-2", "client-2"),
    ],
)
def test_options_are_parsed(kind: str, option: str, text: str, value: object) -> None:
    assert KINDS[kind].options[option].parse(text, WHERE) == value


@pytest.mark.parametrize(
    ("kind", "option", "text", "problem"),
    [
        ("udp", "count", "100001", "'100001' is out of range; allowed 1 to 100000"),
        ("udp", "interval", "5", "'5' has no unit; write 40ms (us, ms, s)"),
        ("bulk", "congestion", "Reno!", "'Reno!' is no congestion control; write reno, cubic or"),
        ("bulk", "congestion", "a,b,c,d,e,f,g,h,i", "is too many values; allowed 1 to 8"),
        ("boundaries", "sizes", "0x5", "'0' is out of range; allowed 1 to 256"),
        ("boundaries", "sizes", "200x5,200x5", "is too many sends; allowed 1 to 256"),
        ("boundaries", "late", "maybe", "'maybe' is none of these; allowed: on, off, true, false"),
        ("steady", "keepalive", "1.5s", "'1.5s' is no whole number of seconds"),
        ("close", "how", "gently", "allowed: orderly, half-close, abort, unread, half-open"),
        ("udp", "client", "server", "'server' is no client; write client-1"),
    ],
)
def test_what_an_option_refuses(kind: str, option: str, text: str, problem: str) -> None:
    with pytest.raises(BadInput) as refused:
        KINDS[kind].options[option].parse(text, WHERE)
    assert str(refused.value).startswith(f"{WHERE}: '")
    assert problem in str(refused.value)


def test_options_are_completed_by_defaults() -> None:
    whole = KINDS["udp"].complete({"count": 5})
    assert whole == {
        "count": 5, "size": 64, "interval": 1.0, "timeout": 500.0, "checksum": True,
        "client": "client-1",
    }  # fmt: skip
    with pytest.raises(KeyError, match="speed"):
        KINDS["udp"].complete({"speed": 1})


def test_what_became_of_each_datagram() -> None:
    ms = 1_000_000
    samples = [(0, 1000 * ms, 1040 * ms), (1, 1010 * ms, None), (2, 1020 * ms, 1700 * ms),
               (3, 1030 * ms, 1065 * ms), (4, 1040 * ms, None)]  # fmt: skip
    arrivals = [(0, 1015 * ms), (3, 1050 * ms), (2, 1055 * ms), (2, 1058 * ms), (4, 1060 * ms)]
    series = packets.columns(samples, arrivals, timeout_ms=500.0)
    assert series == {
        "number": [0, 1, 2, 3, 4],
        "sent_s": [0.0, 0.01, 0.02, 0.03, 0.04],
        "rtt_ms": [40.0, None, None, 35.0, None],  # the third came too late
        "toward_server_ms": [15.0, None, 35.0, 20.0, 20.0],
        "toward_client_ms": [25.0, None, 645.0, 15.0, None],
    }
    found = packets.behaviour(series, arrivals)
    runs = found["lost_in_a_row"]
    assert {way: run["lengths"] for way, run in runs.items()} == {
        "toward_server": {"1": 1},
        "toward_client": {"1": 1},
        "round_trip": {"1": 1, "2": 1},
    }
    orders = found["reordering"]
    assert (orders["toward_server"]["reordered"], orders["toward_server"]["extent"]) == (1, 1)
    assert orders["round_trip"]["reordered"] == 0
    assert found["ipdv_one_way_ms"]["toward_server"]["min"] == -15.0


def test_goodput_between_two_samples() -> None:
    times = [0, 500_000_000, 1_000_000_000]
    flows: Sequence[Sequence[Row]] = [
        [(10, 2000, 0), (20, 3000, 1000), (30, None, 3000)],
        [(10, 1, 0), (10, 1, 500), (10, 1, 500)],
    ]
    series = transfers.bulk_series(times, flows)
    assert series["t_s"] == [0.5, 1.0]
    assert series["flows.0.cwnd"] == [20, 30]
    assert series["flows.0.rtt_ms"] == [3.0, None]
    assert series["flows.0.goodput_bps"] == [16_000.0, 32_000.0]
    assert series["flows.1.goodput_bps"] == [8_000.0, 0.0]
    assert series["goodput_bps"] == [24_000.0, 32_000.0]


def test_fairness_is_one_for_equals_and_one_nth_for_a_hog() -> None:
    assert transfers.fairness([5.0, 5.0, 5.0]) == 1.0
    assert transfers.fairness([5.0, 0.0, 0.0, 0.0]) == 0.25
    assert transfers.fairness([0.0]) is None


def test_every_ending_is_made_of_steps_that_the_probe_knows() -> None:
    from lab.node.probe import close

    options = KINDS["close"].complete({})
    for ending in edges.ENDINGS.values():
        for step in (*ending.first, *ending.other):
            close.step(edges._step(step, options))
