"""Statements nobody thought of: random ones are tried out on a database, and no input may change an output that does not name it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.kpis.lineage.statements import lineage
from tests.unit.kpis.lineage.test_against_a_database import T_AND_U, tried

Draw = st.DrawFn


@dataclass(frozen=True)
class From:
    """A FROM clause and the columns in sight."""

    sql: str
    columns: tuple[str, ...]


class Names:
    def __init__(self) -> None:
        self._numbers = count()

    def fresh(self) -> str:
        return f"s{next(self._numbers)}"


def expression(draw: Draw, columns: tuple[str, ...], depth: int = 2) -> str:
    kind = draw(st.integers(0, 7)) if depth else 0
    if kind <= 2:
        return draw(st.sampled_from(columns)) if kind < 2 or not depth else str(draw(st.integers(0, 3)))
    one, other = expression(draw, columns, depth - 1), expression(draw, columns, depth - 1)
    return {
        3: f"({one} + {other})",
        4: f"({one} * {other})",
        5: f"COALESCE({one}, {other})",
        6: f"NULLIF({one}, {other})",
        7: f"CASE WHEN {one} > {expression(draw, columns, 0)} THEN {other} ELSE {expression(draw, columns, 0)} END",
    }[kind]


def aggregate(draw: Draw, columns: tuple[str, ...]) -> str:
    inner = expression(draw, columns, 1)
    calls = (f"SUM({inner})", f"MAX({inner})", f"COUNT({inner})", f"COUNT(DISTINCT {inner})", "COUNT(*)")
    call = draw(st.sampled_from(calls))
    return f"{call} FILTER (WHERE {expression(draw, columns, 1)} > 1)" if draw(st.booleans()) else call


def relation(draw: Draw, names: Names, depth: int) -> From:
    alias = names.fresh()
    table = draw(st.sampled_from(("t", "u")))
    columns = tuple("abcdk") if table == "t" else tuple("akxy")
    kind = draw(st.integers(0, 5))
    if depth and kind <= 2:
        inner = select(draw, names, depth - 1)
        return From(f"({inner}) AS {alias}", (f"{alias}.c0", f"{alias}.c1"))
    if depth and kind == 3:
        left, right = relation(draw, names, depth - 1), relation(draw, names, depth - 1)
        side = draw(st.sampled_from(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")))
        on = f"{draw(st.sampled_from(left.columns))} = {draw(st.sampled_from(right.columns))}"
        return From(f"{left.sql} {side} {right.sql} ON {on}", left.columns + right.columns)
    if kind == 4:
        renamed = tuple(f"{alias}.n{index}" for index in range(len(columns)))
        return From(f"{table} AS {alias}({', '.join(name.partition('.')[2] for name in renamed)})", renamed)
    return From(f"{table} AS {alias}", tuple(f"{alias}.{column}" for column in columns))


def condition(draw: Draw, names: Names, columns: tuple[str, ...], depth: int) -> str:
    plain = f"{expression(draw, columns, 1)} > {draw(st.integers(0, 3))}"
    if not depth:
        return plain
    inner = relation(draw, names, 0)
    key = draw(st.sampled_from(inner.columns))
    choices = (
        plain,
        f"{expression(draw, columns, 0)} IN (SELECT {key} FROM {inner.sql} WHERE {draw(st.sampled_from(inner.columns))} > 1)",
        f"EXISTS (SELECT 1 FROM {inner.sql} WHERE {key} = {draw(st.sampled_from(columns))})",
        f"(SELECT MAX({key}) FROM {inner.sql} WHERE {draw(st.sampled_from(inner.columns))} = {draw(st.sampled_from(columns))}) > 1",
    )
    return draw(st.sampled_from(choices))


def select(draw: Draw, names: Names, depth: int) -> str:
    kind = draw(st.integers(0, 6))
    if depth and kind == 5:
        operator = draw(st.sampled_from(("UNION ALL", "UNION", "EXCEPT", "INTERSECT")))
        return f"SELECT c0, c1 FROM ({select(draw, names, depth - 1)}) {operator} SELECT c0, c1 FROM ({select(draw, names, depth - 1)})"
    if depth and kind == 6:
        name = names.fresh()
        body = select(draw, names, depth - 1)
        joined = f"{name} JOIN {name} AS other USING (c1)"
        return f"WITH {name}(c0, c1) AS ({body}) SELECT {name}.c1 + other.c0 AS c0, {name}.c0 AS c1 FROM {joined}"
    source = relation(draw, names, depth)
    where = f" WHERE {condition(draw, names, source.columns, depth)}" if draw(st.booleans()) else ""
    one, other = expression(draw, source.columns), expression(draw, source.columns)
    if kind <= 1:
        having = f" HAVING {aggregate(draw, source.columns)} > 1" if draw(st.booleans()) else ""
        return f"SELECT {one} AS c0, {aggregate(draw, source.columns)} AS c1 FROM {source.sql}{where} GROUP BY 1{having}"
    if kind == 2:
        window = f"SUM({other}) OVER (PARTITION BY {expression(draw, source.columns, 1)})"
        ranked = f"RANK() OVER (ORDER BY {other})"
        return f"SELECT {one} AS c0, {draw(st.sampled_from((window, ranked)))} AS c1 FROM {source.sql}{where}"
    distinct = "DISTINCT " if kind == 3 else ""
    return f"SELECT {distinct}{one} AS c0, {other} AS c1 FROM {source.sql}{where}"


@st.composite
def statements(draw: Draw) -> str:
    return select(draw, Names(), 2)


@settings(max_examples=30, deadline=None)
@given(statements())
def test_only_what_the_lineage_names_changes_the_result_of_a_random_statement(sql: str) -> None:
    found = lineage(sql)
    assert found.complete, found
    wrong, _ = tried(sqlglot.transpile(sql, read="postgres", write="duckdb")[0], T_AND_U, found, [7])
    assert wrong == set()
