"""A lab's life: up, scaled, swapped, killed, mended, side by side with others, and down."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import catalogue, compose, images, measure
from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import LABEL, Lab, Node

from .conftest import LAB, _new_name, lab_command, until

SMALL: dict[str, Any] = {"count": 200, "size": 64, "interval_ms": 0.5, "timeout_ms": 500.0}


def echoes(engine: Engine, lab: Lab) -> None:
    report = measure.udp(engine, lab, **SMALL)
    assert (report["received"], report["unexplained"]) == (200, 0)
    report = measure.tcp(engine, lab, count=50, size=64, streams=5, timeout_ms=10_000.0)
    assert report["received"] == 50


def left(engine: Engine, name: str) -> tuple[int, int]:
    label = f"{LABEL}={name}"
    containers = engine.client.api.containers(all=True, filters={"label": label})
    return len(containers), len(engine.networks(name))


def status_of(engine: Engine, node: Node) -> dict[str, str]:
    told = engine.run(node, ["cat", "/proc/1/status"], user="root").stdout
    return dict(re.findall(r"(\w+):\s+(.*)", told))


def test_programs_have_no_privilege_and_wan_one(engine: Engine, lab: Lab) -> None:
    for node in lab.nodes:
        found = status_of(engine, node)
        assert found["NoNewPrivs"] == "1"
        if node.service == "wan":
            assert int(found["CapEff"], 16) == (1 << 12) | (1 << 13)  # NET_ADMIN, NET_RAW
            continue
        assert found["Uid"].split() == ["1000"] * 4
        assert [int(found[each], 16) for each in ("CapEff", "CapPrm", "CapBnd")] == [0, 0, 0]


def test_containers_are_bounded_and_labelled(engine: Engine, lab: Lab) -> None:
    for node in lab.nodes:
        found = engine.client.api.inspect_container(node.container)
        host = found["HostConfig"]
        assert found["Config"]["Labels"][LABEL] == lab.name
        assert host["ReadonlyRootfs"] is True
        assert (host["Memory"], host["PidsLimit"]) == (512 * 2**20, 512)
        assert host["LogConfig"]["Config"] == {"max-size": "1m", "max-file": "2"}
    (network,) = engine.networks(lab.name)
    assert engine.client.api.inspect_network(network)["Internal"] is True


def test_every_packet_is_single_and_goes_through_wan(engine: Engine, lab: Lab) -> None:
    wan = lab.node("wan").address
    for node in lab.nodes:
        link = engine.run(node, ["ip", "-d", "link", "show", "eth0"]).stdout
        assert "gso_max_segs 1 " in link
        if node.service != "wan":
            other = lab.node("client" if node.service != "client" else "tcp-server").address
            route = engine.run(node, ["ip", "-4", "route", "get", other]).stdout
            assert route.startswith(f"{other} via {wan} dev eth0")


def test_a_shell_in_any_node_can_capture(engine: Engine, lab: Lab) -> None:
    for node in lab.nodes:
        done = engine.run(node, ["timeout", "1", "tcpdump", "-ni", "eth0"], user="root")
        assert "listening on eth0" in done.stderr, done.stderr


def test_the_image_is_small(engine: Engine) -> None:
    assert engine.client.images.get(images.NODE).attrs["Size"] <= 160 * 10**6


def test_up_again_changes_nothing(engine: Engine, lab: Lab) -> None:
    ended = lab_command("up", "--name", lab.name, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["changed"] is False
    assert engine.lab(lab.name) == lab


def test_two_labs_do_not_touch_each_other(engine: Engine, lab: Lab, own_name: str) -> None:
    assert lab_command("up", "--name", own_name).code == 0
    other = engine.lab(own_name)
    Link(engine, other).set({each: Impairment(loss=1) for each in Direction})
    echoes(engine, lab)
    counters = Link(engine, other).state().counters
    assert all(each.lost == each.passed == 0 for each in counters.values())
    assert lab_command("down", "--name", own_name).code == 0
    assert left(engine, own_name) == (0, 0)
    echoes(engine, engine.lab(lab.name))


def test_scaled_swapped_killed_and_down(engine: Engine, own_name: str) -> None:
    ended = lab_command(
        "up", "--name", own_name, "--scale", "client=3", "--server", "tcp=tcp_asyncio"
    )
    assert ended.code == 0, ended.err
    lab = engine.lab(own_name)
    assert [node.name for node in lab.service("client")] == ["client-1", "client-2", "client-3"]
    assert lab.node("tcp-server").program == "tcp_asyncio"
    Link(engine, lab).set({Direction.TOWARD_SERVER: Impairment(loss=1)})
    for client in ("client-1", "client-2", "client-3"):
        report = measure.udp(engine, lab, client=client, **SMALL)
        assert (report["dropped_toward_server"], report["unexplained"]) == (200, 0)
    # Not named again, the scale and the program stay as they are, and nothing is made anew.
    again = json.loads(lab_command("up", "--name", own_name, "--json").out)
    assert (again["changed"], len(again["nodes"])) == (False, 6)
    Link(engine, lab).clear()

    engine.client.api.kill(lab.node("udp-server").container)
    until(lambda: not engine.find(own_name).node("udp-server").running, "it is dead")  # type: ignore[union-attr]
    ended = lab_command("status", "--name", own_name)
    assert ended.code == 1
    assert "udp-server does not run" in ended.err
    ended = lab_command("up", "--name", own_name)
    assert ended.code == 0, ended.err
    assert Link(engine, engine.lab(own_name)).state().stale is False
    echoes(engine, engine.lab(own_name))

    assert lab_command("down", "--name", own_name).code == 0
    assert left(engine, own_name) == (0, 0)
    assert lab_command("status", "--name", own_name).code == 1


def test_a_crashed_server_comes_back_by_itself(engine: Engine, own_name: str) -> None:
    assert lab_command("up", "--name", own_name).code == 0
    node = engine.lab(own_name).node("tcp-server")
    pid = int(engine.client.api.inspect_container(node.container)["State"]["Pid"])
    if not Path(f"/proc/{pid}").exists():
        pytest.fail("the engine's processes are not visible here, so none can be killed")
    os.kill(pid, signal.SIGKILL)

    def again() -> bool:
        state = engine.client.api.inspect_container(node.container)["State"]
        return bool(state["Running"]) and state["Pid"] not in (0, pid)

    until(again, "tcp-server runs again")
    lab = engine.lab(own_name)
    until(
        lambda: '"listening"' in engine.logs(lab.node("tcp-server")).splitlines()[-1], "it listens"
    )
    echoes(engine, lab)


@pytest.mark.parametrize("program", [each.name for each in catalogue.servers()])
def test_every_server_echoes_in_its_container(engine: Engine, own_swap: str, program: str) -> None:
    protocol = program.partition("_")[0]
    ended = lab_command("up", "--name", own_swap, "--server", f"{protocol}={program}")
    assert ended.code == 0, ended.err
    lab = engine.lab(own_swap)
    assert lab.node(f"{protocol}-server").program == program
    if protocol == "udp":
        assert measure.udp(engine, lab, **SMALL)["received"] == 200
    else:
        report = measure.tcp(engine, lab, count=50, size=64, streams=1, timeout_ms=10_000.0)
        assert report["received"] == 50


@pytest.fixture(scope="module")
def own_swap(engine: Engine) -> Iterator[str]:
    """One lab for all of them, whose server is swapped."""
    yield from _new_name(engine, "t-swap")


def test_compose_alone_gives_a_lab(engine: Engine, own_name: str) -> None:
    environment = {**os.environ, "TCP_SERVER": "tcp_selectors", "COMPOSE_PROJECT_NAME": own_name}

    def docker_compose(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "compose", *words], cwd=compose.ROOT, env=environment,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    up = docker_compose("up", "-d")
    assert up.returncode == 0, up.stderr

    def said(module: str, server: str) -> str:
        words = ("exec", "-T", "-u", "lab", "client", "python3", "-m", f"lab.node.echo.{module}")
        return docker_compose(*words, server, "hello").stdout

    until(lambda: said("tcp_client", "tcp-server").startswith("hello"), "TCP echoes")
    until(lambda: said("udp_client", "udp-server").startswith("hello"), "UDP echoes")
    assert engine.lab(own_name).node("tcp-server").program == "tcp_selectors"
    assert docker_compose("down").returncode == 0
    assert left(engine, own_name) == (0, 0)


def test_two_ups_at_once_make_one_lab(engine: Engine, own_name: str) -> None:
    both = [
        subprocess.Popen([*LAB, "up", "--name", own_name], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=60)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert left(engine, own_name) == (4, 1)


def test_ctrl_c_during_up_leaves_nothing(engine: Engine, own_name: str) -> None:
    up = subprocess.Popen([*LAB, "up", "--name", own_name], stderr=subprocess.PIPE, text=True)
    until(lambda: engine.find(own_name), "the first container is there")
    up.send_signal(signal.SIGINT)
    assert up.stderr
    said = up.stderr.read()
    up.stderr.close()
    assert up.wait(30) == 130, said
    assert left(engine, own_name) == (0, 0)


def test_a_name_that_is_somebody_elses_is_refused(engine: Engine, own_name: str) -> None:
    container = engine.client.api.create_container(
        images.NODE, labels={"com.docker.compose.project": own_name}
    )["Id"]
    try:
        ended = lab_command("up", "--name", own_name)
        assert (ended.code, ended.err) == (
            2, f"--name: '{own_name}' is a Compose project that is no lab; choose another\n",
        )  # fmt: skip
    finally:
        engine.client.api.remove_container(container)


def test_the_image_travels_in_a_file(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "lab.tar"
    ended = lab_command("image", "save", str(file))
    assert ended.code == 0, ended.err
    assert file.stat().st_size > 50_000_000
    ended = lab_command("image", "load", str(file))
    assert (ended.code, ended.out) == (0, f"loaded {images.NODE} from {file}\n"), ended.err
    (tmp_path / "no.tar").write_bytes(b"no image")
    for name, why in (("no.tar", "is no image"), ("nowhere.tar", "is not there")):
        ended = lab_command("image", "load", str(tmp_path / name))
        assert ended.code == 2
        assert why in ended.err
        assert ended.err.count("\n") == 1
