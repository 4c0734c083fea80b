"""The log of each packet's fate, bounded: once it is full it counts what it leaves out.

Rows are kept short and are spelled out only when they are asked for.
"""

from lab.node.link import packet as packets

MAX_FATES = 200_000  # about 60 MB
PAGE = 500  # in one answer, so that asking holds the packets up for 5 ms at most


class Log:
    """Fates in the order in which they were decided. `number` counts from the last setting."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, str, bytes, str, str, int]] = []
        self._left_out = 0

    def note(
        self,
        now: int,
        number: int,
        direction: str,
        packet: bytearray,
        fate: str,
        why: str = "",
        delay: int = 0,
    ) -> None:
        """Keep one fate; `now` and `delay` in ns."""
        if len(self._rows) >= MAX_FATES:
            self._left_out += 1
            return
        start = bytes(packet[: packets.HEADER_BYTES])
        self._rows.append((now, number, direction, start, fate, why, delay))

    def page(self, since: int) -> dict[str, object]:
        """`PAGE` fates from the one numbered `since` (from 0) on, and the number to go on from."""
        rows = self._rows[since : since + PAGE]
        following = min(since, len(self._rows)) + len(rows)
        return {
            "fates": [_spelled(*row) for row in rows],
            "next": following,
            "more": following < len(self._rows),
            "left_out": self._left_out,
        }


def _spelled(
    now: int, number: int, direction: str, start: bytes, fate: str, why: str, delay: int
) -> dict[str, object]:
    header = packets.parse(start)
    return {
        "t_ns": now,
        "n": number,
        "direction": direction,
        "client": header.source if direction == "server" else header.destination,
        "protocol": header.protocol,
        "src": header.source,
        "dst": header.destination,
        "sport": header.source_port,
        "dport": header.destination_port,
        "flags": sorted(header.flags),
        "length": header.length,
        "fate": fate,
        "why": why,
        "delay_ms": delay / 1e6,
    }
