"""The metric math our alarms use: + - * / comparisons, IF and FILL over series of equal length (None where data is missing).

Anything else (SEARCH, anomaly bands, Metrics Insights, statistics over series) is refused by name, never guessed; this is where it goes.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence

from alerts.simulator import UnsupportedError

Series = tuple[float | None, ...]
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<sign><=|>=|==|!=|[-+*/()<>,]))")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def evaluate(expression: str, series: Mapping[str, Sequence[float | None]], length: int) -> Series:
    """The values of an expression over series of `length` values.

    A missing operand or a division by zero gives a missing value, as in CloudWatch.

    Raises:
        UnsupportedError: for an unknown id, function or sign.
    """
    reader = _Reader(expression, series, length)
    result = reader.comparison()
    reader.finish()
    return result


def ids_in(expression: str) -> tuple[str, ...]:
    """The ids (lower-case names) an expression uses."""
    return tuple(dict.fromkeys(match for match in re.findall(r"\b[a-z][A-Za-z0-9_]*\b", expression)))


class _Reader:
    """Recursive descent: comparison > sum > product > sign > atom."""

    def __init__(self, expression: str, series: Mapping[str, Sequence[float | None]], length: int) -> None:
        self._expression = expression
        self._series = series
        self._length = length
        self._tokens = self._tokenize()
        self._at = 0

    def finish(self) -> None:
        if self._at != len(self._tokens):
            raise self._error(f"'{self._tokens[self._at]}' is in the wrong place")

    def comparison(self) -> Series:
        left = self._sum()
        while (sign := self._peek()) in _COMPARE:
            self._at += 1
            compare = _COMPARE[sign]
            left = _each(lambda a, b, test=compare: float(test(a, b)), left, self._sum())
        return left

    def _sum(self) -> Series:
        left = self._product()
        while (sign := self._peek()) in ("+", "-"):
            self._at += 1
            left = _each(_ARITHMETIC[sign], left, self._product())
        return left

    def _product(self) -> Series:
        left = self._signed()
        while (sign := self._peek()) in ("*", "/"):
            self._at += 1
            left = _each(_ARITHMETIC[sign], left, self._signed())
        return left

    def _signed(self) -> Series:
        if self._peek() == "-":
            self._at += 1
            return tuple(None if value is None else -value for value in self._signed())
        return self._atom()

    def _atom(self) -> Series:
        token = self._next()
        if token == "(":  # noqa: S105
            inner = self.comparison()
            self._expect(")")
            return inner
        if token[0].isdigit():
            return (float(token),) * self._length
        if self._peek() == "(":
            return self._function(token)
        if token not in self._series:
            raise self._error(f"there is no metric or expression with id '{token}'")
        return tuple(self._series[token])

    def _function(self, name: str) -> Series:
        self._expect("(")
        arguments = [self.comparison()]
        while self._peek() == ",":
            self._at += 1
            arguments.append(self.comparison())
        self._expect(")")
        if name == "FILL" and len(arguments) == 2:  # noqa: PLR2004
            return tuple(other if value is None else value for value, other in zip(*arguments, strict=True))
        if name == "IF" and len(arguments) == 3:  # noqa: PLR2004
            return tuple(None if test is None else (yes if test else no) for test, yes, no in zip(*arguments, strict=True))
        raise self._error(f"{name} with {len(arguments)} arguments is not evaluated here")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise self._error("it ends too early")
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise self._error(f"'{token}' is missing")

    def _error(self, problem: str) -> UnsupportedError:
        return UnsupportedError(f"metric math {self._expression!r}: {problem}; evaluated here are + - * / comparisons, IF and FILL")

    def _tokenize(self) -> list[str]:
        tokens: list[str] = []
        at = 0
        text = self._expression.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error(f"'{text[at : at + 20].strip()}' is not understood")
            tokens.append(match[0].strip())
            at = match.end()
        return tokens


def _each(function: Callable[[float, float], float], left: Series, right: Series) -> Series:
    return tuple(_apply(function, a, b) for a, b in zip(left, right, strict=True))


def _apply(function: Callable[[float, float], float], left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    try:
        return function(left, right)
    except ZeroDivisionError:
        return None
