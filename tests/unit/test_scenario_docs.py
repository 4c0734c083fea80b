"""docs/scenarios.md against the code: every word is in it, and what it shows is so."""

import re
from pathlib import Path
from typing import Any

import pytest

from lab import rules, schedule, units
from lab.errors import BadInput
from lab.knobs import KNOBS
from lab.scenario import figures, setting, statements
from lab.scenario.file import FIELDS, read
from lab.scenario.kind import Option
from lab.scenario.measures import KINDS, REQUIRED
from lab.scenario.model import Scenario
from lab.scenario.terms import COMPARISONS, FUNCTIONS, KEYWORDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MISTAKES = re.findall(r"^\| `(.+)` \| `(mine\.yaml:(\d+): .+)` \|$", PAGE, re.MULTILINE)


def _readme_example() -> str:
    (found,) = re.findall(r"^    title: .*\n(?:(?:    .*)?\n)+?(?=\S)", README, re.MULTILINE)
    return "".join(f"{line[4:]}\n" for line in found.rstrip().split("\n"))


def _whole(example: str) -> str:
    """A part of a file, with what every file needs."""
    title = "" if "title:" in example.split("\n", 1)[0] else "title: t\n"
    return title + example + ("" if "measure:" in example else "measure: [{udp: {}}]\n")


def _read(text: str) -> Scenario:
    return read(text, "mine.yaml", "mine", KINDS)


def _codes(text: str) -> set[str]:
    """Each piece of code, and the words in it."""
    pieces = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    return {word for piece in pieces for word in (piece, *re.split(r"[^A-Za-z0-9_-]+", piece))}


def _section(title: str) -> str:
    (found,) = re.findall(rf"^#+ {title}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("The fields", FIELDS),
        ("What the link does", KNOBS),
        ("What the link does", ("at", "toward", *schedule.EVENTS)),
        ("What the link does", (*rules.ACTIONS, *rules._FIELDS)),
        ("What the link does", setting.ROUTE),
        ("What is measured", (*KINDS, setting.TOGETHER, *setting._OWN)),
        ("Expressions", (*FUNCTIONS, *COMPARISONS, *KEYWORDS)),
        ("What is expected", statements._FIELDS),
        ("Figures", (*figures.FIGURES, *figures._AROUND)),
        ("Figures", {key for keys in figures.FIGURES.values() for key in keys}),
        ("Figures", (*figures._X, *figures._Y, *figures._CURVE, *figures._COLUMN)),
    ],
)
def test_every_word_is_there(section: str, words: Any) -> None:
    prose = _section(section)
    there = _codes(prose) | set(re.findall(r"[a-z_-]+(?=:)", prose))
    assert [word for word in words if word not in there] == []


@pytest.mark.parametrize("kind", figures.FIGURES)
def test_every_figure_has_its_keys_and_no_others(kind: str) -> None:
    (row,) = re.findall(rf"^\| `{kind}` \|.*\| (.*) \|$", _section("Figures"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == set(figures.FIGURES[kind])


def _default(option: Option) -> str:
    value = option.default
    if value is REQUIRED or value is None:
        return "needed" if value is REQUIRED else "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return units.format_duration(value)
    if isinstance(value, tuple):
        return f"{len(value)}x{value[0]}" if len(value) > 1 else str(value[0])
    return units.format_rate(value) if option.parse is units.parse_rate else str(value)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_option_is_there_with_its_default(kind: Any) -> None:
    plain = " ".join(_section("What is measured").split())
    (said,) = re.findall(rf"- `{kind.name}`: (.*?)(?=- `\w+`: |Common to|$)", plain)
    assert said.startswith(kind.summary)
    options, figures_ = said.split(" - figures: ")
    own = {name: each for name, each in kind.options.items() if name != "client"}  # all have it
    for name, option in own.items():
        assert f"`{name}` ({_default(option)}) {option.about}" in options
    assert len(re.findall(r"`[\w-]+` \(", options)) == len(own)
    assert " - series: " in figures_


@pytest.mark.parametrize("text", [*map(_whole, EXAMPLES), _readme_example()])
def test_every_example_is_read(text: str) -> None:
    assert _read(text).settings


def test_there_are_examples_and_mistakes() -> None:
    assert len(EXAMPLES) >= 6
    assert len(MISTAKES) >= 15


@pytest.mark.parametrize(("written", "said", "number"), MISTAKES)
def test_a_mistake_is_told_as_shown(written: str, said: str, number: str) -> None:
    lines = EXAMPLES[0].split("\n")
    before = lines[int(number) - 1]
    lines[int(number) - 1] = before[: len(before) - len(before.lstrip())] + written
    assert lines != EXAMPLES[0].split("\n")
    with pytest.raises(BadInput) as caught:
        _read("\n".join(lines))
    assert str(caught.value) == said


def test_the_mistake_in_the_readme_is_told_as_shown() -> None:
    (said,) = re.findall(r"`(mine\.yaml:\d+: [^`]*)`", " ".join(README.split()))
    with pytest.raises(BadInput) as caught:
        _read(_readme_example().replace("$loss", "5"))
    assert str(caught.value) == said
