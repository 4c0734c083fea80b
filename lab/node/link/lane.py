"""What befalls a packet on its way: one netem, in the order of its netem_enqueue.

Duplicate, lose, corrupt, reorder or delay, then the rate (Linux, net/sched/sch_netem.c); the
rules come before all of it. Where this differs from netem:

- a copy draws from generators of its own, so that duplication shifts nobody's sequence;
- order is kept unless `order_free` says that jitter may break it. netem keeps it where it has
  a rate, and then so does this.
"""

from collections.abc import Callable

from lab.node.link import chance
from lab.node.link.config import Impairment
from lab.node.link.delays import delays
from lab.node.link.fates import Log
from lab.node.link.packet import with_flipped_bit
from lab.node.link.queue import Counters, Flow, Queue
from lab.node.link.rules import Judge

ETHERNET_BYTES = 14  # tc counts the frame
Take = Callable[[bytearray, int], None]


class Decisions:
    """The random decisions for one kind of packet: the originals of a lane, or its copies."""

    def __init__(self, impairment: Impairment, *name: object) -> None:
        """Make a generator for each kind of decision, named `name` and the kind."""
        asked = impairment

        def decision(kind: str, ratio: float, correlation: float) -> chance.Decision:
            return chance.decision(chance.generator(*name, kind), ratio, correlation)

        self._duplicate = decision("duplicate", asked.duplicate, asked.duplicate_correlation)
        self._corrupt = decision("corrupt", asked.corrupt, asked.corrupt_correlation)
        self._reorder = decision("reorder", asked.reorder, asked.reorder_correlation)
        self._lost = (
            chance.gilbert_elliott(chance.generator(*name, "loss"), *asked.gemodel)
            if asked.gemodel
            else decision("loss", asked.loss, asked.loss_correlation)
        )
        self._delay = delays(
            chance.generator(*name, "delay"),
            asked.delay_ms,
            asked.jitter_ms,
            asked.delay_correlation,
            asked.distribution,
        )
        self.place = chance.generator(*name, "place").random
        self._gap = max(1, asked.reorder_gap)
        self._since_early = 0

    def draw(self) -> tuple[bool, bool, bool, bool, int]:
        """Decide for one packet: duplicated, lost, corrupted, early; and its delay in ns."""
        return (
            self._duplicate(),
            self._lost(),
            self._corrupt(),
            self._reorder(),
            self._delay(),
        )

    def overtakes(self, early: bool) -> bool:
        """Whether an early packet may go first: one in `reorder_gap` of those that go on."""
        if early and self._since_early >= self._gap - 1:
            self._since_early = 0
            return True
        self._since_early += 1
        return False


class Lane(Flow):
    """The way of the packets of one direction, or of one client in it."""

    def __init__(
        self,
        impairment: Impairment,
        name: tuple[object, str, str | None],
        counters: Counters,
        queue: Queue,
        judge: Judge | None,
        log: Log | None,
        last: int,
    ) -> None:
        """Make a lane: `name` is (seed, direction, client), `last` the last departure in ns."""
        super().__init__(counters)
        self.last = last
        self._direction = name[1]
        self._queue = queue
        self._judge = judge
        self._log = log
        self._start = self.counters.arrived
        self._limit = impairment.limit
        self._kept = impairment.rate_bps is not None or not impairment.order_free
        self._byte_ns = 8e9 / impairment.rate_bps if impairment.rate_bps else 0.0
        self._loss = "gemodel" if impairment.gemodel else "loss"
        self._original = Decisions(impairment, *name)
        self._copy = Decisions(impairment, *name, "copy")
        plain = impairment == Impairment(limit=impairment.limit) and not judge and not log
        self.take: Take = self._pass if plain else self._impair

    def _pass(self, packet: bytearray, now: int) -> None:
        """Take a packet where nothing is asked; what is queued from before still goes first."""
        if now < self.last or self.queued:
            self._impair(packet, now)
            return
        self.counters.arrived += 1
        self._queue.write(self.counters, packet)

    def _impair(self, packet: bytearray, now: int) -> None:
        """Take a packet and decide."""
        self.counters.arrived += 1
        # Drawn before any rule is asked: packet n has the n-th draw, whatever becomes of others.
        twice, lost, corrupted, early, delay = self._original.draw()
        rule = self._judge(packet, now) if self._judge else None
        copies, why_twice, extra = int(twice), "duplicate", 0
        if rule is not None:
            if rule.action == "drop":
                self.counters.ruled += 1
                self._note(packet, now, "dropped", rule.why)
                return
            if rule.action == "delay":
                extra = rule.by_ns
            else:
                copies += 1
                why_twice = rule.why
        # As in netem, a packet that is both duplicated and lost is one packet, and neither.
        copies -= lost
        if copies < 0:
            self.counters.lost += 1
            self._note(packet, now, "dropped", self._loss)
            return
        for _ in range(copies):
            self._duplicate(packet, now, why_twice)
        why = rule.why if rule is not None and extra else ""
        self._send(self._original, packet, now, corrupted, early, delay, extra, why)

    def _duplicate(self, packet: bytearray, now: int, why: str) -> None:
        """Send a copy on, which may be lost but not doubled again."""
        self.counters.duplicated += 1
        _, lost, corrupted, early, delay = self._copy.draw()
        if lost:
            self.counters.lost += 1
            self._note(packet, now, "dropped", f"{self._loss} of the copy")
        else:
            self._send(self._copy, packet, now, corrupted, early, delay, 0, why, "duplicated")

    def _send(
        self,
        decisions: Decisions,
        packet: bytearray,
        now: int,
        corrupted: bool,
        early: bool,
        delay: int,
        extra: int,
        why: str,
        fate: str = "",
    ) -> None:
        """Let a packet go when its time has come, or drop it where the queue is full."""
        counters = self.counters
        if self.queued >= self._limit:
            counters.overflowed += 1
            self._note(packet, now, "overflowed", "queue full")
            return
        if self._queue.is_full():
            counters.overrun += 1
            self._note(packet, now, "overflowed", "link full")
            return
        broken = False
        if corrupted:
            packet, broken = with_flipped_bit(packet, decisions.place())
            counters.corrupted += 1
            counters.broken += broken
            fate, why = fate or "corrupted", why or ("IP header" if broken else "corrupt")
        if decisions.overtakes(early) and not extra:
            counters.reordered += 1
            self._note(packet, now, fate or "passed", why or "reorder")
            self._queue.write(counters, packet, broken)
            return
        due = now + delay
        if self._kept and due < self.last:
            due = self.last
        due += int((len(packet) + ETHERNET_BYTES) * self._byte_ns)
        if due <= now and not extra and not self.queued:
            self._note(packet, now, fate or "passed", why)
            self._queue.write(counters, packet, broken)
            return
        # What a rule delays steps out of the order: the others do not wait for it.
        self._queue.push(self, due + extra, packet, broken)
        self.last = max(self.last, due)
        wait = due + extra - now
        if wait > 0:
            fate, why = fate or "delayed", why or "delay"
        self._note(packet, now, fate or "passed", why, max(0, wait))

    def _note(self, packet: bytearray, now: int, fate: str, why: str, delay: int = 0) -> None:
        if self._log is not None:
            number = self.counters.arrived - self._start
            self._log.note(now, number, self._direction, packet, fate, why, delay)
