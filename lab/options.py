"""What the command line takes: each value parsed once, here, or refused in one line.

Raises `BadInput` and prints nothing; click's own words are put into the same form by the cli.
"""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from lab import catalogue, rules, units
from lab.errors import BadInput
from lab.impairing import ONE_OF_BOTH, Request, refuse_together
from lab.impairment import Direction, Impairment
from lab.knobs import KNOBS
from lab.lifecycle import MAX_CLIENTS
from lab.link import Script
from lab.parsing import choice, number
from lab.schedule import Schedule, Step

T = TypeVar("T")

YAML = (".yaml", ".yml")
TOWARD = {
    "server": (Direction.TOWARD_SERVER,),
    "client": (Direction.TOWARD_CLIENT,),
    "both": tuple(Direction),
}


def _where(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return parameter.opts[0]
    return parameter.metavar or str(parameter.name).upper()


def parsed(parse: Callable[[Any, str], T]) -> Callable[..., T | None]:
    """A click callback that parses by `parse(text, where)`; an option not given stays None."""

    def callback(_: click.Context, parameter: click.Parameter, text: Any) -> T | None:
        return None if text is None else parse(text, _where(parameter))

    return callback


def toward(text: str, where: str) -> tuple[Direction, ...]:
    """`server`, `client` or `both`."""
    return TOWARD[choice(*TOWARD)(text, where)]


def scale(text: str, where: str) -> int:
    """`client=N`: only clients can be more than one."""
    service, _, count = text.partition("=")
    if service != "client" or not count:
        raise units.refusal(where, text, f"is no scale; write client=N, N from 1 to {MAX_CLIENTS}")
    return number(1, MAX_CLIENTS)(count, f"{where} client")


def programs(given: tuple[str, ...], where: str) -> dict[str, str]:
    """`tcp=PROGRAM`, `udp=PROGRAM`, each at most once."""
    chosen: dict[str, str] = {}
    for text in given:
        protocol, _, name = text.partition("=")
        if protocol not in catalogue.PROTOCOLS or not name:
            raise units.refusal(where, text, "is no server; write tcp=PROGRAM or udp=PROGRAM")
        if protocol in chosen:
            raise units.refusal(where, text, f"comes after {protocol}={chosen[protocol]}; give one")
        chosen[protocol] = catalogue.server(protocol, name, f"{where} {protocol}")
    return chosen


def scenario(text: str, where: str) -> str:
    """A scenario's name, or a file that describes one."""
    if text.endswith(YAML):
        return text
    names = catalogue.scenarios()
    if text not in names:
        allowed = f"allowed: {', '.join(names)}, or a file such as mine.yaml"
        raise units.refusal(where, text, f"is no scenario; {allowed}")
    return text


def folder(text: str, where: str) -> Path:
    """A folder to write results to: missing, or empty. It is made when there is something."""
    if not text:
        raise BadInput(where, text, "is no folder; write a new folder, such as results/mine")
    path = Path(text)
    if path.is_dir():
        if any(path.iterdir()):
            raise BadInput(where, text, "is not empty; write a new folder")
        return path
    return any_folder(text, where)


def any_folder(text: str, where: str) -> Path:
    """A folder to write a file into, which is there or can be made."""
    path = Path(text)
    nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not nearest.is_dir():
        problem = "is a file" if nearest == path else f"lies in a file ({nearest})"
        raise BadInput(where, text, f"{problem}; write a folder")
    if not os.access(nearest, os.W_OK):
        raise BadInput(where, text, f"can't be written ({nearest} allows it not)")
    return path


def text_file(text: str, where: str) -> tuple[str, str]:
    """A file that is there: its text and its name."""
    try:
        return Path(text).read_text(encoding="utf-8"), text
    except UnicodeDecodeError:
        raise BadInput(where, text, "is no text; write a YAML file in UTF-8") from None
    except OSError as error:
        raise BadInput(where, text, f"can't be read ({error.strerror})") from error


def rules_file(text: str, where: str) -> tuple[Mapping[str, Any], ...]:
    """A file of packet rules, as the link takes them."""
    return tuple(rule.wire() for rule in rules.parse(*text_file(text, where)))


def schedule_file(text: str, where: str) -> Schedule:
    """A file of steps."""
    return Schedule.from_yaml(*text_file(text, where))


def steps(given: tuple[str, ...], where: str) -> Schedule | None:
    """The values of `--at`; None where there are none."""
    return Schedule.from_texts(given, where) if given else None


def outage(text: str, where: str) -> Schedule:
    """A partition of so long, from now on."""
    lasting = units.parse_duration(text, where, low_ms=1)
    return Schedule((Step(0, "down"), Step(lasting, "up")))


def impairing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each knob of an impairment; all come as `knobs`, by knob."""
    chosen = [
        click.option(f"--{knob}", _field(knob), callback=parsed(how.parse), help=how.help + ".")
        for knob, how in KNOBS.items()
    ]

    @wraps(command)
    def collected(**given: Any) -> Any:
        values = {knob: given.pop(_field(knob)) for knob in KNOBS}
        knobs = {knob: value for knob, value in values.items() if value is not None}
        return command(knobs=knobs, **given)

    for option in reversed(chosen):
        collected = option(collected)
    return collected


def _field(knob: str) -> str:
    return f"knob_{knob.replace('-', '_')}"


def impairment(knobs: Mapping[str, Any]) -> Impairment:
    """What these options make together. Raises `BadInput` where they make no sense."""
    try:
        return Impairment(**{KNOBS[knob].field: value for knob, value in knobs.items()})
    except BadInput as error:
        raise BadInput(f"--{error.where}", error.got, error.problem) from error


def link_request(given: Mapping[str, Any]) -> Request:
    """What the options of `lab impair` ask for together. Raises `BadInput`."""
    knobs, profile = given["knobs"], given["profile"]
    named = {f"--{knob}": value for knob, value in knobs.items()}
    named |= {f"--{key}": value for key, value in given.items() if key in _ASKING}
    named = {option: value for option, value in named.items() if value is not None}
    refuse_together(named)
    if profile and knobs:
        raise BadInput("--profile", f"--{next(iter(knobs))}", ONE_OF_BOTH)
    directions = given["toward"] or tuple(Direction)
    wanted: Mapping[Direction, Impairment] | None = None
    script = Script(given["seed"], given["rules"] or (), bool(given["log"]))
    if profile:
        wanted = {each: profile.impairments[each] for each in directions}
    elif knobs or script.knobs():
        wanted = dict.fromkeys(directions, impairment(knobs))
    schedule = given["at"] or given["schedule"] or given["outage"]
    if schedule and given["toward"] and any(s.directions != directions for s in schedule.steps):
        if not given["outage"]:
            raise BadInput("--toward", directions[0].value, "goes into the steps: 5s toward …")
        schedule = Schedule(tuple(Step(s.at_ms, s.what, directions) for s in schedule.steps))
    return Request(
        directions, wanted, bool(given["clear"]), given["client"], schedule, script,
        given["backend"],
    )  # fmt: skip


_ASKING = ("profile", "seed", "rules", "log", "at", "schedule", "outage", "clear")


class Named(click.Command):
    """A command whose complaints all name it; click leaves some to the command line as a whole."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class Commands(Named, click.Group):
    """A group of commands that complain in one line."""

    command_class = Named
    group_class = type


def usage(error: click.UsageError) -> str:
    """Click's complaint as one line that names the command and what it allows."""
    context = error.ctx
    command = context.command_path if context else "lab"
    message = " ".join(error.format_message().split()).rstrip(".")
    if isinstance(error, click.NoSuchOption) and context:
        known = sorted(o for p in context.command.get_params(context) for o in p.opts if "--" in o)
        return f"{command}: {error.option_name!r} is no option; allowed: {', '.join(known)}"
    if isinstance(error, click.MissingParameter) and error.param:
        return f"{command}: {_where(error.param)} is missing; see {command} --help"
    if context and isinstance(context.command, click.Group):
        allowed = ", ".join(context.command.list_commands(context))
        if message.startswith("No such command"):
            got = message.partition("'")[2].partition("'")[0]
            return f"{command}: {got!r} is no command; allowed: {allowed}"
        if message.startswith("Missing command"):
            return f"{command}: COMMAND is missing; allowed: {allowed}"
    return f"{command}: {message[:1].lower()}{message[1:]}; see {command} --help"
