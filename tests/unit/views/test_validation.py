"""SQL of values and rules in each dialect: it parses there, DuckDB runs it, hostile words stay words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from kpis import rules as r
from kpis.artifact import Surroundings
from kpis.checks import check_packs
from kpis.schema import Kpi, Source, SqlExpression
from views.render import Dialect
from views.validation import DialectError, author_sql, render_kpi

ROOT = Path(__file__).resolve().parents[3]
AROUND = Surroundings(check_packs(ROOT / "kpis" / "packs", root=ROOT).dictionary)
KPIS = {kpi.id: kpi for kpi in AROUND.dictionary.kpis}
TYPES = {"text": "VARCHAR", "integer": "BIGINT", "numeric": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMPTZ"}
MOMENT = datetime(2025, 11, 20, tzinfo=UTC)
# Queries of Athena are Trino's; sqlglot's own reader of Athena takes backslashes as Hive does.
READ = {Dialect.ATHENA: "trino"}
PARAMETERS = {
    "tenant_id": "acme",
    "environment": "prod",
    "run_id": 1,
    "period_start": datetime(2025, 11, 19, tzinfo=UTC),
    "period_end": MOMENT,
    "as_of": MOMENT,
    "scd_view": "as_reported",
    "period_days": 1,
    "baseline_start": datetime(2025, 11, 12, tzinfo=UTC),
    "baseline_periods": 7,
}


def statements(kpi: Kpi, dialect: Dialect) -> Iterator[tuple[str, str]]:
    (artifact,) = [each for each in render_kpi(kpi, AROUND) if each.path == f"sql/{dialect}/{kpi.id}.sql"]
    for part in artifact.content.decode().split("\n-- name: ")[1:]:
        name, _, text = part.partition("\n")
        yield name, "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip().rstrip(";")


@pytest.fixture(scope="module")
def warehouse() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for source in AROUND.dictionary.sources:
        columns = ", ".join(f'"{name}" {TYPES[column.type]}' for name, column in source.columns.items())
        connection.execute(f"CREATE TABLE {source.table} ({columns})")
    connection.execute(
        "CREATE TABLE kpi_result (run_id BIGINT, tenant_id VARCHAR, environment VARCHAR, kpi_id VARCHAR, contract_version VARCHAR, "
        "entity VARCHAR, period_start TIMESTAMPTZ, period_end TIMESTAMPTZ, scd_view VARCHAR, value DOUBLE, verdict VARCHAR, flags VARCHAR)"
    )
    return connection


@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_statement_of_every_kpi_parses_in_its_dialect(dialect: Dialect):
    count = 0
    for kpi in KPIS.values():
        for name, sql in statements(kpi, dialect):
            assert sql, f"{kpi.id} {name} has no form in {dialect}"
            assert isinstance(sqlglot.parse_one(sql, read=dialect.value), exp.Query)
            count += 1
    assert count == sum(1 + len(kpi.pre_validation) + len(kpi.post_validation) for kpi in KPIS.values())


def test_duckdb_runs_every_statement_and_a_rule_without_data_answers_one_row(warehouse: duckdb.DuckDBPyConnection):
    for kpi in KPIS.values():
        for name, sql in statements(kpi, Dialect.DUCKDB):
            used = {key: value for key, value in PARAMETERS.items() if f"${key}" in sql}
            rows = warehouse.execute(sql, used).fetchall()
            if name != "value":
                assert len(rows) == 1, f"{kpi.id} {name}"
                assert rows[0][2] in ("pass", "fail")


def test_a_rule_tells_a_good_period_from_a_bad_one(warehouse: duckdb.DuckDBPyConnection):
    """Receivables below zero: the column rule fails exactly when such a row is in the period and was known."""
    (sql,) = [sql for name, sql in statements(KPIS["CFO-EF-02"], Dialect.DUCKDB) if name == "before no-negative-receivables"]
    used = {key: PARAMETERS[key] for key in ("period_start", "period_end", "as_of")}

    def with_balance(balance: float, reported: str) -> str:
        warehouse.execute("DELETE FROM gdp_receivables")
        warehouse.execute(
            "INSERT INTO gdp_receivables (balance_date, segment, balance, version, reported_at) VALUES ('2025-11-19', 'smb', ?, 1, ?)",
            [balance, reported],
        )
        return str(warehouse.execute(sql, used).fetchall()[0][2])

    assert with_balance(5, "2025-11-19T01:00:00Z") == "pass"
    assert with_balance(-5, "2025-11-19T01:00:00Z") == "fail"
    assert with_balance(-5, "2025-12-31T01:00:00Z") == "pass", "what was reported later was not known"


@settings(deadline=None, max_examples=30)
@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)
    | st.sampled_from(["' OR 1=1 --", "\\", "x__table__", "'';DROP"])
)
def test_a_hostile_entity_is_one_string_in_every_dialect(entity: str):
    base = KPIS["CFO-EF-02"]
    rule = r.EntitiesCovered(id="hostile", check="entities_covered", source="GDP_Receivables", column="segment", expected=(entity,))
    kpi = base.model_copy(update={"pre_validation": (rule,), "post_validation": ()})
    for dialect in Dialect:
        (sql,) = [sql for name, sql in statements(kpi, dialect) if name.startswith("before")]
        literals = [
            each.this for each in sqlglot.parse_one(sql, read=READ.get(dialect, dialect.value)).find_all(exp.Literal) if each.is_string
        ]
        # Redshift reads a backslash as an escape, so it takes two for one.
        written = entity.replace("\\", "\\\\") if dialect is Dialect.REDSHIFT else entity
        assert sorted(literals) == sorted(["hostile", "error", "pass", "fail", written])


def test_what_a_warehouse_cannot_say_is_told_instead_of_written_wrongly():
    sql = "SELECT 'ALL' AS entity, SUM(balance) FILTER (WHERE balance > 0) AS value, COUNT(*) AS rows_processed FROM gdp_cash"
    assert "FILTER" in author_sql(sql, Dialect.POSTGRES)
    with pytest.raises(DialectError, match=r"redshift has no FILTER"):
        author_sql(sql, Dialect.REDSHIFT)
    base = KPIS["CFO-CA-01"]
    kpi = base.model_copy(update={"expression": SqlExpression(sql=sql)})
    texts = {artifact.path: artifact.content.decode() for artifact in render_kpi(kpi, AROUND)}
    assert "-- redshift has no FILTER" in texts["sql/redshift/CFO-CA-01.sql"]


def test_a_source_with_capital_letters_is_quoted():
    (source,) = [source for source in AROUND.dictionary.sources if source.id == "GDP_Cash"]
    loud = Source.model_validate(source.model_dump(mode="json") | {"table": "GDP_Cash"})
    around = Surroundings(AROUND.dictionary.model_copy(update={"sources": (loud,)}))
    text = next(each.content.decode() for each in render_kpi(KPIS["CFO-CA-01"], around) if "postgres" in each.path)
    assert 'FROM "GDP_Cash"' in text.split("before balances-available")[1]
