"""The sections that the reports of all scenarios share, made of a run's plain result.

Whatever a result lacks (it was interrupted, or a measurement was not made) is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab.knobs import KNOBS
from lab.report import setup
from lab.report.axes import spaced
from lab.report.chosen import case_name, shown
from lab.report.data import Case
from lab.report.drawn import Captures, drawn
from lab.report.markup import (
    Cell,
    Column,
    Html,
    code,
    facts,
    figure,
    items,
    paragraph,
    table,
    verdict,
)
from lab.report.timeline import spans
from lab.report.words import LEDGER
from lab.wording import NOTHING, count, exact_seconds, moment, times


def run_verdict(result: Mapping[str, Any]) -> Html:
    """How the run ended, and where it failed."""
    cases = times(len(result["points"]), "case")
    failures = items(map(str, result.get("failures", [])))
    if result.get("interrupted"):
        head = f"Interrupted: {cases} measured so far; what follows is what there is."
        return verdict("fail", head, failures)
    if result["verdict"] == "pass":
        held = len(result.get("expectations") or ())
        what = f"all {count(held)} expectations held" if held > 1 else "what was expected held"
        return verdict("pass", f"Pass: {what}, in {cases}." if held else f"Pass: {cases} measured.")
    number = len(result.get("failures", []))
    return verdict("fail", f"Fail, in {times(number, 'place')}:" if number else "Fail.", failures)


def byline(result: Mapping[str, Any]) -> str:
    """When, by which command and on what it was measured."""
    parts = [moment(str(result.get("started", ""))), result.get("command", "")]
    parts += [f"kernel {result['kernel']}" if result.get("kernel") else "", result.get("backend")]
    return " · ".join(str(part) for part in parts if part)


def claim(result: Mapping[str, Any]) -> list[Html]:
    """What the scenario sets out to show, if it says so."""
    words = " ".join(str(result.get("claim") or "").split())
    return [paragraph(words)] if words else []


def figures(result: Mapping[str, Any], cases: Sequence[Case], captures: Captures) -> list[Html]:
    """The figures that the scenario asks for."""
    varied = result.get("varied") or {}
    return [
        drawn(asked, cases, varied, captures, f"figure-{number}")
        for number, asked in enumerate(result.get("figures") or (), start=1)
    ]


def asks_for_ladders(result: Mapping[str, Any]) -> bool:
    """Whether the scenario places its ladders itself."""
    return any(asked["kind"] == "ladder" for asked in result.get("figures") or ())


def numbers(result: Mapping[str, Any], cases: Sequence[Case]) -> Html:
    """The chosen figures by case, but for those that the ledger has; nothing without any."""
    columns = shown(result, cases, without=_in_ledger(cases))
    if not columns:
        return Html("")
    heads = [Column("Case"), *(Column(each.head, each.group) for each in columns)]
    rows = [[Cell(case_name(case)), *(Cell(each.cell(case)) for each in columns)] for case in cases]
    return table(
        "By case",
        heads,
        rows,
        "Only the figures that the expectations and drawings are about; result.json has them all.",
    )


def ledger(cases: Sequence[Case]) -> Html:
    """The way of the datagrams of each measurement that keeps such a ledger; nothing without."""
    kept = _kept(cases)
    if not kept:
        return Html("")
    several = len({name for _, name, _ in kept}) > 1
    rows = [
        [
            Cell(case_name(case) + (f", {name}" if several else "")),
            *(
                Cell(count(report.get(key)), key == "unexplained" and bool(report[key]))
                for _, key in LEDGER
            ),
        ]
        for case, name, report in kept
    ]
    waits = sorted({r["timeout_s"] for _, _, r in kept if r.get("timeout_s")})
    lost = "".join(f" Lost means: no reply within {exact_seconds(wait)}." for wait in waits)
    return table(
        "The ledger of the UDP datagrams",
        [Column("Case"), *(Column(head) for head, _ in LEDGER)],
        rows,
        "Drops are wan's own counters and the kernel's of full socket buffers; the ends count what"
        f" they send and receive.{lost}",
    )


def _kept(cases: Sequence[Case]) -> list[tuple[Case, str, Mapping[str, Any]]]:
    """The reports that keep a ledger of datagrams."""
    return [
        (case, name, report)
        for case in cases
        for name, report in case.point.items()
        if isinstance(report, Mapping) and {"unexplained", "server_received"} <= report.keys()
    ]


def _in_ledger(cases: Sequence[Case]) -> frozenset[str]:
    return frozenset(f"{name}.{key}" for _, name, _ in _kept(cases) for _, key in LEDGER)


def set_up(result: Mapping[str, Any]) -> list[Html]:
    """The lab in words, as a picture, and its settings."""
    settings = [each for each in result.get("settings") or () if isinstance(each, Mapping)]
    programs = {key: str(value) for key, value in (result.get("programs") or {}).items() if value}
    clients = int(result.get("clients") or 1)
    schedule = settings[0].get("schedule", []) if settings else []
    end = _end(schedule)
    strip = [(0.0, first, "") for first in _first_step(schedule)] + spans(schedule, end)
    backend = str(result.get("backend") or NOTHING)
    known = [
        *((f"{protocol.upper()} server", program) for protocol, program in programs.items()),
        ("Clients", count(clients)),
        ("Backend of the impairment", backend),
        ("Congestion control", str(result.get("congestion_control") or NOTHING)),
        ("TCP's settings of the routes", str(result.get("tcp_route") or "")),
        ("Seed", _seeds(result, settings)),
        ("Varied", _varied(result.get("varied") or {})),
    ]
    return [
        paragraph(
            "Containers on one network; every packet between them goes through wan, a router, which"
            " alone impairs what passes, in either direction, and counts each drop. Neither end is"
            " told."
        ),
        figure(
            setup.picture(
                clients=clients,
                servers=programs or {"tcp": "", "udp": ""},
                toward_server=_way(settings, "toward server"),
                toward_client=_way(settings, "toward client"),
                strip=strip,
            ),
            "Who stands where",
            _setup_caption(settings, strip),
        ),
        *_by_case(settings),
        facts([(name, value) for name, value in known if value]),
    ]


def _setup_caption(settings: Sequence[Mapping[str, Any]], strip: Sequence[Any]) -> str:
    said = ["The servers echo what they get (RFC 862)."]
    if strip:
        said.append("Below: what the schedule changes, by the time since the measurement began.")
    rules = max((int(each.get("rules") or 0) for each in settings), default=0)
    if rules:
        say = "says" if rules == 1 else "say"
        said.append(f"{times(rules, 'packet rule')} {say} which packets meet what.")
    return " ".join(said)


def _way(settings: Sequence[Mapping[str, Any]], direction: str) -> str:
    """What is done to packets of a direction: the same in all cases, or what differs by case."""
    found = list(
        dict.fromkeys((each.get("impairments") or {}).get(direction, "") for each in settings)
    )
    if not found:
        return "impaired and counted"
    if len(found) == 1:
        return spaced_words(found[0]) or "nothing but counting"
    knobs = [_knobs(each) for each in found]
    names = list(dict.fromkeys(name for each in knobs for name in each))
    said = []
    for name in names:
        values = {each.get(name) for each in knobs}
        same = len(values) == 1 and None not in values
        said.append(spaced_words(f"{name} {knobs[0][name]}") if same else f"{name} by case")
    return ", ".join(said)


def _knobs(words: str) -> dict[str, str]:
    """The impairment `loss 5% delay 20ms` by its knobs."""
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words.split():
        if word in KNOBS:
            values = found[word] = []
        else:
            values.append(word)
    return {name: " ".join(each) for name, each in found.items()}


def spaced_words(text: str) -> str:
    """`loss 5% delay 20ms` as a reader has it: `loss 5 %, delay 20 ms`."""
    if text in ("", "none"):
        return ""
    knobs = _knobs(text).items()
    return ", ".join(f"{name} {' '.join(map(spaced, value.split()))}" for name, value in knobs)


def _by_case(settings: Sequence[Mapping[str, Any]]) -> list[Html]:
    """What was in force in each case, where cases differ in it or clients have their own."""
    ways = list(dict.fromkeys(way for each in settings for way in each.get("impairments") or {}))
    told = [tuple((each.get("impairments") or {}).items()) for each in settings]
    if len(set(told)) < 2 and set(ways) <= {"toward server", "toward client"}:
        return []
    rows = [
        [
            Cell(spaced(str(each.get("case"))) or "all"),
            *(
                Cell(spaced_words((each.get("impairments") or {}).get(way, "")) or "none")
                for way in ways
            ),
        ]
        for each in settings
    ]
    return [table("What was in force", [Column("Case"), *map(Column, ways)], rows)]


def _first_step(schedule: Sequence[str]) -> list[float]:
    found = spans(schedule, float("inf"))
    return [found[0][0]] if found and found[0][0] > 0 else []


def _end(schedule: Sequence[str]) -> float:
    """Where the strip of a schedule ends: a little after its last step."""
    last = max((start for start, _, _ in spans(schedule, float("inf"))), default=0.0)
    return last * 1.25 or 1.0


def _seeds(result: Mapping[str, Any], settings: Iterable[Mapping[str, Any]]) -> str:
    seeds = {result.get("seed"), *(each.get("seed") for each in settings)} - {None}
    return ", ".join(sorted(map(str, seeds)))


def _varied(varied: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(
        f"{name}: {', '.join(spaced(str(word)) for word in words)}"
        for name, words in varied.items()
    )


def repeating(result: Mapping[str, Any], text: str) -> list[Html]:
    """The command, the versions, and the scenario's file."""
    known = (
        ("Lab", "lab_version"),
        ("Kernel", "kernel"),
        ("Docker Engine", "engine"),
        ("Docker Compose", "compose"),
        ("Name of the lab", "lab"),
    )
    pairs = [(name, str(result[key])) for name, key in known if result.get(key)]
    pairs += [("Started", moment(str(result.get("started", NOTHING))))]
    pairs += [("Finished", moment(str(result.get("finished") or NOTHING)))]
    if resumed := result.get("resumed"):
        pairs.append(("Resumed", ", ".join(moment(str(at)) for at in _each(resumed))))
    blocks = [
        code(str(result.get("command", f"lab run {result['scenario']}"))),
        facts(pairs),
        paragraph(
            "The same numbers stand beside this page in result.json, a row a case in result.csv,"
            " each message in samples.json. What chance decides is drawn anew each time, unless a"
            " seed is set: figures differ, verdicts should not."
        ),
    ]
    return [*blocks, *file(text)]


def file(text: str) -> list[Html]:
    """The scenario's file, if there is one."""
    if not text:
        return []
    return [paragraph("The scenario, as it was run:"), code(text.rstrip("\n"))]


def _each(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
