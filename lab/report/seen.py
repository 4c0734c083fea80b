"""What the captures of a run saw: a line for each protocol and way, and ladders of some."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab.report.chosen import case_name
from lab.report.data import Case
from lab.report.drawn import Captures, packets_of
from lab.report.ladder import flows, ladder
from lab.report.markup import Cell, Column, Html, figure, table
from lab.scenario.model import NoFigure
from lab.wording import NOTHING, count

_LADDERS = 4  # of a run that was captured and asks for none by itself
_ROWS = 30  # of such a ladder

Found = Sequence[tuple[Case, str, Mapping[str, Any]]]

_COLUMNS = (
    ("Sent", "packets"), ("Arrived", "arrived"), ("Lost", "lost"), ("Sent again", "repeated"),
    ("Overtaken", "overtaken"), ("Copies", "copies"), ("Corrupted", "corrupted"),
    ("Still on the way", "in_flight"), ("Payload, bytes", "payload_bytes"),
)  # fmt: skip
_ALWAYS = ("packets", "arrived", "lost", "payload_bytes")


def captured(cases: Sequence[Case], captures: Captures, *, ladders: bool) -> list[Html]:
    """What the captures saw of each measurement, and a ladder of the first flow of some."""
    found = [
        (case, name, report["capture"])
        for case in cases
        for name, report in case.point.items()
        if isinstance(report, Mapping) and isinstance(report.get("capture"), Mapping)
    ]
    if not found:
        return []
    return [_account(found), *(_ladders(found, captures) if ladders else [])]


def _account(found: Found) -> Html:
    sums = [
        (_title(case, name), account, protocol, way, account[protocol][way])
        for case, name, account in found
        for protocol in account
        if isinstance(account[protocol], Mapping)
        for way in account[protocol]
        if isinstance(account[protocol][way], Mapping) and any(account[protocol][way].values())
    ]
    columns = [
        (head, key)
        for head, key in _COLUMNS
        if key in _ALWAYS or any(each.get(key) for *_, each in sums)
    ]
    rows, said = [], ""
    for title, account, protocol, way, each in sums:
        again, said = title == said, title
        what = f"{protocol.upper()}\u00a0{way}".replace("_", "\u00a0")
        cells = [Cell(count(each[key]) if key in each else NOTHING) for _, key in columns]
        link = str(account.get("file") or "")
        rows.append([Cell(title, href=link, again=again), Cell(what, words=True), *cells])
    heads = [Column("Capture"), Column("Packets", words=True)]
    partial = [_title(case, name) for case, name, account in found if not account.get("complete")]
    caption = (
        "Packets as tcpdump saw them at the client, on wan and at the servers, joined packet by"
        " packet. Wireshark opens the files, which lie beside this page."
    )
    agreed = [account["agrees"] for *_, account in found if account.get("agrees") is not None]
    if agreed and all(agreed):
        caption += (
            " They agree to the packet with what wan and the kernels counted, and with the probe."
            if len(agreed) == len(found)
            else f" {count(len(agreed))} of {count(len(found))} could be held against what wan and"
            " the kernels counted, and agree to the packet."
        )
    if partial:
        caption += f" Not complete, and so a part of what passed: {', '.join(partial)}."
    return table(
        "What the captures saw", [*heads, *(Column(head) for head, _ in columns)], rows, caption
    )


def _title(case: Case, name: str) -> str:
    return ", ".join(part for part in (case_name(case), name) if part != "all")


def _ladders(found: Found, captures: Captures) -> Iterable[Html]:
    """One of each measurement, of the first case in which something happened."""
    chosen: dict[str, tuple[Case, str, Mapping[str, Any]]] = {}
    for each in found:
        _, name, account = each
        if name not in chosen or (_eventful(account) and not _eventful(chosen[name][2])):
            chosen[name] = each
    for case, name, _ in list(chosen.values())[:_LADDERS]:
        try:
            packets = packets_of(case, name, captures)
        except NoFigure:
            continue
        title, every = _title(case, name), flows(packets)
        first = f" The first of {count(len(every))} flows." if len(every) > 1 else ""
        yield figure(
            ladder(packets, title=title, flow=every[0], rows=_ROWS),
            f"The packets of {title}",
            f"Time runs downward.{first} What is lost ends in mid-air; what is sent again is tied"
            " to what it repeats.",
        )


def _eventful(account: Mapping[str, Any]) -> bool:
    ways = [way for each in account.values() if isinstance(each, Mapping) for way in each.values()]
    keys = ("lost", "repeated", "overtaken")
    return any(way.get(key) for way in ways if isinstance(way, Mapping) for key in keys)
