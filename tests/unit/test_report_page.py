"""The page: self-contained, safe, and saying what the data say."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from lab.report import figures
from lab.report.page import loss_page
from lab.wording import SPACE

Result = dict[str, Any]
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Reader(HTMLParser):
    """What a browser would make of a page: balanced tags, ids, text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data


def read(result: Result) -> str:
    """The words of the page, with ordinary spaces."""
    return " ".join(Reader(loss_page(result)).words.replace(SPACE, " ").split())


def test_self_contained(any_run: Result) -> None:
    page = loss_page(any_run)
    reader = Reader(page)
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>What UDP loses, TCP repairs</title>" in page
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(reader.tags)
    assert not re.search(r"https?:|//[a-z]|@import|javascript:|\son\w+=", page)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', page))
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_figures_are_there(any_run: Result) -> None:
    page = loss_page(any_run)
    reader = Reader(page)
    assert reader.tags.count("svg") == 3
    assert len(re.findall(r'<svg[^>]* role="img" aria-label="[^"]+"[^>]*>\s*<title>', page)) == 3
    assert reader.tags.count("table") == 3
    assert len(reader.ids) == len(set(reader.ids))
    targets = re.findall(r'(?:href="#|url\(#)([^")]*)', page)
    assert targets
    assert set(targets) <= set(reader.ids)


def test_figures_take_the_colours_and_fonts_of_the_page(passed: Result) -> None:
    for draw in (figures.delivered_figure, figures.completion_figure):
        svg = draw(passed["points"])
        ElementTree.fromstring(svg)  # noqa: S314 - our own text
        assert not re.search(r"#[0-9a-f]{6}\b|font-family", svg)
        assert "var(--udp)" in svg
        assert "var(--tcp)" in svg
        assert "var(--ink)" in svg or "var(--muted)" in svg
        assert ">30\u00a0%</text>" in svg  # text is text, for a screen reader and for search
    for variable in set(re.findall(r"var\((--\w+)\)", loss_page(passed))):
        assert f"{variable}: " in loss_page(passed)


def test_the_same_page_each_time_and_in_threads(passed: Result) -> None:
    once = loss_page(passed)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(loss_page, [passed] * 8)) == {once}


def test_every_string_is_escaped(failed: Result) -> None:
    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: poison(item) for key, item in value.items()}
        if isinstance(value, list):
            return [poison(item) for item in value]
        return f'{value}<b class="x">&amp;</b>' if isinstance(value, str) else value

    verdict = failed["verdict"]
    page = loss_page({**poison(failed), "verdict": verdict})
    assert "<b " not in page
    assert "b" not in Reader(page).tags
    # Title twice, byline, backend twice, programs, versions, failures …: all there, as text.
    assert page.count("&lt;b class=&quot;x&quot;&gt;&amp;amp;&lt;/b&gt;") >= 15


def test_the_words_are_the_data(passed: Result) -> None:
    udp, tcp = passed["points"][-1]["udp"], passed["points"][-1]["tcp"]
    text = read(passed)
    low, high = (100 * (1 - bound) for bound in reversed(udp["interval"]))
    assert (
        f"At 30 % loss each way, UDP delivered {100 * udp['received'] / 2000:.1f} % of 2 000"
        f" messages (expected 49.0 %; exact 99.9 % interval {low:.1f}–{high:.1f} %)."
    ) in text
    retransmissions = f"{tcp['retransmissions']:,}".replace(",", " ")
    assert (
        f"TCP delivered 2 000 of 2 000, every byte right, with {retransmissions} retransmissions,"
        f" and took {tcp['duration_s']:.1f} s instead of the"
    ) in text
    total = {key: sum(point["udp"][key] for point in passed["points"]) for key in udp_counts}
    assert (
        "Of the 12 000 datagrams of the whole run "
        f"{total['received']:,} came back as echoes; counters saw the drop of"
        f" {total['dropped_toward_server']:,} toward the server and"
        f" {total['dropped_toward_client']:,} toward the client. The ledger closes:"
    ).replace(",", " ") in text
    assert "at most once in 1 000 runs" in text


udp_counts = ("received", "dropped_toward_server", "dropped_toward_client")


def test_the_words_change_with_the_data(passed: Result) -> None:
    point = passed["points"][-1]
    point["udp"].update(loss_ratio=0.6, interval=[0.55, 0.65], buffer_drops=3, late=2)
    point["tcp"].update(corrupted=1, retransmissions=1)
    passed["run_confidence"] = 0.99
    text = read(passed)
    assert "delivered 40.0 % of 2 000 messages (expected 49.0 %; outside exact 99.9 %" in text
    assert "with 1 retransmission, and took" in text
    assert "every byte right" not in text
    assert "1 message came back with wrong bytes" in text
    assert "and 3 in full socket buffers" in text
    assert "2 late" in text
    assert "at most once in 100 runs" in text
    assert "1 of the 18 intervals misses what was expected" in text


def test_pass(passed: Result) -> None:
    text = read(passed)
    assert "Pass: every expectation held at 6 loss points." in text
    assert "broken" not in text
    for told in ("tc-bpf", "6.18.44", "cubic", "20.10.24", "2.40.3", "0.1.0", "tcp_threaded"):
        assert told in text
    assert "no reply within 0.5 s" in text


def test_fail_says_where(failed: Result) -> None:
    text = read(failed)
    assert text.index("Fail, in 2 places:") < text.index("What it shows")
    for failure in failed["failures"]:
        assert text.index(failure) < text.index("What it shows")
    assert "The ledger does not close: no counter explains 7 more." in text
    assert "broken7 unexplained" in text
    assert "broken1 988 of 2 000" in text
    assert "Pass" not in text


def test_interrupted(interrupted: Result) -> None:
    text = read(interrupted)
    assert "Interrupted: 3 loss points measured in full" in text
    assert "At 5 % loss each way, UDP delivered" in text  # the last that both went through
    assert "not measured" in text
    assert "Pass" not in text


@pytest.mark.parametrize("points", [[], "udp only", "tcp only", "one", "nothing back"])
def test_little_was_measured(passed: Result, points: Any) -> None:
    last = passed["points"][-1]
    passed["interrupted"] = True
    if points == "nothing back":
        last["udp"].update(received=0, loss_ratio=1.0, rtt_ms=None)
        last["tcp"].update(received=0, rtt_ms={"p50": None, "p99": None, "max": None})
    missing = {"udp only": {"tcp": None}, "tcp only": {"udp": None}}.get(str(points), {})
    passed["points"] = [{**last, **missing}] if points else []
    text = read(passed)
    assert ("Nothing was measured." in text) is (not points)


def test_unknown_keys_are_left_alone(passed: Result) -> None:
    before = loss_page(passed)
    passed["new"] = {"a": [1]}
    passed["points"][0]["sctp"] = None
    passed["points"][0]["udp"]["new"] = "x"
    assert loss_page(passed) == before


def test_the_import_stays_fast() -> None:
    code = (
        "import sys, lab.report.page, lab.report.table, lab.report.flat;"
        "sys.exit(bool({'matplotlib', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
