"""A lane: the packets that share one impairment. Values only."""

from collections.abc import Iterable
from dataclasses import dataclass

from lab.impairment import Direction


@dataclass(frozen=True)
class Lane:
    """One direction, of every client, or of one (`client-3`) that has it to itself."""

    direction: Direction
    client: str | None = None

    @property
    def number(self) -> int:
        """The client's number; 0 where it is every client's."""
        return int(self.client.rpartition("-")[2]) if self.client else 0

    @property
    def label(self) -> str:
        """The words for a reader: `toward server`, `toward server, client-3`."""
        return f"{self.direction.label}, {self.client}" if self.client else self.direction.label


def lanes(clients: Iterable[str | None] = (None,)) -> list[Lane]:
    """Both directions of each."""
    return [Lane(direction, client) for client in clients for direction in Direction]


COMMON = lanes()
