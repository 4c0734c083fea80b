"""No lesson rots: each command of each page is typed, and prints what the page shows."""

import re
from pathlib import Path

import pytest

from tests.lessons.carry_out import carry_out
from tests.lessons.lesson import CHINESE, DOCS, LESSONS, code, commands, missing, pictures

PAGES = sorted(LESSONS.glob("[0-9]*.md"))
ENGLISH = [
    *PAGES, *sorted((LESSONS / "answers").glob("*.md")), DOCS / "instructor.md",
    DOCS.parent / "README.md",
]  # fmt: skip
NAMES = [each.stem for each in PAGES]


def translated(page: Path) -> Path:
    return CHINESE / page.relative_to(DOCS.parent if page.name == "README.md" else DOCS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_of_a_page_does_what_it_shows(
    page: Path, lesson_lab: str, tmp_path: Path
) -> None:
    asked = commands(page.read_text(encoding="utf-8"))
    assert asked, "a page without a command"
    for command, printed in carry_out(lesson_lab, tmp_path, asked):
        left_out = missing(command.shown, printed)
        assert left_out is None, "\n".join(
            [f"{page}:{command.line}: $ {command.text}", f"no line: {left_out}", *printed]
        )


@pytest.mark.parametrize("page", ENGLISH, ids=[each.stem for each in ENGLISH])
def test_the_chinese_page_has_the_same_code_output_and_pictures(page: Path) -> None:
    english, chinese = (each.read_text(encoding="utf-8") for each in (page, translated(page)))
    assert code(chinese) == code(english)
    assert [Path(path).name for _, path in pictures(chinese)] == [
        Path(path).name for _, path in pictures(english)
    ]
    heads = [re.findall(r"^(#+) ", each, flags=re.M) for each in (english, chinese)]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("page", [*ENGLISH, *map(translated, ENGLISH)], ids=str)
def test_all_that_a_page_points_at_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    assert all(alt for alt, _ in pictures(text)), "a picture without a word for who can't see it"
