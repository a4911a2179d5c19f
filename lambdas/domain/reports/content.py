"""What a report says: how each KPI ran in the time it covers, and what it delivered last."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kpis.common import Verdict
from lambdas.domain.fold import fold_runs, of_canary
from lambdas.domain.model import RunStatus
from lambdas.domain.reports.spans import Span
from lambdas.domain.timestamps import iso

Row = Mapping[str, Any]
MOST_KPIS = 500
"""KPIs in a report, the first by id; it says how many it leaves out."""
ROWS = 2_000
"""Rows of a KPI's run log that are read: a thousand runs. A line that is not complete says so."""
DELIVERED = frozenset({RunStatus.SUCCESS, RunStatus.PARTIAL})


class RunLogs(Protocol):
    """The run log by KPI and time, and what runs delivered."""

    def by_kpi(self, tenant_id: str, kpi_id: str, *, rows: int, since: str, before: str) -> tuple[Sequence[Row], bool]:
        """Rows with index keys in [since, before), newest first, and whether there are more."""
        ...

    def deliveries(self, tenant_id: str, run_ids: Sequence[int]) -> Mapping[int, Row]:
        """Delivery rows by run id."""
        ...


@dataclass(frozen=True)
class Subject:
    """A KPI as the catalog names it."""

    kpi_id: str
    name: str
    contract_version: str


@dataclass(frozen=True)
class Delivery:
    """What a run delivered last. `value` is that of the whole tenant, else of the first of so many `entities`; `period` is ISO 8601."""

    run_id: int
    value: float | None
    unit: str
    entities: int
    period: str
    verdict: str
    at: str


@dataclass(frozen=True)
class Line:
    """One KPI. `runs` counts closed runs by status; `complete` is False when there were more runs than were read."""

    subject: Subject
    runs: Mapping[str, int]
    breaches: int
    last_error: str
    delivery: Delivery | None
    complete: bool

    @property
    def needs_attention(self) -> bool:
        """Whether something failed, came late, was not delivered at all, or is critical."""
        critical = self.delivery is not None and self.delivery.verdict == Verdict.CRITICAL
        return bool(self.runs.get(RunStatus.FAILED) or self.breaches or critical) or self.delivery is None


@dataclass(frozen=True)
class Report:
    """A report. `about` is the KPI or the pack; `left_out` counts KPIs beyond `MOST_KPIS`."""

    tenant_id: str
    environment: str
    about: str
    span: Span
    made_at: str
    timezone: str
    lines: tuple[Line, ...]
    left_out: int

    @property
    def attention(self) -> int:
        """Of how many KPIs somebody should look at the runs."""
        return sum(1 for line in self.lines if line.needs_attention)


def lines(logs: RunLogs, tenant_id: str, environment: str, subjects: Iterable[Subject], span: Span) -> tuple[Line, ...]:
    """One line for each KPI."""
    return tuple(_line(logs, tenant_id, environment, subject, span) for subject in subjects)


def _line(logs: RunLogs, tenant_id: str, environment: str, subject: Subject, span: Span) -> Line:
    rows, more = logs.by_kpi(tenant_id, subject.kpi_id, rows=ROWS, since=iso(span.start), before=iso(span.end))
    runs = [run for run in fold_runs(rows) if run.get("environment") == environment and run.get("status") and not of_canary(run)]
    failed = next((run for run in runs if run["status"] == RunStatus.FAILED), None)
    delivering = next((int(run["run_id"]) for run in runs if run["status"] in DELIVERED), None)
    found = None if delivering is None else logs.deliveries(tenant_id, [delivering]).get(delivering)
    return Line(
        subject=subject,
        runs=Counter(str(run["status"]) for run in runs),
        breaches=sum(1 for run in runs if run.get("sla_breached")),
        last_error=str(failed.get("error_code") or "") if failed else "",
        delivery=_delivery(found) if found else None,
        complete=not more,
    )


def _delivery(row: Row) -> Delivery:
    sample: dict[str, Any] = json.loads(str(row["output_sample"]))
    # The whole tenant comes first in a sample, where there is such a value.
    entities: list[dict[str, Any]] = sample.get("sample") or []
    return Delivery(
        run_id=int(row["run_id"]),
        value=entities[0].get("value") if entities else None,
        unit=str(sample.get("unit") or ""),
        entities=int(sample.get("entities") or 0),
        period=str(row.get("time_range") or ""),
        verdict=str(row.get("verdict") or ""),
        at=str(row.get("recorded_at") or ""),
    )
