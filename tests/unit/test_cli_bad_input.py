"""Bad input: one line that says what, where, got and allowed; exit code 2; nothing touched."""

from pathlib import Path

import pytest

from lab import catalogue, cli
from lab.engine import Engine

SHARE = "allowed 0% to 100%"
RATES = "8kbit to 100gbit"
CASES: list[tuple[str, str]] = [
    ("impair --loss 10", "--loss: '10' has no unit; write 10%"),
    ("impair --loss 0.1", "--loss: '0.1' has no unit; write 0.1% or 10%"),
    ("impair --loss 10percent", "--loss: '10percent' is no percentage; write 10%"),
    ("impair --loss -5%", f"--loss: '-5%' is out of range; {SHARE}"),
    ("impair --loss 101%", f"--loss: '101%' is out of range; {SHARE}"),
    ("impair --loss nan%", "--loss: 'nan%' is no percentage; write 10%"),
    ("impair --loss %", "--loss: '%' is no percentage; write 10%"),
    ("impair --loss ten", "--loss: 'ten' is no percentage; write 10%"),
    ("impair --delay 40", "--delay: '40' has no unit; write 40ms (us, ms, s)"),
    ("impair --delay 40sec", "--delay: '40sec' is no duration; write 40ms (us, ms, s)"),
    ("impair --delay -1ms", "--delay: '-1ms' is out of range; allowed 0ms to 3600s"),
    ("impair --delay 3601s", "--delay: '3601s' is out of range; allowed 0ms to 3600s"),
    ("impair --rate 10", "--rate: '10' has no unit; write 1mbit (bit, kbit, mbit, gbit)"),
    (
        "impair --rate 1mbps",
        "--rate: '1mbps' may mean bytes; write bits, 1mbit (bit, kbit, mbit, gbit)",
    ),
    ("impair --rate 0bit", f"--rate: '0bit' is out of range; allowed {RATES}"),
    ("impair --rate 200gbit", f"--rate: '200gbit' is out of range; allowed {RATES}"),
    ("impair --rate 1kbit", f"--rate: '1kbit' is out of range; allowed {RATES}"),
    ("impair --rate fast", "--rate: 'fast' is no rate; write 1mbit (bit, kbit, mbit, gbit)"),
    (
        "impair --toward sideways",
        "--toward: 'sideways' is none of these; allowed: server, client, both",
    ),
    (
        "impair --backend foo",
        "--backend: 'foo' is none of these; allowed: auto, netem, tc-bpf, userspace",
    ),
    ("impair --clear --loss 1%", "--clear: '--loss' can't come with it; give the one or the other"),
    (
        "impair --clear --rate 1mbit",
        "--clear: '--rate' can't come with it; give the one or the other",
    ),
    (
        "impair --jitter 5ms",
        "--jitter: '5ms' makes no sense without delay; add it, or leave this out",
    ),
    (
        "impair --delay 5ms --jitter 6ms",
        "--jitter: '6ms' is more than the delay; allowed 0ms to 5ms",
    ),
    (
        "impair --reorder 10%",
        "--reorder: '10%' makes no sense without delay; add it, or leave this out",
    ),
    (
        "impair --loss 5% --loss-correlation 101%",
        f"--loss-correlation: '101%' is out of range; {SHARE}",
    ),
    (
        "impair --loss 3% --gemodel 1%",
        "--gemodel: '1%' does not go with loss: two models of loss; choose one",
    ),
    (
        "impair --delay 5ms --jitter 1ms --distribution bell",
        "--distribution: 'bell' is none of these; allowed uniform, normal, pareto, paretonormal",
    ),
    (
        "impair --limit 5",
        "--limit: '5' makes no sense without rate or delay; add it, or leave this out",
    ),
    ("impair --clear --seed 3", "--clear: '--seed' can't come with it; give the one or the other"),
    ("impair --seed x", "--seed: 'x' is no whole number; allowed 0 to 9223372036854775807"),
    (
        "impair --profile lan --loss 1%",
        "--profile: '--loss' can't come with it; give the one or the other",
    ),
    (
        "impair --profile moon",
        "--profile: 'moon' is no profile; allowed lan, wifi, lossy-wifi, dsl, 4g, satellite-geo, "
        "bufferbloat",
    ),
    (
        "impair --outage 3s --schedule nowhere.yaml",
        "--schedule: 'nowhere.yaml' can't be read (No such file or directory)",
    ),
    ("impair --outage 0s", "--outage: '0s' is out of range; allowed 1ms to 3600s"),
    (
        "impair --rules nowhere.yaml",
        "--rules: 'nowhere.yaml' can't be read (No such file or directory)",
    ),
    (
        "impair --at 5s",
        "--at: '5s' is no step; write a time and what happens, as 5s loss 10% or 5s down",
    ),
    (
        "up --scale tcp-server=2",
        "--scale: 'tcp-server=2' is no scale; write client=N, N from 1 to 100",
    ),
    ("up --scale 3", "--scale: '3' is no scale; write client=N, N from 1 to 100"),
    ("up --scale client=", "--scale: 'client=' is no scale; write client=N, N from 1 to 100"),
    ("up --scale client=0", "--scale client: '0' is out of range; allowed 1 to 100"),
    ("up --scale client=101", "--scale client: '101' is out of range; allowed 1 to 100"),
    ("up --scale client=x", "--scale client: 'x' is no whole number; allowed 1 to 100"),
    ("up --server http=x", "--server: 'http=x' is no server; write tcp=PROGRAM or udp=PROGRAM"),
    ("up --server tcp", "--server: 'tcp' is no server; write tcp=PROGRAM or udp=PROGRAM"),
    (
        "up --server udp=tcp_pool",
        "--server udp: 'tcp_pool' is no udp server; allowed: udp_asyncio, udp_socket, "
        "udp_socketserver, udp_socketserver_threading",
    ),
    (
        "up --server tcp=tcp_pool --server tcp=tcp_asyncio",
        "--server: 'tcp=tcp_asyncio' comes after tcp=tcp_pool; give one",
    ),
    ("probe udp --count 0", "--count: '0' is out of range; allowed 1 to 10000000"),
    ("probe udp --count -1", "--count: '-1' is out of range; allowed 1 to 10000000"),
    ("probe udp --count x", "--count: 'x' is no whole number; allowed 1 to 10000000"),
    ("probe tcp --count 1e3", "--count: '1e3' is no whole number; allowed 1 to 10000000"),
    ("probe udp --size 19", "--size: '19' is out of range; allowed 20 to 65507"),
    ("probe udp --size 65508", "--size: '65508' is out of range; allowed 20 to 65507"),
    ("probe udp --interval 1", "--interval: '1' has no unit; write 40ms (us, ms, s)"),
    ("probe udp --interval 0ms", "--interval: '0ms' is out of range; allowed 10us to 60s"),
    ("probe udp --timeout 0ms", "--timeout: '0ms' is out of range; allowed 1ms to 60s"),
    ("probe tcp --streams 0", "--streams: '0' is out of range; allowed 1 to 1000"),
    ("probe tcp --streams 1001", "--streams: '1001' is out of range; allowed 1 to 1000"),
    ("probe icmp", "lab probe: 'icmp' is no command; allowed: tcp, udp"),
    (
        "run nope",
        f"SCENARIO: 'nope' is no scenario; allowed: {', '.join(catalogue.scenarios())}, "
        "or a file such as mine.yaml",
    ),
    ("run nope.yaml", "SCENARIO: 'nope.yaml' can't be read (No such file or directory)"),
    ("run --all loss", "--all: 'loss' can't come with it; give the one or the other"),
    ("run --resume loss", "--resume: 'loss' can't come with it; give the one or the other"),
    (
        "run --resume --all --out nowhere",
        "--resume: 'nowhere' has no summary.json; give the folder of a run, as results/…",
    ),
    (
        "run --resume --capture",
        "--resume: '--capture' can't come with it; give the one or the other",
    ),
    ("run tcp-law --capture", "--capture: 'tcp-law' keeps no packets; allowed with scenario files"),
    (
        "run --resume --out nowhere",
        "--resume: 'nowhere' has no result.json; give the folder of a run, as results/…",
    ),
    ("report nowhere", "DIR: 'nowhere' has no result.json; give the folder of a run, as results/…"),
    ("report", "lab report: DIR is missing; see lab report --help"),
    ("run", "lab run: SCENARIO is missing; see lab run --help"),
    ("run loss extra", "lab run: got unexpected extra argument (extra); see lab run --help"),
    ("status --verbose", "lab status: '--verbose' is no option; allowed: --help, --json, --name"),
    ("shell --user bob", "--user: 'bob' is none of these; allowed: root, lab"),
    ("up --scale client=-1", "--scale client: '-1' is out of range; allowed 1 to 100"),
    ("up --name", "lab up: option '--name' requires an argument; see lab up --help"),
    ("impair --loss", "lab impair: option '--loss' requires an argument; see lab impair --help"),
    ("down --all=3", "lab down: option '--all' does not take a value; see lab down --help"),
    ("probe", "lab probe: COMMAND is missing; allowed: tcp, udp"),
    ("image", "lab image: COMMAND is missing; allowed: load, save"),
    ("capture", "lab capture: COMMAND is missing; allowed: start, status, stop"),
    ("capture begin", "lab capture: 'begin' is no command; allowed: start, status, stop"),
    ("capture start --snaplen 63", "--snaplen: '63' is out of range; allowed 64 to 65535"),
    ("capture start --snaplen 65536", "--snaplen: '65536' is out of range; allowed 64 to 65535"),
    ("capture start --snaplen all", "--snaplen: 'all' is no whole number; allowed 64 to 65535"),
    (
        "capture start --json",
        "lab capture start: '--json' is no option; allowed: --help, --name, --snaplen",
    ),
    (
        "capture stop --out",
        "lab capture stop: option '--out' requires an argument; see lab capture stop --help",
    ),
    (f"capture stop --out {__file__}", f"--out: '{__file__}' is a file; write a folder"),
    (
        f"capture stop --out {__file__}/x",
        f"--out: '{__file__}/x' lies in a file ({__file__}); write a folder",
    ),
]
NAME = "allowed: a-z, 0-9, - and _, at most 40 characters, the first a letter or digit"


def refused(
    argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run the command with an engine that must not be asked; return its one line."""

    def touched(_: Engine) -> None:
        pytest.fail("bad input reached the engine")

    monkeypatch.setattr(Engine, "__init__", touched)
    monkeypatch.setattr("sys.argv", ["lab", *argv])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert err.endswith("\n")
    assert err.count("\n") == 1
    return err[:-1]


@pytest.mark.parametrize(
    ("line", "said"), CASES, ids=[line.replace(__file__, "FILE") for line, _ in CASES]
)
def test_bad_input_gets_its_line(
    line: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(line.split(), monkeypatch, capsys) == said


@pytest.mark.parametrize("name", ["Lab", "-lab", "", "a b", "x" * 41, "lab/1", "läb"])
def test_a_bad_name_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(["status", "--name", name], monkeypatch, capsys)
    assert said == f"--name: {name!r} is no lab's name; {NAME}"
    if name:  # an empty variable is one that is not set
        monkeypatch.setenv("LAB_NAME", name)
        assert refused(["status"], monkeypatch, capsys) == f"LAB_NAME: {said.partition(' ')[2]}"


def test_a_loss_of_nothing_is_no_percentage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(["impair", "--loss", ""], monkeypatch, capsys)
    assert said == "--loss: '' is no percentage; write 10%"


def test_results_go_into_a_new_folder_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    said = refused(["run", "loss", "--out", str(file)], monkeypatch, capsys)
    assert said == f"--out: {str(file)!r} is a file; write a folder"
    said = refused(["run", "loss", "--out", str(tmp_path)], monkeypatch, capsys)
    assert said == f"--out: {str(tmp_path)!r} is not empty; write a new folder"
    inside = str(file / "below")
    said = refused(["run", "loss", "--out", inside], monkeypatch, capsys)
    assert said == f"--out: {inside!r} lies in a file ({file}); write a folder"
    said = refused(["run", "loss", "--out", ""], monkeypatch, capsys)
    assert said == "--out: '' is no folder; write a new folder, such as results/mine"
    assert file.read_text() == "mine"


def test_an_unknown_command_lists_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(["frobnicate"], monkeypatch, capsys)
    assert said == (
        "lab: 'frobnicate' is no command; allowed: capture, compare, doctor, down, fates, image, "
        "impair, list, logs, probe, report, run, shell, status, up"
    )
