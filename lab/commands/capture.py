"""Packets as every node sees them: capture start, status, stop."""

from datetime import datetime
from pathlib import Path

import click

from lab.capture import stations
from lab.capture.account import Account
from lab.commands.shared import answer, answering, group, named, say
from lab.engine import Engine
from lab.options import parsed
from lab.parsing import number


@group
def capture() -> None:
    """Capture packets at every node of the lab, for Wireshark."""


@capture.command()
@click.option(
    "--snaplen", callback=parsed(number(64, 65_535)), default=str(stations.SNAPLEN),
    show_default=True, help="Bytes kept of each frame.",
)  # fmt: skip
@named
def start(name: str, snaplen: int) -> None:
    """Start at every node; each listens when this returns."""
    engine = Engine()
    lab = engine.lab(name)
    try:
        stations.start(engine, lab, snaplen=snaplen)
    except stations.AlreadyRuns:
        raise
    except BaseException:
        stations.remove(engine, lab)
        raise
    say(f"capturing at {len(lab.nodes)} nodes; end it: lab capture stop")


@capture.command()
@answering
@named
def status(name: str, as_json: bool) -> None:
    """How many bytes each node has captured so far."""
    engine = Engine()
    found = stations.status(engine, engine.lab(name))
    answer(
        found,
        as_json,
        lambda: "\n".join(
            f"{node}  {'captures nothing' if size is None else f'{size} bytes'}"
            for node, size in found.items()
        ),
    )


@capture.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path(),
    help="The folder that the file goes to.  [default: this one]",
)  # fmt: skip
@answering
@named
def stop(name: str, out: Path, as_json: bool) -> None:
    """End it, join what the nodes saw, and write one pcapng."""
    engine = Engine()
    file = out / f"capture-{datetime.now():%Y%m%d-%H%M%S}.pcapng"
    found = stations.stop(engine, engine.lab(name), file, comment=f"lab {name}")
    say(f"wrote {file}")
    answer(found.account.as_dict(), as_json, lambda: _table(found.account))


def _table(account: Account) -> str:
    keys = ("packets", "arrived", "lost", "in_flight", "copies", "overtaken")
    lines = ["protocol  way            " + "".join(f"{key:>11}" for key in keys)]
    for protocol, ways in account.sums.items():
        lines += [
            f"{protocol:<10}{way:<15}" + "".join(f"{getattr(sums, key):>11}" for key in keys)
            for way, sums in ways.items()
        ]
    if not account.complete:
        lines.append(f"not all was captured: unread {dict(account.unread)}, full {account.bounded}")
    return "\n".join(lines)
