"""A report as a page, as a table for a spreadsheet, and as the few words that people are told."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape

from lambdas.domain.model import RunStatus
from lambdas.domain.reports.content import Line, Report
from lambdas.domain.reports.made import Format

_STATUSES = (RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.SKIPPED)
_HEADINGS = (
    "kpi_id", "name", "contract_version", *(status.value for status in _STATUSES), "sla_breaches", "last_error", "verdict", "value",
    "unit", "entities", "period", "delivered_at", "run_id", "complete",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2rem;color:#16191f}table{border-collapse:collapse}"
    "th,td{border-bottom:1px solid #d5dbdb;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "td.n{text-align:right}tr.a td:first-child{border-left:4px solid #d13212}"
)


def render(report: Report, form: Format) -> bytes:
    """The report as a file, UTF-8."""
    return (as_html(report) if form is Format.HTML else as_csv(report)).encode()


def as_csv(report: Report) -> str:
    """A table (RFC 4180). Text that a spreadsheet would take for a formula has an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEADINGS)
    for line in report.lines:
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in _cells(line)])
    return out.getvalue()


def as_html(report: Report) -> str:
    """One page that needs nothing else; whatever a definition says is shown as text."""
    head = "".join(f"<th scope='col'>{escape(name.replace('_', ' '))}</th>" for name in _HEADINGS)
    rows = "".join(_row(line) for line in report.lines)
    title = escape(f"{report.about}, {report.span.label}")
    notes = [
        f"{report.tenant_id}, {report.environment}. {report.span.label}, days of {report.timezone}. Made {report.made_at}.",
        f"{_counted(report)}: a failed run, an SLA breach, a critical verdict or no delivery.",
        "The value is the last one delivered, of the whole tenant or else of the first entity; GET /runs/{run_id} explains it.",
    ]
    if report.left_out:
        notes.append(f"{report.left_out} more KPIs are not shown.")
    said = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1>{said}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></body></html>\n"
    )


def summary(report: Report) -> str:
    """What people are told: how many KPIs need attention, and which; no figures, as mail is not where confidential ones belong."""
    named = [line.subject.kpi_id for line in report.lines if line.needs_attention][:10]
    more = report.attention - len(named)
    which = f": {', '.join(named)}{f' and {more} more' if more else ''}" if named else ""
    return f"{report.about}, {report.span.label}: {_counted(report)}{which}"


def _counted(report: Report) -> str:
    kpis, need = len(report.lines), report.attention
    return f"{kpis} {'KPI' if kpis == 1 else 'KPIs'}, {need} {'needs' if need == 1 else 'need'} attention"


def _row(line: Line) -> str:
    cells = "".join(
        f"<td class='n'>{cell}</td>" if isinstance(cell, int | float) and not isinstance(cell, bool) else f"<td>{escape(str(cell))}</td>"
        for cell in _cells(line)
    )
    return f"<tr class='a'>{cells}</tr>" if line.needs_attention else f"<tr>{cells}</tr>"


def _cells(line: Line) -> Sequence[str | int | float]:
    of, last = line.subject, line.delivery
    ran = [of.kpi_id, of.name, of.contract_version, *(line.runs.get(status, 0) for status in _STATUSES), line.breaches, line.last_error]
    complete = "yes" if line.complete else "no"
    if last is None:
        return [*ran, "", "", "", 0, "", "", "", complete]
    value = "" if last.value is None else last.value
    # A run id has more digits than a spreadsheet keeps of a number.
    return [*ran, last.verdict, value, last.unit, last.entities, last.period, last.at, f"#{last.run_id}", complete]
