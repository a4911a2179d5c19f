"""A metric list of any shape (CSV, or JSON: a list of maps) as a pack, by a mapping file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from sqlglot import exp

from kpis.common import Layer
from kpis.diagnostics import Diagnostic, nearest
from kpis.exchange.cells import CellError, read_cell
from kpis.exchange.draft import Draft, Fields, Imported, Options, schedule_of
from kpis.exchange.ledger import Ledger
from kpis.exchange.mapping import MetricListMapping, empty_columns
from kpis.exchange.names import kpi_ids
from kpis.exchange.rows import Row, Rows
from kpis.exchange.trees import Document
from kpis.schema import Source
from kpis.sql import parse_query

_FREQUENCY_GRAIN = {"streaming": "hour", "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "period_close": "quarter"}


def import_list(rows: Rows, mapping: MetricListMapping, options: Options) -> Imported:
    """The rows of a list as a pack; wrong cells, duplicates and missing columns are all told, each with its row."""
    values = [row.cells for row in rows.rows]
    lines = tuple(row.line for row in rows.rows)
    document = Document(rows.file, 0, values, lines=lines)
    ledger = Ledger([document])
    options = replace(
        options,
        name=options.name or mapping.name or "",
        description=options.description or mapping.description or "",
        defaults={**mapping.defaults, **options.defaults},
    )
    draft = Draft(options, ledger)
    draft.problems += rows.problems
    for column, who in empty_columns(rows.header, mapping).items() if rows.header else ():
        message = f"{who} of the mapping names the column '{column}', which is not there{nearest(column, rows.header)}"
        draft.problems.append(Diagnostic(rows.file, 1, "missing-column", message))
    for source in mapping.sources:
        draft.source(document, (), source.model_dump(mode="json", by_alias=True))
    for signal in mapping.signals:
        draft.signal(document, (), signal.model_dump(mode="json", by_alias=True, exclude={"pack"}))
    reader = _Reader(document, mapping, draft)
    for index, row in enumerate(rows.rows):
        reader.read(index, row)
    return draft.imported()


class _Reader:
    def __init__(self, document: Document, mapping: MetricListMapping, draft: Draft) -> None:
        self.document = document
        self.mapping = mapping
        self.draft = draft
        self.sources = {source.id: source for source in mapping.sources}
        self._ids = self._names(document.value)

    def _names(self, rows: list[dict[str, str]]) -> dict[str, str]:
        """Ids for rows that have none, from their names."""
        rule = self.mapping.columns.get("id") or self.mapping.columns["name"]
        return kpi_ids([row.get(rule.column, "").strip() for row in rows], self.draft.options.pack)

    def read(self, index: int, row: Row) -> None:
        fields: Fields = {}
        for target in self.mapping.columns:
            self._cell(index, row, target, fields)
        kpi_id = str(fields.get("id") or fields.get("name") or "")
        if not kpi_id:
            self._problem(index, "the row has neither id nor name")
            return
        fields["id"] = self._ids.get(kpi_id, kpi_id)
        fields.setdefault("name", kpi_id)
        if fields["id"] != kpi_id and "id" in self.mapping.columns:
            self.draft.ledger.add(fields["id"], "id", kpi_id, "the list's id is not one of the dictionary; it is kept in the change log")
        self._carry(index, row, fields)
        self._rest(index, row, fields["id"])
        try:
            self.draft.kpi(self.document, (index,), self._completed(fields, kpi_id))
        except CellError as error:
            self._problem(index, str(error))

    def _problem(self, index: int, message: str) -> None:
        self.draft.problems.append(self.document.problem((index,), "invalid-value", message))

    def _cell(self, index: int, row: Row, target: str, fields: Fields) -> None:
        rule = self.mapping.columns[target]
        if rule.column not in row.cells:
            return
        cell = row.cells[rule.column]
        text = cell.strip() or rule.default or ""
        ledger, path = self.draft.ledger, (index, rule.column)
        if cell.strip():
            ledger.mapped(self.document, path, target)
        else:
            ledger.implied(self.document, path, "empty")
        if rule.values is not None and text:
            if text not in rule.values:
                known = f"{nearest(text, rule.values)}; known: {', '.join(rule.values)}"
                self._problem(index, f"column '{rule.column}' has '{text}', which the mapping's values do not name{known}")
                return
            text = rule.values[text]
        try:
            value = read_cell(text, self.mapping.kind(target), separator=rule.separator or _separator(text), decimal=rule.decimal)
        except CellError as error:
            self._problem(index, f"column '{rule.column}': {error}")
            return
        if value is not None:
            _set(fields, target, value)

    def _carry(self, index: int, row: Row, fields: Fields) -> None:
        parts = [str(fields["purpose"])] if "purpose" in fields else []
        for column in self.mapping.carry:
            if row.cells.get(column, "").strip():
                parts.append(f"{column}: {row.cells[column].strip()}")
                self.draft.ledger.carried(self.document, (index, column), f"{fields['id']}.purpose")
        if parts:
            fields["purpose"] = "\n".join(parts)
        else:
            fields["purpose"] = str(fields["name"])
            self.draft.ledger.add(fields["id"], "purpose", fields["name"], "the list does not say what the metric is for")

    def _rest(self, index: int, row: Row, kpi_id: str) -> None:
        for column, cell in row.cells.items():
            if not cell.strip():
                self.draft.ledger.implied(self.document, (index, column), "empty")
            elif column in self.mapping.drop:
                self.draft.ledger.lost(self.document, (index, column), self.mapping.drop[column])
            else:
                self.draft.ledger.lost(self.document, (index, column), f"the mapping names no field of {kpi_id} for the column")

    def _completed(self, fields: Fields, name: str) -> Fields:
        whole: Fields = {"contract_version": "1.0.0", "post_validation": [{"id": "verdict", "check": "verdict_alignment"}], **fields}
        whole.setdefault("layer", _layer(whole))
        _sources(whole, self.sources)
        schedule = cast("Fields", whole.get("schedule") or {})
        grain = whole.setdefault("grain", self.draft.defaults.get("grain") or _FREQUENCY_GRAIN.get(str(schedule.get("frequency")), "day"))
        if "schedule" not in self.draft.defaults and "cron" not in schedule and grain in _FREQUENCY_GRAIN.values():
            whole["schedule"] = {**schedule_of(str(grain)), **schedule}
            self.draft.ledger.add(whole["id"], "schedule.cron", whole["schedule"]["cron"], "the list has no schedule")
        summary = f"Imported from the metric {name}"
        first = {"version": whole["contract_version"], "date": self.draft.options.date, "author": "kpi import", "summary": summary}
        whole.setdefault("change_log", [first])
        whole.setdefault("pre_validation", list(_present(whole)))
        return whole


def _separator(text: str) -> str:
    """The separator of a list that no rule names one for."""
    return next((mark for mark in (";", "|", ",") if mark in text), " ")


def _layer(fields: Fields) -> str:
    expression = cast("Mapping[str, Any]", fields.get("expression") or {})
    if "formula" in expression:
        return Layer.SECONDARY
    return Layer.COMPOSITE if "weights" in expression else Layer.PRIMARY


def _sources(fields: Fields, sources: Mapping[str, Source]) -> None:
    """`source` and `inputs` of a mapping as the sources of a KPI."""
    found: list[Fields] = []
    for name in cast("list[str]", fields.pop("source", None) or []):
        source = sources.get(name)
        if source is None:
            raise CellError(f"source '{name}' is not a table of the mapping's sources{nearest(name, sources)}")
        sql = str(cast("Mapping[str, Any]", fields.get("expression") or {}).get("sql", ""))
        found.append({"gdp": name, "attributes": _attributes(sql, source)})
    for text in cast("list[str]", fields.pop("inputs", None) or []):
        alias, equals, kpi_id = text.partition("=")
        if not equals:
            raise CellError(f"input '{text}' has no alias; write alias=ID")
        found.append({"kpi": kpi_id.strip(), "as": alias.strip()})
    if found:
        fields["sources"] = [*cast("list[Fields]", fields.get("sources") or []), *found]


def _attributes(sql: str, source: Source) -> list[str]:
    query, _ = parse_query(sql)
    read = {column.name.lower() for column in query.find_all(exp.Column)} if query is not None else set[str]()
    named = [name for name in source.columns if name.lower() in read]
    return named or list(source.columns)


def _present(fields: Fields) -> Any:
    for number, ref in enumerate(cast("list[Fields]", fields.get("sources") or [])):
        if "gdp" in ref:
            yield {"id": f"present-{number}", "check": "source_present", "source": ref["gdp"]}
        elif "as" in ref:
            yield {"id": f"delivered-{number}", "check": "upstream_delivered", "source": ref["as"]}


def _set(fields: Fields, target: str, value: Any) -> None:
    *before, last = target.split(".")
    for step in before:
        inner = fields.setdefault(step, {})
        if not isinstance(inner, dict):
            raise CellError(f"'{step}' is mapped as a whole ({json.dumps(inner)}) and in parts; map one of them")
        fields = cast("Fields", inner)
    fields[last] = value
