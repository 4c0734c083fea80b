"""Read the kernel's ``struct tcp_info`` (linux/tcp.h, getsockopt TCP_INFO, tcp(7)).

The struct only ever grows at its end, and the kernel cuts it to the room it is given. So a
field is read from its offset, and one that lies beyond what an older kernel returned is None.
"""

import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from lab.node.probe.report import Summary, summary

ROOM = 512  # bytes; Linux 6.18 fills 248


class TcpInfo(NamedTuple):
    """The fields that a report uses, named as in linux/tcp.h; times are in microseconds."""

    state: int | None
    rto: int | None
    rtt: int | None
    snd_cwnd: int | None  # in segments
    total_retrans: int | None  # segments sent again in the socket's whole life, SYNs included
    bytes_retrans: int | None
    backoff: int | None = None  # how often rto was doubled, as nothing was heard
    snd_mss: int | None = None  # bytes of data in a full segment
    bytes_acked: int | None = None
    segs_in: int | None = None  # ACKs, with data or without
    data_segs_out: int | None = None  # segments with data, sent again or not
    busy_time: int | None = None  # with data on the way
    rwnd_limited: int | None = None  # of that, held back by the receiver's window
    sndbuf_limited: int | None = None  # of that, held back by the room to send from
    unacked: int | None = None  # segments on their way
    retransmits: int | None = None  # of the segment that waits now: timeouts in a row, or SYNs
    total_rto: int | None = None  # timeouts, in times; Linux 6.7 and later


# Offsets by natural alignment: eight bytes of flags, 24 times u32, then u64 and u32 mixed.
_FIELDS = {
    "state": ("=B", 0),
    "rto": ("=I", 8),
    "rtt": ("=I", 68),
    "snd_cwnd": ("=I", 80),
    "total_retrans": ("=I", 100),
    "bytes_retrans": ("=Q", 208),
    "backoff": ("=B", 4),
    "snd_mss": ("=I", 16),
    "bytes_acked": ("=Q", 120),
    "segs_in": ("=I", 140),
    "data_segs_out": ("=I", 156),
    "busy_time": ("=Q", 168),
    "rwnd_limited": ("=Q", 176),
    "sndbuf_limited": ("=Q", 184),
    "unacked": ("=I", 24),
    "retransmits": ("=B", 2),
    "total_rto": ("=H", 240),
}


def parse(data: bytes) -> TcpInfo:
    """Read as much of the struct, in this machine's byte order, as ``data`` holds."""

    def field(form: str, offset: int) -> int | None:
        if len(data) < offset + struct.calcsize(form):
            return None
        return int(struct.unpack_from(form, data, offset)[0])

    return TcpInfo(**{name: field(*where) for name, where in _FIELDS.items()})


def read(sock: socket.socket) -> TcpInfo:
    """Ask the kernel about ``sock``, which may be connecting, open or broken, but not closed."""
    return parse(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, ROOM))


def figures(infos: Sequence[TcpInfo]) -> dict[str, int | Summary]:
    """Put many sockets' state into one: sum of retransmissions, spread of RTT and cwnd."""

    def known(name: str) -> list[int]:
        return [value for info in infos if (value := getattr(info, name)) is not None]

    return {
        "streams": len(infos),
        "retransmissions": sum(known("total_retrans")),
        "rtt_ms": summary(known("rtt"), 1000, "min", "p50", "max"),
        "cwnd": summary(known("snd_cwnd"), 1, "min", "p50", "max"),
    }
