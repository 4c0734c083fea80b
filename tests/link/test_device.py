"""The program on a real TUN device: what it sets up, what is left of it, and its control."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .net import CLIENT, SERVER, SUBNET, LinkProcess, Net, run, until, within

IP_RECVTTL = 12  # linux/in.h; socket has no name for it
SO_RCVBUFFORCE = 33
PORT = 7


class Pair:
    """A datagram socket at either end."""

    def __init__(self, hosts: Net) -> None:
        self.client = hosts.socket(hosts.client, socket.SOCK_DGRAM)
        self.server = hosts.socket(hosts.server, socket.SOCK_DGRAM)
        # By force: 11 000 datagrams are more than an ordinary limit holds.
        self.server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.server.bind((SERVER, PORT))
        self.client.connect((SERVER, PORT))
        self.server.connect(self.client.getsockname())

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.close()

    def send(self, count: int) -> None:
        for number in range(1, count + 1):
            self.client.send(b"%d" % number)

    def received(self) -> list[int]:
        """What has reached the server by now."""
        got = []
        self.server.setblocking(False)
        try:
            while True:
                got.append(int(self.server.recv(100)))
        except BlockingIOError:
            return got
        finally:
            self.server.settimeout(20)


def left_on(hosts: Net) -> tuple[bool, str]:
    """Whether the rule is there, and what is in the table."""
    rules = hosts.ip(hosts.wan, "rule", "show")
    done = subprocess.run(
        ["ip", "-n", hosts.wan, "route", "show", "table", "100"],
        capture_output=True,
        text=True,
        check=False,
    )
    return "iif eth0 lookup 100" in rules, done.stdout


def in_wan(hosts: Net, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["ip", "netns", "exec", hosts.wan, sys.executable, "-m", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)


def test_ready_says_what_it_is(link: LinkProcess) -> None:
    assert link.ready.pop("pid") > 0
    assert link.ready == {
        "event": "ready",
        "interface": "eth0",
        "tun": "link0",
        "mtu": 1500,
        "socket": str(link.path),
    }


def test_it_costs_one_hop(hosts: Net, link: LinkProcess) -> None:
    with Pair(hosts) as pair:
        pair.server.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        pair.client.send(b"hop")
        _, ancillary, _, _ = pair.server.recvmsg(100, 100)
    assert [int.from_bytes(data[:4], sys.byteorder) for _, _, data in ancillary] == [63]
    assert link.ask({"do": "state"})["untouched"] == 1


def test_wan_answers_for_itself_when_the_last_hop_is_spent(hosts: Net, link: LinkProcess) -> None:
    # What traceroute sees: the first hop is wan, the second the server.
    with Pair(hosts) as pair:
        pair.client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        pair.client.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
        pair.client.send(b"1")
        with pytest.raises(OSError, match="No route to host"):
            pair.client.recv(100)
        pair.client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2)
        pair.client.send(b"2")
        assert pair.server.recv(100) == b"2"


def test_strict_reverse_path_filter_lets_it_in(hosts: Net, tmp_path: Path) -> None:
    strict = Path("/proc/sys/net/ipv4/conf/all/rp_filter")
    with within(hosts.wan):
        before = strict.read_text()
        strict.write_text("1")
    try:
        with LinkProcess(hosts, tmp_path), Pair(hosts) as pair:
            pair.send(1)
            assert pair.server.recv(100) == b"1"
            pair.server.send(b"2")
            assert pair.client.recv(100) == b"2"
    finally:
        with within(hosts.wan):
            strict.write_text(before)


def test_own_traffic_of_wan_does_not_pass(hosts: Net, link: LinkProcess) -> None:
    link.set(impairments={"server": {"loss": 1}, "client": {"loss": 1}})
    with (
        hosts.socket(hosts.wan, socket.SOCK_DGRAM) as wan,
        hosts.socket(hosts.server, socket.SOCK_DGRAM) as server,
    ):
        server.bind((SERVER, 9))
        wan.sendto(b"own", (SERVER, 9))
        data, sender = server.recvfrom(100)
        server.sendto(data, sender)
        assert wan.recv(100) == b"own"


def test_ledger_closes_over_the_device(hosts: Net, link: LinkProcess) -> None:
    link.set(
        seed=3,
        impairments={"server": {"loss": 0.1, "duplicate": 0.1, "delay_ms": 2, "corrupt": 0.1}},
    )
    with Pair(hosts) as pair:
        pair.send(500)
        until(lambda: link.counters("server")["in"] == 500)
        counters = until(lambda: (c := link.counters("server"))["delayed_now"] == 0 and c)
        received = len(until(pair.received))
    assert 500 + counters["duplicated"] == counters["passed"] + counters["lost"]
    # Whatever a flipped bit hits, the header's checksum or UDP's own finds it.
    assert received == counters["passed"] - counters["corrupted"]
    assert counters["broken"] > 0
    assert link.ask({"do": "state"})["tun"] == {"dropped": 0}


def test_seed_drops_the_same_datagrams_again(hosts: Net, link: LinkProcess) -> None:
    runs = []
    with Pair(hosts) as pair:
        for _ in range(2):
            link.set(seed=7, impairments={"server": {"loss": 0.2}})
            before = link.counters("server")["in"]
            pair.send(200)
            until(lambda start=before: link.counters("server")["in"] == start + 200)
            runs.append(pair.received())
    assert runs[0] == runs[1]
    assert len(runs[0]) < 200


def test_unread_packets_are_counted_as_ours(hosts: Net, link: LinkProcess) -> None:
    with Pair(hosts) as pair:
        link.process.send_signal(signal.SIGSTOP)
        pair.send(11_000)
        link.process.send_signal(signal.SIGCONT)
        state = until(
            lambda: (
                (s := link.ask({"do": "state"}))["untouched"] + s["tun"]["dropped"] == 11_000 and s
            )
        )
    assert state["tun"]["dropped"] > 900


def test_change_while_traffic_flows_drops_nothing(hosts: Net, link: LinkProcess) -> None:
    settings: list[dict[str, Any]] = [{"delay_ms": 30}, {"delay_ms": 5}, {}]
    with Pair(hosts) as pair:
        for impairment in settings:
            link.set(impairments={"server": impairment})
            pair.send(100)
        until(lambda: link.counters("server")["passed"] == 300)
        assert pair.received() == [*range(1, 101)] * 3


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_and_what_waits_is_delivered(
    hosts: Net, tmp_path: Path, ending: signal.Signals
) -> None:
    with LinkProcess(hosts, tmp_path) as link, Pair(hosts) as pair:
        assert left_on(hosts)[0]
        link.set(impairments={"server": {"delay_ms": 60_000}})
        pair.send(3)
        until(lambda: link.counters("server")["delayed_now"] == 3)
        link.process.send_signal(ending)
        assert link.process.wait(5) == 0
        assert left_on(hosts) == (False, "")
        assert [int(pair.server.recv(100)) for _ in range(3)] == [1, 2, 3]
        assert not link.path.exists()
        pair.send(1)
        assert pair.server.recv(100) == b"1"


def test_killed_it_fails_closed_and_the_next_one_heals(hosts: Net, tmp_path: Path) -> None:
    with LinkProcess(hosts, tmp_path) as first:
        first.process.kill()
        first.process.wait(5)
    rule, routes = left_on(hosts)
    assert rule and "link0" not in routes and "blackhole default" in routes
    with Pair(hosts) as pair:
        pair.send(1)
        with LinkProcess(hosts, tmp_path):
            pair.send(2)
            # The first one fell into the hole; both of these come through.
            assert [pair.server.recv(100), pair.server.recv(100)] == [b"1", b"2"]
        assert pair.received() == []
    assert left_on(hosts) == (False, "")


def test_teardown_takes_away_what_was_left_and_may_be_repeated(hosts: Net, tmp_path: Path) -> None:
    with LinkProcess(hosts, tmp_path) as link:
        link.process.kill()
        link.process.wait(5)
    for _ in range(2):
        done = in_wan(hosts, "lab.node.link", "teardown")
        assert (done.returncode, done.stderr) == (0, "")
        assert left_on(hosts) == (False, "")
    main = hosts.ip(hosts.wan, "route", "show")
    assert main.startswith(SUBNET)


def test_second_one_is_refused_and_harms_nothing(
    hosts: Net, link: LinkProcess, tmp_path: Path
) -> None:
    done = in_wan(hosts, "lab.node.link", "--socket", str(tmp_path / "other.sock"))
    assert done.returncode == 1
    assert done.stderr == "link0: Device or resource busy; needs NET_ADMIN and no other link\n"
    assert left_on(hosts)[0]
    with Pair(hosts) as pair:
        pair.send(1)
        assert pair.server.recv(100) == b"1"


def test_interface_that_is_not_there_is_named(hosts: Net, tmp_path: Path) -> None:
    done = in_wan(hosts, "lab.node.link", "--interface", "eth7", "--socket", str(tmp_path / "s"))
    assert done.returncode == 1
    assert done.stderr == 'ip -j link show dev eth7: Device "eth7" does not exist.\n'


def control(link: LinkProcess, request: str) -> subprocess.CompletedProcess[str]:
    words = ["lab.node.link.control", request, "--socket", str(link.path)]
    argv = [sys.executable, "-m", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)


def test_control_client(link: LinkProcess) -> None:
    config = {"servers": [SERVER], "seed": 1, "clients": {CLIENT: {"server": {"loss": 0.5}}}}
    done = control(link, json.dumps({"do": "set", "config": config}))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer.keys(), answer["set"]) == (0, {"set", "since_ns"}, True)
    done = control(link, '{"do": "state"}')
    state = json.loads(done.stdout)
    assert state["config"] == config
    assert set(state) == {"config", "counters", "untouched", "late", "rules", "tun"}
    names = {"in", "duplicated", "passed", "lost", "ruled", "overflowed", "overrun", "corrupted",
             "broken", "reordered", "delayed_now"}  # fmt: skip
    assert {way: set(counts) for way, counts in state["counters"].items()} == {
        "server": names,
        "client": names,
    }


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        ('{"do": "set", "config": {"seed": "x"}}', "seed: 'x' is not a whole number or null\n"),
        ('{"do": "fly"}', "do: 'fly' is not one of set, state, log\n"),
        ("[]", "do: None is not one of set, state, log\n"),
        ('{"do": "log"}', "log: False is not kept; set log to true\n"),
        ('{"do": "log", "since": -1}', "since: -1 is not a whole number from 0 on\n"),
        ("{", "request: no JSON: "),
        ('{"do": "set"}', "config: None is not an object\n"),
    ],
)
def test_control_client_says_why_not(link: LinkProcess, request_text: str, said: str) -> None:
    done = control(link, request_text)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_control_client_without_a_link(tmp_path: Path) -> None:
    path = str(tmp_path / "none.sock")
    argv = [sys.executable, "-m", "lab.node.link.control", '{"do": "state"}', "--socket", path]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr == f"{path}: no link answers: No such file or directory\n"


def test_log_comes_whole_through_the_client(hosts: Net, link: LinkProcess) -> None:
    link.set(log=True)
    with Pair(hosts) as pair:
        pair.send(1200)
        until(lambda: link.counters("server")["in"] == 1200)
    fates = link.fates()
    assert [fate["n"] for fate in fates] == [*range(1, 1201)]
    assert {fate["fate"] for fate in fates} == {"passed"}


def test_slow_client_of_the_control_holds_nobody_up(link: LinkProcess) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as slow:
        slow.connect(str(link.path))
        slow.sendall(b'{"do":')
        assert link.ask({"do": "state"})["untouched"] == 0
        slow.sendall(b' "state"}\n')
        slow.settimeout(5)
        assert json.loads(slow.makefile().read())["untouched"] == 0


def test_nonsense_at_the_control_does_not_end_it(link: LinkProcess) -> None:
    for nonsense in (b"[" * 200_000 + b"\n", b"\xff\n", b""):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
            visitor.settimeout(5)
            visitor.connect(str(link.path))
            visitor.sendall(nonsense)
            visitor.shutdown(socket.SHUT_WR)
            assert "refused" in json.loads(visitor.makefile().read())
    assert link.ask({"do": "state"})["untouched"] == 0


def test_mtu_is_the_interfaces(hosts: Net, tmp_path: Path) -> None:
    hosts.ip(hosts.wan, "link", "set", "eth0", "mtu", "1400")
    try:
        with LinkProcess(hosts, tmp_path) as link:
            assert link.ready["mtu"] == 1400
            shown = json.loads(run("ip", "-n", hosts.wan, "-j", "link", "show", "link0"))
            assert (shown[0]["mtu"], shown[0]["txqlen"]) == (1400, 10_000)
    finally:
        hosts.ip(hosts.wan, "link", "set", "eth0", "mtu", "1500")
