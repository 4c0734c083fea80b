"""What UDP drops and TCP repairs, measured through real containers and the kernel's own tc."""

import csv
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab import measure
from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import Lab
from lab.stats import exact_interval, two_way_loss

from .conftest import LAB, Ended, lab_command, until

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
# Three intervals a test, and three runs in a row are to pass: one in 30 000 fails by chance.
CONFIDENCE = 0.99999


def udp(engine: Engine, lab: Lab, count: int = 2000, **more: Any) -> dict[str, Any]:
    settings = {"size": 64, "interval_ms": 0.25, "timeout_ms": 500.0, **more}
    return measure.udp(engine, lab, count=count, **settings)


def tcp(engine: Engine, lab: Lab, count: int = 2000, **more: Any) -> dict[str, Any]:
    settings = {"size": 64, "streams": 100, "timeout_ms": 100_000.0, **more}
    return measure.tcp(engine, lab, count=count, **settings)


def impair(engine: Engine, lab: Lab, toward_server: Impairment, toward_client: Impairment) -> None:
    Link(engine, lab).set({SERVER: toward_server, CLIENT: toward_client})


def closed(report: dict[str, Any]) -> None:
    assert report["unexplained"] == 0
    full = report["buffer_drops"]
    assert report["sent"] == report["dropped_toward_server"] + report["server_received"] + full
    assert report["server_sent"] == report["server_received"]
    assert report["server_sent"] == report["dropped_toward_client"] + report["received"]


def inside(lost: int, sent: int, expected: float) -> None:
    low, high = exact_interval(lost, sent, CONFIDENCE)
    assert low <= expected <= high, (lost, sent, expected)


@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_udp_loses_what_was_asked_in_each_direction(engine: Engine, lab: Lab, loss: float) -> None:
    impair(engine, lab, Impairment(loss=loss), Impairment(loss=loss))
    report = udp(engine, lab)
    closed(report)
    assert report["sent"] == 2000
    inside(report["dropped_toward_server"], 2000, loss)
    inside(report["dropped_toward_client"], report["server_sent"], loss)
    inside(report["lost"], 2000, two_way_loss(loss, loss))


def test_nothing_is_lost_where_nothing_is_impaired(engine: Engine, lab: Lab) -> None:
    report = udp(engine, lab)
    closed(report)
    # Not that none is reordered: a sender that the scheduler moves to another core hands its next
    # datagram to that core's backlog, which may be the shorter one (netif_rx).
    assert (report["received"], report["lost"], report["duplicated"]) == (2000, 0, 0)
    assert report["one_way_ms"]["toward_server"]["p50"] > 0
    assert report["one_way_ms"]["toward_client"]["p50"] > 0


def test_tcp_delivers_every_byte_and_repeats_what_was_lost(engine: Engine, lab: Lab) -> None:
    impair(engine, lab, Impairment(loss=0.1), Impairment(loss=0.1))
    report = tcp(engine, lab)
    assert (report["sent"], report["received"], report["corrupted"]) == (2000, 2000, 0)
    assert report["retransmissions"] > 0
    assert report["dropped_toward_server"] > 0
    assert report["dropped_toward_client"] > 0
    assert report["congestion_control"] == "cubic"


def test_tcp_repeats_nothing_where_nothing_is_lost(engine: Engine, lab: Lab) -> None:
    Link(engine, lab).set({SERVER: Impairment(loss=0.5)})  # so that the tree and its counters exist
    Link(engine, lab).clear()
    report = tcp(engine, lab, count=200, streams=10)
    assert (report["received"], report["dropped_toward_server"]) == (200, 0)


@pytest.mark.parametrize("direction", Direction)
def test_one_direction_only(engine: Engine, lab: Lab, direction: Direction) -> None:
    Link(engine, lab).set({direction: Impairment(loss=0.2)})
    report = udp(engine, lab)
    closed(report)
    here, there = "dropped_toward_server", "dropped_toward_client"
    if direction is CLIENT:
        here, there = there, here
    inside(report[here], 2000, 0.2)
    assert report[there] == 0


def test_a_loss_of_all_lets_nothing_through(engine: Engine, lab: Lab) -> None:
    Link(engine, lab).set({SERVER: Impairment(loss=1)})
    report = udp(engine, lab, count=300)
    closed(report)
    assert (report["dropped_toward_server"], report["server_received"]) == (300, 0)


def test_a_rate_bounds_tcp(engine: Engine, lab: Lab) -> None:
    rate = 4_000_000
    Link(engine, lab).set({SERVER: Impairment(rate_bps=rate)})
    report = tcp(engine, lab, count=500, size=1400, streams=4)
    assert report["received"] == 500
    # All but what the bucket and the queue may hold has to have passed at the rate.
    held = 200 * 1514 * 8
    assert report["duration_s"] >= (500 * 1400 * 8 - held) / rate


def test_what_a_rate_can_not_carry_is_counted_apart_from_loss(engine: Engine, lab: Lab) -> None:
    link = Link(engine, lab)
    before = link.set({SERVER: Impairment(rate_bps=1_000_000)}).counters[SERVER]
    report = udp(engine, lab, count=1000, size=1400, timeout_ms=5000.0)
    closed(report)
    since = link.state().counters[SERVER] - before
    assert since.lost == 0
    assert since.overflowed == report["dropped_toward_server"] > 0


def test_clear_loses_nothing_and_keeps_what_was_counted(engine: Engine, lab: Lab) -> None:
    link = Link(engine, lab)
    link.set({SERVER: Impairment(loss=1)})
    udp(engine, lab, count=100)
    counted = link.state().counters[SERVER]
    after = link.clear()
    assert after.impairment(SERVER).is_clear
    assert after.counters[SERVER].lost == counted.lost >= 100
    assert udp(engine, lab, count=500)["received"] == 500


def test_changing_while_traffic_flows_drops_nothing(engine: Engine, lab: Lab) -> None:
    link = Link(engine, lab)
    link.set({SERVER: Impairment(rate_bps=50_000_000)})
    probe = subprocess.Popen(
        [*LAB, "probe", "udp", "--name", lab.name, "--count", "16000", "--interval", "250us",
         "--json"], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    changes = 0
    while probe.poll() is None:
        link.set({each: Impairment(rate_bps=(40 + changes % 2) * 1_000_000) for each in Direction})
        link.clear()
        changes += 1
    assert probe.stdout
    report = json.loads(probe.stdout.read())
    probe.stdout.close()
    closed(report)
    assert changes >= 2
    assert (report["sent"], report["lost"]) == (16000, 0)


def test_the_whole_impairment_is_set(lab: Lab) -> None:
    assert lab_command("impair", "--name", lab.name, "--loss", "10%", "--rate", "1mbit").code == 0
    shown = lab_command(
        "impair", "--name", lab.name, "--toward", "server", "--loss", "5%", "--json"
    )
    found = json.loads(shown.out)["impairments"]
    assert found == {"server": {"loss": "5%"}, "client": {"loss": "10%", "rate": "1mbit"}}
    assert (
        json.loads(lab_command("status", "--name", lab.name, "--json").out)["impairments"] == found
    )


def test_status_shows_what_the_kernel_has_and_not_what_was_asked(engine: Engine, lab: Lab) -> None:
    link = Link(engine, lab)
    state = link.set({SERVER: Impairment(loss=0.1)})
    if state.backend != "tc-bpf":
        command = "tc qdisc change dev eth0 parent 1:1 handle 1001: netem loss 25%"
    else:
        command = (
            "tc filter replace dev eth0 parent 1001: protocol all prio 1 handle 1 bpf da bytecode "
            f"4,32-0-0-4294963256,37-1-0-{(1 << 30) - 1},6-0-0-2,6-0-0-4294967295"
        )
    argv = [word.replace("-0-", " 0 ") if "," in word else word for word in command.split()]
    argv = [word.replace("37-1 0 ", "37 1 0 ") if "," in word else word for word in argv]
    assert engine.run(lab.node("wan"), argv, user="root").code == 0
    assert link.state().impairment(SERVER).loss == 0.25


def test_a_kernel_without_netem_says_what_to_do(engine: Engine, lab: Lab) -> None:
    able = Link(engine, lab).kernel.abilities
    words = ("impair", "--name", lab.name, "--delay", "40ms", "--backend", "netem")
    ended = lab_command(*words)
    if able["netem"]:
        assert ended.code == 0
        return
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "netem: not in this kernel" in ended.err
    assert "take another backend" in ended.err
    assert Link(engine, lab).state().impairment(SERVER).is_clear


@pytest.fixture(scope="session")
def main_run(engine: Engine, session_lab: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("run") / "evidence"
    ended = lab_command(
        "run", "loss", "--name", session_lab, "--out", str(out), "--json", timeout=300
    )
    return ended, out


def test_the_main_run_keeps_its_contract(main_run: tuple[Ended, Path]) -> None:
    ended, out = main_run
    assert ended.code == 0, ended.err
    result = json.loads(ended.out)
    assert {"scenario", "backend", "kernel", "congestion_control", "verdict", "points"} <= set(
        result
    )
    assert (result["scenario"], result["verdict"], result["failures"]) == ("loss", "pass", [])
    points = result["points"]
    assert [point["loss"] for point in points] == [0.0, 0.01, 0.05, 0.1, 0.2, 0.3]
    for point in points:
        closed(point["udp"])
        assert point["udp"]["sent"] == 2000
        assert point["udp"]["expected"] == pytest.approx(1 - (1 - point["loss"]) ** 2)
        assert point["udp"]["interval"] == list(
            exact_interval(2000 - point["udp"]["received"], 2000, 0.999)
        )
        tcp = point["tcp"]
        assert (tcp["sent"], tcp["received"], tcp["corrupted"]) == (2000, 2000, 0)
        assert {"p50", "p99", "max"} <= set(tcp["rtt_ms"])
    assert json.loads((out / "result.json").read_text()) == result
    rows = list(csv.DictReader((out / "result.csv").open(newline="")))
    assert [row["udp_received"] for row in rows] == [str(p["udp"]["received"]) for p in points]
    page = (out / "report.html").read_text()
    assert "<script" not in page
    assert page.count('role="img"') >= 2


def test_ctrl_c_in_a_run_keeps_what_was_measured(engine: Engine, lab: Lab, tmp_path: Path) -> None:
    out = tmp_path / "kept"
    run = subprocess.Popen(
        [*LAB, "run", "loss", "--name", lab.name, "--out", str(out)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert run.stderr
    for line in run.stderr:  # the third point is being measured
        if line.startswith("udp at 5"):
            break
    until(
        lambda: engine.run(lab.node("client"), ["pgrep", "-f", "lab.node.probe"]).code == 0,
        "the probe runs",
    )
    run.send_signal(signal.SIGINT)
    said = run.stderr.read()
    run.stderr.close()
    assert run.wait(30) == 130, said
    result = json.loads((out / "result.json").read_text())
    assert result["interrupted"] is True
    assert result["verdict"] == "fail"
    assert [point["loss"] for point in result["points"]] == [0.0, 0.01]
    assert engine.run(lab.node("client"), ["pgrep", "-f", "lab.node.probe"]).code == 1
    assert all(Link(engine, lab).state().impairment(each).is_clear for each in Direction)
