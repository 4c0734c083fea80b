"""Pages in a real browser: sound in every view; and the checker sees what is not."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from lab.capture.account import account_of
from lab.report.compare import compare_page
from lab.report.drawn import Captured
from lab.report.index import Entry, index_page
from lab.report.ladder import ladder
from lab.report.law_page import law_page
from lab.report.layers import layers
from lab.report.markup import Html, figure, page, section
from lab.report.page import loss_page
from lab.report.scenario_page import scenario_page
from tests import made_packets
from tests.browser import shoot
from tests.browser.look import View, figures, look
from tests.made_frames import FRAMES
from tests.made_packets import ALL
from tests.unit import conftest as runs
from tests.unit import test_law as law
from tests.unit import test_scenario_report as scenarios


def ladders() -> str:
    drawn = [(title, ladder(make(), title=title)) for title, make in ALL.items()]
    drawn += [(title, layers(frame, title=title)) for title, frame in FRAMES.items()]
    return page(
        "Ladders", "made up",
        *(section(title, figure(svg, f"{title}, drawn", "As it was.")) for title, svg in drawn),
    )  # fmt: skip


def captured_run() -> tuple[dict[str, Any], dict[str, Any], dict[str, Captured]]:
    """A run with captures: a ladder that loses, one of a thousand packets, names that are long."""
    result, samples = scenarios.made_run()
    result = deepcopy(result)
    captures = {}
    makers = made_packets.burst_with_a_loss, made_packets.transfer, made_packets.lossy_udp
    for number, (point, make) in enumerate(zip(result["points"], makers, strict=True)):
        file, packets = f"capture/{number + 1}-tcp.pcapng", make()
        point["tcp"]["capture"] = {**account_of(packets).as_dict(), "file": file}
        captures[file] = Captured(packets)
    long = "tcp.capture.tcp.toward_server.repeated_needlessly"
    result["expectations"].append(
        {
            "name": "What arrived all the same and yet was sent again, is little", "case": None,
            "statement": f"{long} <= 3 and {long} >= 0", "held": False, "confidence": None,
            "found": f"{long} 4, tcp.dropped_toward_server 1 000", "expected": "at most 3",
        }
    )  # fmt: skip
    failure = "What arrived all the same and yet was sent again, is little: 4"
    return {**result, "verdict": "fail", "failures": [failure]}, samples, captures


def catalogue() -> str:
    result, _ = scenarios.made_run()
    entries = [
        Entry("own", result["title"], result, "own/report.html", 12.5),
        Entry("bad", "It fails", {**result, "verdict": "fail", "failures": ["at 5%: no"]}),
        Entry("netem", "Reorders", None, why="it takes a kernel with netem"),
    ]
    return index_page(entries)


def two_runs() -> str:
    one, other = scenarios.made_run(), scenarios.made_run()
    other[0]["points"][2]["udp"]["received"] -= 60
    other[0]["points"][2]["udp"]["lost"] += 60
    other[0]["kernel"] = "6.1"
    return compare_page([one[0], other[0]], [one[1], other[1]], names=("first", "second"))


TEXT_OF_A_FILE = "title: T\nclaim: >\n  " + "words of it " * 12 + "\nmeasure: [{udp: {}}]\n"

PAGES = {
    "scenario": lambda: scenario_page(*scenarios.made_run()),
    "scenario, captured, failed": lambda: scenario_page(*captured_run(), TEXT_OF_A_FILE),
    "compared": two_runs,
    "index": catalogue,
    "loss": lambda: loss_page(runs.simulated_loss_run()),
    "loss, failed": lambda: loss_page(runs.failing_loss_run()),
    "loss, interrupted": lambda: loss_page(runs.interrupted_loss_run()),
    "law": lambda: law_page(law.result(law.points())),
    "ladders": ladders,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound_in_every_view(browser: Browser, name: str) -> None:
    assert look(browser, PAGES[name]()) == []


def test_all_figures_are_there(browser: Browser) -> None:
    assert figures(browser, loss_page(runs.simulated_loss_run())) == [
        "Share of messages delivered, by loss each way",
        "Message completion time, by loss each way",
        "The lab: client, wan and two servers on one network",
    ]
    drawn = figures(browser, ladders())
    assert [name for name in ALL if not any(each.startswith(name) for each in drawn)] == []


SVG = (
    '<svg role="img" aria-label="A figure" viewBox="0 0 200 100"><title>A figure</title>'
    "{}</svg>"
)  # fmt: skip
TEXT = '<text x="{}" y="50" style="font-size: 12px; fill: {}">words of it</text>'


def made(inner: str, body: str = "") -> str:
    """A sound page but for what is in its one figure, or beside it."""
    svg = Html(SVG.format(inner))
    return page("A page", "made", section("Part", figure(svg, "A title", "Words.")), Html(body))


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (made(TEXT.format(20, "black")), None),
        (made(TEXT.format(20, "black") + TEXT.format(40, "black")), "overlaps"),
        (made(TEXT.format(190, "black")), "is cut off"),
        (made(TEXT.format(20, "#ccc")), "contrast of 1.6"),
        (made("").replace('role="img" ', ""), "A figure: no role=img"),
        (made("").replace("<title>A figure</title>", ""), "A figure: no title"),
        (made("").replace('aria-label="A figure" ', ""), "svg 1: no aria-label"),
        (made("").replace("<title>A page</title>", "<title></title>"), "the page has no title"),
        (made("").replace("<h3>A title</h3>", ""), "a figure has no heading"),
        (made("").replace(SVG.format(""), ""), "A title: nothing in the figure"),
        (made("").replace("0 0 200 100", "0 0 2000 1"), "px"),
        (made("", '<div style="width: 3000px">.</div>'), "the page is 30"),
        (made("", '<p id="a"></p><p id="a"></p>'), "id a is there twice"),
        (made("", "<script>1</script>"), "the page has a script"),
        (made("", "<script>1</script>"), "console: "),  # its policy forbids it
        (made("", '<img src="http://192.0.2.1/x.png" alt="x">'), "console: "),
        (
            made("", '<img src="http://192.0.2.1/x.png" alt="x">').replace("default-src", "x-src"),
            "asked for http://192.0.2.1/x.png",
        ),
        (
            made("", "<script>throw Error('oh')</script>").replace("default-src", "x-src"),
            "script: oh",
        ),
        (made("", '<img src="data:,">'), "an image without alt text or content"),
    ],
)
def test_the_checker_sees_what_is_wrong(browser: Browser, html: str, found: str | None) -> None:
    wrong = look(browser, html, View())
    assert wrong == [] if found is None else any(found in each for each in wrong), wrong


def test_a_picture_of_a_page(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    html, out, printed = tmp_path / "a.html", tmp_path / "a.png", tmp_path / "a.pdf"
    html.write_text(made(TEXT.format(20, "black")), encoding="utf-8")

    class Shared:  # one browser at a time in a thread is Playwright's rule
        def __enter__(self) -> Browser:
            return browser

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(shoot, "chromium", Shared)
    shoot.main([str(html), str(out), "--dark", "--width", "380"])
    assert out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(out.read_bytes()[16:20], "big") == 760  # two pixels for one
    shoot.main([str(html), str(printed)])
    assert printed.read_bytes()[:5] == b"%PDF-"
