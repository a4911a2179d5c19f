"""What a column does not stand behind, it cannot change: every claim is tried out on a database.

A statement runs on random rows, then again with one input column shuffled. An output column may differ only if the lineage names that
input, for this column or for the rows of all.
"""

import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from kpis.artifact import Surroundings
from kpis.checks import check_packs
from kpis.lineage.column import column_lineage
from kpis.lineage.model import ColumnLineage
from kpis.schema import Dictionary, Kpi, SqlExpression
from tests.unit.kpis.lineage.statements import CASES, lineage

ROWS = 40
Table = dict[str, list[Any]]
PARAMETERS = {
    "period_start": "TIMESTAMP '2013-01-01'",
    "period_end": "TIMESTAMP '2013-01-20'",
    "as_of": "TIMESTAMP '2013-02-01'",
    "scd_view": "'restated'",
}
TYPES = {
    "text": "VARCHAR",
    "integer": "INTEGER",
    "numeric": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
# DuckDB has no order for these, or gives rows in any; the values are tried out by the others.
UNORDERED = {"a rank", "a row before", "distinct on", "an ordered aggregate", "order by prefers the output"}


def value(kind: str, rng: random.Random) -> Any:
    day = f"2013-01-{rng.randint(1, 28):02d}"
    choices: dict[str, Any] = {
        "text": rng.choice(["enterprise", "smb", "ORD", "JFK", "x"]),
        "integer": rng.randint(0, 4),
        "numeric": float(rng.randint(0, 9)),
        "boolean": rng.random() < 0.5,
        "date": day,
        "timestamp": f"{day} {rng.randint(0, 23):02d}:00:00",
    }
    return None if rng.random() < 0.05 else choices[kind]


def fill(connection: duckdb.DuckDBPyConnection, name: str, kinds: Mapping[str, str], data: Table) -> None:
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in zip(*data.values(), strict=True))
    typed = ", ".join(f"CAST(v.{column} AS {TYPES[kind]}) AS {column}" for column, kind in kinds.items())
    connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT {typed} FROM (VALUES {rows}) AS v({", ".join(kinds)})')


def literal(value: Any) -> str:
    return "NULL" if value is None else f"'{value}'"


def result(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, list[Any]]:
    """Each output column as a sorted list of what it holds."""
    found = connection.execute(sql)
    names = [each[0] for each in found.description or []]
    rows = found.fetchall()
    return {name: sorted(repr(row[index]) for row in rows) for index, name in enumerate(names)}


def behind(found: ColumnLineage, output: str) -> set[tuple[str, str]]:
    inputs = (*found.output(output).inputs, *found.rows)
    return {(each.field.dataset, each.field.name) for each in inputs}


def tried(
    sql: str, tables: Mapping[str, tuple[str, Mapping[str, str]]], found: ColumnLineage, seeds: Iterable[int]
) -> tuple[set[str], set[tuple[str, str]]]:
    """What changed without the lineage saying so, and which inputs changed something. `tables`: dataset and column types by name."""
    wrong: set[str] = set()
    felt: set[tuple[str, str]] = set()
    with duckdb.connect(config={"threads": 1}) as connection:
        for rng in map(random.Random, seeds):
            data = {name: {column: [value(kind, rng) for _ in range(ROWS)] for column, kind in kinds.items()}
                    for name, (_, kinds) in tables.items()}  # fmt: skip
            for name, (_, kinds) in tables.items():
                fill(connection, name, kinds, data[name])
            before = result(connection, sql)
            for name, (dataset, kinds) in tables.items():
                for column, kind in kinds.items():
                    fill(connection, name, kinds, data[name] | {column: [value(kind, rng) for _ in range(ROWS)]})
                    after = result(connection, sql)
                    changed = {output for output in before if after[output] != before[output]}
                    felt |= {(dataset, column)} if changed else set()
                    wrong |= {f"{dataset}.{column} changes {each}" for each in changed if (dataset, column) not in behind(found, each)}
                fill(connection, name, kinds, data[name])
    return wrong, felt


T_AND_U = {
    "t": ("gdp:T", dict.fromkeys("abcdk", "integer")),
    "u": ("gdp:U", dict.fromkeys("akxy", "integer")),
}


@pytest.mark.parametrize("name", [name for name in CASES if name not in UNORDERED])
def test_only_what_the_lineage_names_changes_the_result_of(name: str) -> None:
    sql, _ = CASES[name]
    wrong, _ = tried(sqlglot.transpile(sql, read="postgres", write="duckdb")[0], T_AND_U, lineage(sql), range(2))
    assert wrong == set()


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return check_packs(Path("kpis/packs"), root=Path()).dictionary


def statement(kpi: Kpi) -> str:
    assert isinstance(kpi.expression, SqlExpression)
    sql = kpi.expression.sql
    for name, written in PARAMETERS.items():
        sql = sql.replace(f":{name}", written)
    return sqlglot.transpile(sql, read="postgres", write="duckdb")[0]


def test_the_lineage_of_every_shipped_kpi_holds_on_a_database(dictionary: Dictionary) -> None:
    around = Surroundings(dictionary)
    wrong: dict[str, set[str]] = {}
    unfelt: list[str] = []
    read = [kpi for kpi in dictionary.kpis if isinstance(kpi.expression, SqlExpression)]
    for kpi in read:
        found = column_lineage(kpi, around)
        assert found.complete, (kpi.id, found)
        tables = {
            source.table: (f"gdp:{source.id}", {name: column.type for name, column in source.columns.items()})
            for source in around.sources_of(kpi)
        }
        surprises, felt = tried(statement(kpi), tables, found, [1])
        wrong |= {kpi.id: surprises} if surprises else {}
        unfelt += [] if felt else [kpi.id]
    assert wrong == {}
    # Otherwise the test would prove nothing: nearly every statement must feel some of its inputs on these rows.
    assert len(unfelt) < len(read) / 10, unfelt


def test_the_database_catches_a_lineage_that_forgets_an_input() -> None:
    sql = "SELECT SUM(a) AS z FROM t WHERE b > 1"
    assert tried(sql, T_AND_U, lineage("SELECT SUM(a) AS z FROM t"), range(2))[0] == {"gdp:T.b changes z"}
    assert tried(sql, T_AND_U, lineage("SELECT 1 AS z FROM t WHERE b > 1"), range(2))[0] == {"gdp:T.a changes z"}
