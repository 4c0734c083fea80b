"""One queue of messages and the streams that take from it, in one thread.

A fixed share for each stream would make the whole wait for the unluckiest: a lost SYN costs a
second and more, a lone lost message 0.2 s, then 0.4 s, 0.8 s … (RFC 6298). So a stream takes
what it has room for. A message that was given to a stream stays with it and is never sent again
by us: repairing is TCP's work, and is what we look at.
"""

import selectors

from lab.node.probe.session import LONGEST_WAIT_NS, MS, NS, Progress, Stop, now_ns
from lab.node.probe.stream import State, Stream

# For this long after the first connection no stream takes more than its share (count / streams),
# so that the first to connect does not empty the queue before the last is there. A stream that
# lags by more has lost something: TCP repeats nothing sooner than after 200 ms (tcp(7)).
FAIR_NS = 200 * MS
# How long we wait, once all messages are back, for servers to end their side in answer to ours.
CLOSING_NS = 500 * MS


class Pool:
    """The queue of messages and the streams that empty it."""

    def __init__(self, streams: list[Stream], *, count: int, window: int, started_ns: int) -> None:
        self.streams, self.count, self.window = streams, count, window
        self.share = -(-count // len(streams))
        self.next = 0  # the message that is handed out next
        self.under_way = 0  # messages that some living stream waits for
        self.back = 0  # messages that came back whole, right or wrong
        self.started_ns = self.finished_ns = started_ns  # finished: the last reply, or the end
        self._fair_until_ns = 0  # 0: no connection yet
        self._idle: set[Stream] = set()  # open streams that have their share already
        self._selector = selectors.DefaultSelector()

    @property
    def settled(self) -> bool:
        """Whether every message was handed out and none is under way any more."""
        return self.next == self.count and not self.under_way

    def work(self, stop: Stop, progress: Progress, end_ns: int) -> None:
        """Have the messages echoed until all are back, ``end_ns`` or a stop; end every stream."""
        for stream in self.streams:
            if stream.alive:
                self._selector.register(stream.sock, stream.events, stream)
        with self._selector:
            while self._selector.get_map() and not stop.asked:
                if self.settled:
                    end_ns = min(end_ns, self.finished_ns + CLOSING_NS)
                    self._abandon()
                now = now_ns()
                if now >= end_ns:
                    break
                self._turn(min(end_ns - now, LONGEST_WAIT_NS))
                progress.tell(self.back, now)
        if not self.settled:
            self.finished_ns = now_ns()
        self._abandon()
        for stream in self.streams:
            if stream.alive:
                stream.end(State.CUT_OFF)

    def _turn(self, wait_ns: int) -> None:
        """Serve the streams that are ready, and hand out what may be handed out."""
        if self._idle:
            wait_ns = min(wait_ns, max(0, self._fair_until_ns - now_ns()))
        for key, events in self._selector.select(wait_ns / NS):
            self._serve(key.data, events)
        if self._idle and (self.next == self.count or now_ns() >= self._fair_until_ns):
            idle, self._idle = self._idle, set()
            for stream in idle:
                self._feed(stream)
                self._watch(stream)

    def _serve(self, stream: Stream, events: int) -> None:
        whole = stream.act(events)
        if whole:
            self.finished_ns = now_ns()
            self.back += whole
            self.under_way -= whole
        self._feed(stream)
        self._watch(stream)

    def _feed(self, stream: Stream) -> None:
        """Hand ``stream`` what it may have; half-close it when there is nothing left to have."""
        if stream.state is not State.OPEN:
            return
        now = now_ns()
        self._fair_until_ns = self._fair_until_ns or now + FAIR_NS
        most = self.share if now < self._fair_until_ns else self.count
        while burst := min(stream.room(self.window), most - stream.taken, self.count - self.next):
            stream.hand_over(range(self.next, self.next + burst))
            self.next += burst
            self.under_way += burst
        if stream.state is State.OPEN and not stream.under_way:
            if self.next == self.count:
                stream.shut()
            else:
                self._idle.add(stream)

    def _watch(self, stream: Stream) -> None:
        """Keep the selector informed of what ``stream`` waits for, if it still does."""
        if not stream.alive:
            self._selector.unregister(stream.sock)
            self._idle.discard(stream)
            self.under_way -= len(stream.under_way)  # these failed with it
        elif self._selector.get_key(stream.sock).events != stream.events:
            self._selector.modify(stream.sock, stream.events, stream)

    def _abandon(self) -> None:
        """Give up the streams that have not connected: there is nothing left for them to do."""
        for stream in self.streams:
            if stream.state is State.CONNECTING:
                if self._selector.get_map():
                    self._selector.unregister(stream.sock)
                stream.end(State.ABANDONED)
