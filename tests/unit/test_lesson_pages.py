"""How a lesson's page is read, and what counts as the same output."""

from pathlib import Path

import pytest

from tests.lessons.carry_out import carry_out
from tests.lessons.lesson import commands, missing, pictures, renewed
from tests.lessons.refresh import figure, with_output

PAGE = """\
# A lesson

```console
$ lab impair \\
> --loss 5%
toward server   loss 5%   12   0
$ lab status
```

```python
$ no command
```
![a ladder](figures/02-handshake-1.svg)
"""


def test_commands_are_those_of_console_blocks_with_what_they_show() -> None:
    found = commands(PAGE)
    assert [each.text for each in found] == ["lab impair \\\n--loss 5%", "lab status"]
    assert [each.shown for each in found] == [("toward server   loss 5%   12   0",), ()]
    assert [each.line for each in found] == [4, 7]
    assert pictures(PAGE) == [("a ladder", "figures/02-handshake-1.svg")]


def test_output_below_no_command_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="line 2: 'hello' stands below no command"):
        commands("```console\nhello\n```\n")


@pytest.mark.parametrize(
    ("shown", "printed", "left"),
    [
        (["took 1.25 s"], ["took 831 ms"], None),
        (["a  12 of 500"], ["x", "a 7 of 2\u00a0000"], None),
        (["a 1", "b 1"], ["b 2", "a 2"], "b 1"),
        (["lost 5%"], ["last 5%"], "lost 5%"),
        (["…", "b 1"], ["anything", "b 9"], None),
        ([], ["anything"], None),
        (["────── 12"], ["─ 3"], None),
    ],
)
def test_numbers_and_spacing_may_differ_and_words_and_order_may_not(
    shown: list[str], printed: list[str], left: str | None
) -> None:
    assert missing(tuple(shown), printed) == left


def test_what_was_left_out_stays_left_out() -> None:
    assert renewed(("…", "b 1", "…"), ["a 1", "b 22", "c 3"]) == ["…", "b 22", "…"]
    assert renewed(("b 1",), ["", "a 1", "b 22 ", ""]) == ["a 1", "b 22"]
    table = [" 1 %  7", " 5 %  8", "10 %  9"]
    assert renewed(("…", "10 %   3"), table) == ["…", "10 %  9"]


def test_a_page_is_written_anew_with_what_was_printed() -> None:
    page = with_output(PAGE, [["first"], ["second", "third"]])
    assert [each.shown for each in commands(page)] == [("first",), ("second", "third")]
    assert with_output(page, [["toward server   loss 5%   12   0"], []]) == PAGE


def test_a_figure_of_a_report_stands_alone() -> None:
    one = '<figure><svg role="img" viewBox="0 0 10 20"><g/></svg></figure>'
    table = "<figure><table></table></figure>"
    two = '<figure><svg viewBox="0 0 3 4"><b/></svg><svg viewBox="0 0 5 6"><i/></svg></figure>'
    drawing = figure(one + table + two, 2)
    assert drawing.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert 'viewBox="0 0 5 10" width="5" height="10"' in drawing
    assert "--ink: #1c1d21" in drawing
    assert '<svg x="0" y="0" width="3" height="4" viewBox="0 0 3 4"><b/></svg>' in drawing
    assert '<svg x="0" y="4" width="5" height="6" viewBox="0 0 5 6"><i/></svg></svg>' in drawing


FAILS_FIRST = 'lab() { echo "t-x says $1"; [ -e done ] || { touch done; return 1; }; }'
FAILS = 'lab() { echo "no $1"; return 1; }'


@pytest.mark.parametrize(
    ("lab", "typed", "said"),
    [
        (FAILS_FIRST, "lab run x", None),
        (FAILS, "lab run x", "line 2: $ lab run x\nno run"),
        (FAILS_FIRST, "lab status", "line 2: $ lab status\nlab says status"),
    ],
)
@pytest.mark.filterwarnings("ignore:done once more")
def test_an_experiment_may_fail_by_chance_once_and_nothing_else_may(
    lab: str, typed: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "functions").write_text(lab)
    monkeypatch.setenv("BASH_ENV", str(tmp_path / "functions"))
    steps = carry_out("t-x", tmp_path, commands(f"```console\n$ {typed}\n```\n"))
    if said is None:
        assert [printed for _, printed in steps] == [["lab says run"]]
    else:
        with pytest.raises(AssertionError) as failed:
            list(steps)
        assert str(failed.value).strip() == said
