"""Packets as every node sees them: capture start, status, stop."""

from datetime import datetime
from pathlib import Path

import click

from lab.capture import SNAPLEN
from lab.commands.shared import answer, answering, group, named, say
from lab.engine import Engine
from lab.nodes import command_for
from lab.options import any_folder, parsed
from lab.parsing import number
from lab.wording import count


@group
def capture() -> None:
    """Capture packets at every node of the lab, for Wireshark."""


@capture.command()
@click.option(
    "--snaplen", callback=parsed(number(64, 65_535)), default=str(SNAPLEN),
    show_default=True, help="Bytes kept of each frame.",
)  # fmt: skip
@named
def start(name: str, snaplen: int) -> None:
    """Start at every node; each listens when this returns."""
    from lab.capture import stations  # noqa: PLC0415 - as elsewhere: `lab up` is quick

    engine = Engine()
    lab = engine.lab(name)
    stations.start(engine, lab, snaplen=snaplen)
    say(f"capturing at {len(lab.nodes)} nodes; end it: {command_for(name, 'lab capture stop')}")


@capture.command()
@answering
@named
def status(name: str, as_json: bool) -> None:
    """How many bytes each node has captured so far."""
    from lab.capture import stations  # noqa: PLC0415

    engine = Engine()
    found = stations.status(engine, engine.lab(name))
    answer(
        found,
        as_json,
        lambda: "\n".join(
            f"{node:<12}{'captures nothing' if size is None else f'{count(size)} bytes so far'}"
            for node, size in found.items()
        ),
    )


@capture.command()
@click.option(
    "--out", callback=parsed(any_folder), default=".", metavar="DIR",
    help="The folder that the file goes to.  [default: this one]",
)  # fmt: skip
@answering
@named
def stop(name: str, out: Path, as_json: bool) -> None:
    """End it, join what the nodes saw, and write one pcapng."""
    from lab.capture import stations, table  # noqa: PLC0415

    engine = Engine()
    file = out / f"capture-{datetime.now():%Y%m%d-%H%M%S}.pcapng"
    found = stations.stop(engine, engine.lab(name), file, comment=f"lab {name}")
    say(f"wrote {file}")
    answer(found.account.as_dict(), as_json, lambda: table.shown(found.account))
