"""Both probes through a router that drops: UDP loses it, TCP repairs it. Needs root."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import netns
from .peers import Report, command

if os.geteuid() != 0:
    pytest.skip("network namespaces need root", allow_module_level=True)
if not (shutil.which("ip") and shutil.which("tc")):
    pytest.skip("network namespaces need iproute2: ip and tc", allow_module_level=True)

LOSS = 0.1
PORT = 7


@pytest.fixture(scope="module")
def lossy() -> Iterator[netns.Net]:
    peer = Path(__file__).with_name("echo_peer.py")
    with netns.network(toward_server=LOSS, toward_client=LOSS) as net:
        words = [*netns.at(net.server), sys.executable, str(peer), str(PORT)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                assert server.stdout.readline() == "ready\n"
                yield net
            finally:
                server.kill()


def probe(net: netns.Net, kind: str, *options: object) -> Report:
    words = [*netns.at(net.client), *command(kind, PORT, *options, host=netns.SERVER)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    report: Report = json.loads(done.stdout)
    return report


def test_udp_loses_what_the_network_drops(lossy: netns.Net) -> None:
    report = probe(lossy, "udp", "--count", 2000, "--rate", 4000, "--timeout", 0.5)
    assert report["sent"] == 2000
    # Both ways: 1 - 0.9 * 0.9 = 0.19 of 2 000 is 380, standard deviation 17.5; eight of them.
    assert 240 <= report["lost"] <= 520
    assert report["buffer_drops"] == 0
    arrived = [report[key] for key in ("received", "late", "duplicated", "corrupted")]
    # The namespace is the probe's alone, so the kernel's count is the same, exactly.
    assert report["kernel"]["Udp.InDatagrams"] == sum(arrived)
    assert report["kernel"]["Udp.OutDatagrams"] == report["sent"]


def test_tcp_delivers_everything_and_pays_for_it(lossy: netns.Net) -> None:
    report = probe(lossy, "tcp", "--count", 2000, "--timeout", 55)
    assert (report["sent"], report["received"]) == (2000, 2000)
    assert report["corrupted"] == report["failed"] == report["missing"] == 0
    assert report["retransmissions"] > 0
    # The kernel counts every retransmission of the namespace: ours, and of FINs after our last look
    assert report["kernel"]["Tcp.RetransSegs"] >= report["retransmissions"]
    assert report["rtt_ms"]["max"] > report["rtt_ms"]["p50"]
