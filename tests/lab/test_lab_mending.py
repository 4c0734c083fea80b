"""What breaks under a lab, and that `lab up` mends it: nothing hangs, and nothing passes unimpaired
while a command says that all is well."""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from lab import measure
from lab.engine import Engine
from lab.errors import EngineError, LabError
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import Lab, Node

from .conftest import LAB, _new_name, lab_command, until

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
ALL = {each: Impairment(loss=1) for each in Direction}


def udp(engine: Engine, lab: Lab, **more: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "count": 200, "size": 64, "interval_ms": 0.5, "timeout_ms": 300.0, **more,
    }  # fmt: skip
    return measure.udp(engine, lab, **settings)


@pytest.fixture(scope="module")
def shared_name(engine: Engine) -> Iterator[str]:
    yield from _new_name(engine, "t-mend")


@pytest.fixture
def broken(engine: Engine, shared_name: str) -> Iterator[Lab]:
    """A lab that a test may break; the next test has it whole again, or anew."""
    if lab_command("up", "--name", shared_name).code != 0:
        engine.remove(shared_name)
        assert lab_command("up", "--name", shared_name).code == 0
    found = engine.lab(shared_name)
    Link(engine, found).clear()
    yield found


def up(lab: Lab) -> dict[str, Any]:
    ended = lab_command("up", "--name", lab.name, "--json")
    assert ended.code == 0, ended.err
    return {**json.loads(ended.out), "said": ended.err}


def kill(engine: Engine, *nodes: Node) -> None:
    for node in nodes:
        engine.client.api.kill(node.container)
        engine.client.api.wait(node.container, timeout=30)


def swap_addresses(engine: Engine, lab: Lab, one: str, other: str) -> Lab:
    """Kill two nodes and start them so that each comes back at another address.

    The first to start takes the lowest that is free, which the other one had.
    """
    nodes = sorted((lab.node(one), lab.node(other)), key=lambda node: IPv4Address(node.address))
    kill(engine, *nodes)
    for node in reversed(nodes):
        engine.client.api.start(node.container)
    until(lambda: engine.lab(lab.name).whole, "both run")
    moved = engine.lab(lab.name)
    assert all(moved.node(node.name).address != node.address for node in nodes)
    return moved


def test_a_program_in_a_node_that_dies_is_not_waited_for(engine: Engine, broken: Lab) -> None:
    client = broken.node("client")
    caught: list[BaseException] = []

    def run() -> None:
        try:
            engine.run(client, ["sleep", "100"])
        except EngineError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: Engine().run(client, ["pgrep", "-x", "sleep"]).code == 0, "it sleeps")
    kill(Engine(), client)
    thread.join(20)
    assert not thread.is_alive()
    assert [str(error) for error in caught] == ["client-1 does not run any more; mend it: lab up"]


@pytest.mark.parametrize("victim", ["wan", "client", "udp-server"])
def test_a_run_in_which_a_node_dies_names_it_and_keeps_what_it_had(
    engine: Engine, broken: Lab, tmp_path: Path, victim: str
) -> None:
    out = tmp_path / "kept"
    run = subprocess.Popen(
        [*LAB, "run", "loss", "--name", broken.name, "--out", str(out), "--json"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stderr
    assert run.stdout
    for line in run.stderr:
        if line.startswith("udp at 5%"):
            break
    node = broken.node(victim)
    kill(engine, node)
    printed, said = run.communicate(timeout=60)
    assert run.returncode == 1, said
    result = json.loads((out / "result.json").read_text())
    assert [point["loss"] for point in result["points"]][:2] == [0.0, 0.01]
    assert (result["verdict"], result["interrupted"]) == ("fail", False)
    # Which of them notices first depends on the moment.
    assert len(result["failures"]) == 1
    assert re.match(rf"{node.name}[ :]", result["failures"][0]), result["failures"]
    assert json.loads(printed) == result
    up(broken)
    assert udp(engine, engine.lab(broken.name))["received"] == 200


def test_a_dead_wan_is_named(engine: Engine, broken: Lab) -> None:
    kill(engine, broken.node("wan"))
    ended = lab_command("probe", "udp", "--name", broken.name)
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "wan does not run" in ended.err


def test_a_wan_that_comes_back_elsewhere_is_found_again(engine: Engine, broken: Lab) -> None:
    moved = swap_addresses(engine, broken, "wan", "tcp-server")
    assert up(broken)["changed"] is True
    for client in (moved.node("client"), moved.node("udp-server")):
        route = engine.run(client, ["ip", "-4", "route", "get", "1.2.3.4"]).stdout
        peer = moved.node("udp-server" if client.service == "client" else "client").address
        route = engine.run(client, ["ip", "-4", "route", "get", peer]).stdout
        assert route.startswith(f"{peer} via {moved.node('wan').address} dev eth0")
    assert (udp(engine, moved)["received"], udp(engine, moved)["unexplained"]) == (200, 0)
    assert up(broken)["changed"] is False


def test_a_server_that_moved_is_impaired_again(engine: Engine, broken: Lab) -> None:
    Link(engine, broken).set(ALL)
    moved = swap_addresses(engine, broken, "udp-server", "client")
    assert Link(engine, moved).state().stale is True
    assert up(broken)["changed"] is True
    state = Link(engine, moved).state()
    assert (state.stale, dict(state.impairments)) == (False, ALL)
    assert udp(engine, moved)["dropped_toward_server"] == 200


def test_up_with_everything_lost_is_up(engine: Engine, broken: Lab) -> None:
    Link(engine, broken).set(ALL)
    kill(engine, broken.node("udp-server"))
    assert up(broken)["changed"] is True
    state = Link(engine, engine.lab(broken.name)).state()
    assert dict(state.impairments) == ALL


BREAKAGES: dict[str, Callable[[str], list[str]]] = {
    "the leaf's filter": lambda leaf: ["tc", "filter", "del", "dev", "eth0", "parent", leaf],
    "the leaf": lambda leaf: ["tc", "qdisc", "del", "dev", "eth0", "parent", "1:1", "handle", leaf],
}


@pytest.mark.parametrize("what", BREAKAGES)
def test_a_broken_tree_is_told_and_mended(engine: Engine, broken: Lab, what: str) -> None:
    link = Link(engine, broken)
    if link.set(ALL).backend == "netem" and what == "the leaf's filter":
        pytest.fail("netem has no filter to break; choose another breakage there")
    wan = broken.node("wan")
    assert engine.run(wan, BREAKAGES[what]("1001:"), user="root").code == 0
    for words in (["status"], ["impair", "--loss", "1%"], ["impair", "--clear"]):
        ended = lab_command(*words, "--name", broken.name)
        assert (ended.code, ended.err) == (
            1, "wan: its tc tree is not as the lab lays it; mend it: lab up\n",
        )  # fmt: skip
    told = up(broken)
    assert told["changed"] is True
    assert "what was impaired is so no more" in told["said"]
    report = udp(engine, broken)
    assert (report["received"], report["unexplained"]) == (200, 0)
    assert link.set({SERVER: Impairment(loss=1)}).impairment(SERVER).loss == 1


def test_filters_that_are_gone_come_back(engine: Engine, broken: Lab) -> None:
    link = Link(engine, broken)
    link.set(ALL)
    gone = ["tc", "filter", "del", "dev", "eth0", "parent", "1:"]
    assert engine.run(broken.node("wan"), gone, user="root").code == 0
    assert link.state().stale is True
    assert up(broken)["changed"] is True
    assert udp(engine, broken)["dropped_toward_server"] == 200
    assert engine.run(broken.node("wan"), gone, user="root").code == 0
    assert lab_command("impair", "--loss", "100%", "--name", broken.name).code == 0
    assert udp(engine, broken)["dropped_toward_server"] == 200


def test_a_wan_that_was_started_again_fails_the_measurement_by_name(
    engine: Engine, broken: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    Link(engine, broken).set({SERVER: Impairment(loss=0.1)})
    asked = Engine.python

    def then_restart(self: Engine, node: Node, module: str, *rest: str, user: str = "lab") -> Any:
        found = asked(self, node, module, *rest, user=user)
        if module == "probe.udp":
            engine.client.api.restart(broken.node("wan").container, timeout=3)
        return found

    monkeypatch.setattr(Engine, "python", then_restart)
    with pytest.raises(LabError, match=r"^wan: its counters began anew"):
        udp(engine, broken)


@pytest.mark.parametrize("how", ["kill", "restart"])
def test_a_link_in_user_space_does_not_outlive_its_wan(
    engine: Engine, broken: Lab, how: str
) -> None:
    delayed = {each: Impairment(delay_ms=1) for each in Direction}
    assert Link(engine, broken).set(delayed, "userspace").backend == "userspace"
    if how == "kill":
        kill(engine, broken.node("wan"))
    else:
        engine.client.api.restart(broken.node("wan").container, timeout=3)
        ended = lab_command("status", "--name", broken.name)
        assert (ended.code, ended.err.count("\n")) == (1, 1)
        assert "wan was started again" in ended.err
    assert "what was impaired is so no more" in up(broken)["said"]
    assert engine.companion(broken.name) is None
    report = udp(engine, engine.lab(broken.name))
    assert (report["received"], report["unexplained"]) == (200, 0)
    assert report["one_way_ms"]["toward_server"]["p50"] < 1


def test_what_goes_past_wan_does_not_pass_for_good_luck(engine: Engine, broken: Lab) -> None:
    Link(engine, broken).set(ALL)
    client, server = broken.node("client"), broken.node("udp-server")
    for here, there in ((client, server), (server, client)):
        past = ["ip", "route", "add", f"{there.address}/32", "dev", "eth0"]
        assert engine.run(here, past, user="root").code == 0
    report = udp(engine, broken)
    assert report["received"] == 200
    assert report["unexplained"] == 400  # both ways
    for here, there in ((client, server), (server, client)):
        engine.run(here, ["ip", "route", "del", f"{there.address}/32", "dev", "eth0"], user="root")


def test_a_slow_link_keeps_its_books(engine: Engine, broken: Lab) -> None:
    link = Link(engine, broken)
    before = link.set({each: Impairment(rate_bps=64_000) for each in Direction}).counters[SERVER]
    report = udp(engine, broken, count=500, interval_ms=1, timeout_ms=200.0)
    assert report["sent"] == 500
    assert report["late"] > 0
    assert report["unexplained"] == 0
    since = link.state().counters[SERVER] - before
    assert (since.passed + since.dropped, since.queued, since.lost) == (500, 0, 0)
    link.clear()
    assert udp(engine, broken)["received"] == 200


def test_large_datagrams_keep_their_books(engine: Engine, broken: Lab) -> None:
    Link(engine, broken).set({each: Impairment(loss=0.05) for each in Direction})
    report = udp(engine, broken, size=8000)
    assert report["unexplained"] == 0
    assert report["dropped_toward_server"] >= 200 - report["server_received"] > 0


def test_the_fastest_rate_is_one_like_any_other(engine: Engine, broken: Lab) -> None:
    fastest = Impairment(rate_bps=100_000_000_000)
    assert Link(engine, broken).set({SERVER: fastest}).impairment(SERVER) == fastest


def test_a_refused_run_leaves_no_folder(broken: Lab, tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    for words in (["--name", "t-nowhere"], ["--bogus"]):
        ended = lab_command("run", "loss", "--out", str(out), *words)
        assert ended.code in (1, 2)
        assert not out.parent.exists()


def test_a_probe_goes_out_from_a_client(broken: Lab) -> None:
    for protocol in ("udp", "tcp"):
        ended = lab_command("probe", protocol, "--client", "wan", "--name", broken.name)
        assert ended.code == 2
        assert re.fullmatch(
            rf"--client: 'wan' is no client of lab '{broken.name}'; allowed: client-1\n", ended.err
        )
