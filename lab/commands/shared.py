"""What every command is made of: saying, answering, and the options that all have.

With the other modules of this package and `lab.cli` the only one that prints and exits.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from lab import lifecycle, options

NAME_VARIABLE = "LAB_NAME"
INTERRUPTED = 130  # as a shell has it: 128 + SIGINT
Command = Callable[..., Any]

# As click's own, with every complaint in one line.
command = partial(click.command, cls=options.Named)


def group(function: Command) -> options.Commands:
    """Make a group of commands."""
    return click.group(cls=options.Commands, no_args_is_help=False)(function)


def say(line: str) -> None:
    """A line about what is going on, for a person."""
    click.echo(line, err=True)


def answer(data: object, as_json: bool, render: Callable[[], object]) -> None:
    """Give the answer: as one JSON object, or as `render` shows it (text, or rich's things)."""
    if as_json:
        click.echo(json.dumps(data))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    if console.encoding.startswith("utf"):
        console.print(render())
        return
    with console.capture() as shown:
        console.print(render())
    text = shown.get().translate(_PLAIN).encode(console.encoding, "replace")
    click.echo(text.decode(console.encoding), nl=False)


def columns() -> int:
    """Of the terminal, at most as many as every table has room in; a pipe has as many."""
    return min(_WIDTH, Console().width) if sys.stdout.isatty() else _WIDTH


_WIDTH = 100
_PLAIN = str.maketrans(
    {"\u202f": " ", "\u00a0": " ", "\u2013": "-", "\u2212": "-", "\u2026": "...", "\u00b5": "u",
     "\u201c": '"', "\u201d": '"', "\u2019": "'", "\u2192": "->", "\u2500": "-", "\u00d7": "x"}
)  # fmt: skip
"""What a terminal has instead of the letters that its encoding lacks."""


def named(function: Command) -> Command:
    """Add --name; in a classroom each student sets LAB_NAME once instead."""
    return click.option(
        "--name",
        default=lifecycle.DEFAULT_NAME,
        show_default=True,
        envvar=NAME_VARIABLE,
        show_envvar=True,
        help="Which lab.",
        callback=_checked_name,
    )(function)


def _checked_name(context: click.Context, _: click.Parameter, text: str) -> str:
    typed = context.get_parameter_source("name") is not ParameterSource.ENVIRONMENT
    return lifecycle.checked_name(text, "--name" if typed else NAME_VARIABLE)


def answering(function: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as one JSON object.")(
        function
    )
