"""Real netem: what is asked for is in force, is read back, and is what the packets meet.

Intervals are exact, at 99.999 %. Delays are bounded from below, where netem is exact, and from
above only as far as one slow CPU allows.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab import catalogue, measure
from lab.engine import Engine
from lab.errors import ImpairmentError
from lab.impairment import Direction, Impairment
from lab.knobs import DISTRIBUTIONS
from lab.link import Lane, Link, LinkState, Script, netem
from lab.link.tree import Shown, class_of, leaf_of, show, tc
from lab.nodes import Lab
from lab.scenario import file
from lab.scenario.measures import KINDS
from lab.scenario.sweep import SweepRun
from lab.stats import exact_interval
from tests.lab.conftest import lab_command

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
CONFIDENCE = 0.99999


def udp(engine: Engine, lab: Lab, count: int = 1000, **more: Any) -> dict[str, Any]:
    settings = {"size": 64, "interval_ms": 1.0, "timeout_ms": 2000.0, **more}
    return measure.udp(engine, lab, count=count, **settings)


def closed(report: dict[str, Any]) -> None:
    """Every datagram was received or was dropped and counted, in each direction."""
    assert report["unexplained"] == 0
    assert report["buffer_drops"] == 0
    assert report["sent"] == report["dropped_toward_server"] + report["server_received"]
    assert report["server_sent"] == report["server_received"]
    back = report["received"] + report["late"]
    assert report["server_sent"] == report["dropped_toward_client"] + back


def inside(lost: int, sent: int, expected: float) -> None:
    low, high = exact_interval(lost, sent, CONFIDENCE)
    assert low <= expected <= high, (lost, sent, expected)


def impair(
    link: Link, server: Impairment | None = None, client: Impairment | None = None
) -> LinkState:
    """Set both directions; one that is not named is clear, whatever an earlier test left."""
    wanted = {SERVER: server or Impairment(), CLIENT: client or Impairment()}
    return link.set(wanted, "netem")


# Every digit that the command line can write, both ends of every range, and every knob.
ASKED = [
    Impairment.parse(words)
    for words in (
        "none",
        *(f"loss {loss}" for loss in ("0.0000001%", "0.0001%", "0.1%", "10%", "12.3456789%")),
        *(f"loss {loss}" for loss in ("33.3333333%", "99.9999%", "100%")),
        *(
            f"delay {time}"
            for time in ("1us", "500us", "12.345678ms", "40ms", "999.999ms", "3600s")
        ),
        *(f"rate {rate}" for rate in ("8kbit", "64kbit", "12345672bit", "1gbit", "100gbit")),
        "loss 20% delay 40ms rate 1mbit",
        "loss 10% loss-correlation 25%",
        *(f"gemodel {model}" for model in ("1%", "1% 10%", "1% 10% 70%", "1% 10% 70% 0.1%")),
        *(f"delay 40ms jitter 5ms distribution {shape}" for shape in DISTRIBUTIONS[1:]),
        "delay 40ms jitter 5ms",
        "delay 40ms jitter 5ms order free",
        "delay 40ms jitter 5ms delay-correlation 25% rate 1mbit",
        "delay 10ms reorder 25%",
        "delay 10ms reorder 25% reorder-correlation 50% reorder-gap 5",
        "corrupt 0.1% corrupt-correlation 25%",
        "delay 40ms limit 7",
        "none",
    )
]
DOUBLED = [
    Impairment.parse(words)
    for words in ("duplicate 1%", "duplicate 1% duplicate-correlation 25%", "none")
]


BATCH = """printf '%s\\n' "$1" | tc -j -s -batch -"""


def test_what_is_set_is_read_back(engine: Engine, lab: Lab, link: Link) -> None:
    """Each after the other on one qdisc, so that nothing of an earlier one may stay."""
    lane = Lane(SERVER)
    other = Lane(CLIENT)
    # Newer kernels let a netem duplicate only where it is alone.
    alone = tc("qdisc", "del", "parent", class_of(other), "handle", leaf_of(other))
    changes = [(*netem.BACKEND.change(lane, asked), show([])[0]) for asked in (*ASKED, *DOUBLED)]
    commands = [command for pair in changes for command in pair]
    commands[2 * len(ASKED) : 2 * len(ASKED)] = [alone]
    commands += netem.BACKEND.install(other)
    # One tc for all of them, as each program takes half a second here.
    lines = "\n".join(" ".join(command).split("tc ", 1)[-1] for command in commands)
    lines = lines.replace("-j -s ", "")
    done = engine.run(lab.node("wan"), ["sh", "-c", BATCH, "batch", lines], user="root")
    assert done.code == 0, done.stderr
    outputs = [line for line in done.stdout.splitlines() if line]
    for asked, shown in zip((*ASKED, *DOUBLED), outputs, strict=True):
        qdiscs = {each["handle"]: each for each in json.loads(shown)}
        found = netem.BACKEND.read(lane, Shown(qdiscs, {}, netem.label({lane: asked})))
        assert found is not None
        assert found.close_to(asked), (found, asked)
        # What tc shows is what was read, and no key was overlooked.
        kinds = {"loss": "loss-random", "gemodel": "loss-gemodel"}
        knobs = {kinds.get(knob, knob) for knob in asked.knobs()} & KEYS
        if asked.jitter_ms and not asked.order_free:
            knobs.add("rate")  # keeps the order
        assert set(qdiscs[leaf_of(lane)]["options"]) == {"limit", "ecn", "gap"} | knobs


def test_a_kernel_that_lets_no_netem_duplicate_is_known_before(link: Link) -> None:
    doubled, able = [Impairment(duplicate=0.01)], link.kernel.abilities
    if able["netem-duplicate"]:
        assert link.choose(doubled, Script()) == "netem"
        return
    assert link.choose(doubled, Script()) == "userspace"
    with pytest.raises(ImpairmentError, match=r"this kernel .*cannot mix duplicating"):
        link.set({SERVER: doubled[0]}, "netem")
    assert link.state().backend == "netem"


KEYS = {"loss-random", "loss-gemodel", "delay", "reorder", "duplicate", "corrupt", "rate", "limit"}


def test_the_command_sets_shows_and_clears(lab: Lab, link: Link) -> None:
    impair(link)
    words = ["--loss", "12.5%", "--delay", "12.345ms", "--rate", "3mbit", "--backend", "netem"]
    ended = lab_command("impair", "--name", lab.name, "--toward", "client", *words, "--json")
    assert ended.code == 0, ended.err
    shown = json.loads(ended.out)
    assert shown["backend"] == "netem"
    assert shown["impairments"] == {
        "server": {},
        "client": {"loss": "12.5%", "delay": "12.345ms", "rate": "3mbit"},
    }
    ended = lab_command("impair", "--name", lab.name, "--clear", "--json")
    assert json.loads(ended.out)["impairments"] == {"server": {}, "client": {}}, ended.err


def test_each_direction_loses_and_delays_as_asked(engine: Engine, lab: Lab, link: Link) -> None:
    impair(link, Impairment(loss=0.2, delay_ms=60), Impairment(loss=0.05, delay_ms=20))
    report = udp(engine, lab, count=3000)
    closed(report)
    inside(report["dropped_toward_server"], report["sent"], 0.2)
    inside(report["dropped_toward_client"], report["server_sent"], 0.05)
    one_way = report["one_way_ms"]
    # netem lets nothing go early; how late is a matter of the CPU.
    assert 60 <= one_way["toward_server"]["p50"] < 80
    assert 20 <= one_way["toward_client"]["p50"] < 40


def test_a_rate_bounds_tcp_and_what_it_can_not_carry_overflows_and_is_counted(
    engine: Engine, lab: Lab, link: Link
) -> None:
    rate = 1_000_000
    before = impair(link, Impairment(rate_bps=rate)).counters[SERVER]
    report = udp(engine, lab, count=500, size=1400, timeout_ms=5000.0)
    closed(report)
    assert (link.state().counters[SERVER] - before).dropped == report["dropped_toward_server"] > 0
    report = measure.tcp(engine, lab, count=150, size=1400, streams=4, timeout_ms=60_000.0)
    assert report["received"] == 150
    # netem has no bucket: every byte has waited for its turn.
    assert report["duration_s"] >= 150 * 1400 * 8 / rate


def test_a_long_fat_link_does_not_overflow(engine: Engine, lab: Lab, link: Link) -> None:
    """Rate times delay is in the queue: more than the 1000 packets of netem's own default."""
    impair(link, Impairment(rate_bps=100_000_000, delay_ms=1500))
    report = udp(engine, lab, count=2000, interval_ms=0.5, timeout_ms=8000.0)
    closed(report)
    assert (report["received"], report["dropped_toward_server"]) == (2000, 0)


def test_changing_while_traffic_flows_drops_nothing(engine: Engine, lab: Lab, link: Link) -> None:
    impair(link, Impairment(delay_ms=50))
    changing = [Impairment(delay_ms=20, rate_bps=10_000_000), Impairment()]
    changes = 0
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(udp, Engine(), lab, count=2000, interval_ms=4.0)
        while not running.done():
            impair(link, changing[changes % len(changing)])
            changes += 1
        report = running.result()
    closed(report)
    assert changes >= len(changing)
    assert (report["sent"], report["received"]) == (2000, 2000)


@pytest.mark.timeout(200)
def test_the_main_run_passes_on_netem(engine: Engine, lab: Lab, link: Link) -> None:
    """Its UDP figures, ledger, and TCP, at one of its points: all six take two minutes here."""
    impair(link)
    path = catalogue.scenario_file("loss")
    text = path.read_text(encoding="utf-8").replace("count: 2000", "count: 500")
    text = re.sub(r"loss: \[.*\]", "loss: [10%]", text)
    run = SweepRun(engine, lab, file.read(text, str(path), "loss", KINDS))
    run.measure()
    result = run.result()
    assert (result["verdict"], result["failures"]) == ("pass", [])
    assert result["backend"] == "netem"
    (lossy,) = result["points"]
    assert lossy["udp"]["unexplained"] == 0
    tcp = lossy["tcp"]
    assert (tcp["sent"], tcp["received"], tcp["corrupted"]) == (500, 500, 0)
    assert tcp["retransmissions"] > 0
    assert tcp["dropped_toward_server"] > 0
    assert tcp["dropped_toward_client"] > 0
