"""Alarm rules of composite alarms: `ALARM("a") AND (OK(b) OR NOT INSUFFICIENT_DATA(c))`, TRUE, FALSE and AT_LEAST.

Source: "Composite alarms" in the CloudWatch user guide and PutCompositeAlarm in the API reference.
`AT_LEAST(2, ALARM, (a, b, c))` holds when at least two of the three are in ALARM, `AT_LEAST(50%, NOT OK, (a, b, c))` when at least half
of them are not OK.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from alerts.simulator.model import State, UnsupportedError

_TOKEN = re.compile(
    r"\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<mark>[(),])|(?P<bare>[^\s(),\"']+))",
)
_OPERATORS = ("AND", "OR", "NOT")
_STATES = tuple(State)


@dataclass(frozen=True)
class _Token:
    """A mark, a word, or a quoted text (which is always a name)."""

    text: str
    quoted: bool = False

    def says(self, word: str) -> bool:
        return not self.quoted and self.text.upper() == word


def evaluate_rule(rule: str, states: Mapping[str, State]) -> bool:
    """Whether a rule holds.

    Raises:
        UnsupportedError: when the rule is not one, or names an unknown alarm.
    """
    return _Reader(rule, states).whole()


def named_alarms(rule: str) -> tuple[str, ...]:
    """The alarms a rule names, in the order they appear, each once; of an ARN its name.

    Raises:
        UnsupportedError: when the rule is not one.
    """
    reader = _Reader(rule, None)
    reader.whole()
    return tuple(dict.fromkeys(reader.named))


def alarm_name(name_or_arn: str) -> str:
    """The name in an alarm's ARN; a name stays as it is."""
    return name_or_arn.rpartition(":alarm:")[2] if name_or_arn.startswith("arn:") else name_or_arn


class _Reader:
    """Recursive descent: OR > AND > NOT > function or parentheses. Both sides are always read, so that every name is checked."""

    def __init__(self, rule: str, states: Mapping[str, State] | None) -> None:
        self._rule = rule
        self._states = states
        self._tokens = self._tokenize()
        self._at = 0
        self.named: list[str] = []

    def whole(self) -> bool:
        try:
            result = self._either()
        except RecursionError:
            raise self._error("it is nested too deeply") from None
        if self._at != len(self._tokens):
            raise self._error("there is more after its end")
        return result

    def _either(self) -> bool:
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
            result = self._either()
            self._expect(")")
            return result
        token = self._next()
        word = "" if token.quoted else token.text.upper()
        if word in ("TRUE", "FALSE"):
            return word == "TRUE"
        if word == "AT_LEAST":
            return self._at_least()
        if word not in _STATES:
            raise self._error(f"'{token.text}' is in the wrong place")
        self._expect("(")
        state = self._state(self._name())
        self._expect(")")
        return state is State(word)

    def _at_least(self) -> bool:
        """AT_LEAST(count or percentage, state, (alarm, …)), after its name."""
        self._expect("(")
        wanted = self._next().text
        self._expect(",")
        negated = self._take("NOT")
        state = self._next().text.upper()
        if state not in _STATES:
            raise self._error(f"'{state}' is no state")
        self._expect(",")
        self._expect("(")
        states = [self._state(self._name())]
        while self._take(","):
            states.append(self._state(self._name()))
        self._expect(")")
        self._expect(")")
        count = sum((each is State(state)) is not negated for each in states)
        return self._reached(wanted, count, len(states))

    def _reached(self, wanted: str, count: int, total: int) -> bool:
        number = wanted.removesuffix("%")
        if not number.isascii() or not number.isdigit():
            raise self._error(f"AT_LEAST wants a number or a percentage, not '{wanted}'")
        most = 100 if wanted.endswith("%") else total
        if not 1 <= int(number) <= most:
            raise self._error(f"AT_LEAST({wanted}, …) is out of range: expected 1 to {most}{'%' if wanted.endswith('%') else ''}")
        return count * 100 >= int(number) * total if wanted.endswith("%") else count >= int(number)

    def _name(self) -> str:
        token = self._next()
        if not token.quoted and (token.text in ("(", ")", ",") or token.text.upper() in _OPERATORS):
            raise self._error(f"'{token.text}' stands where an alarm's name belongs")
        return alarm_name(token.text)

    def _state(self, name: str) -> State:
        self.named.append(name)
        if self._states is None:
            return State.OK
        known = self._states.get(name)
        if known is None:
            raise self._error(f"there is no alarm '{name}'")
        return known

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].says(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            found = f"'{self._tokens[self._at].text}'" if self._at < len(self._tokens) else "its end"
            raise self._error(f"'{text}' is missing before {found}")

    def _next(self) -> _Token:
        if self._at == len(self._tokens):
            raise self._error("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _tokenize(self) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        text = self._rule.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error(f"'{text[at : at + 20].strip()}' is not understood")
            quoted = match["double"] if match["double"] is not None else match["single"]
            tokens.append(_Token(match["mark"] or match["bare"]) if quoted is None else _Token(quoted, quoted=True))
            at = match.end()
        return tokens

    def _error(self, problem: str) -> UnsupportedError:
        forms = 'ALARM("name"), OK, INSUFFICIENT_DATA, AT_LEAST(2, ALARM, ("a", "b")), AND, OR, NOT'
        return UnsupportedError(f"alarm rule {self._rule!r}: {problem}; expected {forms}")
