"""The report of an import: what went where, what was assumed, and everything that could not be carried over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from kpis.diagnostics import Diagnostic
from kpis.exchange.draft import Imported
from kpis.exchange.ledger import Entry, Fate, losses

_SHOWN = 60


def report_json(imported: Imported, problems: tuple[Diagnostic, ...]) -> dict[str, Any]:
    """Everything, as one JSON document; values of mapped and carried leaves are in the pack and not repeated."""
    entries = imported.ledger.entries()
    return {
        "ok": not problems,
        "counts": counts(imported, entries),
        "problems": [asdict(problem) for problem in problems],
        "added": [asdict(addition) for addition in imported.ledger.additions()],
        "fields": [_entry(entry) for entry in entries],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"file": entry.file, "document": entry.document, "path": entry.path, "line": entry.line}
    found |= {"fate": entry.fate.word, "note": entry.note}
    return found | ({"value": entry.value} if entry.fate in (Fate.LOST, Fate.IMPLIED) else {})


def counts(imported: Imported, entries: list[Entry]) -> dict[str, int]:
    """How many entries the pack has, and how many leaves of the input met each fate."""
    fates = Counter(entry.fate for entry in entries)
    dictionary = imported.dictionary
    made = {"sources": len(dictionary.sources), "signals": len(dictionary.signals), "kpis": len(dictionary.kpis)}
    return made | {fate.word: fates[fate] for fate in sorted(Fate, reverse=True)}


def report_lines(imported: Imported) -> Iterator[str]:
    """For people: losses with place, value and reason, then what was assumed, then the counts."""
    entries = imported.ledger.entries()
    for (_, _, note), group in groupby(losses(entries), key=lambda entry: (entry.file, entry.document, entry.note)):
        lost = list(group)
        place = f"{lost[0].file}:{lost[0].line}" if lost[0].line is not None else lost[0].file
        yield f"{place}: lost: {note}"
        yield from (f"  {entry.path} = {_value(entry.value)}" for entry in lost)
    for addition in imported.ledger.additions():
        yield f"assumed {addition.entry}.{addition.field} = {_value(addition.value)}: {addition.why}"
    words = ", ".join(f"{count} {name}" for name, count in counts(imported, entries).items())
    yield words


def _value(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
