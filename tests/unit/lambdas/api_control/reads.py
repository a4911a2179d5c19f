"""What browsing, monitoring and evidence exports read, in memory: log rows in DynamoDB's order, catalog rows, results and bundles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kpis.common import Environment
from lambdas.api.browse import Browser
from lambdas.api.control.read_ports import ReadPorts
from lambdas.domain.audit.export_jobs import ExportState, Job, Outcome, key_of
from lambdas.domain.control import keys
from lambdas.domain.entries import close_row, open_row
from lambdas.domain.errors import ErrorCode
from lambdas.domain.ids import first_run_id_at, run_id_text
from lambdas.domain.model import Active, LogEntry, LogTable, RunStatus
from lambdas.domain.model import Outcome as RunOutcome
from lambdas.domain.monitoring.incident_log import IncidentLog
from lambdas.domain.reports.made import ReportPlace
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.api_control import samples
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.control.office import MONDAY, TENANT, kpi
from tests.unit.lambdas.memory import make_run

Row = dict[str, Any]


@dataclass
class LogRows:
    """The five log tables."""

    entries: list[LogEntry] = field(default_factory=list)

    def add(self, *entries: LogEntry) -> None:
        self.entries += entries

    def newest(self, tenant_id: str, key: str, span: tuple[str, str], rows: int, kpi_id: str | None) -> tuple[list[Row], bool]:
        assert span[0] <= span[1], "DynamoDB refuses a BETWEEN whose upper bound is below the lower one"
        found = [
            {"pk": each.tenant_id, "sk": each.sort_key} | dict(each.attributes)
            for each in self.entries
            if each.table is LogTable.RUN and each.tenant_id == tenant_id and kpi_id in (None, each.attributes["kpi_id"])
        ]
        found = sorted((row for row in found if span[0] <= row[key] <= span[1]), key=lambda row: row[key], reverse=True)
        return found[:rows], len(found) > rows

    def by_tenant(self, tenant_id: str, *, rows: int, since: str = "0", before: str = "~") -> tuple[list[Row], bool]:
        return self.newest(tenant_id, "sk", (since, before), rows, None)

    def by_kpi(self, tenant_id: str, kpi_id: str, *, rows: int, since: str = "0", before: str = "~") -> tuple[list[Row], bool]:
        return self.newest(tenant_id, "gsi_sk", (since, before), rows, kpi_id)

    def of_run(self, tenant_id: str, run_id: int, table: LogTable) -> list[Row]:
        return [
            {"pk": each.tenant_id, "sk": each.sort_key} | dict(each.attributes)
            for each in self.entries
            if (each.table, each.tenant_id, each.attributes["run_id"]) == (table, tenant_id, run_id)
        ]

    def deliveries(self, tenant_id: str, run_ids: Sequence[int]) -> dict[int, Row]:
        return {run_id: row for run_id in run_ids for row in self.of_run(tenant_id, run_id, LogTable.DELIVERY)}


@dataclass(frozen=True)
class CatalogRows:
    """The catalog of a store, as DynamoDB pages it."""

    store: MemoryStore

    def rows(self, tenant_id: str, prefix: str) -> Iterator[Row]:
        for row in self.store.rows(tenant_id, prefix):
            yield {"sk": row.key} | dict(row.values)

    def page(self, tenant_id: str, prefix: str, *, after: str | None, limit: int) -> tuple[list[Row], str | None]:
        # As DynamoDB's BETWEEN: from the key to the end of the prefix, whatever the key is.
        found = [row for row in self.rows(tenant_id, "") if (after or prefix) <= row["sk"] <= f"{prefix}~" and row["sk"] != after]
        return found[:limit], (found[limit - 1]["sk"] if len(found) > limit else None)

    def active(self, tenant_id: str, environment: str, kpi_id: str) -> Active | None:
        row = self.store.row(tenant_id, keys.active(environment, kpi_id))
        return Active(row.text("contract_version"), row.text("definition_hash")) if row else None


@dataclass
class Results:
    """The result store: rows by tenant, and the last question."""

    found: dict[str, list[Row]] = field(default_factory=dict)
    asked: tuple[str, Mapping[str, Any]] | None = None

    def rows(self, tenant_id: str, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        self.asked = (sql, parameters)
        return self.found.get(tenant_id, [])


@dataclass(frozen=True)
class IncidentRows:
    """What incidents are found in."""

    logs: LogRows
    catalog: CatalogRows

    def newest(self, tenant_id: str, since: datetime, kpi_id: str | None, rows: int) -> tuple[Sequence[Row], bool]:
        if kpi_id is None:
            found, more = self.logs.by_tenant(tenant_id, rows=rows, since=run_id_text(first_run_id_at(since)))
        else:
            found, more = self.logs.by_kpi(tenant_id, kpi_id, rows=rows, since=iso(since))
        return found, not more

    def before(self, tenant_id: str, kpi_id: str, until: datetime, rows: int) -> Sequence[Row]:
        return self.logs.by_kpi(tenant_id, kpi_id, rows=rows, before=iso(until))[0]

    def bad_verdicts(self, tenant_id: str, run_ids: Sequence[int]) -> dict[int, str]:
        found = self.logs.deliveries(tenant_id, run_ids)
        return {run_id: str(row["verdict"]) for run_id, row in found.items() if row["verdict"] != "Adequate"}

    def of_runs(self, tenant_id: str, run_ids: Sequence[int], table: LogTable) -> dict[int, list[Row]]:
        return {run_id: self.logs.of_run(tenant_id, run_id, table) for run_id in run_ids}

    def definitions(self, tenant_id: str, sort_keys: Sequence[str]) -> dict[str, Row]:
        return {row["sk"]: row for key in sort_keys for row in self.catalog.rows(tenant_id, key) if row["sk"] == key}


@dataclass
class MemoryBundles:
    """Bundles and refusals."""

    made: dict[tuple[str, str], bytes] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)

    def outcome(self, tenant_id: str, export_id: str) -> Outcome:
        key = (tenant_id, export_id)
        if key in self.made:
            return Outcome(ExportState.DONE, size=len(self.made[key]))
        return Outcome(ExportState.FAILED, problem=self.refused[key]) if key in self.refused else Outcome(ExportState.PENDING)

    def keep(self, tenant_id: str, export_id: str, bundle: bytes) -> None:
        self.made[tenant_id, export_id] = bundle

    def refuse(self, tenant_id: str, export_id: str, problem: str) -> None:
        self.refused[tenant_id, export_id] = problem

    def link(self, tenant_id: str, export_id: str) -> str:
        return f"https://bundles.example/{tenant_id}/{export_id}.zip?signed"


class MemoryLinks:
    """Links that anybody can read."""

    def link(self, place: ReportPlace) -> str:
        return f"https://reports.example/{place.tenant_id}/{place.environment}/{place.subscription_id}/{place.label}.{place.form}?signed"


class Reads:
    """All of it over a store."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.logs = LogRows()
        self.results = Results()
        self.bundles = MemoryBundles()
        catalog = CatalogRows(store)
        self.ports = ReadPorts(
            browser=Browser(catalog, self.logs, lambda: self.results),
            incidents=IncidentLog(IncidentRows(self.logs, catalog)),
            exports=self.bundles,
            reports=MemoryLinks(),
        )

    def watched(self, export_id: str) -> None:
        """A run that a rule stopped, and evidence that was asked for."""
        run = make_run(kpi(), run_id=samples.RUN, started_at=MONDAY)
        outcome = RunOutcome(status=RunStatus.SKIPPED, error_code=ErrorCode.VALIDATION_FAIL_PRE, error_message="Mean of no rows")
        self.logs.add(open_row(run), close_row(run, outcome, MONDAY, sla_breached=False))
        at = iso(MONDAY)
        job = Job(TENANT, export_id, Environment.PRD, "SKY-AD-01", at, at, "ada", at, "Mean things")
        self.store.tables.setdefault(TENANT, {})[key_of(export_id)] = dict(job.row)
