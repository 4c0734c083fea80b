"""One long transfer over TCP: sends as fast as it may, reads the echo, and asks the kernel.

It knows its own connection and nothing of the others; see `lab.node.probe.bulk`.
"""

import errno
import os
import selectors
import socket
from typing import Any

from lab.node.probe import tcp_info
from lab.node.probe.report import summary
from lab.node.probe.session import NS, CannotMeasure
from lab.node.probe.stream import use_congestion

PIECE = bytes(1 << 16)
"""What is sent, over and over; the probe `tcp` is the one that looks at what comes back."""


class Flow:
    """One connection, and what the kernel said of it."""

    def __init__(
        self,
        family: socket.AddressFamily,
        address: Any,
        *,
        congestion: str | None = None,
        start_ns: int = 0,
        send_buffer: int | None = None,
        window: int | None = None,
    ) -> None:
        """Start to connect. ``start_ns``: after all are connected, when it is to send.

        ``send_buffer``, ``window``: bytes, or None: as the kernel sizes it, and without end.
        """
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        if send_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.start_ns = start_ns
        self.window = window
        self.under_way = 0  # bytes sent whose echo has not come back
        self.congestion = congestion or ""
        self.history: list[tuple[int | None, int | None, int | None]] = []
        self.before = self.after = tcp_info.parse(b"")
        self.rtt_us: list[int] = []
        self.rto_us: list[int] = []
        self.cwnd: list[int] = []
        code = self.sock.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            raise CannotMeasure(os.strerror(code))

    def connected(self) -> None:
        """Take the connection into use; CannotMeasure when there is none."""
        if code := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise CannotMeasure(os.strerror(code))
        self.congestion = use_congestion(self.sock, self.congestion or None)

    @property
    def room(self) -> int:
        """How many bytes may be sent now."""
        return len(PIECE) if self.window is None else self.window - self.under_way

    def events(self, since_ns: int) -> int:
        """What a selector has to wait for, so long after all are connected."""
        ready = since_ns >= self.start_ns and self.room > 0
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if ready else 0)

    def act(self, events: int, room: bytearray) -> None:
        """Read what there is, send what there is room for; CannotMeasure when it broke."""
        try:
            if events & selectors.EVENT_READ:
                if not (echoed := self.sock.recv_into(room)):
                    raise CannotMeasure("the server ended the connection")
                self.under_way -= echoed
            if events & selectors.EVENT_WRITE:
                self.under_way += self.sock.send(PIECE[: self.room])
        except BlockingIOError:
            pass
        except OSError as error:
            raise CannotMeasure(str(error.strerror)) from error

    def drained(self, room: bytearray) -> bool:
        """Read what there is; whether the other side has ended, too, in one way or another."""
        try:
            return not self.sock.recv_into(room)
        except BlockingIOError:
            return False
        except OSError:  # what was measured is measured
            return True

    def sample(self, *, counts: bool) -> None:
        """Note the kernel's state of now; of the RTO not while it is doubled.

        ``counts``: whether it belongs to the window that is measured.
        """
        info = tcp_info.read(self.sock)
        self.history.append((info.snd_cwnd, info.rtt, info.bytes_acked))
        if not counts:
            return
        self.rtt_us += [info.rtt] if info.rtt else []
        self.cwnd += [info.snd_cwnd] if info.snd_cwnd else []
        self.rto_us += [info.rto] if info.rto and not info.backoff else []

    def figures(self, window_ns: int) -> dict[str, object]:
        """What this flow did in the window."""

        def grown(name: str) -> int | None:
            before, after = getattr(self.before, name), getattr(self.after, name)
            return None if before is None or after is None else after - before

        acked = grown("bytes_acked")
        return {
            "congestion_control": self.congestion,
            "goodput_bps": None if acked is None else acked * 8 * NS / window_ns,
            "bytes_acked": acked,
            "segments": grown("data_segs_out"),
            "acks": grown("segs_in"),
            "retransmissions": grown("total_retrans"),
            "timeouts": grown("total_rto"),
            "busy_us": grown("busy_time"),
            "rwnd_limited_us": grown("rwnd_limited"),
            "sndbuf_limited_us": grown("sndbuf_limited"),
            "mss": self.after.snd_mss,
            "rtt_ms": _mean(self.rtt_us),
            "rto_ms": _mean(self.rto_us),
            "cwnd": summary(self.cwnd, 1, "min", "p50", "max", "mean"),
        }


def _mean(us: list[int]) -> float | None:
    return sum(us) / len(us) / 1000 if us else None
