"""How long a run will still take, by what its measurements took so far. Pure."""

from collections.abc import Iterable, Mapping
from statistics import fmean

Part = tuple[int, int]
"""A part of a run: the point, and which of its groups of measurements."""


def left_s(took_s: Mapping[Part, float], todo: Iterable[Part]) -> float | None:
    """Seconds for all of `todo`; None while nothing was measured.

    A group is thought to take as long as the same group took at the nearest point, the later one
    of two, as points mostly go from mild to bad; one of which none is known as long as the average.
    """
    if not took_s:
        return None
    average = fmean(took_s.values())

    def one(point: int, group: int) -> float:
        known = [each for each, number in took_s if number == group]
        if not known:
            return average
        return took_s[min(known, key=lambda each: (abs(each - point), -each)), group]

    return sum(one(*part) for part in todo)
