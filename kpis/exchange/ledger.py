"""What became of every leaf of the input: an importer says so leaf by leaf, and what it says nothing about is lost by name.

So nothing can be dropped silently, whatever an importer forgets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from kpis.exchange.trees import Document, Path, at, leaves, path_text


class Fate(IntEnum):
    """From worst to best: a leaf that is used twice has the better fate."""

    LOST = 0
    IMPLIED = 1
    CARRIED = 2
    MAPPED = 3

    @property
    def word(self) -> str:
        """The word of reports."""
        return self.name.lower()


@dataclass(frozen=True)
class Entry:
    """One leaf: `note` is where it went (mapped, carried), or why it need not or could not go anywhere (implied, lost)."""

    file: str
    document: int
    path: str
    line: int | None
    fate: Fate
    note: str
    value: Any


@dataclass(frozen=True, order=True)
class Addition:
    """Something the pack says that the input does not: `entry` and `field` are the pack's, `why` says what was assumed."""

    entry: str
    field: str
    value: str
    why: str


UNREAD = "this importer does not know the field"
HIDDEN = "(a secret, not shown)"
_SECRET = re.compile(r"secret|password|passwd|token|credential|api_?key|access_?key|private_?key", re.IGNORECASE)


class Ledger:
    """Collects the fates of the leaves of some documents."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._leaves = {id(document): dict(leaves(document.value)) for document in documents}
        self._fates: dict[tuple[int, Path], tuple[Fate, str]] = {}
        self._additions: set[Addition] = set()

    def mapped(self, document: Document, path: Path, to: str) -> None:
        """Every leaf at and below the path is in the pack, in the field `to`."""
        self._mark(document, path, Fate.MAPPED, to)

    def carried(self, document: Document, path: Path, to: str) -> None:
        """Every leaf at and below the path is in the pack as text, in the field `to`."""
        self._mark(document, path, Fate.CARRIED, to)

    def implied(self, document: Document, path: Path, why: str) -> None:
        """Every leaf at and below the path says nothing more: an absent value, a default, a copy of another field."""
        self._mark(document, path, Fate.IMPLIED, why)

    def lost(self, document: Document, path: Path, reason: str) -> None:
        """No leaf at and below the path could be carried over, except those that are somewhere else already."""
        self._mark(document, path, Fate.LOST, reason)

    def _mark(self, document: Document, path: Path, fate: Fate, note: str) -> None:
        value = at(document.value, path)
        if value is None and path not in self._leaves[id(document)]:
            return
        for below, leaf in leaves(value, path):
            known = self._fates.get((id(document), below))
            own = (Fate.IMPLIED, "empty") if leaf is None else (fate, note)
            if known is None or known[0] < own[0]:
                self._fates[id(document), below] = own

    def add(self, entry: str, field: str, value: object, why: str) -> None:
        """The pack says something that the input does not."""
        self._additions.add(Addition(entry, field, str(value), why))

    def entries(self) -> list[Entry]:
        """Every leaf of every document, in the order of the input."""
        return [
            Entry(
                document.file,
                document.number,
                path_text(path),
                document.line(path),
                *self._fate(document, path, value),
                _shown(path, value),
            )
            for document in self._documents
            for path, value in self._leaves[id(document)].items()
        ]

    def _fate(self, document: Document, path: Path, value: Any) -> tuple[Fate, str]:
        known = self._fates.get((id(document), path))
        if known is not None:
            return known
        return (Fate.IMPLIED, "empty") if value is None else (Fate.LOST, UNREAD)

    def additions(self) -> list[Addition]:
        """What was assumed, sorted."""
        return sorted(self._additions)


def _shown(path: Path, value: Any) -> Any:
    """A report is shown and kept, so it must not spread what a foreign file holds in secret."""
    return HIDDEN if value and any(isinstance(step, str) and _SECRET.search(step) for step in path) else value


def losses(entries: Iterable[Entry]) -> list[Entry]:
    """The leaves that could not be carried over."""
    return [entry for entry in entries if entry.fate is Fate.LOST]
