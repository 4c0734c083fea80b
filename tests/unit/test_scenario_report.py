"""The report of any scenario: its figures, its page, its terminal, and two runs side by side."""

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from lab import located
from lab.capture.packet import Packet
from lab.errors import BadInput
from lab.report import terminal
from lab.report.compare import compare_page, compare_text, differences, settings_that_differ
from lab.report.data import Case, Series, cases
from lab.report.drawn import Captured, drawn
from lab.report.folder import comparison_of, report_of
from lab.report.index import Entry, index_page
from lab.report.scenario_page import scenario_page
from lab.report.timeline import spans
from lab.scenario import expression
from lab.scenario.figures import Known, parse_figure
from lab.stats import exact_interval
from lab.wording import SPACE
from tests.unit.test_report_page import Reader

Result = dict[str, Any]

LOSSES = ("0%", "5%", "30%")
KNOWN = Known(expression.parse, LOSSES, ("udp", "tcp"), ("loss", "model"))
FIGURES = """
- lines:
    x: {of: loss, label: loss each way}
    y:
      - {share: udp.received of udp.sent, label: UDP}
      - {share: tcp.received of tcp.sent, label: TCP}
    curves: [{of: 100 * (1 - loss)^2, label: expected}]
  title: What arrives
  caption: By loss.
- bars: {y: {of: tcp.duration_s, label: TCP}}
  title: What it takes
- cdf: {of: [{of: udp.rtt_ms, label: UDP}, {of: tcp.rtt_ms, label: TCP}], cases: last, log: x}
  title: How long each takes
- timeline: {of: {of: udp.rtt_ms, label: UDP}, cases: [first, last], style: dots}
  title: One after the other
- histogram: {of: udp.loss_runs, cases: last}
  title: Losses in a row
"""


def figures(text: str) -> list[dict[str, Any]]:
    read = [parse_figure(item, KNOWN) for item in located.parse(text, "own.yaml").items()]
    found: list[dict[str, Any]] = json.loads(json.dumps([dict(vars(each)) for each in read]))
    return found


@pytest.fixture
def run() -> tuple[Result, Result]:
    return made_run()


def made_run() -> tuple[Result, Result]:
    """A result and its samples: at each loss every so-manieth datagram is lost."""
    points, samples, told = [], [], []
    for word, loss, every in zip(LOSSES, (0.0, 0.05, 0.3), (0, 10, 2), strict=True):
        rtts = [
            None if every and number % every == 0 else 40 + number % 7 / 10 for number in range(200)
        ]
        received = sum(rtt is not None for rtt in rtts)
        udp = {
            "sent": 200, "received": received, "lost": 200 - received, "server_received": 200,
            "dropped_toward_server": 0, "dropped_toward_client": 200 - received,
            "buffer_drops": 0, "unexplained": 0, "timeout_s": 0.5,
            "rtt_ms": {"p50": 40.3, "p99": 40.6}, "loss_runs": {"1": 90, "2": 5},
        }  # fmt: skip
        tcp = {"sent": 200, "received": 200, "duration_s": 1 + loss, "goodput_bps": 8e6}
        points.append({"case": word, "loss": loss, "udp": udp, "tcp": tcp})
        sent_s = [number / 100 for number in range(200)]
        samples.append(
            {
                "case": word,
                "udp": {"sent_s": sent_s, "rtt_ms": rtts},
                "tcp": {"sent_s": sent_s, "rtt_ms": [40 + number for number in range(200)]},
            }
        )
        told.append(
            {
                "name": "UDP there and back", "case": word, "held": True, "confidence": 0.999,
                "statement": "udp.lost of udp.sent is 1 - (1 - loss)^2",
                "found": f"{200 - received} lost", "expected": f"{loss:g}",
            }
        )  # fmt: skip
    result = {
        "scenario": "own", "title": "UDP loses & TCP repairs", "claim": "UDP loses,\nTCP repairs.",
        "command": "lab run own.yaml", "lab_version": "1", "lab": "lab", "kernel": "6.18",
        "started": "2026-11-25T01:00:00+00:00", "finished": "2026-11-25T01:01:00+00:00",
        "backend": "tc-bpf", "engine": "28.5", "congestion_control": "cubic", "clients": 3,
        "programs": {"tcp": "tcp_threaded", "udp": "udp_single"}, "verdict": "pass",
        "interrupted": False, "failures": [], "varied": {"loss": list(LOSSES)}, "captured": False,
        "expectations": told, "figures": figures(FIGURES), "points": points,
        "settings": [
            {
                "case": word, "impairments": {"toward server": f"loss {word} delay 20ms"},
                "schedule": ["500ms down", "1s up"], "rules": 0, "seed": 7,
            }
            for word in LOSSES
        ],
    }  # fmt: skip
    return result, {"points": samples}


def words(page: str) -> str:
    return " ".join(Reader(page).words.replace(SPACE, " ").replace("\u00a0", " ").split())


# --- figures -----------------------------------------------------------------------------------

BAD_FIGURES = [
    ("- {pie: {}, title: T}", "own.yaml:1: 'pie' is unknown; allowed lines, bars, cdf,"),
    ("- {title: T}", "own.yaml:1: '{title: T}' is no figure; write one of lines, bars,"),
    ("- bars: {y: udp.sent}\n  title: T", "own.yaml:1: bars.y: 'udp.sent' is one value"),
    ("- bars: {y: {of: udp.sent}}", "own.yaml:1: 'bars' lacks its title; add title: …"),
    ("- lines: {x: loss}\n  title: T", "own.yaml:1: lines: '{x: loss}' lacks y; allowed x, y,"),
    (
        "- bars: {y: {of: udp.sent}}\n  cdf: {of: udp.rtt_ms}\n  title: T",
        "own.yaml:2: cdf: '{of: udp.rtt_ms}' is a figure beside bars; begin another '- …'",
    ),
    (
        "- bars:\n    y:\n      - {of: udp.sent, share: udp.received of udp.sent}\n  title: T",
        "own.yaml:3: bars.y: '{of: udp.sent, share: udp.received of udp.sent}' is to have one of",
    ),
    (
        "- bars: {y: {share: udp.sent}}\n  title: T",
        "own.yaml:1: bars.y.share: 'udp.sent' is no share; write PART of WHOLE",
    ),
    (
        "- bars: {y: {of: udp.sent, low: udp.lost}}\n  title: T",
        "own.yaml:1: bars.y: '{of: udp.sent, low: udp.lost}' has one end of an interval only",
    ),
    (
        "- bars: {y: [{of: tcp.duration_s}, {of: udp.rtt_ms.p50}]}\n  title: T",
        "own.yaml:1: bars.y: '{of: udp.rtt_ms.p50}' has another unit than the first one, s;",
    ),
    (
        "- lines: {x: loss, y: {of: udp.sent}, by: rate}\n  title: T",
        "own.yaml:1: lines.by: 'rate' is none of these; allowed loss, model",
    ),
    (
        "- cdf: {of: udp.rtt_ms, cases: [first, 7%]}\n  title: T",
        "own.yaml:1: cdf.cases: '7%' is none of these; allowed 0%, 5%, 30%, first, last",
    ),
    (
        "- cdf: {of: udp.rtt_ms, log: y}\n  title: T",
        "own.yaml:1: cdf.log: 'y' is none of these; allowed x",
    ),
    (
        "- histogram: {of: udp.rtt_ms, bins: 1}\n  title: T",
        "own.yaml:1: histogram.bins: '1' is no whole number in range; allowed 2 to 200",
    ),
    (
        "- ladder: {measure: icmp}\n  title: T",
        "own.yaml:1: ladder.measure: 'icmp' is none of these; allowed udp, tcp",
    ),
    ("- cdf: {of: 1 +}\n  title: T", "own.yaml:1: cdf.of: "),
]


@pytest.mark.parametrize(("text", "said"), BAD_FIGURES)
def test_a_wrong_figure_is_refused_where_it_stands(text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        figures(text)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def draw(asked: str, run: tuple[Result, Result], captures: Any = None) -> str:
    result, samples = run
    (one,) = figures(asked)
    return drawn(one, cases(result, samples), result["varied"], captures or {}, "one")


def svg_words(html: str) -> list[str]:
    svg = html[html.index("<svg") : html.index("</svg>") + len("</svg>")]
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    return [
        "".join(each.itertext()).strip().replace("\u00a0", " ")
        for each in root.iter()
        if each.tag.rpartition("}")[2] == "text"
    ]


@pytest.mark.parametrize("index", range(5))
def test_each_kind_is_drawn_in_the_colours_of_the_page(
    index: int, run: tuple[Result, Result]
) -> None:
    result, samples = run
    asked = result["figures"][index]
    html = drawn(asked, cases(result, samples), result["varied"], {}, "one")
    svg = html[html.index("<svg") : html.index("</svg>") + len("</svg>")]
    ElementTree.fromstring(svg)  # noqa: S314 - our own text
    assert f"<title>{asked['title']}</title>" in svg
    assert not re.search(r"#[0-9a-f]{6}\b|font-family", svg)
    assert len(svg) < 150_000


def test_lines_have_the_values_as_typed_and_a_name_at_each_end(run: tuple[Result, Result]) -> None:
    found = svg_words(drawn(run[0]["figures"][0], cases(*run), run[0]["varied"], {}, "one"))
    for word in ("0 %", "5 %", "30 %", "loss each way", "UDP", "TCP", "expected", "100 %"):
        assert word in found


def test_a_share_has_its_exact_interval(run: tuple[Result, Result]) -> None:
    from lab.report.plots import measured

    y = {"share": {"part": "udp.received", "whole": "udp.sent"}}
    value, interval = measured(y, cases(*run)[1]) or (0, None)
    low, high = exact_interval(180, 200, 0.999)
    assert value == 90
    assert interval == (100 * low, 100 * high)


def test_bars_write_their_values(run: tuple[Result, Result]) -> None:
    found = svg_words(draw("- {bars: {y: {of: tcp.duration_s, label: TCP}}, title: T}", run))
    assert {"1.00 s", "1.05 s", "1.30 s", "TCP"} <= set(found)


def test_a_distribution_ends_below_all_where_something_was_lost(
    run: tuple[Result, Result],
) -> None:
    from lab.report.distributions import _steps

    column = cases(*run)[2].column("udp.rtt_ms")
    rising = sorted(value for value in column if value is not None)
    xs, ys = _steps(rising, len(column))
    assert (xs[0], ys[0]) == (40.0, 0.0)
    assert (xs[-1], ys[-1]) == (max(rising), 50.0)


def test_curves_of_a_bundle_of_variables_are_one_line(run: tuple[Result, Result]) -> None:
    result, samples = deepcopy(run)
    for point, model in zip(result["points"], ("a", "b", "c"), strict=True):
        point["model"] = model
    result["varied"]["model"] = ["a", "b", "c"]
    (asked,) = figures("- {lines: {x: loss, y: {of: tcp.duration_s, label: TCP}}, title: T}")
    found = svg_words(drawn(asked, cases(result, samples), result["varied"], {}, "one"))
    assert found.count("TCP") == 1
    assert not {"a", "b", "c"} & set(found)


def test_a_line_each_where_another_variable_takes_several_values(
    run: tuple[Result, Result],
) -> None:
    result, _ = deepcopy(run)
    points = [
        {**point, "model": model, "case": f"{point['case']}, {model}"}
        for model in ("reno", "cubic")
        for point in result["points"]
    ]
    varied = {"loss": list(LOSSES), "model": ["reno", "cubic"]}
    (asked,) = figures("- {lines: {x: loss, y: {of: tcp.duration_s}}, title: T}")
    found = svg_words(drawn(asked, cases({"points": points}, {}), varied, {}, "one"))
    assert {"reno", "cubic"} <= set(found)


def test_what_was_not_measured_is_said_and_not_drawn(run: tuple[Result, Result]) -> None:
    for asked in (
        "- {bars: {y: {of: udp.nothing}}, title: T}",
        "- {cdf: {of: tcp.nothing}, title: T}",
        "- {timeline: {of: tcp.nothing}, title: T}",
        "- {ladder: {measure: udp}, title: T}",
        "- {layers: {measure: udp}, title: T}",
    ):
        html = draw(asked, run)
        assert html.startswith("<p>T: not drawn, as ")
        assert "<svg" not in html


def test_ladder_and_layers_take_the_capture_of_the_measurement(run: tuple[Result, Result]) -> None:
    result, _ = deepcopy(run)
    result["points"][0]["udp"]["capture"] = {"file": "capture/1-udp.pcapng"}
    packet = Packet(
        number=1, protocol="udp", source="client-1", target="udp-server", source_port=4000,
        target_port=7, sent_ns=0, arrived_ns=1_000_000, length=64,
    )  # fmt: skip
    frame = bytes.fromhex(
        "02420a00000202420a00000308004500002000010000401166cc0a0000020a0000030fa00007000c0000"
    ) + bytes(4)
    captures = {"capture/1-udp.pcapng": Captured([packet], lambda n: frame if n == 1 else None)}
    once: tuple[Result, Result] = result, {}
    assert "client-1" in draw("- {ladder: {measure: udp}, title: T}", once, captures)
    assert "no flow 2" in draw("- {ladder: {measure: udp, flow: 2}, title: T}", once, captures)
    assert 'class="layers"' in draw("- {layers: {measure: udp}, title: T}", once, captures)
    said = draw("- {layers: {measure: udp, packet: 2}, title: T}", once, captures)
    assert said == "<p>T: not drawn, as the capture of udp has no frame 2.</p>\n"


def test_columns_are_worked_out_row_by_row(run: tuple[Result, Result]) -> None:
    case = cases(*run)[1]
    assert case.column("tcp.rtt_ms / 10")[:3] == [4.0, 4.1, 4.2]
    assert case.column("udp.rtt_ms - tcp.rtt_ms")[:3] == [None, 40.1 - 41, 40.2 - 42]
    assert case.column("udp.loss_runs") == [1.0] * 90 + [2.0] * 5


def test_times_of_a_flow_are_its_own() -> None:
    series: Series = {
        "bulk": {"t_s": [0.0], "flows.0.cwnd": [10], "flows.1.t_s": [5.0], "flows.1.cwnd": [2]}
    }
    case = Case("", {"bulk": {}}, series)
    assert case.times("bulk.flows.0.cwnd") == [0.0]
    assert case.times("bulk.flows.1.cwnd") == [5.0]
    assert case.column("bulk.flows.1.cwnd") == [2]


def test_the_stretches_of_a_schedule() -> None:
    steps = ["2s down", "7s up", "9s toward server loss 10%"]
    assert spans(steps, 10) == [
        (2.0, 7.0, "down"),
        (7.0, 9.0, ""),
        (9.0, 10, "toward server loss 10%"),
    ]
    assert spans(steps, 1) == []
    assert spans(["what a newer lab writes"], 10) == []
    assert spans(steps, 10, {2.0: 2.01, 7.0: 7.02})[:2] == [(2.01, 7.02, "down"), (7.02, 9.0, "")]


def test_times_of_a_group_have_one_begin() -> None:
    group = {"begun_ns": 1, "steps": [{"at_s": 4.0, "in_force_s": 4.002}]}
    point = {"udp": {"begun_s": 0.5, "group": group}, "tcp": {"begun_s": 1.0, "group": group}}
    columns: Mapping[str, Sequence[Any]] = {"sent_s": [0.0, 1.0], "rtt_ms": [1.0, None]}
    case = Case("", point, {"udp": columns, "tcp": columns})
    assert case.times("udp.rtt_ms") == [0.5, 1.5]
    assert case.times("tcp.rtt_ms", "tcp.sent_s") == [1.0, 2.0]
    assert case.times("tcp.rtt_ms", "tcp.rtt_ms") == [1.0, None]
    assert case.in_force_s("tcp.rtt_ms") == {4.0: 4.002}
    old = Case("", {"udp": {}}, {"udp": columns})
    assert (old.times("udp.rtt_ms"), old.in_force_s("udp.rtt_ms")) == ([0.0, 1.0], {})


# --- the page ----------------------------------------------------------------------------------


def test_the_page_is_self_contained(run: tuple[Result, Result]) -> None:
    page = scenario_page(*run, {}, "title: own\n")
    reader = Reader(page)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(reader.tags)
    assert not re.search(r"https?:|//[a-z]|@import|javascript:|\son\w+=", page)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.tags.count("svg") == 6  # the figures and the set-up
    assert len(re.findall(r'<svg[^>]* role="img" aria-label="[^"]+"[^>]*>\s*<title>', page)) == 6
    targets = set(re.findall(r'(?:href="#|url\(#)([^")]*)', page))
    assert targets <= set(reader.ids)
    for variable in set(re.findall(r"var\((--\w+)\)", page)):
        assert f"{variable}: " in page


def test_the_page_says_what_was_claimed_set_and_found(run: tuple[Result, Result]) -> None:
    text = words(scenario_page(*run, {}, "title: own\n"))
    for part in (
        "Pass: all 3 expectations held, in 3 cases.",
        "UDP loses, TCP repairs.",
        "UDP there and back: held in all 3 cases; at 30 %: 100 lost, expected 0.3.",
        "udp.lost of udp.sent is 1 - (1 - loss)^2",
        "3 clients",
        "tcp_threaded",
        "loss by case, delay 20 ms",
        "loss 30 %, delay 20 ms",
        "lab run own.yaml",
        "title: own",
        "Lost means: no reply within 0.5 s.",
    ):
        assert part in text


@pytest.mark.parametrize(
    "change",
    [
        {"points": [], "expectations": [], "interrupted": True, "verdict": "fail"},
        {"expectations": None, "figures": None, "settings": None, "programs": None},
        {"verdict": "fail", "failures": ["30%: udp: lost"], "resumed": ["2026-11-25T00:00:00"]},
        {"varied": {}, "claim": "", "backend": None, "kernel": None, "congestion_control": None},
    ],
)
def test_a_run_that_lacks_something_has_a_page(change: Result, run: tuple[Result, Result]) -> None:
    page = scenario_page({**run[0], **change}, None)
    Reader(page)
    assert "None" not in words(page)


def test_a_point_that_lacks_a_measurement_has_its_row(run: tuple[Result, Result]) -> None:
    result, samples = deepcopy(run)
    result["points"][2]["tcp"] = None
    result |= {"interrupted": True, "verdict": "fail"}
    text = words(scenario_page(result, samples))
    assert "Interrupted: 3 cases measured so far; what follows is what there is." in text


def test_a_broken_expectation_is_the_one_told(run: tuple[Result, Result]) -> None:
    result, samples = deepcopy(run)
    result["expectations"][1] |= {"held": False, "found": "20 lost", "expected": "19"}
    text = words(scenario_page({**result, "verdict": "fail", "failures": ["x"]}, samples))
    assert "UDP there and back: broken in 1 of 3 cases; at 5 %: 20 lost, expected 19." in text


def test_every_string_is_escaped(run: tuple[Result, Result]) -> None:
    evil = '<b class="x">&amp;</b>'

    def poison(value: Any) -> Any:
        if isinstance(value, list):
            return [poison(each) for each in value]
        if isinstance(value, dict):
            return {key: poison(each) for key, each in value.items()}
        return value + evil if isinstance(value, str) else value

    kept = {key: run[0][key] for key in ("figures", "points", "settings", "verdict", "varied")}
    page = scenario_page({**poison(run[0]), **kept}, run[1], {}, evil)
    assert "<b " not in page
    assert page.count("&lt;b class=") >= 15


# --- the folder --------------------------------------------------------------------------------


def kept(folder: Path, run: tuple[Result, Result]) -> Path:
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(run[0]), encoding="utf-8")
    (folder / "samples.json").write_text(json.dumps(run[1]), encoding="utf-8")
    (folder / "scenario.yaml").write_text("title: kept\n", encoding="utf-8")
    return folder


def test_the_report_is_made_from_the_folder_alone(
    tmp_path: Path, run: tuple[Result, Result]
) -> None:
    folder = kept(tmp_path / "one", run)
    assert report_of(folder) == scenario_page(*run, {}, "title: kept\n")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("other", "", "has no result.json; give the folder of a run"),
        ("result.json", "{", "is no JSON"),
        ("result.json", "[]", "is no result of a run"),
        ("result.json", '{"scenario": "x"}', "is no result of a run"),
    ],
)
def test_a_folder_that_holds_no_run(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=re.escape(said)) as caught:
        report_of(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_capture_outside_of_the_folder_is_not_read(
    tmp_path: Path, run: tuple[Result, Result]
) -> None:
    result, samples = deepcopy(run)
    result["points"][0]["udp"]["capture"] = {"file": "../secret"}
    (tmp_path / "secret").write_bytes(b"x")
    read: list[Path] = []

    def packets(path: Path) -> list[Packet]:
        read.append(path)
        return []

    report_of(kept(tmp_path / "one", (result, samples)), packets=packets)
    assert read == []


# --- two runs ----------------------------------------------------------------------------------


def test_equal_runs_do_not_differ(run: tuple[Result, Result]) -> None:
    found = differences([run[0]] * 2, [run[1]] * 2)
    assert len(found) == 3 * (3 + 4)  # shares, and median and p99 of two series, by case
    assert not any(each.beyond_chance for each in found)
    assert all(each.low <= 0 <= each.high for each in found)
    assert settings_that_differ([run[0]] * 2) == []


def test_what_differs_beyond_chance_is_found(run: tuple[Result, Result]) -> None:
    result, samples = deepcopy(run)
    result["points"][0]["udp"] |= {"received": 100, "lost": 100}
    result["backend"] = "netem"
    found = differences([run[0], result], [run[1], samples])
    beyond = {(each.case, each.what) for each in found if each.beyond_chance}
    none = "0\u00a0%"
    assert beyond == {(none, "udp.lost of udp.sent"), (none, "udp.received of udp.sent")}
    assert settings_that_differ([run[0], result]) == [("Backend", "tc-bpf", "netem")]
    page = compare_page([run[0], result], [run[1], samples])
    assert "2 of 21 figures that both runs have are further apart than chance" in words(page)
    assert len(Reader(page).ids) == len(set(Reader(page).ids))


def test_different_scenarios_are_not_compared(tmp_path: Path, run: tuple[Result, Result]) -> None:
    one = kept(tmp_path / "one", run)
    other = kept(tmp_path / "other", ({**run[0], "scenario": "else"}, run[1]))
    with pytest.raises(BadInput) as caught:
        comparison_of(one, other)
    assert str(caught.value) == (
        "DIR: 'else' is another scenario than own; compare two runs of one"
    )


# --- the terminal and the index ----------------------------------------------------------------


def printed(*parts: Any) -> str:
    console = Console(width=200, file=None, record=True, force_terminal=False, quiet=False)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get()


def test_the_terminal_fits_into_100_columns(run: tuple[Result, Result]) -> None:
    text = printed(
        terminal.run_table(*run), terminal.expectations_text(run[0]), *terminal.plots(*run)
    )
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "held UDP there and back (3 cases)" in text
    assert "\u28ff" > max(c for c in text if "\u2800" <= c <= "\u28ff") >= "\u2801"
    assert "1.30\u00a0s" in text


def test_a_narrow_terminal_has_narrower_plots_and_fewer_columns(run: tuple[Result, Result]) -> None:
    text = printed(terminal.run_table(*run, width=60), *terminal.plots(*run, width=60))
    drawn = text.partition("in the report")[0]
    assert max(len(line.rstrip()) for line in drawn.splitlines()) <= 60
    assert "in the report, too: How long each takes; One after the other" in text


def test_plots_without_unicode_are_ascii_but_for_their_words(run: tuple[Result, Result]) -> None:
    text = printed(*terminal.plots(*run, encoding="ascii"))
    assert text.replace("\u00a0", " ").replace(SPACE, " ").isascii()
    assert "* UDP" in text
    assert "o TCP" in text


def test_a_plot_has_its_curve_where_the_values_are() -> None:
    grid = terminal._Grid(plain=True)
    grid.curve([(0.0, 0.0), (1.0, 1.0)], 0)
    rows = [line[3:] for line in grid.text(["1", "", "0"], ("a", "b"), ["up"]).plain.splitlines()]
    assert rows[0].rstrip().endswith("* up")
    assert rows[11].startswith("*")
    assert [row.index("*") for row in rows[:12]] == sorted(
        (row.index("*") for row in rows[:12]), reverse=True
    )


def test_compared_in_the_terminal(run: tuple[Result, Result]) -> None:
    text = printed(*compare_text([run[0]] * 2, [run[1]] * 2))
    assert text.startswith("Chance explains every difference: none of 21 figures")


def test_the_index_links_to_the_reports_beside_it(run: tuple[Result, Result]) -> None:
    page = index_page(
        [
            Entry("own", "UDP loses", run[0], "own/report.html", 12.5),
            Entry("bad", "It fails", {**run[0], "verdict": "fail", "failures": ["5%: no"]}),
            Entry("evil", "Elsewhere", run[0], "javascript:alert(1)"),
            Entry("netem", "Reorders", None, why="it takes a kernel with netem"),
        ]
    )
    assert re.findall(r'href="([^"]*)"', page) == ["own/report.html"]
    text = words(page)
    assert "2 of 4 experiments passed; 1 not run." in text
    assert "pass3 of 312.5 stc-bpf" in text
    assert "5%: no" in text
    assert "it takes a kernel with netem" in text
