"""An account as a terminal shows it, in at most 100 columns. Pure."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.capture.account import Account, Segments
from lab.wording import NOTHING, count

_WAYS = ("toward_server", "toward_client", "elsewhere")


def shown(account: Account) -> RenderableType:
    """The table, and under it whether the other books say the same."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("Packets")
    heads = ("Sent", "Arrived", "Lost", "In flight", "Sent again", "Copies", "Overtaken", "Damaged")
    for head in heads:
        table.add_column(head, justify="right")
    rows = 0
    for protocol, ways in sorted(account.sums.items()):
        for way in _WAYS:
            if (sums := ways.get(way)) is None:
                continue
            again = count(sums.repeated) if isinstance(sums, Segments) else NOTHING
            table.add_row(
                f"{protocol.upper()} {way.replace('_', ' ')}",
                count(sums.packets), count(sums.arrived), count(sums.lost), count(sums.in_flight),
                again, count(sums.copies), count(sums.overtaken), count(sums.corrupted),
            )  # fmt: skip
            rows += 1
    parts: list[RenderableType] = [table] if rows else [Text("no packet was seen")]
    return Group(*parts, *(Text(line, style) for line, style in _said(account)))


def _said(account: Account) -> list[tuple[str, str]]:
    lines = [
        (f"{node}: {count(number)} frames came too fast and were not captured", "bold red")
        for node, number in account.unread.items()
    ]
    lines += [
        (f"{node}: the file was full; {count(number)} frames had no room in it", "bold red")
        for node, number in account.bounded.items()
    ]
    lines += [(f"{node}: was not captured", "bold red") for node in account.missing]
    if account.agrees is None:
        why = "; ".join(account.unchecked)
        lines.append((f"not held against wan's counters: {why}", "yellow"))
    elif account.agrees:
        lines.append(("wan's counters and the kernels' agree with it to the packet", "green"))
    else:
        lines += [(line, "bold red") for line in account.contradictions]
    return lines
