"""What the tests of import and export share."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kpis.checks import check_packs
from kpis.exchange.draft import Imported, Options
from kpis.exchange.ledger import Entry, Fate
from kpis.exchange.trees import Document, at, leaves
from kpis.schema import Dictionary

ROOT = Path(__file__).resolve().parents[4]
INPUTS = Path(__file__).parent / "inputs"
OPTIONS = Options(pack="shop", tenants=("acme",), date="2026-01-31")


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    return check_packs(ROOT / "kpis/packs", root=ROOT).dictionary


def pack_text(imported: Imported) -> str:
    return "".join(artifact.content.decode() for artifact in imported.artifacts())


def report_text(imported: Imported) -> str:
    """What a report says: every leaf's fate, and the value of those that are not in the pack."""
    return "\n".join(line_of(entry) for entry in imported.ledger.entries()) + repr(imported.ledger.additions()) + repr(imported.problems)


def line_of(entry: Entry) -> str:
    value = json.dumps(entry.value) if entry.fate in (Fate.LOST, Fate.IMPLIED) else ""
    return f"{entry.path} {entry.fate.word} {entry.note} {value}"


def others(value: Any) -> list[Any]:
    """Values of the same type that a leaf might have had instead."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [value / 2 + 0.01]
    if isinstance(value, str):
        return [f"{value}x", f"{value} x"]
    return ["x"]


def changed(document: Document, path: tuple[Any, ...], value: Any) -> Document:
    content = copy.deepcopy(document.value)
    at(content, path[:-1])[path[-1]] = value
    return Document(document.file, document.number, content)


def changes(document: Document, most: int = 2) -> Iterator[tuple[tuple[Any, ...], Any, Document]]:
    """The document with one leaf changed, for every leaf."""
    for path, value in leaves(document.value):
        for other in others(value)[:most]:
            yield path, other, changed(document, path, other)


def with_text(dictionary: Dictionary, text: str) -> Dictionary:
    """The dictionary with a text of a stranger in every place that holds free text."""
    kpis = tuple(
        kpi.model_copy(
            update={
                "name": text,
                "purpose": text,
                "owners": kpi.owners.model_copy(update={"business": text, "technical": text}),
                "unit": text,
                "change_log": tuple(change.model_copy(update={"summary": text, "author": text}) for change in kpi.change_log),
                "alerts": tuple(route.model_copy(update={"target": text}) for route in kpi.alerts),
            }
        )
        for kpi in dictionary.kpis
    )
    sources = tuple(source.model_copy(update={"description": text}) for source in dictionary.sources)
    packs = tuple(pack.model_copy(update={"name": text, "description": text}) for pack in dictionary.packs)
    return dictionary.model_copy(update={"kpis": kpis, "sources": sources, "packs": packs})
