"""Which of some words was meant by one that is none of them. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

_ALIKE = 0.7
"""As difflib counts it: one letter of four may be another one."""


def perhaps(word: str, words: Iterable[str]) -> str:
    """`, perhaps WORD`, to go on a complaint; nothing where none of the words is like it."""
    names = list(words)
    plain = {name.lower(): name for name in reversed(names)}
    found = get_close_matches(word.lower().replace("_", " "), plain, n=1, cutoff=_ALIKE)
    return f", perhaps {plain[found[0]]}" if found else ""
