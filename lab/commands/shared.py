"""What every command is made of: saying, answering, and the options that all have.

With the other modules of this package and `lab.cli` the only one that prints and exits.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from rich.console import Console

from lab import lifecycle, options

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
    width = None if sys.stdout.isatty() else 100  # a pipe or a file has room for every table
    Console(highlight=False, width=width).print(render())


def named(function: Command) -> Command:
    """Add --name."""
    return click.option(
        "--name",
        default=lifecycle.DEFAULT_NAME,
        show_default=True,
        help="Which lab.",
        callback=lambda _context, _parameter, text: lifecycle.checked_name(text),
    )(function)


def answering(function: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as one JSON object.")(
        function
    )
