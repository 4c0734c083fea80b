"""A run of the TCP law on the terminal."""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from lab.scenario import law_checks
from lab.wording import SPACE, count, digits, exact_percent


def law_table(result: Mapping[str, Any]) -> Table:
    """One row a loss point: what was lost, the goodput of a flow, and that of both models."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    heads = (
        "Loss\nasked", "\nmeasured", "\nflows", "\nlosses", "time-\nouts", "RTT\nms",
        "Goodput\nMbit/s", f"{exact_percent(result['confidence'])}\ninterval",
        "PFTK\nMbit/s", "\nratio", "Mathis\nMbit/s", "\nratio",
    )  # fmt: skip
    for head in heads:
        table.add_column(Text(head), justify="right", no_wrap=True)
    for point in result["points"]:
        found = law_checks.checks(point)
        cells = [
            (exact_percent(point["loss"]), True),
            (fine_percent(point["measured_loss"]), found[law_checks.LOSS].held),
            (count(point["flows"]), True),
            (count(point["dropped"]), found[law_checks.FREE].held),
            (count(point["timeouts"]), True),
            (digits(point["rtt_ms"]), True),
            (mbit(point["goodput_bps"]), True),
            (mbit_span(point["interval"]), True),
            (mbit(point["pftk_bps"]), True),
            (digits(point["ratio_pftk"]), found[law_checks.PFTK].held),
            (mbit(point["mathis_bps"]), True),
            (digits(point["ratio_mathis"]), found[law_checks.MATHIS].held),
        ]
        table.add_row(*(Text(text, style="" if held else "bold red") for text, held in cells))
    return table


def fine_percent(ratio: float) -> str:
    """A ratio that was counted, in three digits: `0.0982 %`."""
    return f"{digits(100 * ratio)}{SPACE}%"


def mbit(bps: float | None) -> str:
    """Megabits a second, three digits."""
    return digits(None if bps is None else bps / 1e6)


def mbit_span(interval: tuple[float, float]) -> str:
    """An interval in megabits a second; of one flow there is none."""
    low, high = interval
    return mbit(None) if high == float("inf") else f"{mbit(max(0.0, low))}\N{EN DASH}{mbit(high)}"
