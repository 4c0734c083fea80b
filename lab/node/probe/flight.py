"""The datagrams of one UDP run under way: sent at their time, matched with their replies.

One thread does both sending and receiving: two would take turns on the interpreter lock and
wait for each other.
"""

import secrets
import select
import socket
from array import array

from lab.node import wire
from lab.node.probe.session import LONGEST_WAIT_NS, NS, Progress, Stop, now_ns

# The kernel wakes a sleeper late (timer slack of 50 µs, and the way onto a core). So we sleep
# up to this long before a tick is due and spin for the rest: all of the time at 20 000/s, a
# fifth of a core at 1 000/s, next to nothing at 10/s.
SPIN_NS = 200_000
# Replies that we take before we look at the clock again.
BATCH = 32


class Flight:
    """The datagrams of one run: when each left, when it came back, and what else came.

    Every datagram that arrives is counted once, as ``received`` (intact, in time, the first
    of its number), ``late`` (intact, the first, but after the timeout), ``duplicated`` (intact,
    not the first) or ``corrupted`` (anything else).
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        count: int,
        size: int,
        interval_ns: float,
        timeout_ns: int,
        linger_ns: int = 0,
    ) -> None:
        """Prepare for ``count`` datagrams of ``size`` bytes on a connected, non-blocking socket.

        ``linger_ns``: how long to wait at the end for what comes late, if longer than the timeout.
        """
        self.sock = sock
        self.count, self.size = count, size
        self.interval_ns, self.timeout_ns = interval_ns, timeout_ns
        self.linger_ns = max(timeout_ns, linger_ns)
        self.run = secrets.randbits(32)
        self.started_ns = self.finished_ns = 0
        self.next = 0  # the number that is due next
        self.sent_ns = array("q", bytes(8 * count))  # 0: the kernel did not take it
        self.received_ns = array("q", bytes(8 * count))  # 0: no intact reply
        self.sent = self.received = self.late = self.duplicated = 0
        self.corrupted = self.reordered = self.send_errors = self.refused = 0
        self.highest = -1

    def fly(self, stop: Stop, progress: Progress) -> None:
        """Send all that is to be sent, then wait for stragglers until all are here or time is up.

        So of the duplicates of the very last replies some may be missed.
        """
        self.started_ns = now = now_ns()
        while self.next < self.count and not stop.asked:
            due = self.started_ns + int(self.next * self.interval_ns)
            if now >= due:
                self._send()
            elif due - now > SPIN_NS:
                self._wait(min(due - now - SPIN_NS, LONGEST_WAIT_NS))
            self._receive()
            now = now_ns()
            progress.tell(self.sent, now)
        # A stop ends the sending; a second one ends the waiting, too.
        patience, end = stop.asked + 1, now_ns() + self.linger_ns
        while (left := end - now_ns()) > 0 and self._awaited() and stop.asked < patience:
            self._wait(min(left, LONGEST_WAIT_NS))
            self._receive()
        self.finished_ns = now_ns()

    def _awaited(self) -> int:
        return self.sent - self.received - self.late

    def _wait(self, ns: int) -> None:
        # select takes microseconds where poll and epoll take milliseconds.
        select.select([self.sock], [], [], ns / NS)

    def _send(self) -> None:
        """Send the datagram that is due; what the kernel does not take is not sent."""
        number = self.next
        for attempt in (1, 2):
            now = now_ns()
            try:
                self.sock.send(wire.pack(self.run, number, now, self.size))
            except BlockingIOError:
                return  # our send buffer is full: it stays due, and will leave late
            except ConnectionRefusedError:
                # An earlier datagram's ICMP error, handed over in place of this send (udp(7)).
                self.refused += 1
                if attempt == 1:
                    continue
                self.send_errors += 1
            except OSError:  # ENOBUFS, EPERM, ENETUNREACH …
                self.send_errors += 1
            else:
                self.sent_ns[number] = now
                self.sent += 1
            break
        self.next = number + 1

    def _receive(self) -> None:
        """Take what has arrived, up to a batch."""
        for _ in range(BATCH):
            try:
                # One byte more than was sent, to notice a reply that grew.
                reply = self.sock.recv(self.size + 1)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self.refused += 1
            except OSError:
                pass  # another ICMP error; the datagram that it is about stays lost
            else:
                self._note(reply, now_ns())

    def _note(self, reply: bytes, now: int) -> None:
        """Match a reply with its question by number and by every byte."""
        try:
            header = wire.unpack(reply)
        except ValueError:
            self.corrupted += 1
            return
        number = header.number
        asked = number < self.next and header == (self.run, number, self.sent_ns[number])
        if not asked or not wire.verify(reply, header, self.size):
            self.corrupted += 1
        elif self.received_ns[number]:
            self.duplicated += 1
        else:
            self.received_ns[number] = now
            if now - header.sent_ns > self.timeout_ns:
                self.late += 1
                return
            self.received += 1
            if number < self.highest:  # RFC 4737 section 3.3, on the first arrivals in time
                self.reordered += 1
            else:
                self.highest = number

    def round_trips(self) -> dict[int, int]:
        """Round trip in ns by number, of those that were received."""
        pairs = zip(self.sent_ns, self.received_ns, strict=True)
        return {
            number: back - left
            for number, (left, back) in enumerate(pairs)
            if back and back - left <= self.timeout_ns
        }

    def lateness(self) -> list[int]:
        """How long after it was due each datagram left, in ns."""
        return [
            left - self.started_ns - int(number * self.interval_ns)
            for number, left in enumerate(self.sent_ns)
            if left
        ]

    def samples(self) -> list[tuple[int, int, int | None]]:
        """List number, sent_ns and received_ns (None: no intact reply) of all that was sent."""
        pairs = zip(self.sent_ns, self.received_ns, strict=True)
        return [(n, left, back or None) for n, (left, back) in enumerate(pairs) if left]
