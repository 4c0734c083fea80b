"""What a loss run expects of each point, and whether that held, each with its figures. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab import wording
from lab.stats import two_way_loss


@dataclass(frozen=True)
class Check:
    """One expectation of one point. `figures` says in a few characters what was found."""

    name: str
    held: bool
    figures: str


BOTH_WAYS = "UDP, there and back"
LEDGER = "Ledger"
TCP = "TCP"
NAMES = ("UDP toward server", "UDP toward client", BOTH_WAYS, LEDGER, TCP)
"""All that is expected of a point, in the order in which it is shown."""


def checks(point: Mapping[str, Any]) -> dict[str, Check]:
    """The expectations of a point that was measured, by name; of half a point, that half's."""
    return {check.name: check for check in _checks(point)}


def expected_delivery(loss: float) -> float:
    """The share of echoes that come back when either way loses `loss`: (1 - p)^2."""
    return 1 - two_way_loss(loss, loss)


def _checks(point: Mapping[str, Any]) -> Iterator[Check]:
    udp, tcp = point.get("udp"), point.get("tcp")
    if udp:
        for name, part in (
            ("UDP toward server", udp.get("toward_server")),
            ("UDP toward client", udp.get("toward_client")),
            (BOTH_WAYS, udp),
        ):
            if part:
                yield _loss_check(name, part)
        unexplained, corrupted = udp["unexplained"], udp.get("corrupted", 0)
        wrong = [f"{wording.count(unexplained)} unexplained"] if unexplained else []
        wrong += [f"{wording.count(corrupted)} corrupted"] if corrupted else []
        yield Check(LEDGER, not wrong, ", ".join(wrong) or "closed")
    if tcp:
        corrupted = tcp.get("corrupted", 0)
        figures = wording.of(tcp["received"], tcp["sent"])
        figures += f", {wording.count(corrupted)} corrupted" if corrupted else ""
        yield Check(TCP, tcp["received"] == tcp["sent"] and not corrupted, figures)


def _loss_check(name: str, part: Mapping[str, Any]) -> Check:
    # A run says itself whether a loss is one that chance explains, at the confidence of the run
    # as a whole; the interval shown is that of this one figure.
    low, high = part["interval"]
    held = bool(part.get("held", low <= part["expected"] <= high))
    figures = f"{wording.percent(part['loss_ratio'])} lost, {wording.span(low, high)}"
    return Check(name, held, figures)


def broken(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where a run failed, a line for each expectation that did not hold."""
    return [
        f"{wording.exact_percent(point['loss'])} loss: {check.name}: {check.figures}"
        for point in points
        for check in checks(point).values()
        if not check.held
    ]
