"""The result store on PostgreSQL. Every transaction names its tenant, and row level security shows it no other's rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from kpis.common import Grain
from kpis.schema import KpiRef
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Delivery, Measure, PastValue, Period, Run, UpstreamValue
from lambdas.domain.redact import message_of

TABLE = "kpi_result"
CANARY_TABLE = "kpi_result_canary"
"""What candidates computed: with the columns of `kpi_result`, and out of the way of whoever reads what was delivered."""
_COLUMNS = (
    "run_id", "tenant_id", "environment", "kpi_id", "contract_version", "variant_label", "entity", "period_start", "period_end",
    "time_grain", "scd_view", "value", "unit", "verdict", "rows_processed", "extensions", "flags", "delivered_at",
)  # fmt: skip
_INSERT = f"({', '.join(_COLUMNS)}) VALUES ({', '.join(f'%({name})s' for name in _COLUMNS)})"
_SCOPE = "tenant_id = %(tenant_id)s AND environment = %(environment)s AND scd_view = %(scd_view)s"
STORE_TIMEOUT = timedelta(seconds=30)
TRUSTED_SECONDS = 1.0
"""A connection used this recently is not asked whether it is alive."""

Connection = psycopg.Connection[DictRow]


class PostgresResults:
    """One connection, kept across warm calls and replaced when it breaks. `url` is asked for at every connect."""

    def __init__(self, url: Callable[[], str], on_failure: Callable[[], None] = lambda: None) -> None:
        self._url = url
        self._on_failure = on_failure
        self._connection: Connection | None = None
        self._used_at = float("-inf")

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            try:
                # A SQLAlchemy URL names its driver; libpq wants none.
                dsn = self._url().replace("postgresql+psycopg://", "postgresql://", 1)
                self._connection = Connection.connect(
                    dsn, autocommit=True, row_factory=dict_row, connect_timeout=5, prepare_threshold=2, options="-c timezone=UTC"
                )
            except psycopg.Error as error:
                self._on_failure()
                raise KpiError(ErrorCode.INTERNAL, f"the result store cannot be reached: {message_of(error)}") from error
        return self._connection

    def _alive(self) -> Connection:
        """The connection, known to answer: one that was cut while the function slept is replaced."""
        connection = self._connect()
        try:
            connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self._discard()
            connection = self._connect()
        return connection

    @contextmanager
    def _transaction(self, tenant_id: str, timeout: timedelta = STORE_TIMEOUT) -> Generator[Connection]:
        connection = self._connect() if self._used_recently() else self._alive()
        try:
            with connection.transaction():
                connection.execute(
                    "SELECT set_config('kpi.tenant_id', %s, true), set_config('statement_timeout', %s, true)",
                    (tenant_id, str(int(timeout.total_seconds() * 1000))),
                )
                yield connection
            self._used_at = time.monotonic()
        except psycopg.errors.QueryCanceled as error:
            raise KpiError(ErrorCode.TIMEOUT, f"the result store did not answer within {timeout}") from error
        except (psycopg.errors.DataError, psycopg.errors.ProgrammingError) as error:
            raise KpiError(ErrorCode.SQL_ERROR, message_of(error)) from error
        except psycopg.Error as error:
            self._discard()
            raise KpiError(ErrorCode.INTERNAL, f"the result store failed: {message_of(error)}") from error

    def _used_recently(self) -> bool:
        return time.monotonic() - self._used_at < TRUSTED_SECONDS

    def _discard(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._used_at = float("-inf")
        self._on_failure()

    def rows(self, tenant_id: str, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of one tenant, for the read API."""
        with self._transaction(tenant_id) as connection:
            return connection.execute(sql.encode(), parameters).fetchall()

    def upstream(self, run: Run, sources: Sequence[KpiRef], period: Period) -> list[UpstreamValue]:
        pinned = {source.kpi: source.version for source in sources if source.version is not None}
        sql = (
            "SELECT DISTINCT ON (kpi_id, entity) kpi_id, entity, value, contract_version, run_id, flags "  # noqa: S608 - constants
            f"FROM {TABLE} WHERE {_SCOPE} AND kpi_id = ANY(%(kpi_ids)s) AND period_start = %(start)s AND period_end = %(end)s "
            "AND contract_version = coalesce(%(pinned)s::jsonb ->> kpi_id, contract_version) "
            "ORDER BY kpi_id, entity, run_id DESC"
        )
        parameters = _scope(run) | {
            "kpi_ids": sorted({source.kpi for source in sources}),
            "start": period.start,
            "end": period.end,
            "pinned": json.dumps(pinned),
        }
        with self._transaction(run.tenant_id) as connection:
            found = connection.execute(sql.encode(), parameters).fetchall()
        return [
            UpstreamValue(row["kpi_id"], row["entity"], row["value"], row["contract_version"], row["run_id"], row["flags"] or {})
            for row in found
        ]

    def compute(self, run: Run, sql: str, parameters: Mapping[str, Any], timeout: timedelta) -> list[Measure]:
        from lambdas.domain.sql import for_psycopg

        bound = _scope(run) | {"period_start": run.period.start, "period_end": run.period.end} | dict(parameters)
        with self._transaction(run.tenant_id, timeout) as connection:
            found = connection.execute(for_psycopg(sql, bound).encode(), bound).fetchall()
        return [Measure(row["entity"], row["value"], row["rows_processed"]) for row in found]

    def evaluate(
        self, run: Run, expressions: Sequence[str], names: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]]
    ) -> dict[str, list[float | None]]:
        from lambdas.domain.sql import evaluation, for_psycopg

        parameters: dict[str, Any] = {"entities": [entity for entity, _ in rows]}
        parameters |= {f"v_{name}": [values[index] for _, values in rows] for index, name in enumerate(names)}
        with self._transaction(run.tenant_id) as connection:
            found = connection.execute(for_psycopg(evaluation(expressions, names), parameters).encode(), parameters).fetchall()
        return {row["entity"]: [row[f"e{index}"] for index in range(len(expressions))] for row in found}

    def history(self, run: Run, grain: Grain, since: datetime) -> dict[str, list[PastValue]]:
        sql = (
            "SELECT DISTINCT ON (entity, period_start, period_end) entity, period_start, period_end, value "  # noqa: S608 - constants
            f"FROM {TABLE} WHERE {_SCOPE} AND kpi_id = %(kpi_id)s AND time_grain = %(grain)s "
            "AND period_start >= %(since)s AND period_start < %(start)s AND NOT flags @> '{\"fallback\": true}' "
            "ORDER BY entity, period_start, period_end, run_id DESC"
        )
        parameters = _scope(run) | {"kpi_id": run.kpi_id, "grain": grain.value, "since": since, "start": run.period.start}
        with self._transaction(run.tenant_id) as connection:
            found = connection.execute(sql.encode(), parameters).fetchall()
        history: dict[str, list[PastValue]] = {}
        for row in found:
            history.setdefault(row["entity"], []).append(PastValue(row["period_start"], row["period_end"], row["value"]))
        return history

    def last_good(self, run: Run) -> list[tuple[Measure, Period]]:
        sql = (
            "SELECT DISTINCT ON (entity) entity, value, rows_processed, period_start, period_end "  # noqa: S608 - constants
            f"FROM {TABLE} WHERE {_SCOPE} AND kpi_id = %(kpi_id)s AND period_end <= %(end)s AND NOT flags @> '{{\"fallback\": true}}' "
            "AND (%(entities)s::text[] IS NULL OR entity = ANY(%(entities)s)) ORDER BY entity, period_end DESC, run_id DESC"
        )
        entities = None if run.entities is None else list(run.entities)
        parameters = _scope(run) | {"kpi_id": run.kpi_id, "end": run.period.end, "entities": entities}
        with self._transaction(run.tenant_id) as connection:
            found = connection.execute(sql.encode(), parameters).fetchall()
        return [
            (Measure(row["entity"], row["value"], row["rows_processed"]), Period(start=row["period_start"], end=row["period_end"]))
            for row in found
        ]

    def deliver(self, delivery: Delivery) -> None:
        run = delivery.run
        common = _scope(run) | {
            "run_id": run.run_id,
            "kpi_id": run.kpi_id,
            "contract_version": run.contract_version,
            "variant_label": run.variant_label,
            "period_start": run.period.start,
            "period_end": run.period.end,
            "time_grain": delivery.grain.value,
            "unit": delivery.unit,
            "delivered_at": delivery.delivered_at,
        }
        rows = [
            common
            | {
                "entity": each.entity,
                "value": each.value,
                "verdict": each.verdict.value,
                "rows_processed": each.rows_processed,
                "extensions": json.dumps(each.extensions),
                "flags": json.dumps(each.flags),
            }
            for each in delivery.results
        ]
        with self._transaction(run.tenant_id) as connection, connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {CANARY_TABLE if run.canary else TABLE} {_INSERT}".encode(), rows)


def _scope(run: Run) -> dict[str, Any]:
    return {"tenant_id": run.tenant_id, "environment": run.environment, "scd_view": run.scd_view.value}
