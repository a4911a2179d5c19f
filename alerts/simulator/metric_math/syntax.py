"""Reads a metric math expression into a tree. Precedence, loosest first: OR, AND, comparisons, + -, * /, unary minus, ^."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from alerts.simulator.metric_math.catalog import problem_of_call
from alerts.simulator.model import UnsupportedError

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<word>[A-Za-z][A-Za-z0-9_]*)"
    r"|\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
    r"|(?P<sign><=|>=|==|!=|&&|\|\||[-+*/^()\[\]<>,]))"
)
_LOGICAL = {"AND": "AND", "&&": "AND", "OR": "OR", "||": "OR"}
_SHOWN = 20
LONGEST = 2_048
"""Characters of an expression (`Expression` of MetricDataQuery)."""


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Word:
    """An upper-case word that is no call: REPEAT, LINEAR, ASC, DESC, or the function SORT sorts by."""

    text: str


@dataclass(frozen=True)
class Name:
    """The id of a metric or of another expression."""

    id: str


@dataclass(frozen=True)
class Items:
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Minus:
    operand: Node


@dataclass(frozen=True)
class Binary:
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


Node = Number | Text | Word | Name | Items | Minus | Binary | Call


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


@lru_cache(maxsize=4096)
def parse(expression: str) -> Node:
    """The tree of an expression; every function in it is known and has as many arguments as it takes.

    Raises:
        UnsupportedError: naming what is unknown, missing or in the wrong place.
    """
    return _Reader(expression).whole()


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order they are written."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += reversed(_below(found))


def _below(node: Node) -> tuple[Node, ...]:
    match node:
        case Items(items):
            return items
        case Minus(operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case _:
            return ()


def ids_in(expression: str) -> tuple[str, ...]:
    """The ids an expression names, each once, in the order they appear. METRICS() names none.

    Raises:
        UnsupportedError: when it is no expression.
    """
    return tuple(dict.fromkeys(node.id for node in walk(parse(expression)) if isinstance(node, Name)))


def calls_in(expression: str) -> tuple[str, ...]:
    """The functions an expression calls, each once.

    Raises:
        UnsupportedError: when it is no expression.
    """
    return tuple(dict.fromkeys(node.function for node in walk(parse(expression)) if isinstance(node, Call)))


def refusal(expression: str, problem: str) -> UnsupportedError:
    """The error about one expression."""
    shown = expression if len(expression) <= LONGEST else f"{expression[:_SHOWN]}…"
    return UnsupportedError(f"metric math {shown!r}: {problem}")


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = self._tokenize()
        self._at = 0

    def whole(self) -> Node:
        try:
            node = self._either()
        except RecursionError:
            raise self._error("it is nested too deeply") from None
        if self._at != len(self._tokens):
            raise self._error(f"'{self._tokens[self._at].text}' is in the wrong place")
        return node

    def _either(self) -> Node:
        left = self._both()
        while self._take_logical("OR"):
            left = Binary("OR", left, self._both())
        return left

    def _both(self) -> Node:
        left = self._comparison()
        while self._take_logical("AND"):
            left = Binary("AND", left, self._comparison())
        return left

    def _comparison(self) -> Node:
        left = self._sum()
        sign = self._take_sign(COMPARISONS)
        if not sign:
            return left
        node = Binary(sign, left, self._sum())
        if self._take_sign(COMPARISONS):
            raise self._error("two comparisons in a row; say with parentheses or AND what is meant")
        return node

    def _sum(self) -> Node:
        left = self._product()
        while sign := self._take_sign(("+", "-")):
            left = Binary(sign, left, self._product())
        return left

    def _product(self) -> Node:
        left = self._signed()
        while sign := self._take_sign(("*", "/")):
            left = Binary(sign, left, self._signed())
        return left

    def _signed(self) -> Node:
        return Minus(self._signed()) if self._take_sign(("-",)) else self._power()

    def _power(self) -> Node:
        base = self._atom()
        if not self._take_sign(("^",)):
            return base
        exponent = Minus(self._atom()) if self._take_sign(("-",)) else self._atom()
        if self._take_sign(("^",)):
            raise self._error("two ^ in a row; say with parentheses which comes first")
        return Binary("^", base, exponent)

    def _atom(self) -> Node:
        token = self._next()
        match token.kind:
            case "number":
                return Number(self._finite(token.text))
            case "text":
                return Text(token.text)
            case "word":
                return self._word(token.text)
            case _ if token.text == "(":
                inner = self._either()
                self._expect(")")
                return inner
            case _ if token.text == "[":
                return Items(self._list("]"))
            case _:
                raise self._error(f"'{token.text}' is in the wrong place")

    def _word(self, word: str) -> Node:
        if self._take_sign(("(",)):
            call = Call(word, self._list(")"))
            problem = problem_of_call(word, len(call.arguments))
            if problem:
                raise self._error(problem)
            return call
        if word in _LOGICAL:
            raise self._error(f"'{word}' is in the wrong place")
        return Name(word) if word[0].islower() else Word(word)

    def _list(self, closing: str) -> tuple[Node, ...]:
        if self._take_sign((closing,)):
            return ()
        items = [self._either()]
        while self._take_sign((",",)):
            items.append(self._either())
        self._expect(closing)
        return tuple(items)

    def _finite(self, text: str) -> float:
        number = float(text)
        if math.isinf(number):
            raise self._error(f"the number {text[:_SHOWN]}… is too large")
        return number

    def _take_sign(self, signs: tuple[str, ...]) -> str:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "sign" and token.text in signs:
                self._at += 1
                return token.text
        return ""

    def _take_logical(self, operator: str) -> bool:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind != "text" and _LOGICAL.get(token.text) == operator:
                self._at += 1
                return True
        return False

    def _next(self) -> _Token:
        if self._at == len(self._tokens):
            raise self._error("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if not self._take_sign((sign,)):
            raise self._error(f"'{sign}' is missing")

    def _tokenize(self) -> list[_Token]:
        text = self._expression.rstrip()
        if len(text) > LONGEST:
            raise self._error(f"{len(text)} characters, expected at most {LONGEST}; it would be nested too deeply")
        if text.lstrip().upper().startswith("SELECT "):
            raise self._error("SELECT (a Metrics Insights query) is not evaluated here")
        tokens: list[_Token] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error(f"'{text[at : at + _SHOWN].strip()}' is not understood")
            kind = str(match.lastgroup)
            tokens.append(_Token("text" if kind in ("double", "single") else kind, match[kind]))
            at = match.end()
        return tokens

    def _error(self, problem: str) -> UnsupportedError:
        return refusal(self._expression, problem)
