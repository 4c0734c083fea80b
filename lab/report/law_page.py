"""The report of a run of the TCP law: one page, made of the parts in `markup`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.report import law_figures, topology
from lab.report.law_table import fine_percent, mbit, mbit_span
from lab.report.markup import (
    Cell,
    Column,
    Html,
    facts,
    figure,
    items,
    page,
    paragraph,
    section,
    table,
    verdict,
)
from lab.report.page import repeat
from lab.scenario import law_checks
from lab.wording import (
    NOTHING,
    SPACE,
    count,
    digits,
    exact_percent,
    exact_seconds,
    millis,
    moment,
    times,
)

Points = Sequence[Mapping[str, Any]]


def law_page(result: Mapping[str, Any]) -> str:
    """The object that `lab run tcp-law --json` prints, as a self-contained HTML document."""
    points: Points = result["points"]
    measured = (moment(result["started"]), result["command"], f"kernel {result['kernel']}")
    return page(
        result["title"],
        " · ".join(map(str, (*measured, result["backend"]))),
        _verdict(result),
        section("What it shows", *map(paragraph, _findings(result)), *_figures(result)),
        section("The numbers", _numbers(result), _conditions(points)),
        section("What was expected, and whether it held", _expectations(points)),
        section("The models, and this TCP", *_models(result)),
        section("The set-up", *_setup(result)),
        section("How to repeat it", *repeat(result)),
    )


def _verdict(result: Mapping[str, Any]) -> Html:
    points = times(len(result["points"]), "loss point")
    failures = items(map(str, result["failures"]))
    if result["verdict"] == "pass":
        return verdict("pass", f"Pass: along both models at {points}.")
    if result["interrupted"]:
        head = f"Interrupted: {points} measured; what follows is what there is."
        return verdict("fail", head, failures)
    return verdict("fail", f"Fail, in {times(len(result['failures']), 'place')}:", failures)


def _findings(result: Mapping[str, Any]) -> Iterator[str]:
    points: Points = result["points"]
    if not points:
        yield "Nothing was measured."
        return
    first, last = points[0], points[-1]
    yield (
        f"At {exact_percent(first['loss'])} loss one flow of {result['congestion_control']} carried"
        f" {mbit(first['goodput_bps'])} Mbit/s over a round"
        f" trip of {millis(first['rtt_ms'])},"
        f" at {exact_percent(last['loss'])} it carried {mbit(last['goodput_bps'])} Mbit/s."
        " No link was full: loss alone sets this pace, as the inverse of its square root."
    )
    known = [point for point in points if point["ratio_pftk"] is not None]
    if not known:
        return
    yield (
        f"Measured goodput is {_span(known, 'ratio_pftk')} times what PFTK predicts and"
        f" {_span(known, 'ratio_mathis')} times what Mathis does."
        + (
            f" Given the timeouts that really happened, PFTK is met: {_span(known, seen)} times."
            if known[0][seen := "ratio_pftk_seen"] is not None
            else ""
        )
    )
    repeated = sum(point["retransmissions"] for point in points)
    if all(point["timeouts"] is not None for point in points):
        timeouts = sum(point["timeouts"] for point in points)
        yield (
            f"{times(repeated, 'segment was', 'segments were')} lost and sent again in the measured"
            f" seconds, and {times(timeouts, 'timeout')} came of it. PFTK was made for the Reno of"
            " its day, which needed three duplicate ACKs to notice a loss and else waited for a"
            " timeout. Linux of today notices by SACK and by time, so PFTK is too low where"
            " losses are many."
        )


def _span(points: Points, key: str) -> str:
    ratios = [point[key] for point in points if point[key] is not None]
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def _figures(result: Mapping[str, Any]) -> list[Html]:
    points = [point for point in result["points"] if point["ratio_pftk"] is not None]
    if not points:
        return []
    confidence = exact_percent(result["confidence"])
    return [
        figure(
            Html(law_figures.goodput_figure(points)),
            "Goodput of a flow, by loss",
            f"Circles: the mean of the flows at a loss, with its {confidence} interval, at the loss"
            " that wan counted. The curves are drawn for the mean round trip and timeout of the"
            " run; both axes are logarithmic, so that a square root is a straight line.",
        ),
        figure(
            Html(law_figures.ratio_figure(points, result["factors"]["pftk"])),
            "How far from the models",
            "Measured goodput over that of the model, which is given the loss, round trip and"
            " timeout of each point. 1 is the model itself; the band is the factor of"
            f" {result['factors']['pftk']:g} in which PFTK is to lie. “PFTK, seen” is PFTK with as"
            " many timeouts as the kernel counted. Marks are set apart sideways to be told apart.",
        ),
    ]


def _numbers(result: Mapping[str, Any]) -> Html:
    columns = [
        Column("Loss asked"),
        Column("Loss counted"),
        Column("Mbit/s", "Goodput of a flow"),
        Column("Interval", "Goodput of a flow"),
        *(Column(head, "PFTK") for head in ("Mbit/s", "Ratio")),
        *(Column(head, "PFTK, seen") for head in ("Mbit/s", "Ratio")),
        *(Column(head, "Mathis") for head in ("Mbit/s", "Ratio")),
    ]
    rows = []
    for point in result["points"]:
        row = [Cell(exact_percent(point["loss"])), Cell(fine_percent(point["measured_loss"]))]
        row += [Cell(mbit(point["goodput_bps"])), Cell(mbit_span(point["interval"]))]
        for model, name in (
            ("pftk", law_checks.PFTK),
            ("pftk_seen", law_checks.SEEN),
            ("mathis", law_checks.MATHIS),
        ):
            check = law_checks.checks(point).get(name)
            row.append(Cell(mbit(point[f"{model}_bps"])))
            row.append(Cell(digits(point[f"ratio_{model}"]), bool(check and not check.held)))
        rows.append(row)
    return table(
        "Measured, and by the models",
        columns,
        rows,
        f"Intervals are Student's, {exact_percent(result['confidence'])}, by the spread over the"
        " flows. Goodput is what the server acknowledged, every byte once.",
    )


def _conditions(points: Points) -> Html:
    heads = ("Flows", "Seconds", "Dropped", "Sent again", "Timeouts", "RTT, ms", "RTO, ms",
             "Window", "ACKs a segment")  # fmt: skip
    rows = [
        [
            Cell(exact_percent(point["loss"])),
            Cell(count(point["flows"])),
            Cell(digits(point["window_s"])),
            Cell(count(point["dropped"])),
            Cell(count(point["retransmissions"])),
            Cell(count(point["timeouts"])),
            Cell(digits(point["rtt_ms"])),
            Cell(digits(point["rto_ms"])),
            Cell(digits(point["cwnd"])),
            Cell(digits(point["acks_per_segment"])),
        ]
        for point in points
    ]
    return table(
        "What the models were given, and what TCP did",
        [Column("Loss asked"), *(Column(head) for head in heads)],
        rows,
        "Dropped is wan's own count toward the server, from the first SYN to the last FIN, ACKs of"
        " echoes among it, and gives p: each packet is as likely to be lost. The rest is"
        " TCP_INFO of the measured seconds: RTT and RTO are its smoothed values, sampled 20 times a"
        " second, the window is cwnd in segments, all as means. A busy machine adds to the"
        " round trip.",
    )


def _expectations(points: Points) -> Html:
    rows = []
    for point in points:
        found = law_checks.checks(point)
        row = [Cell(exact_percent(point["loss"]))]
        for name in law_checks.NAMES:
            if (check := found.get(name)) is None:
                row.append(Cell(NOTHING, note="not counted by this kernel"))
            else:
                row.append(Cell("held" if check.held else "broken", not check.held, check.figures))
        rows.append(row)
    return table(
        "Each expectation, by loss",
        [Column("Loss asked"), *(Column(name) for name in law_checks.NAMES)],
        rows,
        "Loss: what was asked lies in the exact interval of what was counted. Free flow: no queue"
        " overflowed, and neither the receiver's window nor the send buffer held the flows back for"
        f" more than {exact_percent(law_checks.MAX_LIMITED)} of the time. PFTK: within a factor of"
        f" {law_checks.FACTOR_PFTK:g}, which RFC 5348 (section 1) takes for the spread of TCP"
        f" itself; seen, with the timeouts that the kernel counted, within"
        f" {law_checks.FACTOR_SEEN:g}. Mathis: at most {law_checks.FACTOR_MATHIS:g} of it; it knows"
        " no timeouts, so that there is no lower bound.",
    )


def _models(result: Mapping[str, Any]) -> list[Html]:
    return [
        items(
            [
                "Mathis, Semke, Mahdavi and Ott (1997): goodput = MSS/RTT · C/√p, with"
                f" C = √(3/2) = {result['mathis_c']:.2f} for losses at even distances and every"
                " segment acknowledged; for losses at random the paper has 1.31.",
                "PFTK, by Padhye, Firoiu, Towsley and Kurose (1998, 2000): the full formula with"
                " the timeouts T0, 2 T0, 4 T0 … and no bound on the window. It counts what is sent;"
                " of that (1 \N{MINUS SIGN} p) is goodput.",
                f"b = {result['b']} in both: Linux's Reno opens the window by segments that are"
                " acknowledged and not by ACKs (as RFC 3465 has it), so that delayed ACKs slow"
                " nothing. And few are delayed here: each echo carries one.",
                "p is what wan dropped of all that it was handed toward the server; losses toward"
                " the client, of ACKs, are in neither model and not in this run.",
            ]
        ),
        paragraph(
            "This TCP is not the Reno of the papers, beyond how it opens and halves its window."
            " It has SACK, RACK\u2011TLP (RFC 8985) to notice lost tails and lost retransmissions"
            " without a timeout, PRR (RFC 6937) to send during recovery, F\u2011RTO (RFC 5682) to"
            " take a needless timeout back, and never waits less than 200\u202fms for one, so that"
            " T0 is a quarter of a second here. And where PFTK loses all that follows a loss in its"
            " round, losses here are drawn one by one."
        ),
    ]


def _setup(result: Mapping[str, Any]) -> list[Html]:
    each = f"{result['delay_ms']:g}{SPACE}ms"
    return [
        paragraph(
            "Containers on one network; every packet between them goes through wan, a router, which"
            f" holds each one for {each} either way and drops a share p of those toward the server."
            " The client sends as fast as TCP lets it over some connections at once and reads what"
            " the server echoes. There is no bottleneck, so that flows do not meet."
        ),
        figure(
            topology.picture(f"p lost, {each} toward server", f"{each} toward client"),
            "Who stands where",
            "The TCP server echoes what it gets (RFC 862); the UDP server has no part in this.",
        ),
        facts(
            [
                ("TCP server", str(result["programs"]["tcp"])),
                ("Backend of the impairment", str(result["backend"])),
                ("Congestion control", str(result["congestion_control"])),
                ("Before anything counts", exact_seconds(result["warmup_s"])),
            ]
        ),
    ]
