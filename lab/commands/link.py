"""The link in the middle of a lab: impair, fates."""

import json
from dataclasses import replace
from typing import Any

import click

from lab import impairing, lifecycle, options, profiles, status
from lab.commands.shared import answer, answering, command, named, say
from lab.engine import Engine
from lab.link import BACKENDS, Link
from lab.options import parsed
from lab.parsing import choice, number


@command()
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


@command()
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
