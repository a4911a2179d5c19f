"""What is wrong with a dictionary, and where: `file:line: code: message`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, order=True)
class Diagnostic:
    """One problem. `file` is relative to the current folder where it can be, `line` counts from 1, `code` is stable."""

    file: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code}: {self.message}"


class DictionaryError(ValueError):
    """The packs cannot be used; carries every problem found, sorted by file and line."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(set(diagnostics)))
        count = len(self.diagnostics)
        listing = "\n".join(str(diagnostic) for diagnostic in self.diagnostics)
        super().__init__(f"the KPI dictionary has {count} problem{'' if count == 1 else 's'}:\n{listing}")


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest known word, or nothing."""
    matches = get_close_matches(word, sorted(set(known)), n=1, cutoff=0.6)
    return f"; did you mean '{matches[0]}'?" if matches else ""
