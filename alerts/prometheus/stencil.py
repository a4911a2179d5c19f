"""A template rendered once for all KPIs of a shape, then filled with the texts of each: ten times as fast as rendering it for each.

The first pass gives the template marks in the place of texts. A mark remembers through which filter it went, so that the second pass
writes the text as that filter would have: within a quoted line of YAML, as a text that Prometheus does not expand, or within a string
of PromQL. A template may write a text anywhere in quotes; it may not ask what is in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from alerts.prometheus.facts import Texts
from alerts.prometheus.text import Mark, literal, quoted
from kpis.prometheus_names import label_value

_MARK = re.compile(Mark.PATTERN)
_FORMS: Mapping[str, Callable[[str], str]] = {
    Mark.PLAIN: lambda text: quoted(text)[1:-1],
    Mark.LITERAL: lambda text: quoted(literal(text))[1:-1],
    Mark.PROMQL: lambda text: quoted(label_value(text)[1:-1])[1:-1],
}
MARKS = Texts(**{each.name: Mark.of(each.name) for each in fields(Texts)})
"""The texts of the first pass."""


@dataclass(frozen=True)
class Stencil:
    """The pieces of a rendered template between its marks, and which text in which form goes between two of them."""

    pieces: tuple[str, ...]
    holes: tuple[str, ...]

    @classmethod
    def cut(cls, rendered: str) -> Stencil:
        """Take a template apart that was rendered with `MARKS`."""
        parts = _MARK.split(rendered)
        return cls(tuple(parts[0::2]), tuple(parts[1::2]))

    def fill(self, texts: Texts) -> str:
        """The file of one KPI."""
        written = {hole: _write(hole, texts) for hole in set(self.holes)}
        parts: list[str] = [""] * (len(self.pieces) + len(self.holes))
        parts[0::2] = self.pieces
        parts[1::2] = [written[hole] for hole in self.holes]
        return "".join(parts)


def _write(hole: str, texts: Texts) -> str:
    name, _, form = hole.partition(":")
    text: str = getattr(texts, name)
    return _FORMS[form](text)
