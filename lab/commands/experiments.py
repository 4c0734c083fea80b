"""The experiments: list, run, report, compare."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from rich.console import Group

from lab import catalogue, options, status
from lab.commands.shared import INTERRUPTED, answer, answering, columns, command, named, say
from lab.engine import Engine
from lab.errors import BadInput
from lab.impairing import ONE_OF_BOTH
from lab.nodes import command_for
from lab.options import parsed

if TYPE_CHECKING:
    from lab.runner import Order


@command(name="list")
@answering
def list_(as_json: bool) -> None:
    """List the echo servers and the scenarios."""
    data = {
        "servers": [vars(each) for each in catalogue.servers()],
        "scenarios": [
            {"name": name, "title": catalogue.title(name)} for name in catalogue.scenarios()
        ],
    }
    answer(data, as_json, lambda: status.catalogue_table(data))


@command()
@named
@answering
@click.argument("scenario", required=False, callback=parsed(options.scenario))
@click.option("--all", "everything", is_flag=True, help="The whole catalogue, in one lab.")
@click.option("--resume", is_flag=True,
              help="Go on with the newest unfinished run, or that in --out.")  # fmt: skip
@click.option("--capture", is_flag=True, help="Keep the packets, for Wireshark.")
@click.option("--out", help="Folder for the results.")
@click.pass_context
def run(
    context: click.Context,
    name: str,
    as_json: bool,
    scenario: str | None,
    everything: bool,
    resume: bool,
    capture: bool,
    out: str | None,
) -> None:
    """Run a scenario (see lab list, or a file.yaml) and leave its evidence in results/."""
    given = {
        "SCENARIO": scenario, "--all": everything, "--resume": resume, "--capture": capture,
    }  # fmt: skip
    for one, other in (
        ("--all", "SCENARIO"), ("--resume", "SCENARIO"), ("--resume", "--capture"),
    ):  # fmt: skip
        if given[one] and given[other]:
            raise BadInput(one, scenario if other == "SCENARIO" else other, ONE_OF_BOTH)
    from lab import run_all, runner  # noqa: PLC0415

    if resume:
        default = context.get_parameter_source("name") is ParameterSource.DEFAULT
        _go_on(out, None if default else name, everything=everything, as_json=as_json)
        return
    typed = command_for(name, f"lab run {'--all' if everything else scenario}")
    typed += " --capture" if capture else ""
    place = options.folder(out, "--out") if out is not None else None
    if everything:
        chosen = [runner.load(each) for each in catalogue.scenarios()]
        order = runner.Order(Engine(), name, say, typed, capture)
        _tell_all(run_all.run(order, chosen, place), as_json)
    elif scenario is None:
        parameter = next(each for each in context.command.params if each.name == "scenario")
        raise click.MissingParameter(ctx=context, param=parameter)
    else:
        loaded = runner.load(scenario)
        if capture and isinstance(loaded, str):
            raise BadInput("--capture", loaded, "keeps no packets; allowed with scenario files")
        order = runner.Order(Engine(), name, say, typed, capture)
        _tell(*runner.run(order, loaded, place), as_json)


def _go_on(out: str | None, name: str | None, *, everything: bool, as_json: bool) -> None:
    """Go on with a run that was stopped; in the lab where it was begun, if no other is named."""
    from lab import evidence, run_all, runner  # noqa: PLC0415

    folder = Path(out) if out is not None else evidence.newest_unfinished(only_all=everything)
    if folder is None:
        of = "of all" if everything else "of a scenario file"
        problem = f"has no unfinished run {of}; give its folder by --out"
        raise BadInput("--resume", f"{evidence.RESULTS}/", problem)
    if everything or (folder / evidence.SUMMARY).exists():
        before = run_all.stopped(folder)
        chosen = [runner.load(each) for each in catalogue.scenarios()]
        done = sum(not each["interrupted"] for each in before["scenarios"])
        say(f"going on with {folder}: {done} of {len(chosen)} scenarios were run")
        order = _order_of(before, name)
        _tell_all(run_all.run(order, chosen, folder, before), as_json)
        return
    found, kept = runner.unfinished(folder)
    say(f"going on with {folder}: {found.title}")
    _tell(runner.resume(_order_of(kept.result, name), folder), folder, as_json)


def _order_of(before: Mapping[str, Any], name: str | None) -> "Order":
    from lab import runner  # noqa: PLC0415

    command, captured = str(before["command"]), bool(before["captured"])
    return runner.Order(Engine(), name or str(before["lab"]), say, command, captured)


def _tell_all(summary: Mapping[str, Any], as_json: bool) -> None:
    """Answer with a run of all, and end as it did."""
    answer(summary, as_json, lambda: status.summary_table(summary))
    say(f"evidence: {summary['folder']}/index.html, summary.json")
    _end(summary)


def _tell(result: Mapping[str, Any], folder: Path, as_json: bool) -> None:
    """Answer with a run, and end as it did."""
    from lab import evidence  # noqa: PLC0415

    samples = evidence.read(folder).samples
    answer(result, as_json, lambda: status.outcome(result, samples, width=columns()))
    say(f"evidence: {folder}/report.html, result.json, result.csv")
    _end(result)


def _end(result: Mapping[str, Any]) -> None:
    if result["interrupted"]:
        raise click.exceptions.Exit(INTERRUPTED)
    if result["verdict"] != "pass":
        raise click.exceptions.Exit(1)


@command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Make report.html anew, from the other files of a run."""
    from lab import evidence  # noqa: PLC0415

    evidence.write(folder, evidence.PAGE, evidence.page(folder))
    click.echo(f"{folder / evidence.PAGE}")


@command()
@answering
@click.argument("one", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("other", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--out", help="A file for the same as a page.")
def compare(as_json: bool, one: Path, other: Path, out: str | None) -> None:
    """Put two runs of a scenario side by side: what differs, and by more than chance."""
    from lab.report import compare as comparing  # noqa: PLC0415
    from lab.report import folder  # noqa: PLC0415

    runs = [folder.result_of(each) for each in (one, other)]
    samples = [folder.samples_of(each) for each in (one, other)]
    told = comparing.compare_text(runs, samples)
    if out is not None:
        page = Path(out)
        try:
            page.write_text(folder.comparison_of(one, other), encoding="utf-8")
        except OSError as error:
            raise BadInput("--out", out, f"can't be written ({error.strerror})") from error
    differences = [
        {**vars(each), "beyond_chance": each.beyond_chance}
        for each in comparing.differences(runs, samples)
    ]
    answer({"differences": differences}, as_json, lambda: Group(*told))
    if out is not None:
        say(f"the page: {out}")
