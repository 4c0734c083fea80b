"""Arguments as typed into numbers within bounds; what is wrong is said in one line, exit code 2."""

import argparse
import math
from collections.abc import Callable
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        """End the program with exit code 2."""
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}\n")


def integer(least: int, most: int) -> Callable[[str], int]:
    """Make a type for argparse: a whole number from ``least`` to ``most``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not from {least} to {most}")
        return value

    return parse


def number(least: float, most: float) -> Callable[[str], float]:
    """Make a type for argparse: a finite decimal number from ``least`` to ``most``."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        if not (math.isfinite(value) and least <= value <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not from {least:g} to {most:g}")
        return value

    return parse


def parser(module: str, summary: str, *, host_needed: bool = True) -> Parser:
    """Start a parser with what all probes take: the host, ``--port`` and ``--progress``."""
    made = Parser(
        prog=module,
        usage=f"python3 -m {module} HOST [options]",
        description=summary,
        allow_abbrev=False,
    )
    nargs = None if host_needed else "?"
    made.add_argument("host", metavar="HOST", nargs=nargs, help="name or address of an echo server")
    made.add_argument("--port", type=integer(1, 65535), default=7, help="default: 7, RFC 862")
    made.add_argument(
        "--progress", action="store_true", help='{"done": n, "of": n} on stderr, 10 a second'
    )
    return made
