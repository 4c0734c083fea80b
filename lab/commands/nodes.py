"""Into the nodes: shell, logs."""

import click

from lab.commands.shared import command, named
from lab.engine import Engine
from lab.options import parsed
from lab.parsing import choice


@command(context_settings={"ignore_unknown_options": True})
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


@command()
@named
@click.argument("node", required=False)
def logs(name: str, node: str | None) -> None:
    """Show what the programs said, of one node or of all."""
    engine = Engine()
    found = engine.find(name) or engine.lab(name)
    for each in [found.node(node)] if node else found.nodes:
        for line in engine.logs(each).splitlines():
            click.echo(line if node else f"{each.name}: {line}")
