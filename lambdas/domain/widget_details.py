"""What a click shows: the runs of a KPI, one run with all its rows, a definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.domain import widget_cells as cells
from lambdas.domain.widget_changes import duration_ms
from lambdas.domain.widget_html import Html, action, heading, note, preformatted, table, together
from lambdas.domain.widget_reads import Reader, Row, definition_of, facts
from lambdas.domain.widget_request import Request, WidgetError

_HIDDEN = frozenset({"pk", "sk", "gsi_pk", "gsi_sk", "expires_at", "tenant_id", "environment", "kpi_id", "run_id", "entry"})
_TABLES: Mapping[str, str] = {
    "sourcing": "Sources",
    "pre-validation": "Checked before",
    "post-validation": "Checked after",
    "delivery": "Delivered",
}


def runs(request: Request, reader: Reader) -> Html:
    """The latest runs of one KPI.

    Raises:
        WidgetError: when no KPI was named.
    """
    page = reader.runs_of(_kpi(request), request.limit)
    if not page.rows:
        return note(f"{request.kpi_id} has not run in {request.environment}, or there is no such KPI.")
    lines = [
        (
            cells.run(request, row, cells.moment(row.get("started_at"))),
            row.get("contract_version"),
            row.get("status") or "running",
            "breach" if row.get("sla_breached") else "within",
            "" if (milliseconds := duration_ms(row)) is None else f"{milliseconds:,.0f}",
            row.get("rows_processed"),
            row.get("trigger_type"),
            row.get("error_code"),
        )
        for row in page.rows
    ]
    known = cells.kpi(request, request.kpi_id)
    return together(known, table(("Run (UTC)", "Version", "Status", "SLA", "ms", "Rows", "Trigger", "Error"), lines))


def run(request: Request, reader: Reader) -> Html:
    """One run: its outcome and its rows of all tables.

    Raises:
        WidgetError: when no run was named.
    """
    if request.run_id is None:
        raise WidgetError("run_id is missing; name the run")
    found = reader.run(request.run_id)
    folded = next(iter(found.get("run", ())), None)
    if folded is None:
        return note(f"There is no run {request.run_id} of {request.tenant_id} in {request.environment}.")
    facts_ = [(name, folded[name]) for name in folded if name not in _HIDDEN]
    parts = [
        heading(f"Run {request.run_id}"),
        cells.kpi(request, folded["kpi_id"]),
        table(("Column", "Value"), facts_),
    ]
    parts += [together(heading(title), _rows(found[name])) for name, title in _TABLES.items() if found.get(name)]
    return together(*parts)


def _rows(rows: Sequence[Row]) -> Html:
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in _HIDDEN]
    return table(columns, ([row.get(name) for name in columns] for row in rows))


def definition(request: Request, reader: Reader) -> Html:
    """The newest definition of a KPI, or the version named.

    Raises:
        WidgetError: when no KPI was named.
    """
    rows = {str(row["contract_version"]): row for row in reader.versions(_kpi(request))}
    version = request.version or next(reversed(rows), "")
    row = rows.get(version)
    if row is None:
        return note(f"The catalog has no KPI {request.kpi_id} {version}".strip() + ".")
    known, content = facts(row), definition_of(row)
    owners: Mapping[str, Any] = content.get("owners") or {}
    lines: list[tuple[str, object]] = [
        ("Name", known.name),
        ("Pack", known.pack),
        ("Version", f"{version} ({row.get('status', '')})"),
        ("Definition", row.get("definition_hash")),
        ("Purpose", content.get("purpose")),
        ("Owners", ", ".join(str(each) for each in owners.values())),
        ("Runbook", cells.runbook(request, known.runbook)),
        ("Runs", cells.runs(request, request.kpi_id, "latest runs")),
    ]
    if len(rows) > 1:
        params = request.click("sql-diff", kpi_id=str(request.kpi_id))
        lines.append(("Versions", together(note(", ".join(rows)), action("last change", request.endpoint, params))))
    return together(heading(str(request.kpi_id)), table(("", ""), lines), preformatted(known.expression))


def _kpi(request: Request) -> str:
    if request.kpi_id is None:
        raise WidgetError("kpi_id is missing; name a KPI above")
    return request.kpi_id
