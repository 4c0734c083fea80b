"""What commands answer with: plain data for --json, and tables of the same for a person."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab import proof, wording
from lab.impairment import Direction
from lab.link import LinkState
from lab.nodes import Lab
from lab.report.law_table import law_table
from lab.report.table import loss_tables


def describe(lab: Lab, state: LinkState | None) -> dict[str, Any]:
    """A lab's nodes, and (unless None) what its link does, for --json."""
    nodes = [
        {"name": n.name, "address": n.address, "state": n.state, "program": n.program or None}
        for n in lab.nodes
    ]
    return {"name": lab.name, "nodes": nodes, **(describe_link(state) if state else {})}


def describe_link(state: LinkState) -> dict[str, Any]:
    """The impairments in force by direction, in the command line's words, and the counters."""
    clients = sorted({lane.client for lane in state.lanes if lane.client})
    return {
        "backend": state.backend,
        "stale": state.stale,
        "impairments": {each.value: state.impairment(each).as_dict() for each in Direction},
        "clients": {
            client: {
                lane.direction.value: impairment.as_dict()
                for lane, impairment in state.lanes.items()
                if lane.client == client
            }
            for client in clients
        },
        "counters": {each.value: vars(counted) for each, counted in state.counters.items()},
        **({"overrun": state.overrun} if state.overrun else {}),
        **{name: getattr(state.script, name) for name in sorted(state.script.knobs())},
    }


def table(lab: Lab, state: LinkState | None) -> RenderableType:
    """A lab for a terminal."""
    nodes = _table("Node", "Address", "State", "Program")
    for node in lab.nodes:
        state_style = "" if node.running else "bold red"
        nodes.add_row(node.name, node.address, Text(node.state, state_style), node.program)
    return Group(nodes, link_table(state)) if state else nodes


def link_table(state: LinkState) -> RenderableType:
    """What the link does, for a terminal."""
    if state.backend is None:
        return "nothing is impaired"
    link = _table("Direction", f"Impairment ({state.backend})", "Passed", "Lost", "Queue full")
    for lane, impairment in state.lanes.items():
        counted = state.counted.get(lane)
        figures = (counted.passed, counted.lost, counted.overflowed) if counted else ()
        link.add_row(lane.label, str(impairment), *map(wording.count, figures))
    notes = []
    if state.script.rules:
        notes.append(wording.times(len(state.script.rules), "packet rule"))
    if state.script.seed is not None:
        notes.append(f"seed {state.script.seed}")
    if state.script.log:
        notes.append("each packet's fate is kept: lab fates")
    if state.overrun:
        notes.append(f"{wording.count(state.overrun)} packets came faster than the link could take")
    if state.stale:
        notes.append("a node has moved since: these impairments miss it; mend it: lab up")
    return Group(link, *map(Text, notes))


_MARKS = {True: Text("as asked", "green"), False: Text("NOT AS ASKED", "bold red"), None: Text("?")}


def proof_table(
    state: LinkState, proven: Mapping[Direction, Sequence[proof.Check]]
) -> RenderableType:
    """What packets met, for a terminal."""
    found = _table("Direction", f"Asked ({state.backend})", "", "Measured", "", justify="left")
    for way, each in proven.items():
        for check in each:
            mark = _MARKS[check.held]
            found.add_row(way.label, check.knob, check.asked, check.found, mark)
    words = f"each held to {wording.exact_percent(proof.CONFIDENCE)}"
    return Group(found, f"{words}; ? can't be decided by this measurement")


def udp_table(report: Mapping[str, Any]) -> RenderableType:
    """One UDP measurement for a terminal: the ledger, then the times."""
    sent = report["sent"]
    ledger = _table("UDP", "Datagrams", "")
    for words, key in (
        ("sent", "sent"),
        ("dropped toward server", "dropped_toward_server"),
        ("received by the server", "server_received"),
        ("dropped toward client", "dropped_toward_client"),
        ("received", "received"),
        ("buffers full", "buffer_drops"),
        ("duplicated", "duplicated"),
        ("reordered", "reordered"),
        ("late", "late"),
        ("corrupted", "corrupted"),
        ("unexplained", "unexplained"),
    ):
        share = wording.percent(report[key] / sent) if sent and report[key] else ""
        ledger.add_row(words, wording.count(report[key]), share)
    one_way = report["one_way_ms"]
    times = _times(
        ("round trip", report["rtt_ms"]),
        *((f"{name.replace('_', ' ')}, one way", one_way[name]) for name in one_way),
    )
    note = f"no reply within {report['timeout_s']:g} s counts as lost"
    if report["late_ticks"]:
        late = wording.count(report["late_ticks"])
        note += f"; {late} left more than {report['tolerance_ms']:g} ms late"
    return Group(ledger, times, note)


def tcp_table(report: Mapping[str, Any]) -> RenderableType:
    """One TCP measurement for a terminal."""
    ledger = _table("TCP", "")
    streams = report["streams"]
    for words, value in (
        ("messages sent", wording.count(report["sent"])),
        ("messages back, every byte right", wording.count(report["received"])),
        ("corrupted", wording.count(report["corrupted"])),
        ("failed or missing", wording.count(report["failed"] + report["missing"])),
        ("retransmissions toward server", wording.count(report["retransmissions_toward_server"])),
        ("retransmissions toward client", wording.count(report["retransmissions_toward_client"])),
        ("streams connected", f"{streams['connected']} of {streams['asked']}"),
        ("congestion control", report["congestion_control"]),
        ("took", wording.seconds(report["duration_s"])),
    ):
        ledger.add_row(words, value)
    return Group(
        ledger, _times(("connecting", report["connect_ms"]), ("round trip", report["rtt_ms"]))
    )


def _times(*rows: tuple[str, Mapping[str, float] | None]) -> Table:
    times = _table("Time", "Median ms", "p99 ms", "Max ms")
    for words, figures in rows:
        found = figures or {}
        times.add_row(words, *(wording.millis(found.get(key)) for key in ("p50", "p99", "max")))
    return times


def catalogue_table(data: Mapping[str, Any]) -> RenderableType:
    """Servers and scenarios for a terminal."""
    servers = _table("Server", "", justify="left")
    for each in data["servers"]:
        servers.add_row(each["name"], each["summary"])
    scenarios = _table("Scenario", "", justify="left")
    for each in data["scenarios"]:
        scenarios.add_row(each["name"], each["title"])
    return Group(servers, scenarios)


_OUTCOMES: Mapping[str, tuple[Callable[[Mapping[str, Any], int], list[Table]], str]] = {
    "loss": (
        loss_tables,
        "every datagram is accounted for, and TCP delivered all",
    ),
    "tcp-law": (lambda result, _: [law_table(result)], "TCP's pace lies along both models"),
}
"""What each scenario shows on a terminal: its tables, and what it means that it passed."""


def outcome(
    result: Mapping[str, Any], samples: Mapping[str, Any] | None = None, *, width: int = 100
) -> RenderableType:
    """A scenario's run for a terminal: its tables, small plots, and the verdict.

    samples: as samples.json has it. width: columns of the terminal.
    """
    tables, meaning = _OUTCOMES.get(result["scenario"], (None, ""))
    parts: list[RenderableType] = []
    if tables and result["points"]:
        parts += tables(result, width)
    if not tables:
        from lab.report import terminal  # noqa: PLC0415 - `lab up` shows no run, and is quick

        if result["points"]:
            parts.append(terminal.run_table(result, samples, width=width))
            encoding = sys.stdout.encoding or "ascii"
            parts += terminal.plots(result, samples, encoding=encoding, width=width)
        parts.append(terminal.expectations_text(result))
        meaning = terminal.summary(result).partition(": ")[2]
    parts += [Text(f"left out: {why}", "bold") for why in result.get("skipped", [])]
    if result["verdict"] == "pass":
        parts.append(Text(f"pass: {meaning}", "green"))
    elif result["interrupted"]:
        kept = "interrupted: what was measured so far is kept"
        kept += "; go on with it: lab run --resume" if "complete" in result else ""
        parts.append(Text(kept, "bold red"))
    else:
        parts += [Text(f"fail: {failure}", "bold red") for failure in result["failures"]]
    return Group(*parts)


_VERDICTS = {"pass": "green", "fail": "bold red", "skipped": "bold"}


def summary_table(summary: Mapping[str, Any]) -> RenderableType:
    """A run of the whole catalogue: a row for each scenario, and what failed."""
    found = _table("Scenario", "Verdict", "Took", "Why not", justify="left")
    for each in summary["scenarios"]:
        verdict = "interrupted" if each["interrupted"] else each["verdict"]
        found.add_row(
            each["name"],
            Text(verdict, _VERDICTS.get(verdict, "bold red")),
            wording.seconds(each["took_s"]),
            "; ".join(each["failures"]),
        )
    done = wording.times(len(summary["scenarios"]), "scenario")
    style = "green" if summary["verdict"] == "pass" else "bold red"
    verdict = "interrupted" if summary["interrupted"] else summary["verdict"]
    return Group(found, Text(f"{verdict}: {done} in {wording.seconds(summary['took_s'])}", style))


def _table(*heads: str, justify: Any = None) -> Table:
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for number, head in enumerate(heads):
        right = (
            number > 0
            and head not in ("State", "Program", "Address")
            and not (head.startswith("Impairment"))
        )
        made.add_column(head, justify=justify or ("right" if right else "left"))
    return made
