"""Parsers of one value as typed, within bounds: for options of commands and fields of files.

Each is `(text, where) -> value` and raises `BadInput`: what, where, got, allowed.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from lab import units

T = TypeVar("T")


def number(low: int, high: int) -> Callable[[str, str], int]:
    """A whole number in a range."""

    def parse(text: str, where: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise units.refusal(where, text, f"is no whole number; allowed {low} to {high}")
        if not low <= int(text) <= high:
            raise units.refusal(where, text, f"is out of range; allowed {low} to {high}")
        return int(text)

    return parse


def choice(*words: str) -> Callable[[str, str], str]:
    """One of some words."""

    def parse(text: str, where: str) -> str:
        if text not in words:
            raise units.refusal(where, text, f"is none of these; allowed: {', '.join(words)}")
        return text

    return parse


def duration(low_ms: float, high_ms: float) -> Callable[[str, str], float]:
    """A duration with its unit, in a range; in milliseconds."""

    def parse(text: str, where: str) -> float:
        return units.parse_duration(text, where, low_ms=low_ms, high_ms=high_ms)

    return parse


def switch(text: str, where: str) -> bool:
    """`on` or `off` (also `true`, `yes` and their opposites, which YAML has)."""
    return choice("on", "off", "true", "false", "yes", "no")(text, where) in ("on", "true", "yes")


def several(parse: Callable[[str, str], T], most: int) -> Callable[[str, str], tuple[T, ...]]:
    """One to `most` values with commas between them."""

    def parse_all(text: str, where: str) -> tuple[T, ...]:
        parts = [part.strip() for part in text.split(",")]
        if len(parts) > most:
            raise units.refusal(where, text, f"is too many values; allowed 1 to {most}")
        return tuple(parse(part, where) for part in parts)

    return parse_all


def word(pattern: str, noun: str, example: str) -> Callable[[str, str], str]:
    """A word of a kind, such as the name of a congestion control."""

    def parse(text: str, where: str) -> str:
        if not re.fullmatch(pattern, text):
            raise units.refusal(where, text, f"is no {noun}; write {example}")
        return text

    return parse
