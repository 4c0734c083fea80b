"""Captures of a real lab agree with wan's counters, the kernels' and the probe, to the packet."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dpkt  # type: ignore[import-untyped]
import pytest

from lab import measure
from lab.capture import stations, tcpdump
from lab.capture.join import packets
from lab.capture.stations import capturing
from lab.engine import Engine
from lab.errors import LabError
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import Lab, Node
from tests.lab.conftest import lab_command, until

WAYS = {"toward_server": Direction.TOWARD_SERVER, "toward_client": Direction.TOWARD_CLIENT}
LINKS = {
    "kernel, loss": ("tc-bpf", Impairment(loss=0.1)),
    "kernel, rate and loss": ("tc-bpf", Impairment(rate_bps=2_000_000, loss=0.03)),
    "user space, loss": ("userspace", Impairment(loss=0.1)),
    "user space, all at once": (
        "userspace",
        Impairment(loss=0.05, duplicate=0.1, delay_ms=5, jitter_ms=3, reorder=0.1),
    ),
    "user space, rate and copies": (
        "userspace",
        Impairment(rate_bps=2_000_000, duplicate=0.05, loss=0.03),
    ),
}


@pytest.fixture
def nothing_left(engine: Engine, lab: Lab) -> Iterator[None]:
    """Whatever the test does, no node has a process or a file of a capture afterwards."""
    yield
    found = engine.find(lab.name)
    assert found
    for node in found.nodes:
        assert not _leftovers(engine, node), node.name


def _leftovers(engine: Engine, node: Node) -> str:
    script = f"pgrep tcpdump; ls -d {tcpdump.FOLDER} 2>/dev/null"
    return engine.run(node, ["sh", "-c", script], user="root").stdout


def _measure(engine: Engine, lab: Lab, kind: str) -> dict[str, Any]:
    if kind == "udp":
        return measure.udp(engine, lab, count=500, size=64, interval_ms=1, timeout_ms=500)
    return measure.tcp(engine, lab, count=200, size=64, streams=10, timeout_ms=20_000)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("kind", ["udp", "tcp"])
@pytest.mark.parametrize("link", LINKS)
def test_capture_counters_and_probe_agree(
    engine: Engine, lab: Lab, tmp_path: Path, kind: str, link: str
) -> None:
    backend, impairment = LINKS[link]
    Link(engine, lab).set(dict.fromkeys(Direction, impairment), backend)
    with capturing(engine, lab, tmp_path / "a.pcapng", comment="a test") as capture:
        report = _measure(engine, lab, kind)
    account = capture.account
    assert (account.unchecked, account.contradictions) == ([], [])
    assert account.against_probe(report) == []
    told = account.as_dict()
    assert told["agrees"]
    for way in WAYS:
        sums, wan = told[kind][way], told["counted"]["wan"][way]
        # Said once more, without the module that is under test.
        assert sums["packets"] == sums["wan_in"]
        assert (
            sums["wan_in"] + wan["duplicated"] == sums["wan_out"] + wan["lost"] + wan["overflowed"]
        )
        assert sums["wan_out"] == wan["passed"]
        assert sums["arrived"] + sums["copies_arrived"] == sums["wan_out"]
        assert sums["packets"] == sums["arrived"] + sums["lost"]
    if kind == "tcp":
        for node, way in (("client-1", "toward_server"), ("tcp-server", "toward_client")):
            kernel = told["counted"]["nodes"][node]
            assert told["tcp"][way]["repeated"] == kernel["Tcp.RetransSegs"]
    _file_says_the_same(tmp_path / "a.pcapng", told, kind)


def _file_says_the_same(file: Path, told: dict[str, Any], kind: str) -> None:
    again = packets(file)
    for way in WAYS:
        there = [p for p in again if p.target.endswith("-server") == (way == "toward_server")]
        assert sum(p.fate == "lost" and not p.copy_of for p in there) == told[kind][way]["lost"]
        assert sum(p.overtaken for p in there) == told[kind][way]["overtaken"]
    with file.open("rb") as opened:
        frames = sum(1 for _ in dpkt.pcapng.Reader(opened))
    stages = ("packets", "wan_in", "wan_out", "arrived", "copies_arrived")
    assert frames == sum(told[kind][way][stage] for way in WAYS for stage in stages)


@pytest.mark.usefixtures("nothing_left")
def test_a_frame_that_the_bridge_floods_is_seen_where_it_belongs(
    engine: Engine, lab: Lab, tmp_path: Path
) -> None:
    client, wan = lab.node("client"), lab.node("wan")
    nobody = client.address.rpartition(".")[0] + ".250"
    away = ["ip", "neigh", "replace", nobody, "lladdr", "02:00:00:00:00:99", "dev", "eth0"]
    assert engine.run(wan, away, user="root").code == 0
    try:
        with capturing(engine, lab, tmp_path / "a.pcapng") as capture:
            send = f"import socket; socket.socket(2, 2).sendto(b'x', ('{nobody}', 9))"
            assert engine.run(client, ["python3", "-c", send]).code == 0
    finally:
        engine.run(wan, ["ip", "neigh", "del", nobody, "dev", "eth0"], user="root")
    (packet,) = [each for each in packets(tmp_path / "a.pcapng") if each.target == nobody]
    assert (packet.source, packet.fate) == ("client-1", "lost")
    assert packet.wan_out_ns is not None
    assert capture.account.agrees


@pytest.mark.usefixtures("nothing_left")
def test_ctrl_c_leaves_nothing(engine: Engine, lab: Lab, tmp_path: Path) -> None:
    def interrupted() -> None:
        with capturing(engine, lab, tmp_path / "a.pcapng"):
            assert None not in stations.status(engine, lab).values()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("at", ["start", "stop"])
def test_ctrl_c_in_the_middle_of_it_leaves_nothing(
    engine: Engine, lab: Lab, tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(tcpdump, at)

    def interrupted(engine: Engine, node: Node, *words: Any, **named: Any) -> object:
        found = real(engine, node, *words, **named)
        if node.name == "udp-server":
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(tcpdump, at, interrupted)
    with pytest.raises(KeyboardInterrupt), capturing(engine, lab, tmp_path / "a.pcapng"):
        pass


@pytest.mark.usefixtures("nothing_left")
def test_the_bound_is_in_bytes_and_told(engine: Engine, lab: Lab, tmp_path: Path) -> None:
    most = 20_480
    with capturing(engine, lab, tmp_path / "a.pcapng", most_bytes=most) as capture:
        report = measure.udp(engine, lab, count=200, size=64, interval_ms=1, timeout_ms=500)
        assert max(filter(None, stations.status(engine, lab).values())) <= most
    account = capture.account
    # 200 requests and 200 replies at client and server; each twice at wan. 24 + n * (16 + 106).
    room = (most - 24) // 122
    assert report["received"] == 200
    for name, frames in (("wan", 800), ("client-1", 400), ("udp-server", 400)):
        # ARP and multicast, if there was any, is more than the echoes.
        assert frames - room <= account.bounded[name] <= frames - room + 40
    assert (account.complete, account.agrees) == (False, None)
    assert account.unchecked == ["not every frame was captured"]


def test_a_node_that_dies_is_told_in_one_line(
    engine: Engine, own_name: str, tmp_path: Path
) -> None:
    assert lab_command("up", "--name", own_name).code == 0
    lab = engine.lab(own_name)

    def dies() -> None:
        with capturing(engine, lab, tmp_path / "a.pcapng"):
            engine.client.api.kill(lab.node("udp-server").container)
            until(lambda: engine.find(own_name).node("udp-server").state == "exited", "it is dead")  # type: ignore[union-attr]

    with pytest.raises(LabError, match=r"^udp-server does not run any more; mend it: lab up$"):
        dies()
    for node in lab.nodes:
        if node.name != "udp-server":
            assert not _leftovers(engine, node)


@pytest.mark.usefixtures("nothing_left")
def test_the_commands(engine: Engine, lab: Lab, tmp_path: Path) -> None:
    name = ("--name", lab.name)
    start = f"lab capture start --name {lab.name}"
    none = f"lab {lab.name!r}: no capture runs; start one: {start}\n"
    assert lab_command("capture", "stop", *name) == (1, "", none)
    idle = lab_command("capture", "status", *name)
    assert idle.out.count("captures nothing") == len(lab.nodes)
    assert lab_command("capture", "start", *name).code == 0
    again = lab_command("capture", "start", *name)
    assert (again.code, again.err.count("\n")) == (1, 1)
    assert "a capture runs already; end it: lab capture stop" in again.err
    status = lab_command("capture", "status", "--json", *name)
    assert '"wan": ' in status.out
    assert "null" not in status.out
    measure.udp(engine, lab, count=20, size=64, interval_ms=1, timeout_ms=500)
    ended = lab_command("capture", "stop", "--out", str(tmp_path), *name)
    assert ended.code == 0, ended.err
    (file,) = tmp_path.glob("capture-*.pcapng")
    assert file.name in ended.err
    assert "agree" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 100


@pytest.mark.usefixtures("nothing_left")
def test_tcpdump_reads_what_we_write(engine: Engine, lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "a.pcapng"
    with capturing(engine, lab, file) as capture:
        measure.udp(engine, lab, count=20, size=64, interval_ms=1, timeout_ms=500)
    assert capture.account.of("udp", Direction.TOWARD_SERVER).packets == 20
    read = f"import sys; open('{tcpdump.FOLDER}.in', 'wb').write(bytes.fromhex(sys.stdin.read()))"
    argv = ["docker", "exec", "-i", lab.node("client").container]
    for words, given in (
        (["python3", "-c", read], file.read_bytes().hex()),
        (["tcpdump", "-n", "-r", f"{tcpdump.FOLDER}.in", "udp", "and", "port", "7"], ""),
        (["rm", f"{tcpdump.FOLDER}.in"], ""),
    ):
        done = subprocess.run(
            [*argv, *words], input=given, capture_output=True, text=True, check=True
        )
        if words[0] == "tcpdump":
            assert done.stdout.count("UDP, length 64") == 160, done.stderr
            print(done.stdout, file=sys.stderr)
