"""The benchmark's figures as a terminal shows them, at most 100 columns wide. Pure."""

from collections.abc import Mapping
from statistics import median

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab import wording
from tests.bench import captures, pacing, programs, userspace
from tests.bench.pacing import Paced
from tests.bench.standing import MOST_MORE_S, MOST_TIMES, Standing

WIDTH = 100
ONE, MANY = programs.CLIENTS


def standing(result: Standing) -> RenderableType:
    """How long it takes to come up."""
    rounds = len(result.lab_s)
    table = _table(f"Coming up ({rounds} rounds in turn)", "Median", "Fastest", "Slowest")
    for words, taken in (
        ("lab up (wired, and echoes)", result.lab_s),
        ("docker compose up -d (containers run)", result.compose_s),
    ):
        table.add_row(words, *(f"{s:.2f} s" for s in (median(taken), min(taken), max(taken))))
    verdict = "goal met" if result.met else "goal missed"
    line = (
        f"ratio {result.ratio:.2f}, difference {result.more_s:+.2f} s: {verdict} "
        f"(at most {MOST_TIMES:g} or {MOST_MORE_S:+g} s)"
    )
    return Group(table, Text(line, "green" if result.met else "bold red"))


def reading(result: captures.Reading) -> RenderableType:
    """Captures."""
    table = _table("Captures, on one processor", "Frames/s", "Ratio")
    table.add_row("dpkt, reads", _whole(result.dpkt_per_s), "1.00")
    table.add_row("lab, reads and joins", _whole(result.joined_per_s), f"{result.ratio:.2f}")
    verdict = "goal met" if result.met else "goal missed"
    line = f"{verdict} (at least {wording.count(captures.GOAL_PER_S)} frames/s)"
    return Group(table, Text(line, "green" if result.met else "bold red"))


def irtt(result: Mapping[str, Paced]) -> RenderableType:
    """The probe and irtt."""
    return _paced(_title(pacing.IRTT_PER_S, pacing.IRTT_S), result)


def sockperf(result: Mapping[str, Paced], unpaced: Mapping[str, Paced]) -> RenderableType:
    """The probe and sockperf."""
    table = _table("UDP, as fast as it goes", "Sent/s", "Ratio", "Lost")
    first = next(iter(unpaced.values()))
    for name, each in unpaced.items():
        ratio = f"{each.per_s / first.per_s:.2f}"
        table.add_row(name, _whole(each.per_s), ratio, wording.percent(each.lost))
    return Group(_paced(_title(pacing.SOCKPERF_PER_S, pacing.SOCKPERF_S), result), table)


def _title(per_s: int, seconds: int) -> str:
    return f"UDP, {wording.count(per_s)}/s for {seconds} s"


def _paced(title: str, result: Mapping[str, Paced]) -> RenderableType:
    table = _table(title, "Sent/s", "Median", "Ratio", "p99", "Ratio", "Off beat", "Lost")
    first = next(iter(result.values()))
    for name, each in result.items():
        table.add_row(
            name,
            wording.count(round(each.per_s)),
            wording.millis(each.p50_ms),
            f"{each.p50_ms / first.p50_ms:.2f}",
            wording.millis(each.p99_ms),
            f"{each.p99_ms / first.p99_ms:.2f}",
            wording.percent(each.off_beat),
            wording.percent(each.lost),
        )
    return table


def pacing_note() -> str:
    """What the columns of the probes mean."""
    return (
        f"Medians of {pacing.ROUNDS} rounds in turn, {pacing.SIZE} bytes, client to wan to server "
        "and back; ratios to the probe's.\n"
        f"Off beat: ticks skipped, or served more than {pacing.LATE_MS:g} ms late."
    )


def link(carried: Mapping[str, Paced], kept: userspace.Kept) -> RenderableType:
    """The link in user space."""
    title = f"UDP through wan, {wording.count(2 * userspace.PER_S)} packets/s"
    delayed = (
        f"A delay of {userspace.DELAY_MS:g} ms each way at "
        f"{wording.count(2 * userspace.DELAYED_PER_S)} packets/s: "
        f"{kept.p50_ms:+.3f} ms in the middle, {kept.p99_ms:+.3f} ms at the 99th percentile, "
        f"{kept.dropped} lost;\nthe way through wan without a delay is part of that, and "
        f"{wording.times(kept.late, 'datagram')} left late."
    )
    return Group(_paced(title, carried), delayed)


def echo(result: programs.Result) -> RenderableType:
    """The echo programs."""
    heads = ("One client", "Ratio", "(range)", f"{MANY} clients", "Ratio", "(range)")
    table = _table("Echo, round trips/s", *heads)
    notes = [
        f"Medians of {programs.ROUNDS} rounds in turn, {programs.SECONDS:g} s each, "
        f"{programs.SIZE} bytes, each client with one message under way;\n"
        f"ratios to {' and '.join(programs.PLAIN.values())}, and their range over the rounds."
    ]
    for name, trips in result.items():
        served = trips[MANY].served
        many = _cells(trips[MANY]) if served > 1 else [wording.NOTHING] * 3
        table.add_row(name, *_cells(trips[ONE]), *many)
        if served < MANY:
            notes.append(f"{name} serves {served} of {MANY} clients, the others wait.")
    return Group(table, *notes)


def _cells(trips: programs.Trips) -> list[str]:
    span = f"{trips.least:.2f}{wording.DASH}{trips.most:.2f}"
    return [_whole(trips.per_s), f"{trips.ratio:.2f}", span]


def _whole(per_s: float) -> str:
    """Three digits: more would say more than was measured."""
    return wording.count(int(float(f"{per_s:.3g}")))


def _table(*heads: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for number, head in enumerate(heads):
        made.add_column(head, justify="right" if number else "left", no_wrap=True)
    return made
