"""The report of a run of any scenario file: one page, made of `sections` and `drawn` figures."""

from collections.abc import Mapping
from typing import Any

from lab.report import judged, sections, seen
from lab.report.data import Case, cases
from lab.report.drawn import Captures
from lab.report.markup import Html, items, page, paragraph, section

_NO_NUMBERS = paragraph("No figures were measured.")


def scenario_page(
    result: Mapping[str, Any],
    samples: Mapping[str, Any] | None = None,
    captures: Captures | None = None,
    text: str = "",
) -> str:
    """What `lab run --json` printed, as a self-contained HTML document.

    samples: as samples.json has it. captures: packets by the file that they are in. text: the
    scenario's file. Renders failed, interrupted and resumed runs too.
    """
    captures = captures or {}
    points = cases(result, samples or {})
    told = result.get("expectations") or []
    blocks = [
        sections.run_verdict(result),
        section("What was claimed, and what it shows", *_shows(result, points, captures)),
    ]
    numbers = [sections.numbers(result, points), sections.ledger(points)]
    blocks.append(section("The numbers", *(numbers if any(numbers) else [_NO_NUMBERS])))
    if told:
        title = "What was expected, and whether it held"
        blocks.append(section(title, judged.expectations(told)))
    ladders = not sections.asks_for_ladders(result)
    if packets := seen.captured(points, captures, ladders=ladders):
        blocks.append(section("The packets", *packets))
    blocks.append(section("The set-up", *sections.set_up(result)))
    blocks.append(section("How to repeat it", *sections.repeating(result, text)))
    return page(result["title"], sections.byline(result), *blocks)


def _shows(result: Mapping[str, Any], points: list[Case], captures: Captures) -> list[Html]:
    blocks = sections.claim(result)
    if not points:
        return [*blocks, paragraph("Nothing was measured.")]
    found = items(judged.findings(result.get("expectations") or []))
    drawn = sections.figures(result, points, captures)
    # The first figure is seen first, where it is no long one.
    first = 1 if drawn and result["figures"][0]["kind"] not in ("ladder", "layers") else 0
    if first and found:
        found = Html(f"<h3>What was found</h3>\n{found}")
    return [*blocks, *drawn[:first], found, *drawn[first:]]
