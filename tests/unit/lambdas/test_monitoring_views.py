"""The monitoring views over the log tables have the rows that their SQL over the lake has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from lambdas.domain.fold import fold_runs
from lambdas.domain.model import LogTable
from lambdas.domain.monitoring.views import COLUMNS, NEEDS, View, rows_of, shows
from lambdas.domain.timestamps import iso
from tests.unit.views.test_views import SEED_COLUMNS, Rows, _insert, _logs
from views import VIEWS, Dialect, ddl, log_tables, render, view_names

RAW = {
    LogTable.SOURCING: "kpi_log_sourcing_entries",
    LogTable.PRE_VALIDATION: "kpi_log_pre_validation_entries",
    LogTable.POST_VALIDATION: "kpi_log_post_validation_entries",
    LogTable.DELIVERY: "kpi_log_delivery_entries",
}
KEYS = ("run_id", "tenant_id", "rule_id", "source_type", "source_object")


def test_the_views_and_their_columns_are_those_of_the_seed() -> None:
    assert tuple(View) == VIEWS
    assert {view.value: " ".join(columns) for view, columns in COLUMNS.items()} == SEED_COLUMNS


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table in log_tables():
        connection.execute(ddl(table, Dialect.DUCKDB))
    for name in view_names():
        connection.execute(render(name, Dialect.DUCKDB))
    return connection


def as_logged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as DynamoDB has them: each key once, and moments as text."""
    once = {tuple(row.get(name) for name in (*KEYS, "entry")): row for row in rows}
    return [{name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()} for row in once.values()]


def told(value: Any) -> Any:
    return iso(value.astimezone(UTC)) if isinstance(value, datetime) else value


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=_logs())
def test_each_view_has_the_rows_of_its_sql(duck: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    _insert(duck.execute, rows, "?")
    logged = {table: as_logged(found) for table, found in rows.items()}
    for view in View:
        for tenant in ("acme", "skyway"):
            runs = fold_runs(row for row in logged["kpi_log_run_entries"] if row["tenant_id"] == tenant)
            found = [
                tuple(row.values())
                for run in runs
                if shows(view, run)
                for row in rows_of(
                    view,
                    run,
                    {
                        table: [row for row in logged[RAW[table]] if (row["run_id"], row["tenant_id"]) == (run["run_id"], tenant)]
                        for table in NEEDS[view]
                    },
                )
            ]
            expected = duck.execute(f"SELECT * FROM {view} WHERE tenant_id = ?", [tenant]).fetchall()
            assert sorted(found, key=repr) == sorted(((str(row[0]), *map(told, row[1:])) for row in expected), key=repr)
