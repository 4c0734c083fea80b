"""Every impairment through real containers, on whichever backend can: set, read back, measured."""

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import measure, verify
from lab.engine import Engine
from lab.errors import ImpairmentError
from lab.impairment import Direction, Impairment
from lab.link import Lane, Link, Script, tc_bpf
from lab.link.tree import Shown, common_and, show
from lab.nodes import Lab
from lab.profiles import PROFILES
from lab.stats import exact_interval

from .conftest import LAB, Ended, _new_name, lab_command, until

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
CONFIDENCE = 0.99999


@pytest.fixture(scope="module")
def impaired_name(engine: Engine) -> Iterator[str]:
    for name in _new_name(engine, "t-impair"):
        assert lab_command("up", "--name", name, "--scale", "client=3").code == 0
        yield name


@pytest.fixture
def wide(engine: Engine, impaired_name: str) -> Iterator[Lab]:
    """A lab with three clients, nothing impaired before and after."""
    found = engine.lab(impaired_name)
    Link(engine, found).clear()
    yield found
    Link(engine, engine.lab(impaired_name)).clear()


def impair(lab: Lab, *words: str) -> Ended:
    return lab_command("impair", "--name", lab.name, "--json", *words)


def told(lab: Lab, *words: str) -> dict[str, Any]:
    ended = impair(lab, *words)
    assert ended.code == 0, ended.err
    found: dict[str, Any] = json.loads(ended.out)
    return found


def udp(engine: Engine, lab: Lab, **more: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "count": 1000, "size": 64, "interval_ms": 0.5, "timeout_ms": 500.0, **more,
    }  # fmt: skip
    return measure.udp(engine, lab, **settings)


def inside(hits: int, trials: int, expected: float) -> None:
    low, high = exact_interval(hits, trials, CONFIDENCE)
    assert low <= expected <= high, (hits, trials, expected)


def companions(engine: Engine, lab: Lab) -> int:
    label = ["org.netlab.companion", f"org.netlab.lab={lab.name}"]
    return len(engine.client.api.containers(all=True, filters={"label": label}))


EVERY_KNOB = [
    "loss 5%", "loss 5% loss-correlation 20%", "gemodel 1% 20%", "delay 10ms",
    "delay 10ms jitter 5ms", "delay 10ms jitter 2ms distribution normal",
    "delay 10ms jitter 2ms distribution pareto order free",
    "delay 10ms jitter 2ms delay-correlation 10% distribution paretonormal",
    "delay 10ms reorder 20% reorder-gap 3", "delay 10ms reorder 20% reorder-correlation 10%",
    "duplicate 5% duplicate-correlation 10%", "corrupt 5% corrupt-correlation 10%",
    "rate 10mbit limit 50", "delay 5ms rate 5mbit",
]  # fmt: skip


def test_every_knob_is_taken_and_read_back(engine: Engine, wide: Lab) -> None:
    link = Link(engine, wide)
    for words in EVERY_KNOB:
        asked = Impairment.parse(words)
        state = link.set(dict.fromkeys(Direction, asked), "userspace")
        assert (state.backend, str(state.impairment(SERVER))) == ("userspace", words)


def test_tc_takes_and_shows_the_whole_space(engine: Engine, wide: Lab) -> None:
    """Impairment, to tc's words, to what the real tc shows, to Impairment: the identity."""
    lane, wan = Lane(SERVER), wide.node("wan")
    Link(engine, wide).set({SERVER: Impairment(loss=0.1)}, "tc-bpf")
    chance = random.Random(7)
    asked = [Impairment(loss=loss) for loss in (0.0, 1e-9, 1e-6, 0.5, 0.999999999, 1.0)] + [
        Impairment(
            loss=round(chance.random() ** chance.randint(1, 6), 9),
            rate_bps=chance.choice([None, 8 * chance.randint(1000, 10 ** chance.randint(4, 10))]),
        )
        for _ in range(150)
    ]
    leaves = common_and([])
    steps = [[*tc_bpf.change(lane, each), *show(leaves)] for each in asked]
    commands = json.dumps([command for step in steps for command in step])
    done = engine.python(wan, "batch", commands, "--all", user="root")
    for each, step in zip(asked, steps, strict=True):
        shown, done = done[: len(step)], done[len(step) :]
        found = tc_bpf.read(lane, Shown.of(shown[len(step) - len(show(leaves)) :], leaves))
        assert found is not None
        assert found.close_to(each), (each, found)


def test_the_command_takes_and_shows_what_was_given(wide: Lab) -> None:
    words = ("--delay", "10ms", "--jitter", "2ms", "--distribution", "pareto", "--loss", "0.5%")
    knobs = {"loss": "0.5%", "delay": "10ms", "jitter": "2ms", "distribution": "pareto"}
    assert told(wide, *words)["impairments"] == {"server": knobs, "client": knobs}
    assert told(wide)["impairments"] == {"server": knobs, "client": knobs}


# Toward the server, and toward the client.
VERIFIED = [
    ("gemodel 2% 20% delay 5ms", "loss 5% delay 1ms"),
    ("duplicate 5%", "corrupt 5%"),
    ("delay 10ms reorder 20% reorder-gap 3", "delay 4ms reorder 10%"),
    ("delay 5ms jitter 1ms distribution normal", "delay 5ms jitter 1ms"),
    ("rate 2mbit delay 5ms", "none"),
    ("loss 20% loss-correlation 20%", "rate 1mbit limit 20"),
]


@pytest.mark.parametrize(("server", "client"), VERIFIED)
def test_the_packets_confirm_it(engine: Engine, wide: Lab, server: str, client: str) -> None:
    asked = {SERVER: Impairment.parse(server), CLIENT: Impairment.parse(client)}
    # A seed, which userspace alone takes, repeats the draws: else a sound link fails now and then.
    state = Link(engine, wide).set(asked, "userspace", script=Script(seed=11))
    after, found = verify.verify(engine, wide, longest_s=5)
    assert after.lanes == state.lanes
    for way, each in found.items():
        named = {check.knob for check in each}
        assert named >= asked[way].knobs() - {"limit", "loss-correlation", "reorder-gap",
                                              "delay", "distribution"}  # fmt: skip
        assert [check for check in each if check.held is False] == []
        assert any(check.held for check in each)


def test_an_impairment_that_does_nothing_is_found_out(engine: Engine, wide: Lab) -> None:
    told(wide, "--loss", "10%")
    client, server = wide.node("client"), wide.node("udp-server")
    past = ["ip", "route", "add", f"{server.address}/32", "dev", "eth0"]
    assert engine.run(client, past, user="root").code == 0
    ended = impair(wide, "--verify")
    back = ["ip", "route", "del", f"{server.address}/32", "dev", "eth0"]
    assert engine.run(client, back, user="root").code == 0
    assert ended.code == 1
    found = json.loads(ended.out)
    assert found["verified"] is False
    wrong = {way: [c["knob"] for c in each if c["held"] is False]
             for way, each in found["checks"].items()}  # fmt: skip
    assert wrong == {"server": ["loss"], "client": []}
    ended = impair(wide, "--verify")
    assert (ended.code, json.loads(ended.out)["verified"]) == (0, True)


def test_a_delay_is_a_delay_each_way(engine: Engine, wide: Lab) -> None:
    Link(engine, wide).set(
        {SERVER: Impairment(delay_ms=20, loss=0.05), CLIENT: Impairment(delay_ms=5)}
    )
    report = udp(engine, wide, interval_ms=2)
    assert report["unexplained"] == 0
    inside(report["dropped_toward_server"], 1000, 0.05)
    one_way = report["one_way_ms"]
    assert 20 <= one_way["toward_server"]["p50"] <= 25
    assert 5 <= one_way["toward_client"]["p50"] <= 10


def test_duplicates_and_flipped_bits_are_accounted_for(engine: Engine, wide: Lab) -> None:
    Link(engine, wide).set({SERVER: Impairment(duplicate=0.1), CLIENT: Impairment(corrupt=0.1)})
    report = udp(engine, wide, size=1000)
    inside(report["server_received"] - report["sent"], report["sent"], 0.1)
    assert report["unexplained"] == 0
    assert report["corrupted"] == 0  # the checksum catches a single bit (RFC 768)


def test_one_client_has_a_link_of_its_own(engine: Engine, wide: Lab) -> None:
    for backend in ("tc-bpf", "userspace"):
        shown = told(wide, "--backend", backend, "--loss", "0%", "--toward", "server")
        shown = told(wide, "--backend", backend, "--client", "client-3", "--loss", "100%",
                     "--toward", "server")  # fmt: skip
        assert shown["backend"] == backend
        assert shown["clients"] == {"client-3": {"server": {"loss": "100%"}}}
        found = [
            udp(engine, wide, client=f"client-{n}", count=100, timeout_ms=200.0) for n in (1, 2, 3)
        ]
        assert [each["received"] for each in found] == [100, 100, 0]
        assert [each["dropped_toward_server"] for each in found] == [0, 0, 100]
        assert [each["unexplained"] for each in found] == [0, 0, 0]
        assert told(wide, "--client", "client-3", "--clear")["clients"] == {}
        assert udp(engine, wide, client="client-3", count=100)["received"] == 100
        Link(engine, wide).clear()


def test_the_container_with_the_device_is_there_while_it_is_used(engine: Engine, wide: Lab) -> None:
    assert companions(engine, wide) == 0
    told(wide, "--backend", "userspace", "--delay", "1ms")
    assert companions(engine, wide) == 1
    assert told(wide, "--loss", "1%", "--backend", "tc-bpf")["backend"] == "tc-bpf"
    assert companions(engine, wide) == 0
    told(wide, "--backend", "userspace", "--delay", "1ms")
    told(wide, "--clear")
    assert companions(engine, wide) == 0
    assert udp(engine, wide)["received"] == 1000


def test_a_change_between_backends_loses_nothing(engine: Engine, wide: Lab) -> None:
    link = Link(engine, wide)
    link.laid()
    probe = subprocess.Popen(
        [*LAB, "probe", "udp", "--name", wide.name, "--count", "6000", "--interval", "1ms",
         "--json"], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(
        lambda: engine.run(wide.node("client"), ["pgrep", "-f", "probe.udp"]).code == 0, "it sends"
    )
    link.set({each: Impairment(delay_ms=20) for each in Direction}, "userspace")
    link.set({each: Impairment(delay_ms=10) for each in Direction}, "userspace")
    link.clear()
    out, _ = probe.communicate(timeout=60)
    report = json.loads(out)
    assert (report["sent"], report["lost"]) == (6000, 0)


def test_a_seed_replays_the_same_packets(engine: Engine, wide: Lab) -> None:
    def lost(known: int) -> tuple[list[int], int]:
        """The numbers that are lost now; the log goes on, so what was known is left out."""
        told(wide, "--seed", "7", "--loss", "10%", "--log", "--toward", "server")
        report = udp(engine, wide, count=300)
        assert report["dropped_toward_server"] > 0
        ended = lab_command("fates", "--name", wide.name)
        assert ended.code == 0, ended.err
        fates = [json.loads(line) for line in ended.out.splitlines()]
        assert {fate["client"] for fate in fates} == {"client-1"}
        dropped = [f["n"] for f in fates[known:] if f["fate"] == "dropped"]
        return dropped, len(fates)

    first, known = lost(0)
    assert 5 <= len(first) <= 70
    assert lost(known)[0] == first


def test_rules_say_which_packet(engine: Engine, wide: Lab, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "- drop: {protocol: udp, toward: server, nth: [3, 7], client: client-2}\n"
        "- duplicate: {protocol: udp, toward: client, nth: 5}\n"
    )
    shown = told(wide, "--rules", str(rules))
    assert shown["backend"] == "userspace"
    assert [rule["line"] for rule in shown["rules"]] == [1, 2]
    report = udp(engine, wide, client="client-2", count=20)
    assert (report["dropped_toward_server"], report["duplicated"]) == (2, 1)
    assert (report["received"], report["unexplained"]) == (18, 0)
    assert told(wide)["rules"] == shown["rules"]
    report = udp(engine, wide, client="client-1", count=20)
    assert (report["received"], report["dropped_toward_server"]) == (20, 0)


def test_syns_that_are_lost_make_the_connection_wait(
    engine: Engine, wide: Lab, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- drop: {flags: SYN, toward: server, nth: 1-2}\n")
    told(wide, "--rules", str(rules))
    report = measure.tcp(engine, wide, count=1, size=64, streams=1, timeout_ms=20_000.0)
    assert report["received"] == 1
    assert report["retransmissions_toward_server"] == 2
    # 1 s, then 2 s more (RFC 6298); Linux 6.5 and later first repeat every second.
    linear = engine.run(
        wide.node("client"), ["cat", "/proc/sys/net/ipv4/tcp_syn_linear_timeouts"]
    ).stdout.strip()
    waited = 2000 if linear not in ("", "0") else 3000
    assert waited <= report["connect_ms"]["p50"] < waited + 900


def test_bad_rules_are_refused_with_their_line(wide: Lab, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- drop: {protocol: udp, nth: 0}\n")
    ended = impair(wide, "--rules", str(rules))
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert ended.err.startswith(f"{rules}:1: drop.nth: '0'")
    rules.write_text("- drop: {protocol: udp, client: client-9}\n")
    ended = impair(wide, "--rules", str(rules))
    assert ended.code == 1
    assert "no client 'client-9'" in ended.err


def test_an_outage_passes(engine: Engine, wide: Lab) -> None:
    told(wide, "--loss", "1%", "--toward", "client")
    probe = subprocess.Popen(
        [*LAB, "probe", "udp", "--name", wide.name, "--count", "3500", "--interval", "1ms",
         "--json"], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(
        lambda: engine.run(wide.node("client"), ["pgrep", "-f", "probe.udp"]).code == 0, "it sends"
    )
    shown = told(wide, "--outage", "1s")
    assert shown["impairments"] == {"server": {}, "client": {"loss": "1%"}}
    out, _ = probe.communicate(timeout=60)
    report = json.loads(out)
    assert report["dropped_toward_server"] >= 500
    assert report["unexplained"] == 0


def test_a_schedule_is_followed_and_ctrl_c_puts_back(wide: Lab, tmp_path: Path) -> None:
    steps = tmp_path / "steps.yaml"
    steps.write_text("- {at: 0s, loss: 10%}\n- {at: 300ms, toward: server, loss: 20%}\n")
    shown = told(wide, "--schedule", str(steps))
    assert shown["impairments"] == {"server": {"loss": "20%"}, "client": {"loss": "10%"}}
    told(wide, "--loss", "3%")
    waiting = subprocess.Popen(
        [*LAB, "impair", "--name", wide.name, "--at", "0s loss 50%", "--at", "60s clear"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert waiting.stderr
    assert waiting.stderr.readline().startswith("0ms: toward server loss 50%")
    waiting.send_signal(signal.SIGINT)
    assert waiting.stderr.read().strip() == "interrupted"
    waiting.stderr.close()
    assert waiting.wait(30) == 130
    assert told(wide)["impairments"] == {"server": {"loss": "3%"}, "client": {"loss": "3%"}}


def test_profiles(engine: Engine, wide: Lab) -> None:
    shown = told(wide, "--profile", "dsl")
    profile = PROFILES["dsl"]
    assert shown["impairments"] == {
        "server": profile.toward_server.as_dict(), "client": profile.toward_client.as_dict(),
    }  # fmt: skip
    for name, each in PROFILES.items():
        state = Link(engine, wide).set(each.impairments)
        assert state.impairments == each.impairments, name
    assert udp(engine, wide, count=50, interval_ms=5, timeout_ms=3000.0)["unexplained"] == 0


def test_a_link_that_is_killed_lets_nothing_through_and_up_mends_it(
    engine: Engine, wide: Lab
) -> None:
    told(wide, "--backend", "userspace", "--delay", "1ms")
    companion = engine.companion(wide.name)
    assert companion
    pid = engine.client.api.inspect_container(companion.container)["State"]["Pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: companions(engine, wide) == 0, "it is gone")
    # Better no network than one that looks impaired and is not.
    hello = ["timeout", "1", "python3", "-m", "lab.node.echo.udp_client", "udp-server", "hello"]
    assert engine.run(wide.node("client"), hello).code != 0
    ended = lab_command("status", "--name", wide.name)
    assert ended.code == 1
    assert "mend it: lab up" in ended.err
    assert lab_command("up", "--name", wide.name).code == 0
    assert udp(engine, engine.lab(wide.name))["received"] == 1000


def test_a_moved_client_keeps_its_own_link(engine: Engine, wide: Lab) -> None:
    link = Link(engine, wide)
    everything = Impairment(loss=1)
    for backend in ("tc-bpf", "userspace"):
        link.set({SERVER: everything}, backend, client="client-2")
        names = ("client-2", "client-3")
        nodes = {name: engine.lab(wide.name).node(name) for name in names}
        for node in nodes.values():
            engine.client.api.stop(node.container, timeout=2)
        last = max(nodes.values(), key=lambda node: tuple(map(int, node.address.split("."))))
        for node in sorted(nodes.values(), key=lambda node: node is not last):
            engine.client.api.start(node.container)
        assert engine.lab(wide.name).node("client-2").address != nodes["client-2"].address
        assert lab_command("up", "--name", wide.name).code == 0
        moved = engine.lab(wide.name)
        state = Link(engine, moved).state()
        assert (state.stale, state.backend) == (False, backend)
        assert state.lanes[Lane(SERVER, "client-2")] == everything
        assert udp(engine, moved, client="client-2", count=50)["received"] == 0
        assert udp(engine, moved, client="client-3", count=50)["received"] == 50
        Link(engine, moved).clear()


def test_what_no_backend_can_is_told(engine: Engine, wide: Lab) -> None:
    ended = impair(wide, "--delay", "1ms", "--backend", "tc-bpf")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("no backend can do this: tc-bpf: cannot do delay; ")
    with pytest.raises(ImpairmentError, match=r"tc-bpf: cannot do seed"):
        Link(engine, wide).set({SERVER: Impairment()}, "tc-bpf", script=Script(seed=1))
