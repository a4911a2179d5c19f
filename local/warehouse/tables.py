"""Golden tables as lines for PostgreSQL's COPY: one shape for every demo source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NULL = r"\N"


@dataclass(frozen=True)
class Table:
    """One golden table and its rows as text, in the order of `columns`. `rows` can be read once."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Sequence[str]]


def copy_line(row: Sequence[str]) -> str:
    """One row in COPY's text format; the demo's values hold no tab, backslash or line break."""
    return "\t".join(row) + "\n"
