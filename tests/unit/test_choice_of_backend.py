"""`auto` takes a backend only where this kernel has all that the knobs asked for need."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.errors import ImpairmentError
from lab.impairment import Impairment
from lab.link import Link, Script
from lab.link.kernel import KernelLink

REFUSED = "Error: netem: cannot mix duplicating netems with other netems in tree."


def link(**abilities: bool) -> Link:
    able: dict[str, Any] = {name.replace("_", "-"): each for name, each in abilities.items()}
    able["why"] = {name: REFUSED for name, each in able.items() if not each}
    made = object.__new__(Link)
    made.kernel = cast(KernelLink, SimpleNamespace(abilities=able))
    return made


@pytest.mark.parametrize("words", ["duplicate 1%", "duplicate 1% duplicate-correlation 25%"])
def test_duplicates_go_where_the_kernel_takes_them(words: str) -> None:
    asked = [Impairment.parse(words)]
    assert link(netem=True, netem_duplicate=True).choose(asked, Script()) == "netem"
    newer = link(netem=True, netem_duplicate=False, tc_bpf=True, tbf=True)
    assert newer.choose(asked, Script()) == "userspace"
    assert newer.choose([Impairment.parse("delay 10ms corrupt 1%")], Script()) == "netem"
    with pytest.raises(ImpairmentError, match=r"netem: not in this kernel .*cannot mix"):
        newer.choose(asked, Script(), "netem")
