"""How long a rate-limited link's queue is. Pure.

A queue that overflows drops packets that no loss model asked for, and one without end hides it:
each backend sizes its own from here, and its overflow is counted apart where the kernel does.
"""

from lab.impairment import Impairment

FRAME_BYTES = 1514
"""An Ethernet frame with a full IP packet, as a qdisc counts it."""

QUEUE_S = 0.2
"""What a queue holds at most, in seconds of its rate: a common depth of an access router."""

SHORTEST_FRAMES = 20
UNLIMITED_PACKETS = 100_000

JITTER_REACH = 4
"""tc's tables of a distribution end four jitters from the middle (16-bit values over 8192)."""


def queue_bytes(rate_bps: int) -> int:
    """The bytes that may wait at this rate: 200 ms of it, and never fewer than 20 full frames."""
    return max(int(rate_bps / 8 * QUEUE_S), SHORTEST_FRAMES * FRAME_BYTES)


def queue_packets(rate_bps: int | None, delay_ms: float, jitter_ms: float = 0.0) -> int:
    """netem's `limit`: packets that wait for the rate, and those that are being delayed.

    Delayed packets sit in the same queue, so rate times the longest delay has to fit in beside
    the wait (the default of 1000 packets overflows at 12 Mbit/s and 1 s). In frames of 64 bytes,
    as the shortest ones take the most places. Without a rate: more than a sender here can keep
    in it.
    """
    if rate_bps is None:
        return UNLIMITED_PACKETS
    waiting = queue_bytes(rate_bps) // FRAME_BYTES
    longest_ms = delay_ms + JITTER_REACH * jitter_ms
    delayed = int(rate_bps / 8 * longest_ms / 1000) // 64
    return min(waiting + delayed + SHORTEST_FRAMES, UNLIMITED_PACKETS)


def longest_stay_s(impairment: Impairment) -> float:
    """How long a packet can be on its way through a link with this impairment, in seconds.

    It is delayed, and it may wait behind a queue that is full.
    """
    waiting = 0.0
    if impairment.rate_bps is not None:
        waiting = queue_bytes(impairment.rate_bps) * 8 / impairment.rate_bps
    longest_ms = impairment.delay_ms + JITTER_REACH * impairment.jitter_ms
    return longest_ms / 1000 + waiting
