"""Captures of a real lab agree with wan's counters and with the probe, to the packet."""

from pathlib import Path

import dpkt  # type: ignore[import-untyped]
import pytest

from lab import measure
from lab.capture import stations
from lab.capture.join import packets
from lab.capture.stations import capturing
from lab.engine import Engine
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.nodes import Lab

ROUGH = Impairment(loss=0.05, duplicate=0.1, delay_ms=5, jitter_ms=3)


@pytest.mark.parametrize("kind", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("backend", "impairment"),
    [("tc-bpf", Impairment(loss=0.1)), ("userspace", Impairment(loss=0.1)), ("userspace", ROUGH)],
)
def test_capture_counters_and_probe_agree(
    engine: Engine, lab: Lab, tmp_path: Path, kind: str, backend: str, impairment: Impairment
) -> None:
    link, file = Link(engine, lab), tmp_path / "a.pcapng"
    before = link.set(dict.fromkeys(Direction, impairment), backend)
    with capturing(engine, lab, file, comment="a test") as capture:
        if kind == "udp":
            report = measure.udp(engine, lab, count=500, size=64, interval_ms=1, timeout_ms=500)
        else:
            report = measure.tcp(engine, lab, count=100, size=64, streams=4, timeout_ms=20_000)
            assert measure.quiet(engine, lab, 40) is None
    after = link.state()
    account = capture.account
    assert account.complete
    counted = {way: after.counters[way] - before.counters[way] for way in Direction}
    assert account.against_wan(counted) == []
    assert account.against_probe(report) == []
    again = packets(file)
    told = account.as_dict()[kind]
    for way in ("toward_server", "toward_client"):
        there = [p for p in again if p.target.endswith("-server") == (way == "toward_server")]
        assert sum(p.fate == "lost" and not p.copy_of for p in there) == told[way]["lost"]
    with file.open("rb") as opened:
        assert sum(1 for _ in dpkt.pcapng.Reader(opened)) >= sum(
            told[way]["wan_in"] + told[way]["wan_out"] for way in told
        )
    for node in lab.nodes:
        assert engine.run(node, ["pgrep", "tcpdump"]).code == 1
        assert engine.run(node, ["test", "-e", "/tmp/netlab-capture"]).code == 1  # noqa: S108


def test_nothing_stays_after_ctrl_c(engine: Engine, lab: Lab, tmp_path: Path) -> None:
    def interrupted() -> None:
        with capturing(engine, lab, tmp_path / "a.pcapng"):
            assert None not in stations.status(engine, lab).values()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert set(stations.status(engine, lab).values()) == {None}
    for node in lab.nodes:
        assert engine.run(node, ["pgrep", "tcpdump"]).code == 1


def test_a_second_capture_is_refused_and_the_first_goes_on(
    engine: Engine, lab: Lab, tmp_path: Path
) -> None:
    with capturing(engine, lab, tmp_path / "a.pcapng"):
        with (
            pytest.raises(stations.AlreadyRuns),
            capturing(engine, lab, tmp_path / "b.pcapng"),
        ):
            pass
        assert None not in stations.status(engine, lab).values()
    assert (tmp_path / "a.pcapng").is_file()
