"""A YAML file whose every value knows the line it stands on, so that an error can point at it.

Values stay the text that was typed: YAML 1.1 would read `on` as true, `010` as 8 and `1:30` as
90. Refuses duplicate keys, which YAML forbids and most readers of it let pass. Reads no file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import yaml

from lab.cures import NO_SPACE, cured
from lab.likely import perhaps
from lab.units import refusal

_LONGEST = 300_000
"""Characters of a file: far more than anyone writes, and still read within seconds."""

_MOST, _DEEPEST = 300_000, 60
"""Values of a file, those that aliases repeat among them, and how deep they may lie: an alias can
make a small file without end."""

_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)


@dataclass(frozen=True)
class Located:
    """A value in a file. field: the way to it, such as `drop.nth`; empty for the whole file."""

    node: yaml.Node
    source: str
    field: str = ""

    @property
    def line(self) -> int:
        """Its line in the file, from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def where(self) -> str:
        """`FILE:LINE: FIELD`, the start of every complaint about it."""
        place = f"{self.source}:{self.line}"
        return f"{place}: {self.field}" if self.field else place

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping, where one value or a list may stand as well."""
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether it is a list, where one value or a mapping may stand as well."""
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing stands where a value may stand."""
        return isinstance(self.node, yaml.ScalarNode) and not self.node.value

    @property
    def text(self) -> str:
        """A single value, as typed. Raises `BadInput` for a list or a mapping."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.refuse(f"is {self._kind}; write one value")
        return str(self.node.value)

    def items(self) -> "list[Located]":
        """The values of a list. Raises `BadInput` for anything else, and for an empty one."""
        if not isinstance(self.node, yaml.SequenceNode):
            if self.is_mapping and self.node.value and self._got.startswith("-"):
                self.refuse(NO_SPACE.format("-"))
            self.refuse(f"is {self._kind}; write a list, one '- …' a line")
        if not self.node.value:
            self.refuse("is an empty list; write at least one '- …'")
        return [Located(each, self.source, self.field) for each in self.node.value]

    def one_or_more(self) -> "list[Located]":
        """The values of a list, or the single value that stands in its place."""
        return self.items() if isinstance(self.node, yaml.SequenceNode) else [self]

    def table(self, allowed: Iterable[str], needed: Iterable[str] = ()) -> "dict[str, Located]":
        """The values of a mapping by key.

        Raises `BadInput` for another key, one given twice, and one that is needed and missing.
        """
        names = tuple(allowed)
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse(f"is {self._kind}; write {{{names[0]}: …}}, allowed {', '.join(names)}")
        found: dict[str, Located] = {}
        for key, value in self.pairs:
            if not isinstance(key.node, yaml.ScalarNode) or key.node.value not in names:
                key.refuse(_unknown(key._got, names))
            _add(found, key, value)
        for name in needed:
            if name not in found:
                self.refuse(f"has no {name}; add {name}: …")
        return found

    def entries(self, example: str) -> "dict[str, tuple[Located, Located]]":
        """The keys and values of a mapping with keys of any name, by key, at least one.

        Raises `BadInput` for anything else, and for a key given twice. example: one to suggest.
        """
        if not isinstance(self.node, yaml.MappingNode) or not self.node.value:
            kind = "an empty mapping" if isinstance(self.node, yaml.MappingNode) else self._kind
            self.refuse(f"is {kind}; write {{{example}}}")
        found: dict[str, Located] = {}
        keys = []
        for key, value in self.pairs:
            _add(found, key, value)
            keys.append(key)
        return {key.text: (key, found[key.text]) for key in keys}

    @property
    def pairs(self) -> "list[tuple[Located, Located]]":
        """The keys and values of a mapping as they stand, for who looks before `table`."""
        found = []
        for key_node, node in self.node.value:
            key = Located(key_node, self.source, self.field)
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            found.append((key, Located(node, self.source, f"{self.field}.{name}".lstrip("."))))
        return found

    @property
    def variables(self) -> "dict[str, Located]":
        """The names after a `$` in its values, however deep, each with the first place of it."""
        found: dict[str, Located] = {}
        left = [self]
        while left:
            at = left.pop()
            if isinstance(at.node, yaml.ScalarNode):
                for each in _VARIABLE.finditer(at.node.value):
                    found.setdefault(each[1] or "", at)
            elif isinstance(at.node, yaml.MappingNode):
                left += [value for _, value in reversed(at.pairs)]
            else:
                left += [replace(at, node=node) for node in reversed(at.node.value)]
        return found

    def filled_in(self, words: Mapping[str, str]) -> "Located":
        """The same with `$name` in its values replaced by words, each value where it stands.

        Keys stay as they are. Raises `KeyError` for a name that is none of the words.
        """
        return replace(self, node=_filled_in(self.node, words))

    def refuse(self, problem: str) -> NoReturn:
        """Raise `BadInput` about this value: where it is, what was got, and the problem."""
        raise refusal(self.where, self._got, problem)

    @property
    def _got(self) -> str:
        if isinstance(self.node, yaml.ScalarNode):
            return str(self.node.value)
        start, end = self.node.start_mark, self.node.end_mark
        if start.buffer is None:
            return self._kind
        return " ".join(start.buffer[start.pointer : end.pointer].split())

    @property
    def _kind(self) -> str:
        if isinstance(self.node, yaml.ScalarNode):
            return "one value" if self.node.value else "nothing"
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a mapping"


def parse(text: str, source: str) -> Located:
    """One YAML document. source: the file's name for messages. Raises `BadInput`."""
    if len(text) > _LONGEST:
        raise refusal(source, f"{len(text)} characters", f"is too long; allowed {_LONGEST}")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        number, got, problem = cured(error, text)
        raise refusal(f"{source}:{number}", got, problem) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = "is no character for a text file; write UTF-8"
        raise refusal(f"{source}:{line}", f"\\x{error.character:02x}", problem) from error
    except RecursionError as error:
        raise refusal(source, text, "is nested too deep") from error
    except (ValueError, OverflowError) as error:  # yaml's own, of an escape such as "\UFFFFFFFF"
        raise refusal(
            source, text, "is no YAML: an escape in it stands for no character"
        ) from error
    if node is None:
        raise refusal(f"{source}:1", "", "is an empty file; write a list, one '- …' a line")
    for count, (_, depth) in enumerate(_below(node)):
        if count >= _MOST or depth > _DEEPEST:
            raise refusal(source, text, "is nested too deep, or has aliases without end")
    return Located(node, source)


def _unknown(got: str, names: tuple[str, ...]) -> str:
    """What is wrong with a key that is none of these names."""
    word, colon, rest = got.partition(":")
    if colon and rest and word in names:
        return NO_SPACE.format("colon")
    word, bracket, _ = re.split(r"\s*([{[]|$)", got, maxsplit=1)
    if bracket and word in names:
        return f"has no colon; write {word}: {bracket}…"
    return f"is unknown{perhaps(got, names)}; allowed {', '.join(names)}"


def _add(found: dict[str, Located], key: Located, value: Located) -> None:
    name = key.text
    if name in found:
        key.refuse(f"is given twice, first in line {found[name].line}")
    found[name] = value


def _below(node: yaml.Node) -> Iterator[tuple[yaml.Node, int]]:
    """A node and all values below it, in the order of the text, with their depth."""
    stack = [(node, 0)]
    while stack:
        each, depth = stack.pop()
        yield each, depth
        if isinstance(each, yaml.MappingNode):
            stack += [(value, depth + 1) for _, value in reversed(each.value)]
        elif isinstance(each, yaml.SequenceNode):
            stack += [(value, depth + 1) for value in reversed(each.value)]


def _filled_in(node: yaml.Node, words: Mapping[str, str]) -> yaml.Node:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = _VARIABLE.sub(lambda found: words[found[1] or ""], node.value)
    elif isinstance(node, yaml.MappingNode):
        value = [(key, _filled_in(each, words)) for key, each in node.value]
    else:
        value = [_filled_in(each, words) for each in node.value]
    return type(node)(node.tag, value, node.start_mark, node.end_mark)
