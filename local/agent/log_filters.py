"""CloudWatch Logs filter patterns: terms, phrases and the JSON kind. Pure.

Source: "Filter pattern syntax for metric filters" in the CloudWatch Logs user guide. Regular expressions and space-delimited
patterns are refused, never read as something else.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, cast

Matcher = Callable[[str], bool]
_TERM = re.compile(r'\s*([-?]?)("(?:[^"\\]|\\.)*"|[^\s"]+)')
_TOKEN = re.compile(
    r'\s*(?:(?P<op>\|\||&&|!=|<=|>=|[=<>()])|(?P<path>\$[A-Za-z0-9_.\[\]"\'$-]*)|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<word>[^\s()=<>!&|]+))"
)
_ORDER: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_ABSENT = object()


class UnsupportedPatternError(ValueError):
    """A filter pattern of a kind the agent does not read."""


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Matcher:
    """A function that says whether a message matches.

    Raises:
        UnsupportedPatternError: naming the pattern.
    """
    text = pattern.strip()
    if not text:
        return lambda _message: True
    if text.startswith("{") and text.endswith("}"):
        return _Json(text[1:-1], pattern).matcher()
    if text.startswith(("[", "%")):
        raise UnsupportedPatternError(f"filter pattern {pattern!r}: only terms, phrases and {{ $.field }} patterns are evaluated here")
    return _terms(text)


def field(message: str, selector: str) -> Any:
    """The value a selector such as `$.run.ms` names in a JSON message; None where there is none."""
    try:
        found = _select(json.loads(message), selector)
    except json.JSONDecodeError:
        return None
    return None if found is _ABSENT else found


def _terms(text: str) -> Matcher:
    required: list[str] = []
    excluded: list[str] = []
    optional: list[str] = []
    for sign, word in _TERM.findall(text):
        plain = cast("str", json.loads(word)) if word.startswith('"') else word
        {"": required, "-": excluded, "?": optional}[sign].append(plain)
    # AWS ignores ?terms as soon as there is a required one.
    either = [] if required else optional

    def matches(message: str) -> bool:
        return (
            all(term in message for term in required)
            and not any(term in message for term in excluded)
            and (not either or any(term in message for term in either))
        )

    return matches


class _Json:
    """Recursive descent: or > and > parentheses > comparison."""

    def __init__(self, text: str, pattern: str) -> None:
        self._pattern = pattern
        self._tokens = list(self._tokenize(text))
        self._at = 0

    def matcher(self) -> Matcher:
        test = self._either()
        if self._at != len(self._tokens):
            raise self._error()

        def matches(message: str) -> bool:
            try:
                return test(json.loads(message))
            except json.JSONDecodeError:
                return False

        return matches

    def _tokenize(self, text: str) -> Iterator[str]:
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error()
            yield next(group for group in match.groups() if group is not None)
            at = match.end()

    def _either(self) -> Callable[[Any], bool]:
        tests = [self._all()]
        while self._take("||"):
            tests.append(self._all())
        return lambda document: any(test(document) for test in tests)

    def _all(self) -> Callable[[Any], bool]:
        tests = [self._one()]
        while self._take("&&"):
            tests.append(self._one())
        return lambda document: all(test(document) for test in tests)

    def _one(self) -> Callable[[Any], bool]:
        if self._take("("):
            test = self._either()
            self._expect(")")
            return test
        path = self._next()
        if not path.startswith("$"):
            raise self._error()
        sign = self._next()
        if sign.upper() in ("IS", "NOT"):
            return self._words(path, sign.upper(), self._next().upper())
        value = self._next()
        if sign in ("=", "!="):
            return _equality(path, value, wanted=sign == "=")
        if sign in _ORDER:
            return self._order(path, sign, value)
        raise self._error()

    def _words(self, path: str, first: str, second: str) -> Callable[[Any], bool]:
        tests: dict[tuple[str, str], Callable[[Any], bool]] = {
            ("IS", "NULL"): lambda document: _select(document, path) is None,
            ("IS", "TRUE"): lambda document: _select(document, path) is True,
            ("IS", "FALSE"): lambda document: _select(document, path) is False,
            ("NOT", "EXISTS"): lambda document: _select(document, path) is _ABSENT,
        }
        if (first, second) not in tests:
            raise self._error()
        return tests[first, second]

    def _order(self, path: str, sign: str, value: str) -> Callable[[Any], bool]:
        try:
            limit = float(value)
        except ValueError:
            raise self._error() from None

        def test(document: Any) -> bool:
            found = _select(document, path)
            return isinstance(found, int | float) and not isinstance(found, bool) and _ORDER[sign](float(found), limit)

        return test

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise self._error()
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._error()

    def _error(self) -> UnsupportedPatternError:
        return UnsupportedPatternError(
            f'filter pattern {self._pattern!r}: not understood; expected comparisons such as {{ ($.status = "failed") && ($.ms > 100) }}'
        )


def _equality(path: str, value: str, *, wanted: bool) -> Callable[[Any], bool]:
    quoted = value.startswith('"')
    expected = cast("str", json.loads(value)) if quoted else value

    def test(document: Any) -> bool:
        found = _select(document, path)
        if found is _ABSENT or found is None or isinstance(found, dict | list):
            # A field that is not there is not unequal either: AWS matches neither.
            return False
        return _equal(found, expected) is wanted

    return test


def _equal(found: Any, expected: str) -> bool:
    if isinstance(found, bool):
        return str(found).lower() == expected.lower()
    if isinstance(found, int | float):
        try:
            return float(found) == float(expected)
        except ValueError:
            return False
    return fnmatchcase(str(found), expected.replace("[", "[[]").replace("?", "[?]"))


def _select(document: Any, path: str) -> Any:
    found = document
    for name, index in re.findall(r"\.([A-Za-z0-9_-]+)|\[\"?'?([^\]\"']+)\"?'?\]", path):
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(name or index, _ABSENT)
        elif isinstance(found, list) and index.isdigit() and int(index) < len(cast("list[Any]", found)):
            found = cast("list[Any]", found)[int(index)]
        else:
            return _ABSENT
        if found is _ABSENT:
            return _ABSENT
    return found
