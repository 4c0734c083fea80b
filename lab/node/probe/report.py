"""From raw nanoseconds to the numbers that a probe reports. Pure: no socket, no clock."""

import math
from collections.abc import Iterable, Mapping, Sequence

Summary = dict[str, float | None]


def percentile(ordered: Sequence[int], share: float) -> int:
    """Pick the nearest-rank percentile of sorted, non-empty values: always one of them.

    >>> percentile([10, 20, 30, 40], 0.50)
    20
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(values: Iterable[int], unit: int, *keys: str) -> Summary:
    """Summarise ``values`` as ``{key: value / unit}``; all None when there are no values.

    A key is ``min``, ``max``, ``mean`` or ``pN`` (nearest rank). With nanoseconds, a unit of
    1_000_000 makes milliseconds.
    """
    ordered = sorted(values)
    if not ordered:
        return dict.fromkeys(keys)
    known = {"min": ordered[0], "max": ordered[-1], "mean": sum(ordered) / len(ordered)}
    return {
        key: (known[key] if key in known else percentile(ordered, int(key[1:]) / 100)) / unit
        for key in keys
    }


def grown(before: Mapping[str, int], after: Mapping[str, int], *names: str) -> dict[str, int]:
    """Say by how much each named counter grew; one that this kernel lacks counts as 0."""
    return {name: after.get(name, 0) - before.get(name, 0) for name in names}
