"""The experiments: list, run."""

from pathlib import Path

import click

from lab import catalogue, options, status
from lab.commands.shared import INTERRUPTED, answer, answering, command, named, say
from lab.engine import Engine
from lab.options import parsed


@command(name="list")
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


@command()
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
