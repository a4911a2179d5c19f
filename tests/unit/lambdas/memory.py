"""The run engine's ports in memory, and a KPI to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kpis.hashing import definition_hash
from kpis.schema import Kpi, Source
from lambdas.domain.control.canary import Canary
from lambdas.domain.control.unit import Row
from lambdas.domain.errors import DuplicateEntryError
from lambdas.domain.model import Active, Definition, LogEntry, LogTable, Period, Run, TenantSettings
from lambdas.domain.standing import Standing

NOW = datetime(2013, 10, 30, 10, 0, tzinfo=UTC)
DAY = Period(start=datetime(2013, 10, 29, tzinfo=UTC), end=datetime(2013, 10, 30, tzinfo=UTC))

FLIGHTS: dict[str, Any] = {
    "id": "GDP_Flights",
    "table": "gdp_flights",
    "description": "Flights",
    "period_column": "flight_date",
    "freshness_column": "loaded_at",
    "columns": {
        "flight_date": {"type": "date"},
        "loaded_at": {"type": "timestamp"},
        "origin": {"type": "text"},
        "delay": {"type": "numeric"},
    },
}
SQL = """
SELECT COALESCE(origin, 'ALL') AS entity, AVG(delay) AS value, COUNT(*) AS rows_processed FROM gdp_flights
WHERE flight_date >= :period_start AND flight_date < :period_end AND loaded_at <= :as_of
GROUP BY GROUPING SETS ((origin), ())
"""


def kpi(**changes: Any) -> Kpi:
    """A daily KPI on flights; named fields replace its own."""
    document: dict[str, Any] = {
        "id": "SKY-AD-01",
        "name": "Mean arrival delay",
        "pack": "skyway",
        "layer": "primary",
        "contract_version": "1.0.0",
        "tenants": ["skyway"],
        "purpose": "Mean delay.",
        "owners": {"business": "Operations", "technical": "Data"},
        "criticality": "medium",
        "sources": [{"gdp": "GDP_Flights", "attributes": ["flight_date", "loaded_at", "origin", "delay"]}],
        "expression": {"sql": SQL},
        "grain": "day",
        "unit": "minutes",
        "pre_validation": [{"id": "available", "check": "source_present", "source": "GDP_Flights"}],
        "post_validation": [{"id": "aligned", "check": "verdict_alignment"}],
        "verdict": {"direction": "lower_is_better", "adequate": 10, "low": 20},
        "schedule": {"frequency": "daily", "trigger": "time", "cron": "0 6 * * *", "timezone": "America/New_York"},
        "runbook": "docs/runbooks/x.md",
        "change_log": [{"version": "1.0.0", "date": "2026-01-01", "author": "A", "summary": "S"}],
    }
    return Kpi.model_validate(deepcopy(document) | changes)


def formula_kpi(formula: str = "a / b", **changes: Any) -> Kpi:
    return kpi(
        **(
            {
                "id": "SKY-RT-01",
                "layer": "secondary",
                "sources": [{"kpi": "SKY-AA-01", "as": "a"}, {"kpi": "SKY-BB-01", "as": "b"}],
                "expression": {"formula": formula},
                "pre_validation": [{"id": "a-delivered", "check": "upstream_delivered", "source": "a"}],
            }
            | changes
        )
    )


def definition(of: Kpi) -> Definition:
    return Definition(of, {"GDP_Flights": Source.model_validate(FLIGHTS)}, definition_hash(of))


TENANT = TenantSettings(
    tenant_id="skyway", environment="prod", timezone="America/New_York", warehouse_secret="kpi/local/skyway/prod/warehouse"
)


def make_run(of: Kpi, **changes: Any) -> Run:
    values: dict[str, Any] = {
        "run_id": 1000,
        "tenant_id": "skyway",
        "environment": "prod",
        "region": "us-east-1",
        "kpi_id": of.id,
        "contract_version": of.contract_version,
        "definition_hash": definition_hash(of),
        "variant_label": None,
        "trigger_type": "time",
        "triggered_by": "test",
        "schedule_cron": of.schedule.cron,
        "started_at": NOW,
        "retry_seq": 0,
        "last_attempt": False,
        "period": DAY,
        "as_of": NOW,
        "historical": False,
        "entities": None,
        "scd_view": "as_reported",
        "role_arn": None,
        "warehouse_secret": "warehouse",
        "execution_id": "execution",
    }
    return Run.model_validate(values | changes)


@dataclass
class FixedClock:
    """Moves only when told."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


class CountingIds:
    def __init__(self) -> None:
        self.last = 1000

    def run_id(self, now: datetime) -> int:
        del now
        self.last += 1
        return self.last


@dataclass
class MemoryLogs:
    """Insert-only, as the tables are."""

    entries: list[LogEntry] = field(default_factory=list)
    calls: int = 0
    closes: list[dict[str, Any]] = field(default_factory=list)

    def insert(self, entries: Sequence[LogEntry]) -> None:
        self.calls += 1
        for entry in entries:
            if any(known.table is entry.table and known.sort_key == entry.sort_key for known in self.entries):
                raise DuplicateEntryError(entry.table.value, entry.sort_key)
            self.entries.append(entry)

    def recent_closes(self, tenant_id: str, kpi_id: str, limit: int) -> Sequence[Mapping[str, Any]]:
        del tenant_id, kpi_id
        return self.closes[:limit]

    def rows(self, table: LogTable) -> list[Mapping[str, Any]]:
        return [entry.attributes for entry in self.entries if entry.table is table]


class MemoryCatalog:
    """The active KPIs, versions beside them, and what the control plane wrote."""

    def __init__(
        self,
        *kpis: Kpi,
        tenant: TenantSettings | None = TENANT,
        beside: Sequence[Kpi] = (),
        canary: Canary | None = None,
        pauses: Sequence[Row] = (),
    ) -> None:
        self._kpis = {each.id: each for each in kpis}
        self._beside = {(each.id, each.contract_version): each for each in beside}
        self._tenant = tenant
        self.canary = canary
        self.pauses = list(pauses)

    def tenant(self, tenant_id: str, environment: str) -> TenantSettings | None:
        known = self._tenant
        return known if known and (known.tenant_id, known.environment) == (tenant_id, environment) else None

    def active(self, tenant_id: str, environment: str, kpi_id: str) -> Active | None:
        del tenant_id, environment
        found = self._kpis.get(kpi_id)
        return Active(found.contract_version, definition_hash(found)) if found else None

    def definition(
        self, tenant_id: str, environment: str, kpi_id: str, contract_version: str, definition_hash: str | None = None
    ) -> Definition | None:
        del tenant_id, environment, definition_hash
        found = self._beside.get((kpi_id, contract_version)) or self._kpis.get(kpi_id)
        return definition(found) if found and found.contract_version == contract_version else None

    def standing(self, tenant_id: str, environment: str, kpi_id: str) -> Standing:
        return Standing(self.active(tenant_id, environment, kpi_id), self.canary, tuple(self.pauses))


@dataclass
class MemoryBus:
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def publish(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        self.events += events

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]


@dataclass
class MemoryMetrics:
    emitted: list[Mapping[str, float]] = field(default_factory=list)

    def emit(self, tenant_id: str, environment: str, values: Mapping[str, float], properties: Mapping[str, Any]) -> None:
        del tenant_id, environment, properties
        self.emitted.append(values)
