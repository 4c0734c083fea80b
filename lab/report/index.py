"""The page over many runs, such as those of the whole catalogue: each verdict, and its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.report.markup import Cell, Column, Html, page, paragraph, section, table, verdict
from lab.wording import NOTHING, count, moment, seconds, times


@dataclass(frozen=True)
class Entry:
    """A run of the catalogue. href: its report, seen from the page. took_s: None if not known.

    result: None where it was not run, and then why.
    """

    name: str
    title: str
    result: Mapping[str, Any] | None
    href: str = ""
    took_s: float | None = None
    why: str = ""

    @property
    def word(self) -> str:
        """`pass`, `fail`, `interrupted` or `not run`."""
        if self.result is None:
            return "not run"
        return "interrupted" if self.result.get("interrupted") else str(self.result["verdict"])


def index_page(entries: Sequence[Entry], command: str = "lab run --all") -> str:
    """All runs as one self-contained HTML document that links to their reports beside it."""
    results = [entry.result for entry in entries if entry.result is not None]
    started = min((str(result.get("started", "")) for result in results), default="")
    facts = [moment(started) if started else "", command]
    facts += [f"kernel {results[0]['kernel']}" if results and results[0].get("kernel") else ""]
    return page(
        "The experiments of the lab",
        " · ".join(each for each in facts if each),
        _verdict(entries),
        section("Each experiment", _table(entries)),
    )


def _verdict(entries: Sequence[Entry]) -> Html:
    good = sum(entry.word == "pass" for entry in entries)
    skipped = sum(entry.word == "not run" for entry in entries)
    bad = len(entries) - good - skipped
    more = f"; {count(skipped)} not run" if skipped else ""
    if bad or not good:
        return verdict(
            "fail", f"{count(good)} of {times(len(entries), 'experiment')} passed{more}."
        )
    return verdict("pass", f"All {times(good, 'experiment')} passed{more}.")


def _table(entries: Sequence[Entry]) -> Html:
    if not entries:
        return paragraph("None was run.")
    rows = [
        [
            Cell(entry.title, note=entry.name, href=entry.href),
            Cell(entry.word, entry.word in ("fail", "interrupted")),
            Cell(_held(entry.result)),
            Cell(seconds(entry.took_s)),
            Cell(str((entry.result or {}).get("backend") or NOTHING)),
            *([Cell(_broken(entry), words=True)] if any(map(_broken, entries)) else []),
        ]
        for entry in entries
    ]
    heads = [
        Column(head) for head in ("Experiment", "Verdict", "Expectations held", "Took", "Backend")
    ]
    heads += [Column("Why not", words=True)] if any(map(_broken, entries)) else []
    return table("By the order of the lessons", heads, rows)


def _held(result: Mapping[str, Any] | None) -> str:
    told = (result or {}).get("expectations") or []
    return f"{count(sum(bool(e['held']) for e in told))} of {count(len(told))}" if told else NOTHING


def _broken(entry: Entry) -> str:
    failures = (entry.result or {}).get("failures") or []
    return entry.why if entry.result is None else str(failures[0]) if failures else ""
