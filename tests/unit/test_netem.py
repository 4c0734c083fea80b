"""Reading what real netem printed (data/netem says how it was had)."""

import json
from pathlib import Path

import pytest

from lab.impairment import Direction, Impairment
from lab.link import netem
from lab.link.tree import Shown

DATA = Path(__file__).parent / "data" / "netem"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", Impairment()),
        ("loss", Impairment(loss=0.1)),
        ("loss-exact", Impairment(loss=0.123457)),
        ("delay", Impairment(delay_ms=40)),
        ("delay-exact", Impairment(delay_ms=12.3457)),
        ("delay-hour", Impairment(delay_ms=3_600_000)),
        ("rate", Impairment(rate_bps=1_000_000)),
        ("rate-100gbit", Impairment(rate_bps=100_000_000_000)),
        ("rate-0", Impairment()),
        ("change-all-0", Impairment()),
    ],
)
def test_real_output_is_read(name: str, expected: Impairment) -> None:
    shown = json.loads((DATA / f"{name}.json").read_text())
    qdiscs = {each["handle"]: each for each in shown}
    assert netem.BACKEND.read(Direction.TOWARD_SERVER, Shown(qdiscs, {})) == expected
    assert netem.BACKEND.drops(Direction.TOWARD_SERVER, Shown(qdiscs, {})) == (0, 0)
