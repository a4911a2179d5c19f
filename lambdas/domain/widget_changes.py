"""Tables about how KPIs run: durations against their usual, freshness, changes of the SQL."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime
from math import ceil
from statistics import median

from lambdas.domain import widget_cells as cells
from lambdas.domain.anomalies import unusual
from lambdas.domain.timestamps import parse
from lambdas.domain.widget_failures import ending, looked_up, of_pack
from lambdas.domain.widget_html import Html, action, heading, note, preformatted, table, together
from lambdas.domain.widget_reads import Facts, Reader, Row, facts
from lambdas.domain.widget_request import Request, WidgetError

_FLOOR_MS = 100.0
_HASH = 12
_TWO = 2


def duration_ms(row: Row) -> float | None:
    """How long a run took; None while it is open."""
    started, finished = row.get("started_at"), row.get("finished_at")
    return (parse(str(finished)) - parse(str(started))).total_seconds() * 1000 if started and finished else None


def durations(request: Request, reader: Reader) -> Html:
    """KPIs by the 95th percentile of their runs, those first whose last run was far from its usual (K11)."""
    page = reader.runs(request.since, request.until)
    taken: dict[str, list[tuple[float, Row]]] = {}
    for row in page.rows:
        milliseconds = duration_ms(row)
        if row.get("status") == "success" and milliseconds is not None:
            taken.setdefault(str(row["kpi_id"]), []).append((milliseconds, row))
    slow = sorted(taken, key=lambda kpi_id: (not _odd(taken[kpi_id]), -_p95(taken[kpi_id]), kpi_id))
    facts_by_kpi = looked_up(reader, [taken[kpi_id][0][1] for kpi_id in slow])
    shown = [kpi_id for kpi_id in slow if of_pack(request, facts_by_kpi, kpi_id)][: request.limit]
    if not shown:
        return together(note("No run succeeded in this time."), ending(page, "runs"))
    lines = [
        (
            cells.kpi(request, kpi_id),
            facts_by_kpi.get(kpi_id, Facts()).name,
            f"{median(each for each, _ in taken[kpi_id]):,.0f}",
            f"{_p95(taken[kpi_id]):,.0f}",
            cells.run(request, taken[kpi_id][0][1], f"{taken[kpi_id][0][0]:,.0f}"),
            "far from usual" if _odd(taken[kpi_id]) else "",
            cells.runs(request, kpi_id, len(taken[kpi_id])),
        )
        for kpi_id in shown
    ]
    return together(table(("KPI", "Name", "Median, ms", "p95, ms", "Last, ms", "", "Runs"), lines), ending(page, "runs"))


def _p95(runs: Sequence[tuple[float, Row]]) -> float:
    ordered = sorted(milliseconds for milliseconds, _ in runs)
    return ordered[ceil(0.95 * len(ordered)) - 1]


def _odd(runs: Sequence[tuple[float, Row]]) -> bool:
    """Whether the newest run is an anomaly against those before it, by the rule that alarms use (K15)."""
    newest, *before = (milliseconds for milliseconds, _ in runs)
    return unusual("duration_ms", newest, before, floor=_FLOOR_MS, low_too=False) is not None


def freshness(request: Request, reader: Reader) -> Html:
    """KPIs that ran in this time by how long ago they last delivered (K12)."""
    page = reader.runs(request.since, request.until)
    newest: dict[str, Row] = {}
    delivered: dict[str, Row] = {}
    for row in page.rows:
        kpi_id = str(row["kpi_id"])
        newest.setdefault(kpi_id, row)
        if row.get("status") in ("success", "partial"):
            delivered.setdefault(kpi_id, row)
    facts_by_kpi = looked_up(reader, list(newest.values())) if request.pack else {}
    order = sorted(newest, key=lambda kpi_id: (str(delivered.get(kpi_id, {}).get("finished_at", "")), kpi_id))
    shown = [kpi_id for kpi_id in order if of_pack(request, facts_by_kpi, kpi_id)][: request.limit]
    if not shown:
        return together(note("No KPI ran in this time."), ending(page, "runs"))
    lines = [
        (
            cells.kpi(request, kpi_id),
            cells.moment(delivered[kpi_id].get("finished_at")) if kpi_id in delivered else "not in this time",
            _age(delivered.get(kpi_id), request.until),
            newest[kpi_id].get("status") or "running",
            "breach" if newest[kpi_id].get("sla_breached") else "within",
            cells.run(request, newest[kpi_id], cells.moment(newest[kpi_id].get("started_at"))),
        )
        for kpi_id in shown
    ]
    return together(table(("KPI", "Last delivered (UTC)", "Hours ago", "Last status", "SLA", "Last run"), lines), ending(page, "runs"))


def _age(row: Row | None, until: datetime) -> str:
    finished = row.get("finished_at") if row else None
    return f"{(until - parse(str(finished))).total_seconds() / 3600:,.1f}" if finished else ""


def sql_changes(request: Request, reader: Reader) -> Html:
    """KPIs that ran with more than one SQL, newest change first, with the difference of their definitions (K11)."""
    sourced = reader.entries("sourcing", request.since, request.until)
    page = reader.runs(request.since, request.until)
    runs = {str(row["run_id"]): row for row in page.rows}
    hashes: dict[str, dict[str, Row]] = {}
    for row in reversed(sourced.rows):
        run = runs.get(str(row["run_id"]))
        if run is not None and row.get("sql_hash"):
            hashes.setdefault(str(row["kpi_id"]), {}).setdefault(str(row["sql_hash"]), run)
    changed = {kpi_id: list(found.items()) for kpi_id, found in hashes.items() if len(found) > 1}
    facts_by_kpi = looked_up(reader, [found[-1][1] for found in changed.values()])
    order = sorted(changed, key=lambda kpi_id: (-int(changed[kpi_id][-1][1]["run_id"]), kpi_id))
    lines = [
        _change_line(request, kpi_id, facts_by_kpi.get(kpi_id, Facts()), changed[kpi_id])
        for kpi_id in order
        if of_pack(request, facts_by_kpi, kpi_id)
    ]
    limits = together(ending(page, "runs"), ending(sourced, "sources"))
    if not lines:
        return together(note("No KPI ran with more than one SQL in this time."), limits)
    headers = ("KPI", "Name", "Changes", "Before", "After", "First run with it", "Difference")
    return together(table(headers, lines[: request.limit]), limits)


def _change_line(request: Request, kpi_id: str, known: Facts, found: Sequence[tuple[str, Row]]) -> Sequence[object]:
    (old_hash, old), (new_hash, new) = found[-2], found[-1]
    versions = str(old.get("contract_version", "")), str(new.get("contract_version", ""))
    params = request.click("sql-diff", kpi_id=kpi_id, before=versions[0], version=versions[1])
    return (
        cells.kpi(request, kpi_id),
        known.name,
        len(found) - 1,
        f"{old_hash[:_HASH]} ({versions[0]})",
        f"{new_hash[:_HASH]} ({versions[1]})",
        cells.run(request, new, cells.moment(new.get("started_at"))),
        action("show", request.endpoint, params),
    )


def sql_diff(request: Request, reader: Reader) -> Html:
    """What changed in the expression between two versions of a KPI.

    Raises:
        WidgetError: when no KPI was named.
    """
    if request.kpi_id is None:
        raise WidgetError("kpi_id is missing; name the KPI")
    rows = {str(row["contract_version"]): row for row in reader.versions(request.kpi_id)}
    names = list(rows)
    after = request.version or (names[-1] if names else "")
    before = request.before or (names[-_TWO] if len(names) > 1 else after)
    missing = [each for each in (before, after) if each not in rows]
    if missing or not names:
        return note(f"The catalog has no definition of {request.kpi_id} {', '.join(missing)}; it has {', '.join(names) or 'none'}.")
    if before == after:
        told = f"The catalog has one definition of {request.kpi_id} {after}, so there is no difference to show"
        told += ": its generated SQL changed under an unchanged version." if request.before else "."
        return together(note(told), preformatted(facts(rows[after]).expression))
    old, new = (facts(rows[each]).expression.splitlines() for each in (before, after))
    lines = list(difflib.unified_diff(old, new, f"{request.kpi_id} {before}", f"{request.kpi_id} {after}", lineterm=""))
    hashes = " → ".join(str(rows[each].get("definition_hash", ""))[:_HASH] for each in (before, after))
    shown = preformatted("\n".join(lines)) if lines else note("The expressions are equal; sources or other parts of the contract changed.")
    return together(heading(f"{request.kpi_id}: {before} → {after}"), note(f"Definitions {hashes}"), shown)
