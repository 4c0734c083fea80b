"""A loss run on the terminal: two tables that fit into 100 columns, or three into 80."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from lab.report.words import LEDGER
from lab.scenario import checks
from lab.wording import (
    NOTHING,
    count,
    digits,
    exact_percent,
    of,
    percent,
    seconds,
    span,
)

WIDTH = 98  # columns that both protocols side by side take


def loss_tables(result: Mapping[str, Any], width: int = WIDTH) -> list[Table]:
    """One table for both protocols, or one each where the terminal is narrow; and the ledger."""
    whole = [loss_table(result)] if width >= WIDTH else [
        loss_table(result, tcp=False), loss_table(result, udp=False),
    ]  # fmt: skip
    return [*whole, ledger_table(result, lines=2 if width >= WIDTH else 3)]


def loss_table(result: Mapping[str, Any], *, udp: bool = True, tcp: bool = True) -> Table:
    """One row a loss point: what UDP delivered and was to deliver, and what TCP paid."""
    of_udp = (
        "UDP\ndelivered", "\nexpected", f"exact {exact_percent(result['confidence'])}\ninterval",
        "\nledger",
    )  # fmt: skip
    of_tcp = ("TCP\ndelivered", "retrans-\nmissions", "median\nms", "p99\nms", "\ntook")
    table = _table("Loss\neach way", *(of_udp if udp else ()), *(of_tcp if tcp else ()))
    for point in result["points"]:
        found = checks.checks(point)
        cells = [*(_udp_cells(point, found) if udp else ())]
        cells += _tcp_cells(point, found) if tcp else []
        table.add_row(exact_percent(point["loss"]), *cells)
    return table


def ledger_table(result: Mapping[str, Any], *, lines: int = 2) -> Table:
    """One row a loss point: the way of its datagrams, and how many no counter explains."""
    table = _table("Loss\neach way", *(_in_lines(head, lines) for head, _ in LEDGER))
    for point in result["points"]:
        udp = point.get("udp")
        cells = [_cell(count(udp.get(key)), good=True) for _, key in LEDGER] if udp else []
        if udp:
            cells[-1] = _cell(count(udp["unexplained"]), good=not udp["unexplained"])
        table.add_row(exact_percent(point["loss"]), *cells)
    return table


def _udp_cells(point: Mapping[str, Any], found: Mapping[str, checks.Check]) -> list[Text]:
    udp = point.get("udp")
    if not udp:
        return [Text(NOTHING)] * 4
    low, high = udp["interval"]
    return [
        _cell(percent(1 - udp["loss_ratio"]), good=found[checks.BOTH_WAYS].held),
        Text(percent(1 - udp["expected"])),
        Text(span(1 - high, 1 - low)),
        _cell("closed" if found[checks.LEDGER].held else "OPEN", good=found[checks.LEDGER].held),
    ]


def _tcp_cells(point: Mapping[str, Any], found: Mapping[str, checks.Check]) -> list[Text]:
    tcp = point.get("tcp")
    if not tcp:
        return [Text(NOTHING)] * 5
    rtt = tcp.get("rtt_ms") or {}
    return [
        _cell(of(tcp["received"], tcp["sent"]).replace(" of ", "/"), good=found[checks.TCP].held),
        Text(count(tcp["retransmissions"])),
        Text(digits(rtt.get("p50"))),
        Text(digits(rtt.get("p99"))),
        Text(seconds(tcp["duration_s"])),
    ]


def _table(*heads: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for head in heads:
        table.add_column(Text(head), justify="right", no_wrap=True)
    return table


def plain_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, bold: Sequence[bool] = ()
) -> Table:
    """A table of plain words, the first column at the left; bold: rows that stand out."""
    made = _table(*heads)
    made.columns[0].justify = "left"
    for number, row in enumerate(rows):
        made.add_row(*map(Text, row), style="bold" if number < len(bold) and bold[number] else "")
    for column in made.columns:
        column.no_wrap = False
    return made


def _cell(text: str, *, good: bool) -> Text:
    return Text(text, style="" if good else "bold red")


def _in_lines(head: str, lines: int) -> str:
    """`Dropped toward server` on two or three lines; a short head stands on the lower ones."""
    words = head.split(" ", lines - 1)
    return "\n".join([*[""] * (lines - len(words)), *words])
