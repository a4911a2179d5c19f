"""What the domain needs from the outside world. Adapters implement these with boto3, psycopg and SQLAlchemy; tests in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

from kpis.common import Grain
from kpis.schema import KpiRef
from lambdas.domain.model import Active, Definition, Delivery, LogEntry, Measure, PastValue, Period, Run, TenantSettings, UpstreamValue

Row = Mapping[str, Any]


class Clock(Protocol):
    """Tells the time, in UTC."""

    def now(self) -> datetime: ...


class Ids(Protocol):
    """Makes run ids."""

    def run_id(self, now: datetime) -> int: ...


class RunLogs(Protocol):
    """The five append-only log tables."""

    def insert(self, entries: Sequence[LogEntry]) -> None:
        """Insert rows.

        Raises:
            DuplicateEntryError: when a row with the same key exists; it stays as it is.
        """
        ...

    def recent_closes(self, tenant_id: str, kpi_id: str, limit: int) -> Sequence[Row]:
        """Close rows of a KPI but those of canaries, newest first: run_id, environment, status, started_at, finished_at, rows_processed."""
        ...


class Catalog(Protocol):
    """What is registered and active."""

    def tenant(self, tenant_id: str, environment: str) -> TenantSettings | None: ...

    def active(self, tenant_id: str, environment: str, kpi_id: str) -> Active | None: ...

    def definition(
        self, tenant_id: str, environment: str, kpi_id: str, contract_version: str, definition_hash: str | None = None
    ) -> Definition | None:
        """A version; one kept in memory may be used when its hash is the given one."""
        ...


class ResultStore(Protocol):
    """Delivered results. Every call sees one tenant only."""

    def upstream(self, run: Run, sources: Sequence[KpiRef], period: Period) -> Sequence[UpstreamValue]:
        """The latest delivered values of upstream KPIs for a period."""
        ...

    def compute(self, run: Run, sql: str, parameters: Mapping[str, Any], timeout: timedelta) -> Sequence[Measure]:
        """Run a compiled formula; `sql` has `:name` parameters and returns entity, value, rows_processed."""
        ...

    def evaluate(
        self, run: Run, expressions: Sequence[str], names: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]]
    ) -> Mapping[str, Sequence[float | None]]:
        """Scalar expressions over named values, by entity."""
        ...

    def history(self, run: Run, grain: Grain, since: datetime) -> Mapping[str, Sequence[PastValue]]:
        """Values of earlier periods from `since` on, by entity, oldest first; fallbacks left out."""
        ...

    def last_good(self, run: Run) -> Sequence[tuple[Measure, Period]]:
        """The last delivered value of every entity before the run's period end, with the period it belongs to."""
        ...

    def deliver(self, delivery: Delivery) -> None: ...


class WarehouseSession(Protocol):
    """A read-only transaction on a tenant's warehouse: one snapshot for checks and execution."""

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run one SELECT with `:name` parameters.

        Raises:
            KpiError: TIMEOUT, MISSING_GDP or SQL_ERROR.
        """
        ...

    def existing_tables(self, tables: Sequence[str]) -> frozenset[str]: ...

    def source_versions(self, tables: Sequence[str]) -> Mapping[str, str]:
        """Versions the warehouse states for its tables (table `gdp_version`); empty when it states none."""
        ...


class Warehouses(Protocol):
    """Opens sessions on tenants' warehouses."""

    def open(self, run: Run, timeout: timedelta) -> AbstractContextManager[WarehouseSession]:
        """A session whose statements may take `timeout` each.

        Raises:
            KpiError: SQL_ERROR when the warehouse cannot be reached.
        """
        ...


class Bus(Protocol):
    """The event bus."""

    def publish(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Publish (detail type, detail) pairs."""
        ...


class Metrics(Protocol):
    """Counts and durations, by tenant and environment and in total."""

    def emit(self, tenant_id: str, environment: str, values: Mapping[str, float], properties: Mapping[str, Any]) -> None: ...


class ResultReader(Protocol):
    """Reads the result store as one tenant."""

    def rows(self, tenant_id: str, sql: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]: ...
