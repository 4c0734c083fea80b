"""A lab's life: doctor, up, down, status."""

from collections.abc import Mapping

import click

from lab import lifecycle, options, status
from lab.commands.shared import answer, answering, command, named, say
from lab.engine import Engine
from lab.errors import LabError
from lab.link import Link
from lab.options import parsed


@command(name="doctor")
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


@command()
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


@command()
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


@command(name="status")
@named
@answering
def status_(name: str, as_json: bool) -> None:
    """Show nodes, addresses, programs, and impairments with their counters."""
    engine = Engine()
    found = engine.lab(name)
    state = Link(engine, found).state()
    answer(status.describe(found, state), as_json, lambda: status.table(found, state))
