"""What was expected of a run, and whether it held: in sentences, and in full as a table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.report.axes import spaced
from lab.report.chosen import in_words
from lab.report.markup import Cell, Column, Html, table
from lab.wording import NOTHING, count, exact_percent, join, times

Expectations = Sequence[Mapping[str, Any]]


def findings(expectations: Expectations) -> Iterator[str]:
    """A sentence for each expectation, with its figures: the last case, or those that broke it."""
    for name in dict.fromkeys(each["name"] for each in expectations):
        group = [each for each in expectations if each["name"] == name]
        broken = [each for each in group if not each["held"]]
        cases = len(group)
        if not broken:
            where = {1: "", 2: " in both cases"}.get(cases, f" in all {count(cases)} cases")
            yield f"{name}: held{where}; {_told(group[-1], cases > 1)}."
        else:
            where = f" in {count(len(broken))} of {times(cases, 'case')}" if cases > 1 else ""
            yield f"{name}: broken{where}; {'; '.join(_told(each, True) for each in broken[:3])}."


def _told(each: Mapping[str, Any], with_case: bool) -> str:
    where = f"{_where(str(each['case']))}: " if with_case and each.get("case") else ""
    expected = f", expected {_expected(each)}" if _expected(each) else ""
    return f"{where}{_found(each)}{expected}" if each.get("found") else f"{where}as stated"


def _where(case: str) -> str:
    """`at 5 %`, and `case \u201cin bursts\u201d`."""
    return f"at {spaced(case)}" if case[:1].isdigit() else f"case \u201c{spaced(case)}\u201d"


def _found(each: Mapping[str, Any]) -> str:
    return in_words(str(each.get("found") or ""))


def _expected(each: Mapping[str, Any]) -> str:
    """What was expected, where its statement does not say the very same."""
    expected = str(each.get("expected") or "")
    return "" if expected == each.get("statement") else in_words(expected)


def expectations(each_of: Expectations) -> Html:
    """All of them, each with what was found."""
    rows: list[list[Cell]] = []
    for name in dict.fromkeys(str(each["name"]) for each in each_of):
        group = [each for each in each_of if each["name"] == name]
        # Cases of which the very same is told share a row.
        alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        for each in group:
            same = (_found(each), _expected(each), each["held"])
            alike.setdefault(same, []).append(each)
        for number, ((found, expected, held), those) in enumerate(alike.items()):
            rows.append(
                [
                    Cell(name, note="" if number else _statement(those[0]), again=number > 0),
                    Cell(_cases(those, len(group)), words=True),
                    Cell(found or NOTHING, words=True),
                    Cell(expected or NOTHING, words=True),
                    Cell("held" if held else "broken", broken=not held, held=held),
                ]
            )
    levels = sorted({each["confidence"] for each in each_of if each.get("confidence")})
    caption = ""
    if levels:
        caption = (
            f"Intervals in brackets are exact, each with {join(list(map(exact_percent, levels)))}"
            " confidence (Clopper\u2013Pearson for a share). A verdict is held to it for the run as"
            " a whole, so that chance alone hardly ever fails a sound lab."
        )
    heads = [Column("Expectation")]
    heads += [Column(head, words=True) for head in ("Case", "Found", "Expected")]
    return table("Each expectation", [*heads, Column("Verdict")], rows, caption)


def _cases(those: Expectations, of: int) -> str:
    names = [spaced(str(each["case"])) for each in those if each.get("case")]
    if len(names) > 3:
        return f"all {count(of)}" if len(names) == of else f"{count(len(names))} of {count(of)}"
    return ", ".join(names) or "the run"


def _statement(each: Mapping[str, Any]) -> str:
    """What it states, where its name says something else."""
    stated = str(each.get("statement") or "")
    return "" if stated == each["name"] else stated
