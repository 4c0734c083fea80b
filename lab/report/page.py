"""The report of a loss run: one page, made of the parts in `markup` and the words in `words`."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.report import figures, judged, sections, seen, topology, words
from lab.report.data import cases
from lab.report.drawn import Captures
from lab.report.markup import (
    Cell,
    Column,
    Html,
    code,
    facts,
    figure,
    items,
    page,
    paragraph,
    section,
    table,
    verdict,
)
from lab.scenario import checks
from lab.wording import (
    NOTHING,
    count,
    digits,
    exact_percent,
    exact_seconds,
    moment,
    of,
    percent,
    seconds,
    span,
)

Points = Sequence[Mapping[str, Any]]


def loss_page(
    result: Mapping[str, Any],
    samples: Mapping[str, Any] | None = None,
    captures: Captures | None = None,
    text: str = "",
) -> str:
    """The object that `lab run loss --json` prints, as a self-contained HTML document.

    Renders a failed and an interrupted run too: points, or one protocol of a point, may be
    missing. Unknown keys are left alone. For the rest see `scenario_page`.
    """
    points: Points = result["points"]
    told = result.get("expectations")
    every, captures = cases(result, samples or {}), captures or {}
    packets = seen.captured(every, captures, ladders=not sections.asks_for_ladders(result))
    kind, head, failures = words.verdict(result)
    measured = (moment(result["started"]), result["command"], f"kernel {result['kernel']}")
    byline = " · ".join(map(str, (*measured, result["backend"])))
    return page(
        result["title"],
        byline,
        verdict(kind, head, items(failures)),
        section(
            "What it shows",
            *sections.claim(result),
            *_shows(result, sections.figures(result, every, captures)),
        ),
        section("The numbers", _numbers(result), _ledger(points)),
        section(
            "What was expected, and whether it held",
            judged.expectations(told) if told else _expectations(points),
        ),
        *([section("The packets", *packets)] if packets else []),
        section("The set-up", *_setup(result)),
        section("How to repeat it", *repeat(result), *sections.file(text)),
    )


def _shows(result: Mapping[str, Any], more: Sequence[Html]) -> list[Html]:
    """The main finding and its figure first; then what it cost, and how sure all of it is."""
    found = [paragraph(text) for text in words.findings(result)]
    delivered, *others = [*_figures(result["points"]), *more] or [Html("")]
    return [*found[:1], delivered, *found[1:-1], *others, *found[1:][-1:]]


def _figures(points: Points) -> list[Html]:
    if not points:
        return []
    return [
        figure(
            Html(figures.delivered_figure(points)),
            "Delivered messages, by loss",
            "Circles: UDP, with its exact intervals; squares: TCP, which sends again what is lost."
            " The dotted curve is what UDP is to deliver if either way loses p: an echo comes back"
            " only if it survives both.",
        ),
        figure(
            Html(figures.completion_figure(points)),
            "Time until the echo is back, by loss",
            "Median (solid) and 99th percentile (dashed), on a logarithmic axis. The times of UDP"
            " are those of the messages that came back; the lost ones have none.",
        ),
    ]


def _numbers(result: Mapping[str, Any]) -> Html:
    columns = [
        Column("Loss each way"),
        *(Column(head, "UDP") for head in ("Delivered", "Expected", "Interval")),
        *(Column(head, "TCP") for head in ("Delivered", "Retrans\N{SOFT HYPHEN}missions")),
        *(Column(head, "TCP") for head in ("Median, ms", "p99, ms", "Took")),
    ]
    rows = [
        [Cell(exact_percent(point["loss"])), *_udp_cells(point), *_tcp_cells(point)]
        for point in result["points"]
    ]
    return table(
        "Both protocols, by loss",
        columns,
        rows,
        f"The interval is the exact {exact_percent(result['confidence'])} one around what UDP"
        " delivered. TCP has no loss of its own; its price is in the columns to the right.",
    )


def _udp_cells(point: Mapping[str, Any]) -> list[Cell]:
    udp = point.get("udp")
    if not udp:
        return [Cell(NOTHING)] * 3
    low, high = udp["interval"]
    broken = not checks.checks(point)[checks.BOTH_WAYS].held
    return [
        Cell(percent(1 - udp["loss_ratio"]), broken),
        Cell(percent(1 - udp["expected"])),
        Cell(span(1 - high, 1 - low)),
    ]


def _tcp_cells(point: Mapping[str, Any]) -> list[Cell]:
    tcp = point.get("tcp")
    if not tcp:
        return [Cell(NOTHING)] * 5
    rtt = tcp.get("rtt_ms") or {}
    return [
        Cell(of(tcp["received"], tcp["sent"]), not checks.checks(point)[checks.TCP].held),
        Cell(count(tcp["retransmissions"])),
        Cell(digits(rtt.get("p50"))),
        Cell(digits(rtt.get("p99"))),
        Cell(seconds(tcp["duration_s"])),
    ]


def _ledger(points: Points) -> Html:
    rows = [
        [
            Cell(exact_percent(point["loss"])),
            *(
                Cell(count(point["udp"].get(key)), key == "unexplained" and bool(point["udp"][key]))
                for _, key in words.LEDGER
            ),
        ]
        for point in points
        if point.get("udp")
    ]
    timeouts = {point["udp"].get("timeout_s") for point in points if point.get("udp")} - {None}
    lost = "".join(f" Lost means: no reply within {exact_seconds(s)}." for s in sorted(timeouts))
    return table(
        "The ledger of the UDP datagrams",
        [Column("Loss each way"), *(Column(head) for head, _ in words.LEDGER)],
        rows,
        "Drops are tc's own counters on wan and the kernel's of full socket buffers; the ends"
        f" count what they send and receive.{lost}",
    )


def _expectations(points: Points) -> Html:
    rows = []
    for point in points:
        found = checks.checks(point)
        row = [Cell(exact_percent(point["loss"]))]
        for name in checks.NAMES:
            check = found.get(name)
            if check is None:
                row.append(Cell(NOTHING, note="not measured"))
            else:
                row.append(Cell("held" if check.held else "broken", not check.held, check.figures))
        rows.append(row)
    return table(
        "Each expectation, by loss",
        [Column("Loss each way"), *(Column(name) for name in checks.NAMES)],
        rows,
        "A loss is expected inside the exact interval of what was lost: p either way, and"
        " 1 \N{MINUS SIGN} (1 \N{MINUS SIGN} p)² there and back. The ledger is to explain every"
        " datagram, TCP to deliver every message unchanged.",
    )


def _setup(result: Mapping[str, Any]) -> list[Html]:
    programs = result.get("programs") or {}
    tcp = [point["tcp"] for point in result["points"] if point.get("tcp")]
    streams = f" over {count(tcp[0]['streams'])} connections" if tcp and "streams" in tcp[0] else ""
    told = (
        "Containers on one network; every packet between them goes through wan, a router, where tc"
        " drops a share p of them in either direction and counts each drop. Neither end is told."
    )
    return [
        paragraph(told),
        figure(
            topology.picture("tc drops p toward server", "tc drops p toward client"),
            "Who stands where",
            "Both servers echo what they get (RFC 862).",
        ),
        facts(
            [
                ("TCP server", str(programs.get("tcp", NOTHING))),
                ("UDP server", str(programs.get("udp", NOTHING))),
                ("Messages at each loss", _messages(result["points"], streams)),
                ("Backend of the impairment", str(result["backend"])),
                ("Congestion control", str(result["congestion_control"])),
            ]
        ),
    ]


def _messages(points: Points, streams: str) -> str:
    """`2 000 by UDP, 2 000 by TCP over 100 connections`, of the first point that has them."""
    said = []
    for protocol, more in (("udp", ""), ("tcp", streams)):
        sent = [point[protocol]["sent"] for point in points if point.get(protocol)]
        said += [f"{count(sent[0])} by {protocol.upper()}{more}"] if sent else []
    return ", ".join(said) or NOTHING


def repeat(result: Mapping[str, Any]) -> list[Html]:
    """How to do it again, and the versions that it was done with; of any scenario."""
    known = (
        ("Lab", "lab_version"),
        ("Kernel", "kernel"),
        ("Docker Engine", "engine"),
        ("Docker Compose", "compose"),
        ("Name of the lab", "lab"),
    )
    return [
        code(str(result["command"])),
        facts(
            [
                *((name, str(result[key])) for name, key in known if key in result),
                ("Started", moment(result["started"])),
                ("Finished", moment(result.get("finished") or NOTHING)),
            ]
        ),
        paragraph(
            "The same numbers stand beside this page in result.json, and one row a loss point in"
            " result.csv. Losses are drawn anew each time: figures differ, verdicts should not."
        ),
    ]
