"""The dictionary as tables (CSV) and as one JSON document, and back to the equal dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import orjson
from pydantic import BaseModel, ValidationError

from kpis.artifact import Artifact
from kpis.diagnostics import Diagnostic
from kpis.exchange.cells import CellError, CellKind, Column, csv_bytes, read_cell, write_cell
from kpis.exchange.draft import model_texts
from kpis.exchange.packs import dump
from kpis.exchange.rows import Rows
from kpis.schema import Dictionary, Kpi, Pack, Signal, Source

Fields = dict[str, Any]
_JSON, _LIST, _NUMBER = CellKind.JSON, CellKind.LIST, CellKind.NUMBER
KPI_COLUMNS = (
    Column("id", "id"), Column("name", "name"), Column("pack", "pack"), Column("layer", "layer"), Column("status", "status"),
    Column("contract_version", "contract_version"), Column("parent", "parent"), Column("variant_label", "variant_label"),
    Column("tenants", "tenants", _LIST), Column("environments", "environments", _LIST), Column("purpose", "purpose"),
    Column("business_owner", "owners.business"), Column("technical_owner", "owners.technical"), Column("criticality", "criticality"),
    Column("tier", "tier", CellKind.INTEGER), Column("sensitivity", "sensitivity"), Column("unit", "unit"), Column("format", "format"),
    Column("grain", "grain"), Column("entity_dimension", "entity_dimension"), Column("sql", "expression.sql"),
    Column("formula", "expression.formula"), Column("weights", "expression.weights", _JSON), Column("sources", "sources", _JSON),
    Column("extensions", "extensions", _JSON), Column("direction", "verdict.direction"), Column("adequate", "verdict.adequate", _NUMBER),
    Column("low", "verdict.low", _NUMBER), Column("pre_validation", "pre_validation", _JSON),
    Column("post_validation", "post_validation", _JSON), Column("lane", "lane"), Column("schedule", "schedule", _JSON),
    Column("sla", "sla", _JSON), Column("slo", "slo", _JSON), Column("error_policy", "error_policy", _JSON),
    Column("alerts", "alerts", _JSON), Column("reports", "reports", _JSON), Column("runbook", "runbook"),
    Column("consumers", "consumers", _JSON), Column("change_log", "change_log", _JSON),
)  # fmt: skip
SOURCE_COLUMNS = (
    Column("id", "id"), Column("table", "table"), Column("description", "description"), Column("period_column", "period_column"),
    Column("freshness_column", "freshness_column"), Column("version", "version"), Column("columns", "columns", _JSON),
)  # fmt: skip
SIGNAL_COLUMNS = (
    Column("id", "id"), Column("pack", "pack"), Column("description", "description"), Column("type", "type"),
    Column("metric", "metric"), Column("unit", "unit"),
)  # fmt: skip
PACK_COLUMNS = (
    Column("id", "id"), Column("name", "name"), Column("description", "description"), Column("tenants", "tenants", _LIST),
    Column("defaults", "defaults", _JSON),
)  # fmt: skip
TABLES: Mapping[str, tuple[type[BaseModel], tuple[Column, ...]]] = {
    "packs": (Pack, PACK_COLUMNS),
    "sources": (Source, SOURCE_COLUMNS),
    "signals": (Signal, SIGNAL_COLUMNS),
    "kpis": (Kpi, KPI_COLUMNS),
}
"""The tables of a dictionary: the model and the columns of each, in an order that does not change."""


def export_csv(dictionary: Dictionary) -> Iterator[Artifact]:
    """`packs.csv`, `sources.csv`, `signals.csv` and `kpis.csv`, a row for each entry, by id."""
    for name, (_, columns) in TABLES.items():
        entries = sorted(getattr(dictionary, name), key=lambda entry: entry.id)
        rows = [[write_cell(_get(fields, column.path), column.kind) for column in columns] for fields in map(dump, entries)]
        yield Artifact(f"{name}.csv", csv_bytes([column.name for column in columns], rows))


def export_json(dictionary: Dictionary) -> Iterator[Artifact]:
    """`dictionary.json`: the entries of each kind, by id."""
    content = {name: [dump(entry) for entry in sorted(getattr(dictionary, name), key=lambda each: each.id)] for name in TABLES}
    yield Artifact("dictionary.json", orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read_tables(tables: Mapping[str, Rows]) -> tuple[Dictionary, list[Diagnostic]]:
    """The dictionary in the tables `export_csv` wrote, and everything wrong with them."""
    problems: list[Diagnostic] = []
    found: dict[str, list[Any]] = {name: [] for name in TABLES}
    for name, rows in tables.items():
        _, columns = TABLES[name]
        known = {column.name: column for column in columns}
        shown = f"is not a column of {name}; known: {', '.join(known)}"
        problems += [Diagnostic(rows.file, 1, "unknown-field", f"'{header}' {shown}") for header in rows.header if header not in known]
        for row in rows.rows:
            fields: Fields = {}
            for header, cell in row.cells.items():
                if header in known:
                    try:
                        _set(fields, known[header].path, read_cell(cell, known[header].kind))
                    except CellError as error:
                        problems.append(Diagnostic(rows.file, row.line, "invalid-value", f"column '{header}': {error}"))
            _validated(name, fields, rows.file, row.line, found, problems)
    return _dictionary(found), problems


def read_json(file: str, content: Any) -> tuple[Dictionary, list[Diagnostic]]:
    """The dictionary in a document `export_json` wrote, and everything wrong with it."""
    problems: list[Diagnostic] = []
    found: dict[str, list[Any]] = {name: [] for name in TABLES}
    entries = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if not isinstance(content, dict) or set(entries) - set(TABLES):
        return _dictionary(found), [Diagnostic(file, 1, "wrong-type", f"expected a map of {', '.join(TABLES)}, each a list of entries")]
    for name, items in entries.items():
        for number, item in enumerate(cast("list[Any]", items) if isinstance(items, list) else [items]):
            _validated(name, item, file, 1, found, problems, where=f"{name}[{number}]")
    return _dictionary(found), problems


def _validated(
    name: str, fields: Any, file: str, line: int, found: dict[str, list[Any]], problems: list[Diagnostic], where: str = ""
) -> None:
    try:
        entry: Any = TABLES[name][0].model_validate(fields)
    except ValidationError as error:
        problems += [Diagnostic(file, line, "invalid-value", f"{where or name}: {text}") for text in model_texts(error)]
        return
    if any(entry.id == known.id for known in found[name]):
        problems.append(Diagnostic(file, line, "duplicate-id", f"{name}: '{entry.id}' is there already; ids are unique"))
        return
    found[name].append(entry)


def _dictionary(found: Mapping[str, Sequence[Any]]) -> Dictionary:
    return Dictionary(**{name: tuple(sorted(entries, key=lambda entry: entry.id)) for name, entries in found.items()})


def _get(fields: Any, path: str) -> Any:
    for step in path.split("."):
        fields = cast("Fields", fields).get(step) if isinstance(fields, dict) else None
    return fields


def _set(fields: Fields, path: str, value: Any) -> None:
    if value is None:
        return
    *before, last = path.split(".")
    for step in before:
        fields = fields.setdefault(step, {})
    fields[last] = value
