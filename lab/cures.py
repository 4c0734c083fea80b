"""What yaml complains about, in words for who wrote the file: where the mistake is, and its cure.

yaml tells where it could read no further, which may be far below, and of tokens. Pure.
"""

import re
from typing import Any

import yaml

NO_SPACE = "has no space after the {}; add one"

_FURTHER_ON = " further on"
"""Put behind a problem that yaml found in a later line than the one where its cause begins."""

_NO_DASH = "found a key beside the items of a list"

_CURES = tuple(
    (re.compile(problem), re.compile(line), cure)
    for problem, line, cure in (
        (r"", r"\s*-\w", NO_SPACE.format("-")),
        (r"found unexpected end of stream", r"", "has a quote that is never closed; close it"),
        (r"could not find expected ':'", r"\s*(- )?[\w-]+:\S", NO_SPACE.format("colon")),
        (r"could not find expected ':'", r"", "has no colon; write NAME: value"),
        (r"mapping values", r".*:\s.*:(\s|$)", "has a second colon; put the value in quotes"),
        (r"mapping values", r"", "is indented further than the line above, which has a value"),
        (r"found character '\\t'", r"\s*\t", "is indented by a tab; write spaces"),
        (r"found character '%'", r"", "has a % before its number; write 5%"),
        (r"found character '(.)'", r"", r"has a value that begins with \1; put it in quotes"),
        (r"expected ',' or '(.)'.* further on", r"",
         r"has no closing \1, or no comma at its end; add it"),
        (r"expected ',' or '(.)', but got '([:[{]|<scalar>)'", r"",
         "has no comma between two values; add one"),
        (r"expected ',' or '(.)'", r"", r"has no closing \1; add it"),
        (_NO_DASH, r"\s*[^\s-]", "is in a list and does not begin with '- '; add it"),
        (r"expected <block end>, but found '<scalar>'", r"",
         "goes on after a closing quote; put all of the value in quotes, or nothing"),
        (r"expected <block end>", r"",
         "does not line up with the lines above; indent it as those that it belongs to"),
        (r"(.*)", r"", r"is no YAML: \1"),
    )
)  # fmt: skip
"""yaml's words, the line that it complains about, and what to say: the first that fits."""


def cured(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str, str]:
    """The line where the mistake is, from 1, what stands there, and what is wrong with it."""
    lines = text.splitlines() or [""]
    problem = " ".join(str(error.problem or error.context).split())
    number = _line(error.problem_mark or error.context_mark, lines)
    begun = _line(error.context_mark or error.problem_mark, lines)
    if begun < number and re.match(r"expected ',' or|found unexpected end|could not find", problem):
        number, problem = begun, problem + _FURTHER_ON
    if problem.startswith("expected <block end>") and number:
        above = lines[number - 1]
        if re.match(r"\s*-\w", above):
            number -= 1  # no item for yaml, so that it did not expect this one either
        elif re.match(r"\s*- ", above) and _indent(above) == _indent(lines[number]):
            problem = _NO_DASH
    line = lines[number]
    for words, place, cure in _CURES:
        if (found := words.match(problem)) and place.match(line):
            return number + 1, line.strip(), found.expand(cure)
    raise AssertionError(problem)  # the last of them fits all


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _line(mark: Any, lines: list[str]) -> int:
    """The line of a mark, from 0; the end of a file is one beyond the last."""
    return min(mark.line if mark else 0, len(lines) - 1)
