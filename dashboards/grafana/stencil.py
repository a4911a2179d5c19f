"""A template rendered once, with openings for what differs between two documents.

Rendering one KPI's dashboard is one millisecond of Jinja, of which nearly all goes into what is the same for every KPI. A stencil renders
the template with a mark in place of each value that differs, and cuts the finished JSON at the marks. Filling it gives the same bytes as
rendering anew (a test holds that for every KPI). Values are written after the cutting, so no text in them can be taken for a mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_MARK = re.compile(r'"?@opening:(\w+):(json|text)@"?')


def json_mark(name: str) -> str:
    """Stands for a whole JSON value."""
    return f"@opening:{name}:json@"


def text_mark(name: str) -> str:
    """Stands for a part of a string; its value must be text that JSON writes as it is."""
    return f"@opening:{name}:text@"


@dataclass(frozen=True)
class Stencil:
    """The constant pieces, and between each two the name of the value that goes there (`json` when it is a whole value)."""

    pieces: tuple[str, ...]
    openings: tuple[tuple[str, bool], ...]

    @classmethod
    def cut(cls, text: str) -> Stencil:
        """Cut finished JSON at its marks.

        Raises:
            ValueError: when a mark of a whole value is only part of a string, or one of a part is a whole string.
        """
        pieces: list[str] = []
        openings: list[tuple[str, bool]] = []
        start = 0
        for match in _MARK.finditer(text):
            whole = match[2] == "json"
            quoted = match[0].startswith('"') and match[0].endswith('"')
            if whole and not quoted:
                raise ValueError(f"the mark of {match[1]} stands inside a string; it marks a whole value")
            inside = match[0].index("@"), len(match[0]) - match[0].rindex("@") - 1
            first, last = (match.start(), match.end()) if whole else (match.start() + inside[0], match.end() - inside[1])
            pieces.append(text[start:first])
            openings.append((match[1], whole))
            start = last
        return cls((*pieces, text[start:]), tuple(openings))

    @property
    def names(self) -> frozenset[str]:
        """The values it needs."""
        return frozenset(name for name, _ in self.openings)

    def fill(self, values: Mapping[str, Any]) -> bytes:
        """The document with values in its openings.

        Raises:
            KeyError: when one is missing.
            ValueError: when a part of a string is not text that JSON writes as it is.
        """
        written: dict[tuple[str, bool], str] = {}
        out: list[str] = []
        for piece, opening in zip(self.pieces, self.openings, strict=False):
            if opening not in written:
                name, whole = opening
                written[opening] = _json(values[name]) if whole else _plain(values[name])
            out += (piece, written[opening])
        out.append(self.pieces[-1])
        return "".join(out).encode()


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _plain(value: str) -> str:
    if _json(value) != f'"{value}"':
        raise ValueError(f"{value!r} cannot stand inside a string as it is")
    return value
