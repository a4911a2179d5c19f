"""Filters of MetricFlow, read by a grammar and never executed: SQL in which `{{ Dimension('order__status') }}` stands for a column.

Between the braces is one call of Dimension, TimeDimension, Entity or Metric with texts and lists of texts, and calls of grain and
date_part on it. Anything else that Jinja would run (`{% ... %}`, other names, arithmetic, filters) is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_METHODS = ("grain", "date_part")
_PARAMETERS = {
    "Dimension": ("name", "entity_path"),
    "TimeDimension": ("time_dimension_name", "time_granularity_name", "entity_path", "descending", "date_part_name"),
    "Entity": ("entity_name", "entity_path"),
    "Metric": ("metric_name", "group_by"),
}
_TOKEN = re.compile(r"""\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<text>'[^'\\]*'|"[^"\\]*")|(?P<mark>[()\[\],.=]))""")
_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
Value = str | tuple[str, ...]


class FilterError(ValueError):
    """The filter is not of the grammar; the message says where."""


@dataclass(frozen=True)
class Reference:
    """One call: `kind` is Dimension, TimeDimension, Entity or Metric; `entities` the way to it, nearest first."""

    kind: str
    name: str
    entities: tuple[str, ...] = ()
    grain: str | None = None
    date_part: str | None = None


@dataclass
class _Call:
    kind: str
    arguments: dict[str, Value] = field(default_factory=dict[str, Value])
    methods: dict[str, str] = field(default_factory=dict[str, str])


def parse_filter(template: str) -> tuple[str | Reference, ...]:
    """The filter as pieces of SQL and references, in order.

    Raises:
        FilterError: for any Jinja besides the calls above.
    """
    pieces: list[str | Reference] = []
    end = 0
    for match in _BRACES.finditer(template):
        pieces += [template[end : match.start()], _reference(match[1])]
        end = match.end()
    pieces.append(template[end:])
    for piece in pieces:
        for mark in ("{{", "}}", "{%", "%}", "{#", "#}"):
            if isinstance(piece, str) and mark in piece:
                raise FilterError(f"'{mark}' outside of one complete call; only {{{{ Dimension('entity__name') }}}} and its like are read")
    return tuple(piece for piece in pieces if piece)


def _reference(text: str) -> Reference:
    call = _Reader(text).read()
    values, names = call.arguments, _PARAMETERS[call.kind]
    name, path = values.get(names[0]), values.get("entity_path", ())
    if not isinstance(name, str):
        raise FilterError(f"{call.kind} in '{text.strip()}' needs a name")
    if isinstance(path, str):
        raise FilterError(f"entity_path in '{text.strip()}' is a list of texts")
    if "descending" in values or call.kind == "Metric":
        raise FilterError(f"'{text.strip()}' reads another metric or an order, which a filter of one table cannot")
    grain = values.get("time_granularity_name", call.methods.get("grain"))
    part = values.get("date_part_name", call.methods.get("date_part"))
    *before, element = name.lower().split("__")
    if grain is None and call.kind != "Entity" and len(before) > 1 and element in _GRAINS:
        *before, grain, element = *before[:-1], element, before[-1]
    return Reference(
        call.kind,
        element,
        (*path, *before),
        str(grain).lower() if grain is not None else None,
        str(part).lower() if part is not None else None,
    )


_GRAINS = ("hour", "day", "week", "month", "quarter", "year")


class _Reader:
    """A call, read token by token."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._tokens = self._split()
        self._next = 0

    def _split(self) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(self._text):
            match = _TOKEN.match(self._text, position)
            if match is None:
                raise FilterError(f"'{self._text}' has '{self._text[position : position + 10].strip()}', which is not read in a filter")
            tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
            position = match.end()
        return tokens

    def _take(self, kind: str, text: str | None = None) -> str:
        found = self._tokens[self._next] if self._next < len(self._tokens) else ("end", "the end")
        if found[0] != kind or (text is not None and found[1] != text):
            raise FilterError(f"'{self._text}' has {found[1]} where {text or kind} must be")
        self._next += 1
        return found[1]

    def _sees(self, text: str) -> bool:
        return self._next < len(self._tokens) and self._tokens[self._next] == ("mark", text)

    def read(self) -> _Call:
        name = self._take("name")
        if name not in _PARAMETERS:
            raise FilterError(f"'{name}' is not Dimension, TimeDimension, Entity or Metric")
        call = _Call(name, self._arguments(_PARAMETERS[name]))
        while self._sees("."):
            self._take("mark", ".")
            method = self._take("name")
            if method not in _METHODS or method in call.methods:
                raise FilterError(f"'.{method}' in '{self._text}' is not one .grain or .date_part")
            value = self._arguments((method,)).get(method)
            if not isinstance(value, str):
                raise FilterError(f"'.{method}' in '{self._text}' needs one text")
            call.methods[method] = value
        if self._next < len(self._tokens):
            raise FilterError(f"'{self._text}' goes on after the call with '{self._tokens[self._next][1]}'")
        return call

    def _arguments(self, names: tuple[str, ...]) -> dict[str, Value]:
        self._take("mark", "(")
        found: dict[str, Value] = {}
        while not self._sees(")"):
            name = names[len(found)] if len(found) < len(names) else ""
            if self._tokens[self._next : self._next + 2][1:] == [("mark", "=")]:
                name = self._take("name")
                self._take("mark", "=")
            if name not in names or name in found:
                raise FilterError(f"'{self._text}' has an argument '{name}' that is not one of {', '.join(names)}, each once")
            found[name] = self._value()
            if not self._sees(")"):
                self._take("mark", ",")
        self._take("mark", ")")
        return found

    def _value(self) -> Value:
        if not self._sees("["):
            return self._take("text")[1:-1]
        self._take("mark", "[")
        items: list[str] = []
        while not self._sees("]"):
            items.append(self._take("text")[1:-1])
            if not self._sees("]"):
                self._take("mark", ",")
        self._take("mark", "]")
        return tuple(items)
