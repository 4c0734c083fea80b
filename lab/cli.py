"""The command `lab`: the only module that prints and exits.

Answers go to standard output (with --json one object, and nothing else), all other lines to
standard error. Exit codes: 0 well; 1 the lab or an expectation failed; 2 bad input; 130 Ctrl-C.
"""

import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from rich.console import Console

from lab import (
    catalogue,
    images,
    impairing,
    lifecycle,
    measure,
    options,
    profiles,
    status,
)
from lab.engine import Engine
from lab.errors import LabError
from lab.link import BACKENDS, Link
from lab.options import parsed
from lab.parsing import choice, duration, number

INTERRUPTED = 130  # as a shell has it: 128 + SIGINT
Command = Callable[..., Any]


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


@click.group(
    cls=options.Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def lab() -> None:
    """A network lab in containers: see and measure what UDP drops and TCP repairs."""


def named(command: Command) -> Command:
    """Add --name."""
    return click.option(
        "--name",
        default=lifecycle.DEFAULT_NAME,
        show_default=True,
        help="Which lab.",
        callback=lambda _context, _parameter, text: lifecycle.checked_name(text),
    )(command)


def answering(command: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as one JSON object.")(
        command
    )


@lab.command(name="doctor")
@named
@answering
def doctor_(name: str, as_json: bool) -> None:
    """Say what this machine can do, found by trying."""
    from lab import doctor  # noqa: PLC0415 - as every command of its own here: `lab up` is quick

    checks = doctor.examine(name)
    data = {"checks": [vars(check) for check in checks], "well": all(c.well for c in checks)}
    answer(data, as_json, lambda: doctor.report(checks))
    if not data["well"]:
        raise click.exceptions.Exit(1)


@lab.command()
@named
@answering
@click.option("--scale", callback=parsed(options.scale), help="client=N: so many clients.")
@click.option(
    "--server",
    "servers",
    multiple=True,
    callback=parsed(options.programs),
    help="tcp=PROGRAM or udp=PROGRAM: what a server runs (see lab list).",
)
def up(name: str, as_json: bool, scale: int | None, servers: Mapping[str, str]) -> None:
    """Bring the lab up: wired, and ready to echo."""
    engine = Engine()
    found, changed = lifecycle.up(
        engine, name, say, clients=scale, tcp=servers.get("tcp"), udp=servers.get("udp")
    )
    data = {**status.describe(found, None), "changed": changed}
    if changed:
        say(f"lab {name!r} is up: {len(found.nodes)} nodes")
    else:
        say(f"lab {name!r} was up already; nothing changed")
    answer(data, as_json, lambda: status.table(found, None))


@lab.command()
@named
@answering
@click.option("--all", "everything", is_flag=True, help="Every lab on this engine.")
def down(name: str, as_json: bool, everything: bool) -> None:
    """Take the lab away; nothing of it is left."""
    engine = Engine()
    names = list(engine.labs()) if everything else [name]
    containers = networks = 0
    held: list[str] = []
    for each in names:
        try:
            with lifecycle.held(each, say):
                gone = engine.remove(each)
        except LabError as error:  # the others go all the same
            held.append(str(error))
            continue
        containers, networks = containers + gone[0], networks + gone[1]
    if held:
        raise LabError("; ".join(held))
    if everything:  # networks whose containers are gone already
        networks += engine.remove(None)[1]
    data = {"labs": names, "containers": containers, "networks": networks}
    what = "every lab" if everything else f"lab {name!r}"
    answer(
        data,
        as_json,
        lambda: (
            f"{what} is down: {containers} containers and {networks} networks removed"
            if containers or networks
            else f"nothing of {what} was there"
        ),
    )


@lab.command(name="status")
@named
@answering
def status_(name: str, as_json: bool) -> None:
    """Show nodes, addresses, programs, and impairments with their counters."""
    engine = Engine()
    found = engine.lab(name)
    state = Link(engine, found).state()
    answer(status.describe(found, state), as_json, lambda: status.table(found, state))


@lab.command()
@named
@answering
@click.option("--toward", callback=parsed(options.toward), metavar="server|client|both",
              help="Which direction (both).")  # fmt: skip
@click.option("--client", help="Of this client alone.")
@options.impairing
@click.option("--profile", callback=parsed(profiles.parse), metavar="|".join(profiles.PROFILES),
              help="A ready-made link.")  # fmt: skip
@click.option("--seed", callback=parsed(number(0, 2**63 - 1)), help="Chance that repeats itself.")
@click.option("--rules", callback=parsed(options.rules_file), help="Packet rules, a YAML file.")
@click.option("--log", is_flag=True, default=None, help="Keep each packet's fate; see lab fates.")
@click.option("--at", multiple=True, callback=parsed(options.steps), help='"5s loss 10%", "8s up".')
@click.option("--schedule", callback=parsed(options.schedule_file), help="Steps, a YAML file.")
@click.option("--outage", callback=parsed(options.outage), help="Everything lost, for 3s.")
@click.option("--backend", callback=parsed(choice("auto", *BACKENDS)), default="auto",
              show_default=True, metavar="|".join(("auto", *BACKENDS)), help="How.")  # fmt: skip
@click.option("--clear", is_flag=True, default=None, help="Impair nothing.")
@click.option("--verify", "verified", is_flag=True, help="Ask the packets whether it is so.")
def impair(name: str, as_json: bool, verified: bool, **given: Any) -> None:
    """Set the whole impairment of the direction(s) named; alone, show what is in force."""
    request = options.link_request(given)
    engine = Engine()
    with lifecycle.held(name, say):
        found = engine.lab(name)
        if request.client:
            request = replace(request, client=found.client(request.client).name)
        state = impairing.carry_out(Link(engine, found), request, say)
        if verified:
            from lab import verify  # noqa: PLC0415

            state, proven = verify.verify(engine, found, request.client or "client-1")
            data = {**status.describe_link(state), **verify.as_dict(proven)}
            answer(data, as_json, lambda: status.proof_table(state, proven))
            raise click.exceptions.Exit(0 if data["verified"] else 1)
    answer(status.describe_link(state), as_json, lambda: status.link_table(state))


@lab.command()
@named
def fates(name: str) -> None:
    """Print each packet's fate as JSON lines, where lab impair --log keeps them."""
    engine = Engine()
    found = engine.lab(name)
    told = Link(engine, found).userspace.log()
    names = {node.address: node.name for node in found.nodes}
    for fate in told["fates"]:
        click.echo(json.dumps({**fate, "client": names.get(fate["client"], fate["client"])}))
    if told["left_out"]:
        say(f"{told['left_out']} more were not kept: the log is full")


@lab.group(no_args_is_help=False)
def probe() -> None:
    """Measure once, from a client."""


def measuring(command: Command) -> Command:
    """Add what every probe takes."""
    for option in (
        click.option(
            "--client", default="client-1", show_default=True, help="From which client."
        ),
        click.option(
            "--size", callback=parsed(number(20, 65507)), default="64", show_default=True,
            help="Bytes of a message.",
        ),
        click.option(
            "--count", callback=parsed(number(1, 10_000_000)), default="1000", show_default=True,
            help="Messages.",
        ),
        answering,
        named,
    ):  # fmt: skip
        command = option(command)
    return command


@probe.command()
@measuring
@click.option(
    "--interval", callback=parsed(duration(0.01, 60_000)), default="1ms", show_default=True,
    help="Between two datagrams.",
)  # fmt: skip
@click.option(
    "--timeout", callback=parsed(duration(1, 60_000)), default="500ms", show_default=True,
    help="A reply later than this counts as lost.",
)  # fmt: skip
def udp(
    name: str, as_json: bool, count: int, size: int, client: str, interval: float, timeout: float
) -> None:
    """Numbered datagrams at a set rate: what was lost, where, and how long the rest took."""
    engine = Engine()
    found = engine.lab(name)
    if busy := measure.quiet(engine, found, 5):
        say(f"{busy} has TCP connections at work; what they send is counted, too")
    report = measure.udp(
        engine, found, count=count, size=size, interval_ms=interval, timeout_ms=timeout,
        client=client,
    )  # fmt: skip
    answer(report, as_json, lambda: status.udp_table(report))


@probe.command()
@measuring
@click.option(
    "--streams", callback=parsed(number(1, 1000)), default="100", show_default=True,
    help="Connections at the same time.",
)  # fmt: skip
@click.option(
    "--timeout", callback=parsed(duration(1, 3_600_000)), default="60s", show_default=True,
    help="What is not back by then is missing.",
)  # fmt: skip
def tcp(
    name: str, as_json: bool, count: int, size: int, client: str, streams: int, timeout: float
) -> None:
    """Messages over some streams, every byte checked: what the delivery took."""
    engine = Engine()
    report = measure.tcp(
        engine, engine.lab(name), count=count, size=size, streams=streams, timeout_ms=timeout,
        client=client,
    )  # fmt: skip
    answer(report, as_json, lambda: status.tcp_table(report))


@lab.command(name="list")
@answering
def list_(as_json: bool) -> None:
    """List the echo servers and the scenarios."""
    data = {
        "servers": [vars(each) for each in catalogue.servers()],
        "scenarios": [
            {"name": name, "title": title} for name, title in catalogue.SCENARIOS.items()
        ],
    }
    answer(data, as_json, lambda: status.catalogue_table(data))


@lab.command()
@named
@answering
@click.argument("scenario", callback=parsed(options.scenario))
@click.option("--out", callback=parsed(options.folder), help="Folder for the results.")
def run(name: str, as_json: bool, scenario: str, out: Path | None) -> None:
    """Run a scenario (see lab list) and leave its evidence in results/."""
    from lab import runner  # noqa: PLC0415

    words = ["lab", "run", scenario] + (["--name", name] if name != "lab" else [])
    result, folder = runner.run(Engine(), scenario, name, say, out, " ".join(words))
    answer(result, as_json, lambda: status.outcome(result))
    say(f"evidence: {folder}/report.html, result.json, result.csv")
    if result["interrupted"]:
        raise click.exceptions.Exit(INTERRUPTED)
    if result["verdict"] != "pass":
        raise click.exceptions.Exit(1)


@lab.command(context_settings={"ignore_unknown_options": True})
@named
@click.option("--user", callback=parsed(choice("root", "lab")), default="root",
              show_default=True, help="lab is the ordinary user that programs run as.")  # fmt: skip
@click.argument("node", default="client")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(name: str, user: str, node: str, command: tuple[str, ...]) -> None:
    """Open a prompt in a node (client, wan, tcp-server, …), or run one COMMAND there."""
    engine = Engine()
    code = engine.shell(engine.lab(name).node(node), list(command) or ["bash"], user)
    raise click.exceptions.Exit(code)


@lab.command()
@named
@click.argument("node", required=False)
def logs(name: str, node: str | None) -> None:
    """Show what the programs said, of one node or of all."""
    engine = Engine()
    found = engine.find(name) or engine.lab(name)
    for each in [found.node(node)] if node else found.nodes:
        for line in engine.logs(each).splitlines():
            click.echo(line if node else f"{each.name}: {line}")


@lab.group(no_args_is_help=False)
def image() -> None:
    """Carry the image of the nodes to a machine without internet."""


@image.command()
@click.argument("file", type=click.Path(path_type=Path))
def save(file: Path) -> None:
    """Write all that `lab up` needs into FILE."""
    engine = Engine()
    images.ensure(engine, say)
    size = images.save(engine, file)
    click.echo(f"saved {images.NODE} to {file}: {size / 1e6:.0f} MB")


@image.command()
@click.argument("file", type=click.Path(path_type=Path))
def load(file: Path) -> None:
    """Load FILE, after which `lab up` needs no network."""
    current = images.load(Engine(), file)
    click.echo(f"loaded {images.NODE} from {file}")
    if not current:
        say("it is of another version of this project: lab up will build it anew")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command; every error that a user can cause is one line."""
    for name in ("SIGTERM", "SIGHUP"):  # a closed terminal undoes as Ctrl-C does
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        code = lab.main(sys.argv[1:] or ["--help"], prog_name="lab", standalone_mode=False)
    except LabError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except click.UsageError as error:
        say(options.usage(error))
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `lab list | head`
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
