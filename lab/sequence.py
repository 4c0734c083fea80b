"""What became of a numbered sequence: losses in a row, order, variation of delay. Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from lab.stats import percentile


def loss_runs(lost: Iterable[bool]) -> dict[str, Any]:
    """Consecutive losses: how many runs, the longest, their mean length, and how often which.

    The lengths of losses in a row are what tells independent losses (geometric: a mean of
    1 / (1 - p)) from bursts; RFC 3357 calls them loss periods. lengths: by length, as text.
    """
    runs = [sum(1 for _ in group) for is_lost, group in groupby(lost) if is_lost]
    return {
        "count": len(runs),
        "max": max(runs, default=0),
        "mean": sum(runs) / len(runs) if runs else None,
        "lengths": {str(length): n for length, n in sorted(Counter(runs).items())},
    }


def reordering(numbers: Sequence[int]) -> dict[str, Any]:
    """The order of arrival against the order of sending, without duplicates (RFC 4737).

    reordered: packets whose number is below the highest before them (3.3). ratio: of those that
    arrived (3.4). extent: how many places the worst of them came too late (4.2.1): its place less
    that of the first one to arrive with a higher number.
    """
    count, extent = 0, 0
    highest: list[int] = []  # so far, at each place: it never falls, so it can be searched
    for place, number in enumerate(numbers):
        if highest and number < highest[-1]:
            count += 1
            extent = max(extent, place - bisect_right(highest, number))
            highest.append(highest[-1])
        else:
            highest.append(number)
    return {
        "reordered": count,
        "ratio": count / len(numbers) if numbers else None,
        "extent": extent,
    }


def ipdv(delay_ms: Mapping[int, float]) -> dict[str, float | None]:
    """How the delay varies from one packet to the next one sent (RFC 3393), where both arrived.

    Signed: min and max; and percentiles of its size. All None where no two neighbours arrived.
    """
    found = [delay - delay_ms[n - 1] for n, delay in delay_ms.items() if n - 1 in delay_ms]
    if not found:
        return dict.fromkeys(("min", "max", "p50", "p99"))
    sizes = [abs(each) for each in found]
    return {
        "min": min(found),
        "max": max(found),
        "p50": percentile(sizes, 50),
        "p99": percentile(sizes, 99),
    }
