"""The document: tables of what was found, with all that it was found on. Pure."""

from collections.abc import Mapping, Sequence

from tests.kernel.referee import judge
from tests.kernel.referee.cases import ALL, BOUND_MS, RATE_BOUND
from tests.kernel.referee.gso import ASKED, SEGMENTS, Transfer, springs
from tests.kernel.referee.run import Row

COMMAND = "make referee"

_INTRODUCTION = """\
# The referee: every impairment against real netem

Each impairment is set by the lab's own words on each backend that can do it, read back, and met by
the same probe: numbered UDP datagrams from a client through `wan` to a server, one way, in network
namespaces. A datagram's delay is from the sender's clock before it sends to the kernel's time stamp
at the receiver; a flight whose sender itself was late is flown again. In every flight but those
that corrupt, or duplicate and lose, the ledger closed: what did not arrive was dropped and counted
by the backend.

What is compared is netem with each other backend. Shares: Fisher's exact test. Bursts of losses:
the chi-square test on their lengths, and, where each packet shows the model's state, Fisher's test
on the moves between the states. Delays: exact intervals of the quantiles (order statistics) may
lie {bound_ms:g} ms apart, which one slow CPU takes (where it was busy with other things, three
times what its sender was late at p90). Rates: {rate_bound:.0%} around what was asked.
Each test is at {each:.3%}, so all together, fewer than a hundred, are right with more than 99.9 %:
*other* would not be chance.
"""

_CORRELATION = """\
## What a correlation does to a loss

`loss 10% loss-correlation 25%` loses some 1.8 %, on netem and on the link program, which copies
netem's generator. netem mixes each draw with the one before it (`get_crandom`), so the draws crowd
in the middle and seldom reach a threshold far from it. For losses in bursts take `gemodel`.
"""

_GSO = """\
## What super-packets do to a loss

`{asked}` on netem, and {segments} full segments by one TCP connection. With segmentation offload
TCP hands over super-packets of up to 64 KB; tc draws once for each, and a drop takes all of its
segments. So the lab sets `gso_max_segs 1` on every node.

| gso_max_segs | drops counted by tc | segments lost | segments a drop |
| ---: | ---: | ---: | ---: |
"""


def document(rows: Sequence[Row], transfers: Sequence[Transfer], facts: Mapping[str, str]) -> str:
    """docs/referee.md. facts: names and versions of what it was made with."""
    head = _INTRODUCTION.format(bound_ms=BOUND_MS, rate_bound=RATE_BOUND, each=judge.EACH)
    made = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    names = " | ".join(ALL)
    table = [
        f"| asked | probe | {names} | compared | verdict |",
        f"| --- | --- | {' | '.join('---' for _ in ALL)} | --- | --- |",
        *map(_line, rows),
    ]
    trap = [
        f"| {each.gso_max_segs} | {each.drops} | {each.lost} | {each.lost / each.drops:.1f} |"
        for each in transfers
        if each.drops
    ]
    seen = "The trap is as described." if springs(list(transfers)) else "Not so in this run."
    return "\n".join([
        head,
        f"Made by `{COMMAND}`, with:\n\n{made}\n",
        "## Impairments\n",
        *table,
        "",
        _CORRELATION,
        _GSO.format(asked=ASKED, segments=SEGMENTS) + "\n".join(trap),
        "",
        seen,
        "",
    ])  # fmt: skip


def _line(row: Row) -> str:
    figures = (row.verdict.figures.get(name, "–") for name in ALL)
    verdict = "same" if row.verdict.holds else "**other**"
    cells = (f"`{row.case.words}`", row.case.probe, *figures, row.verdict.test, verdict)
    return f"| {' | '.join(cells)} |"
