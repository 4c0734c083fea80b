"""The small parts: percentiles, counters, tcp_info, and what the command line refuses."""

import socket
import struct
import subprocess

import pytest

from lab.node.probe import report, tcp_info

from .peers import command


def test_percentiles_are_values_that_occurred() -> None:
    values = list(range(1, 101))
    assert [report.percentile(values, share) for share in (0, 0.5, 0.99, 1)] == [1, 50, 99, 100]
    assert report.percentile([7], 0.5) == 7


def test_a_summary_in_the_unit_asked_for() -> None:
    got = report.summary([3_000_000, 1_000_000], 1_000_000, "min", "p50", "max", "mean")
    assert got == {"min": 1.0, "p50": 1.0, "max": 3.0, "mean": 2.0}


def test_a_summary_of_nothing_is_none_everywhere() -> None:
    assert report.summary([], 1, "p50", "max") == {"p50": None, "max": None}


def test_only_the_growth_of_counters_counts() -> None:
    assert report.grown({"a": 3, "b": 1}, {"a": 5, "b": 1}, "a", "b", "absent") == {
        "a": 2,
        "b": 0,
        "absent": 0,
    }


# Offsets of struct tcp_info in linux/tcp.h, each with a value of its own.
VALUES = {
    "state": ("=B", 0, 1),
    "backoff": ("=B", 4, 2),
    "rto": ("=I", 8, 204_000),
    "snd_mss": ("=I", 16, 1448),
    "rtt": ("=I", 68, 70),
    "snd_cwnd": ("=I", 80, 10),
    "total_retrans": ("=I", 100, 3),
    "bytes_acked": ("=Q", 120, 1 << 40),
    "segs_in": ("=I", 140, 21),
    "data_segs_out": ("=I", 156, 22),
    "busy_time": ("=Q", 168, 9_000_000),
    "rwnd_limited": ("=Q", 176, 31),
    "sndbuf_limited": ("=Q", 184, 32),
    "bytes_retrans": ("=Q", 208, 192),
    "unacked": ("=I", 24, 33),
    "retransmits": ("=B", 2, 5),
    "total_rto": ("=H", 240, 4),
}
FULL = bytearray(248)
for form, offset, value in VALUES.values():
    struct.pack_into(form, FULL, offset, value)


def known(length: int) -> tcp_info.TcpInfo:
    """What can be known of so many bytes."""
    return tcp_info.TcpInfo(
        **{
            name: value if offset + struct.calcsize(form) <= length else None
            for name, (form, offset, value) in VALUES.items()
        }
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(FULL), known(248)),
        (bytes(FULL) + b"\xff" * 64, known(248)),
        (bytes(FULL[:104]), known(104)),
        (bytes(FULL[:103]), known(103)),
        (bytes(FULL[:1]), tcp_info.TcpInfo(1, None, None, None, None, None)),
        (b"", tcp_info.TcpInfo(None, None, None, None, None, None)),
    ],
    ids=["as it is", "of a newer kernel", "of Linux 2.6", "cut in a field", "one byte", "empty"],
)
def test_tcp_info_is_read_as_far_as_it_goes(data: bytes, expected: tcp_info.TcpInfo) -> None:
    assert tcp_info.parse(data) == expected


def test_what_an_older_kernel_lacks_is_none() -> None:
    assert (known(104).total_retrans, known(103).total_retrans) == (3, None)
    assert (known(240).total_rto, known(240).bytes_retrans) == (None, 192)


def test_tcp_info_of_a_real_connection() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        info = tcp_info.read(client)
    assert info.state == 1  # TCP_ESTABLISHED
    assert info.total_retrans == 0
    assert info.snd_cwnd and info.rtt and info.rto


def test_figures_leave_out_what_the_kernel_did_not_say() -> None:
    infos = [tcp_info.parse(bytes(FULL)), tcp_info.parse(b"")]
    assert tcp_info.figures(infos) == {
        "streams": 2,
        "retransmissions": 3,
        "rtt_ms": {"min": 0.07, "p50": 0.07, "max": 0.07},
        "cwnd": {"min": 10, "p50": 10, "max": 10},
    }


BAD = [
    ("udp", ["--count", "0"], "--count: '0' is not from 1 to 10000000"),
    ("udp", ["--count", "many"], "--count: 'many' is no whole number"),
    ("udp", ["--size", "19"], "--size: '19' is not from 20 to 65507"),
    ("udp", ["--size", "65508"], "--size: '65508' is not from 20 to 65507"),
    ("udp", ["--interval", "nan"], "--interval: 'nan' is not from 1e-06 to 3600"),
    ("udp", ["--interval", "1ms"], "--interval: '1ms' is no number"),
    ("udp", ["--rate", "0"], "--rate: '0' is not from 0.000277778 to 1e+06"),
    ("udp", ["--timeout", "-1"], "--timeout: '-1' is not from 0.001 to 600"),
    ("udp", ["--port", "0"], "--port: '0' is not from 1 to 65535"),
    ("udp", ["--rate", "5", "--interval", "1"], "--interval: not allowed with argument --rate"),
    ("tcp", ["--streams", "1001"], "--streams: '1001' is not from 1 to 1000"),
    ("tcp", ["--size", "1048577"], "--size: '1048577' is not from 20 to 1048576"),
    ("tcp", ["--window", "0"], "--window: '0' is not from 1 to 1000"),
    ("bulk", ["--streams", "0"], "--streams: '0' is not from 1 to 1000"),
    ("bulk", ["--seconds", "0"], "--seconds: '0' is not from 0.1 to 3600"),
    ("bulk", ["--send-buffer", "1"], "--send-buffer: '1' is not from 4096 to 1073741824"),
    ("tcp", ["--nonsense"], "unrecognized arguments: --nonsense"),
]


@pytest.mark.parametrize(("kind", "options", "line"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_argument_is_one_line_and_exit_code_2(
    kind: str, options: list[str], line: str
) -> None:
    done = subprocess.run(
        command(kind, 7, *options), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stderr == f"lab.node.probe.{kind}: {line}\n"
    assert done.stdout == ""


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_name_that_does_not_resolve_is_one_line_and_exit_code_1(kind: str) -> None:
    # RFC 6761: "invalid" never resolves; a label of 64 characters is refused without asking.
    name = "x" * 64 + ".invalid"
    done = subprocess.run(
        command(kind, 7, host=name), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"lab.node.probe.{kind}: {name}: cannot be resolved: ")
    assert done.stderr.count("\n") == 1
