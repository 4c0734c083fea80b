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
    width = None if sys.stdout.isatty() else 100  # a pipe or a file has room for every table
    Console(highlight=False, width=width).print(render())


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
