"""The small language of a scenario's expectations and figures: read once, worked out often. Pure.

    1 - (1 - loss)^2                             udp.received = udp.sent
    100 * udp.received / udp.sent                tcp.connect_ms.p50 within 5% of 2 * delay
    p99(udp.rtt_ms) < p99(tcp.rtt_ms)            tcp.rtt_ms.max between 20ms and 1s and loss > 0

Numbers may have a unit: a share is a ratio, a duration milliseconds, a rate bit/s (`lab.units`).
A name is what is varied, or a figure: the name of a measurement, and the way into its report.
`.0` is the first of a list; a word after a list goes on in each of its members, which makes a
column. The functions of columns prefer the series of that name to the report. `within 5% of` is
a share of what follows `of`, any other `within` a distance. Both ends count in within and between.

`=` takes floats for equal that differ by rounding alone. A name that stands for nothing measured,
a division by zero and whatever else has no value raise `NoFigure`, whose text says which and why.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NoReturn

from lab import units
from lab.likely import perhaps
from lab.scenario.terms import (
    COMPARISONS,
    FUNCTIONS,
    KEYWORDS,
    PERCENTILES,
    TIMES,
    Arithmetic,
    Between,
    Call,
    Comparison,
    Formula,
    Logic,
    Name,
    Node,
    Number,
    Within,
    Word,
    with_series,
)  # fmt: skip
from lab.units import refusal

__all__ = [
    "Formula", "Scope", "parse", "parse_number", "parse_order", "parse_share", "parse_statement",
    "with_series",
]  # fmt: skip

LONGEST = 400
"""Characters of an expression. What is longer belongs on two lines, and would nest too deep."""

_WAY = r"(?:\.[A-Za-z0-9_]+)"
_TOKEN = re.compile(
    rf"""\s*(?:
    (?P<number>[0-9]+(?:\.[0-9]+)?(?:%|[A-Za-z]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*{_WAY}*)
    | (?P<quoted>"[^"]*"|'[^']*')(?P<way>{_WAY}*)
    | (?P<foreign>==|&&|\|\||\*\*|<>)
    | (?P<mark><=|>=|!=|[-+*/^()<>=,])
    )""",
    re.VERBOSE | re.ASCII,
)
_PERCENTILES = ", ".join(PERCENTILES)
_HERE = "allowed a number, as 5% or 20ms, a name, a function, ("
_MEANT = {"==": "=", "&&": "and", "||": "or", "**": "^", "<>": "!="}


@dataclass(frozen=True)
class Scope:
    """What a name in an expression may begin with.

    variables: what is varied, with the units of its values. measures: names of measurements.
    cases: where an expression is about all points, the names that come before these.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    measures: Sequence[str] = ()
    cases: Sequence[str] = ()

    def check(self, name: Name, where: str) -> None:
        """Raise `BadInput` unless the name can stand for a figure."""
        path = name.path
        if self.cases:
            if path[0] not in self.cases:
                raise refusal(where, name.text, f"is of no case; allowed {_some(self.cases)}")
            if len(path) == 1:
                raise refusal(where, name.text, f"is a whole point; go on, as {path[0]}.{self._as}")
            path = path[1:]
        if path[0] in self.variables:
            if len(path) > 1:
                raise refusal(where, name.text, f"goes too far; write {path[0]}, which is varied")
        elif path[0] not in self.measures:
            known = (*self.variables, *self.measures)
            problem = f"is no figure{perhaps(path[0], known)}; allowed {_some(known)}"
            raise refusal(where, path[0], problem)
        elif len(path) == 1:
            example = f"{name.text}.duration_s"
            raise refusal(where, name.text, f"is a whole measurement; go on, as {example}")

    @property
    def _as(self) -> str:
        return next(iter(self.variables), f"{self.measures[0]}.duration_s")


def parse(text: str, where: str, scope: Scope | None = None) -> Formula:
    """A number or a statement. Raises `BadInput`.

    scope: what its names may be; None for anything.
    """
    return _Parser(text, where, scope).whole(_Parser.anything)


def parse_number(text: str, where: str, scope: Scope | None = None) -> Formula:
    """A number, and no statement. Raises `BadInput`."""
    return _Parser(text, where, scope).whole(_Parser.number)


def parse_statement(text: str, where: str, scope: Scope | None = None) -> Formula:
    """What is true or false. Raises `BadInput`."""
    return _Parser(text, where, scope).whole(_Parser.statement)


def parse_share(text: str, where: str, scope: Scope | None = None) -> tuple[Formula, Formula]:
    """`PART of WHOLE`. Raises `BadInput`."""
    both = _Parser(text, where, scope).whole(_Parser.share).node
    part, whole = both.parts
    return Formula(part.text, part), Formula(whole.text, whole)


def parse_order(text: str, where: str, scope: Scope | None = None) -> tuple[Formula, Formula]:
    """`p99(COLUMN) < p50(COLUMN)`: two calls, that of the lower one first. Raises `BadInput`."""
    node = parse_statement(text, where, scope).node
    if isinstance(node, Comparison) and node.operator in ("<", ">"):
        low, high = node.parts if node.operator == "<" else node.parts[::-1]
        if all(isinstance(each, Call) and each.function in PERCENTILES for each in (low, high)):
            return Formula(low.text, low), Formula(high.text, high)
    problem = f"is no order of two percentiles; write p99(…) < p99(…), allowed {_PERCENTILES}"
    raise refusal(where, text, problem)


def _some(words: Iterable[str]) -> str:
    """Names to choose from, not too many of them for a line."""
    names = list(words)
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "") if names else "none"


@dataclass(frozen=True)
class _Token:
    """kind: number, name, word, mark or end. path: of a name, or the word."""

    kind: str
    text: str
    start: int
    end: int
    path: tuple[str, ...] = ()


class _Parser:
    """One expression, read from left to right; each method reads one level of it."""

    def __init__(self, text: str, where: str, scope: Scope | None) -> None:
        self._text, self._where, self._scope = text, where, scope
        if len(text) > LONGEST:
            raise refusal(where, text, f"is too long; allowed {LONGEST} characters")
        self._tokens = list(self._read())
        self._at = 0

    def whole(self, level: "Callable[[_Parser], Node]") -> Formula:
        """The whole text, as that level."""
        try:
            node = level(self)
        except RecursionError:
            raise refusal(self._where, self._text, "is nested too deep") from None
        if self._token.kind != "end":
            self._unexpected(
                "allowed + - * / ^, a comparison (= != < <= > >=, within, between), and, or"
            )
        return Formula(self._text.strip(), node)

    def anything(self) -> Node:
        """A number or a statement."""
        return self._joined("or", lambda: self._joined("and", self._denied))

    def statement(self) -> Node:
        """What is true or false."""
        return self._truth(self.anything())

    def number(self) -> Node:
        """What is a number."""
        return self._number(self._sum())

    def share(self) -> Node:
        """`PART of WHOLE`, which a quotient stands for here."""
        start, part = self._token.start, self.number()
        if not self._take("of"):
            self._unexpected("write PART of WHOLE, as udp.lost of udp.sent")
        whole = self.number()
        return Arithmetic(self._since(start), part, "/", whole)

    def _joined(self, word: str, below: Callable[[], Node]) -> Node:
        start, first = self._token.start, below()
        found = [first]
        while self._take(word):
            found.append(below())
        if len(found) == 1:
            return first
        return Logic(self._since(start), word, tuple(map(self._truth, found)))

    def _denied(self) -> Node:
        start = self._token.start
        if not self._take("not"):
            return self._compared()
        denied = self._truth(self._denied())
        return Logic(self._since(start), "not", (denied,))

    def _compared(self) -> Node:
        start, left = self._token.start, self._sum()
        operator = self._take(*COMPARISONS, "within", "between")
        if not operator:
            return left
        left, second = self._number(left), self.number()
        found: Node
        if operator == "within":
            self._need("of", "within 5% of …")
            third = self.number()
            found = Within(self._since(start), left, second, third)
        elif operator == "between":
            self._need("and", "between … and …")
            third = self.number()
            found = Between(self._since(start), left, second, third)
        else:
            found = Comparison(self._since(start), left, operator, second)
        if self._token.text in (*COMPARISONS, "within", "between"):
            self._unexpected("allowed one comparison; join two by and")
        return self._of_one_time(found)

    def _sum(self) -> Node:
        return self._chain(("+", "-"), lambda: self._chain(("*", "/"), self._signed))

    def _chain(self, operators: tuple[str, ...], below: Callable[[], Node]) -> Node:
        start, left = self._token.start, below()
        while operator := self._take(*operators):
            left, right = self._number(left), self._number(below())
            left = Arithmetic(self._since(start), left, operator, right)
            if operator in "+-":
                self._of_one_time(left)
        return left

    def _signed(self) -> Node:
        start = self._token.start
        if not self._take("-"):
            return self._power()
        right = self._number(self._signed())
        return Arithmetic(self._since(start), Number("0", 0), "-", right)

    def _power(self) -> Node:
        start, base = self._token.start, self._one()
        if not self._take("^"):
            return base
        exponent = self._number(self._signed())  # to the right first: 2^3^2 is 2^9
        return Arithmetic(self._since(start), self._number(base), "^", exponent)

    def _one(self) -> Node:
        token = self._token
        if self._take("("):
            node = self.anything()
            self._need(")", "a closing )")
            return node
        if token.kind in ("number", "word", "name") and token.text not in KEYWORDS:
            self._at += 1
            if token.kind == "number":
                return Number(token.text, *units.parse_number(token.text, self._where))
            if token.kind == "word":
                return Word(token.text, *token.path)
            return self._call(token) if self._token.text == "(" else self._name(token)
        return self._unexpected(_HERE)

    def _call(self, token: _Token) -> Node:
        if token.text not in FUNCTIONS:
            raise refusal(
                self._where,
                token.text,
                f"is no function{perhaps(token.text, FUNCTIONS)}; allowed {', '.join(FUNCTIONS)}",
            )
        self._need("(", "(")
        arguments = [self.number()]
        while self._take(","):
            arguments.append(self.number())
        self._need(")", "a closing )")
        call = Call(self._since(token.start), token.text, tuple(arguments))
        if len(arguments) > 1 and token.text not in ("min", "max"):
            raise refusal(self._where, call.text, f"has too many arguments; {token.text} takes one")
        if call.of_column and not isinstance(arguments[0], Name):
            problem = f"is no column; {token.text} takes one, as {token.text}(udp.rtt_ms)"
            raise refusal(self._where, arguments[0].text, problem)
        return call

    def _name(self, token: _Token) -> Name:
        name = Name(token.text, token.path)
        known = (*self._scope.variables, *self._scope.measures) if self._scope else ()
        if token.text in FUNCTIONS and token.text not in known:
            raise refusal(self._where, token.text, f"is a function; write {token.text}(…)")
        if self._scope is None:
            return name
        self._scope.check(name, self._where)
        return Name(token.text, token.path, self._scope.variables.get(token.path[-1], ""))

    def _number(self, node: Node) -> Node:
        if node.truth:
            raise refusal(self._where, node.text, "is true or false, where a number belongs")
        return node

    def _truth(self, node: Node) -> Node:
        if not (node.truth or isinstance(node, Name)):
            problem = "is no statement; compare it, as … > 0, … = 1, … within 5% of …"
            raise refusal(self._where, node.text or self._text, problem)
        return node

    def _of_one_time(self, node: Node) -> Node:
        """Refuse seconds beside milliseconds: `tcp.duration_s < 10s`, where 10s is 10000."""
        parts = [
            part for part in node.parts
            if part.unit in TIMES and not (isinstance(part, Number) and part.amount == 0)
        ]  # fmt: skip
        for one, other in pairwise(parts):
            if one.unit != other.unit:
                cure = "divide what is in ms by 1s, and it is in seconds"
                if isinstance(other, Number):
                    cure = f"write {other.amount / TIMES[one.unit]:g} without a unit"
                problem = f"is in {one.unit}, and {other.text} counts in {other.unit}; {cure}"
                raise refusal(self._where, one.text, problem)
        return node

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> str:
        """The text of the next token, gone past, if it is one of these; else nothing."""
        token = self._token
        if token.kind in ("mark", "name") and token.text in texts:
            self._at += 1
            return token.text
        return ""

    def _need(self, text: str, allowed: str) -> None:
        if not self._take(text):
            self._unexpected(f"allowed {allowed}")

    def _since(self, start: int) -> str:
        return self._text[start : self._tokens[self._at - 1].end]

    def _unexpected(self, allowed: str) -> NoReturn:
        token = self._token
        if token.kind == "end":
            got = self._text.strip()
            raise refusal(self._where, got, f"{'ends too early' if got else 'is empty'}; {allowed}")
        raise refusal(self._where, token.text, f"is not what comes here; {allowed}")

    def _read(self) -> Iterator[_Token]:
        """The tokens, and one more for the end."""
        at, cases = 0, self._case_names()
        while at < len(self._text.rstrip()):
            found = cases.match(self._text, at) if cases else None
            if found:
                path = (found[1], *found[2].split(".")[1:])
                yield _Token("name", found[0].strip(), found.start(1), found.end(), path)
            elif found := _TOKEN.match(self._text, at):
                if foreign := found["foreign"]:
                    problem = f"is not how it is written; write {_MEANT[foreign]}"
                    raise refusal(self._where, foreign, problem)
                yield _token(found)
            else:
                rest = self._text[at:].lstrip()
                if rest[0] in "'\"":
                    raise refusal(self._where, rest, "has no end; close the quotes")
                if variable := re.match(r"\$(\w+)", rest):
                    problem = f"is written without the $ here; write {variable[1]}"
                    raise refusal(self._where, variable[0], problem)
                raise refusal(self._where, rest[0], f"is not what comes here; {_HERE}")
            at = found.end()
        yield _Token("end", "", at, at)

    def _case_names(self) -> re.Pattern[str] | None:
        """A case goes before what its name may look like: `5%.udp.sent`, `in bursts.udp.sent`."""
        names = sorted(self._scope.cases if self._scope else (), key=len, reverse=True)
        if not names:
            return None
        return re.compile(rf"\s*({'|'.join(map(re.escape, names))})({_WAY}+)", re.ASCII)


def _token(found: re.Match[str]) -> _Token:
    kind = str(found.lastgroup)
    if kind == "way":
        kind = "quoted"
    text = found[0].strip()
    start = found.end() - len(text)
    if kind == "quoted":
        word, way = found["quoted"][1:-1], found["way"]
        path = (word, *way.split(".")[1:])
        return _Token("name" if way else "word", text, start, found.end(), path)
    path = tuple(text.split(".")) if kind == "name" else ()
    return _Token(kind, text, start, found.end(), path)
