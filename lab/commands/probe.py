"""One measurement: probe udp, probe tcp."""

import click

from lab import measure, status
from lab.commands.shared import Command, answer, answering, group, named, say
from lab.engine import Engine
from lab.options import parsed
from lab.parsing import duration, number


@group
def probe() -> None:
    """Measure once, from a client."""


def measuring(function: Command) -> Command:
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
        function = option(function)
    return function


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
