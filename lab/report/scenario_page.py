"""The report of a run of any scenario file: one page, made of `sections` and `drawn` figures."""

from collections.abc import Mapping
from typing import Any

from lab.report import sections
from lab.report.data import Case, cases
from lab.report.drawn import Captures
from lab.report.markup import Html, items, page, paragraph, section


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
        section("The numbers", sections.numbers(result, points), sections.ledger(points)),
    ]
    if told:
        title = "What was expected, and whether it held"
        blocks.append(section(title, sections.expectations(told)))
    ladders = not sections.asks_for_ladders(result)
    if seen := sections.captured(points, captures, ladders=ladders):
        blocks.append(section("The packets", *seen))
    blocks.append(section("The set-up", *sections.set_up(result)))
    blocks.append(section("How to repeat it", *sections.repeating(result, text)))
    return page(result["title"], sections.byline(result), *blocks)


def _shows(result: Mapping[str, Any], points: list[Case], captures: Captures) -> list[Html]:
    blocks = sections.claim(result)
    if not points:
        return [*blocks, paragraph("Nothing was measured.")]
    if found := list(sections.findings(result.get("expectations") or [])):
        blocks.append(items(found))
    return [*blocks, *sections.figures(result, points, captures)]
