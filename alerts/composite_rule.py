"""Alarm rules of composite alarms: `ALARM("a") AND (OK(b) OR NOT INSUFFICIENT_DATA(c))`, TRUE and FALSE."""

from __future__ import annotations

import re
from collections.abc import Mapping

from alerts.simulator import State, UnsupportedError

_TOKEN = re.compile(
    r"\s*(?:(?P<word>AND|OR|NOT|TRUE|FALSE)\b"
    r"|(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^()\s]+))\s*\)"
    r"|(?P<mark>[()]))",
    re.IGNORECASE,
)


def evaluate_rule(rule: str, states: Mapping[str, State]) -> bool:
    """Whether a rule holds.

    Raises:
        UnsupportedError: when the rule is not one, or names an unknown alarm.
    """
    reader = _Reader(rule, states)
    result = reader.either()
    if not reader.at_end:
        raise reader.error("there is more after its end")
    return result


def named_alarms(rule: str) -> tuple[str, ...]:
    """The alarms a rule names, in the order they appear."""
    return tuple(_name(match) for match in _TOKEN.finditer(rule) if match["state"])


class _Reader:
    """Recursive descent: OR > AND > NOT > function or parentheses. Both sides are always read, so that every name is checked."""

    def __init__(self, rule: str, states: Mapping[str, State]) -> None:
        self._rule = rule
        self._states = states
        self._tokens = self._tokenize()
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def error(self, problem: str) -> UnsupportedError:
        return UnsupportedError(f'alarm rule {self._rule!r}: {problem}; expected ALARM("name"), OK, INSUFFICIENT_DATA, AND, OR, NOT')

    def either(self) -> bool:
        result = self._both()
        while self._take("OR"):
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._negated()
        while self._take("AND"):
            result = self._negated() and result
        return result

    def _negated(self) -> bool:
        return not self._negated() if self._take("NOT") else self._one()

    def _one(self) -> bool:
        if self._take("("):
            result = self.either()
            if not self._take(")"):
                raise self.error("a parenthesis is not closed")
            return result
        if self.at_end:
            raise self.error("it ends too early")
        token = self._tokens[self._at]
        self._at += 1
        word = (token["word"] or "").upper()
        if word in ("TRUE", "FALSE"):
            return word == "TRUE"
        if not token["state"]:
            raise self.error(f"'{token[0].strip()}' is in the wrong place")
        return self._state(_name(token)) is State(token["state"].upper())

    def _state(self, name: str) -> State:
        known = self._states.get(name.rpartition(":alarm:")[2] if name.startswith("arn:") else name)
        if known is None:
            raise self.error(f"there is no alarm '{name}'")
        return known

    def _take(self, text: str) -> bool:
        if not self.at_end:
            token = self._tokens[self._at]
            if (token["word"] or token["mark"] or "").upper() == text:
                self._at += 1
                return True
        return False

    def _tokenize(self) -> list[re.Match[str]]:
        tokens: list[re.Match[str]] = []
        at = 0
        text = self._rule.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.error(f"'{text[at : at + 20].strip()}' is not understood")
            tokens.append(match)
            at = match.end()
        return tokens


def _name(token: re.Match[str]) -> str:
    return next(text for text in (token["double"], token["single"], token["bare"]) if text is not None)
