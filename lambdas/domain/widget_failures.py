"""Tables about what went wrong: failing KPIs, error codes, SLA breaches, validation failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lambdas.domain import widget_cells as cells
from lambdas.domain.widget_html import Html, note, table, together
from lambdas.domain.widget_reads import Facts, Page, Reader, Row, facts_of
from lambdas.domain.widget_request import Request

MAX_LOOKED_UP = 300
"""KPIs whose definitions one table reads; a fleet with more failing ones sees those that fail most."""
_BAD = ("failed", "skipped")


def of_pack(request: Request, facts: Mapping[str, Facts], kpi_id: object) -> bool:
    """Whether a KPI belongs to the pack that was chosen."""
    return request.pack is None or facts.get(str(kpi_id), Facts()).pack == request.pack


def looked_up(reader: Reader, rows: Sequence[Row]) -> dict[str, Facts]:
    """Facts of the KPIs of rows, in the version of each KPI's first row."""
    versions: dict[str, str] = {}
    for row in rows:
        versions.setdefault(str(row["kpi_id"]), str(row.get("contract_version", "")))
    return facts_of(reader, list(versions.items())[:MAX_LOOKED_UP])


def ending(page: Page, what: str) -> Html:
    """Says when a table is not of the whole time."""
    return Html("") if page.complete else note(f"Only the newest {len(page.rows):,} {what} of this time were read; zoom in to see others.")


def top_failing(request: Request, reader: Reader) -> Html:
    """KPIs by how often they failed or were skipped (K9)."""
    page = reader.runs(request.since, request.until)
    by_kpi: dict[str, list[Row]] = {}
    for row in page.rows:
        if row.get("status"):
            by_kpi.setdefault(str(row["kpi_id"]), []).append(row)
    failing = {kpi_id: rows for kpi_id, rows in by_kpi.items() if any(row["status"] in _BAD for row in rows)}
    order = sorted(failing, key=lambda kpi_id: (-sum(row["status"] in _BAD for row in failing[kpi_id]), kpi_id))
    facts = looked_up(reader, [failing[kpi_id][0] for kpi_id in order])
    shown = [kpi_id for kpi_id in order if of_pack(request, facts, kpi_id)][: request.limit]
    if not shown:
        return together(note("No KPI failed or was skipped in this time."), ending(page, "runs"))
    lines = [_failing_line(request, kpi_id, failing[kpi_id], facts.get(kpi_id, Facts())) for kpi_id in shown]
    headers = ("KPI", "Name", "Failed", "Skipped", "Partial", "SLA breaches", "Runs", "Last error", "Last failure", "Runbook")
    return together(table(headers, lines), ending(page, "runs"))


def _failing_line(request: Request, kpi_id: str, rows: Sequence[Row], facts: Facts) -> Sequence[object]:
    status = Counter(str(row["status"]) for row in rows)
    last = next(row for row in rows if row["status"] in _BAD)
    return (
        cells.kpi(request, kpi_id),
        facts.name,
        status["failed"],
        status["skipped"],
        status["partial"],
        sum(bool(row.get("sla_breached")) for row in rows),
        cells.runs(request, kpi_id, len(rows)),
        last.get("error_code"),
        cells.run(request, last, cells.moment(last.get("started_at"))),
        cells.runbook(request, facts.runbook),
    )


def error_codes(request: Request, reader: Reader) -> Html:
    """Error codes by how many runs ended with them (K11)."""
    page = reader.runs(request.since, request.until)
    wrong = [row for row in page.rows if row.get("error_code")]
    facts = looked_up(reader, wrong) if request.pack else {}
    by_code: dict[str, list[Row]] = {}
    for row in wrong:
        if of_pack(request, facts, row["kpi_id"]):
            by_code.setdefault(str(row["error_code"]), []).append(row)
    if not by_code:
        return together(note("No run ended with an error in this time."), ending(page, "runs"))
    lines = [
        (
            code,
            len(rows),
            len({row["kpi_id"] for row in rows}),
            cells.kpi(request, rows[0]["kpi_id"]),
            rows[0].get("error_message"),
            cells.run(request, rows[0], cells.moment(rows[0].get("started_at"))),
        )
        for code, rows in sorted(by_code.items(), key=lambda each: (-len(each[1]), each[0]))
    ]
    return together(
        table(("Error code", "Runs", "KPIs", "Last KPI", "Last message", "Last run"), lines[: request.limit]), ending(page, "runs")
    )


def sla_breaches(request: Request, reader: Reader) -> Html:
    """Runs that breached an SLA, newest first (K9)."""
    page = reader.runs(request.since, request.until)
    breached = [row for row in page.rows if row.get("sla_breached")]
    facts = looked_up(reader, breached)
    shown = [row for row in breached if of_pack(request, facts, row["kpi_id"])]
    if not shown:
        return together(note("No run breached an SLA in this time."), ending(page, "runs"))
    lines = [
        (
            cells.run(request, row, cells.moment(row.get("started_at"))),
            cells.kpi(request, row["kpi_id"]),
            facts.get(str(row["kpi_id"]), Facts()).name,
            row.get("status"),
            row.get("error_code"),
            cells.runbook(request, facts.get(str(row["kpi_id"]), Facts()).runbook),
        )
        for row in shown[: request.limit]
    ]
    counted = note(f"{len(shown):,} breaches; the newest {len(lines)}:") if len(shown) > len(lines) else Html("")
    return together(counted, table(("Run", "KPI", "Name", "Status", "Error", "Runbook"), lines), ending(page, "runs"))


def rule_failures(request: Request, reader: Reader) -> Html:
    """Validation rules by how often they failed (K10)."""
    found: Counter[tuple[str, str, str, str, str]] = Counter()
    pages = {when: reader.entries(f"{when}-validation", request.since, request.until) for when in ("pre", "post")}
    for when, page in pages.items():
        for row in page.rows:
            if row.get("result") == "fail":
                found[when, str(row.get("rule_type")), str(row.get("severity")), str(row.get("rule_id")), str(row["kpi_id"])] += 1
    if request.pack:
        runs = reader.runs(request.since, request.until)
        facts = looked_up(reader, [row for row in runs.rows if str(row["kpi_id"]) in {key[4] for key in found}])
        found = Counter({key: count for key, count in found.items() if of_pack(request, facts, key[4])})
    limits = together(*(ending(page, f"{when}-validation results") for when, page in pages.items()))
    if not found:
        return together(note("No validation rule failed in this time."), limits)
    order = sorted(found.items(), key=lambda each: (-each[1], each[0]))[: request.limit]
    lines = [(when, kind, severity, rule, cells.kpi(request, kpi_id), count) for (when, kind, severity, rule, kpi_id), count in order]
    return together(table(("When", "Rule type", "Severity", "Rule", "KPI", "Failures"), lines), limits)
