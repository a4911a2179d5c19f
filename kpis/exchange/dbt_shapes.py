"""Which SQL of a KPI is one aggregation that MetricFlow computes the same way: the shape, or the reason why it is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from sqlglot import exp

from kpis.schema import Kpi, Source, SqlExpression
from kpis.sql import DIALECT, parse_query

_AGGREGATES: dict[type[exp.Expression], str] = {exp.Sum: "sum", exp.Avg: "average", exp.Min: "min", exp.Max: "max"}
_CLAUSES = {"group": "GROUP BY", "order": "ORDER BY", "joins": "a join"}
_TIMES = frozenset({"date", "timestamp"})
_NAME = re.compile(r"(?!.*__)[a-z][a-z0-9_]*[a-z0-9]\Z")


class ShapeError(ValueError):
    """The KPI is not exported; the message says why."""


@dataclass(frozen=True)
class SimpleShape:
    """One aggregation over one table and one filter; `dimensions` are the columns the filter reads."""

    agg: str
    expr: str
    filter: str
    dimensions: tuple[str, ...]
    fill: int | None = None
    percentile: float | None = None
    discrete: bool = False


def dimension_name(column: str) -> str:
    """The name of a column's dimension.

    Raises:
        ShapeError: when dbt does not allow it.
    """
    name = column.lower()
    if _NAME.match(name) is None:
        raise ShapeError(f"column {column} has a name that dbt does not allow for a dimension")
    return name


def shape_of(kpi: Kpi, source: Source, entity: str) -> SimpleShape:
    """The shape of a primary's SQL; `entity` stands before the names of dimensions.

    Raises:
        ShapeError: when it is more than one aggregation of the rows of the period.
    """
    if not isinstance(kpi.expression, SqlExpression):
        raise ShapeError("a weighted index has no type in MetricFlow")
    query, problems = parse_query(kpi.expression.sql)
    if not isinstance(query, exp.Select) or problems:
        raise ShapeError("its SQL is not one plain SELECT")
    entity_value, value, rows = (projection.unalias() for projection in query.expressions)
    column = _entity_column(entity_value, query, kpi)
    allowed = ("expressions", "from", "where", "kind", *(("group",) if column else ()))
    extra = [name for name, value in query.args.items() if value and name not in allowed]
    table = query.args["from"].this if query.args.get("from") else None
    if extra or not isinstance(table, exp.Table) or table.alias or table.name.lower() != source.table.lower():
        what = ", ".join(sorted(_CLAUSES.get(name, name.upper()) for name in extra)) or "a source that is not the table itself"
        raise ShapeError(f"its SQL has {what}, which a measure has not")
    if column is None and not (isinstance(entity_value, exp.Literal) and entity_value.this == "ALL"):
        raise ShapeError("its entities are more than the values of one column and ALL")
    if rows.sql(DIALECT).upper() != "COUNT(*)":
        raise ShapeError("its rows_processed is not COUNT(*)")
    where = list(_conjuncts(query.args["where"].this)) if query.args.get("where") else []
    kept = _without_period(where, source)
    text, columns = _filter(kept, source, entity)
    return _aggregate(value, text, (*columns, *((column,) if column else ())))


def _entity_column(entity: exp.Expression, query: exp.Select, kpi: Kpi) -> str | None:
    """The column whose values, and ALL, are the entities; whoever asks MetricFlow groups by its dimension."""
    column = kpi.entity_dimension
    group = query.args.get("group")
    if column is None or group is None or entity.sql(DIALECT) != f"COALESCE({column}, 'ALL')":
        return None
    return column if group.sql(DIALECT).strip() == f"GROUP BY GROUPING SETS (({column}), ())" else None


def _conjuncts(tree: exp.Expression) -> Iterator[exp.Expression]:
    inner = tree.unnest()
    if isinstance(inner, exp.And):
        yield from _conjuncts(inner.left)
        yield from _conjuncts(inner.right)
    else:
        yield inner


def _without_period(where: list[exp.Expression], source: Source) -> list[exp.Expression]:
    """The conditions besides those that every KPI has: the period, and what was known."""
    expected = {
        f"{source.period_column} >= :period_start",
        f"{source.period_column} < :period_end",
        f"{source.freshness_column} <= :as_of",
    }
    kept: list[exp.Expression] = []
    for condition in where:
        text = _written(condition)
        if text in expected:
            expected.remove(text)
        elif condition.find(exp.Placeholder):
            raise ShapeError(f"it reads other rows than those of the period: {text}")
        else:
            kept.append(condition)
    if expected:
        raise ShapeError(f"it reads other rows than those of the period: {' and '.join(sorted(expected))} is not among its conditions")
    return kept


def _written(tree: exp.Expression) -> str:
    copy = tree.copy()
    for parameter in list(copy.find_all(exp.Placeholder)):
        parameter.replace(exp.Var(this=f":{parameter.name}"))
    return copy.sql(DIALECT, comments=False)


def _filter(conditions: list[exp.Expression], source: Source, entity: str) -> tuple[str, tuple[str, ...]]:
    columns: dict[str, None] = {}
    texts: list[str] = []
    for condition in conditions:
        copy = condition.copy()
        for literal in copy.find_all(exp.Literal):
            if literal.is_string and any(mark in literal.this for mark in ("{{", "{%", "{#", "}}", "%}", "#}")):
                raise ShapeError("its filter compares with a text that dbt would read as Jinja")
        holder = exp.Paren(this=copy)
        for column in list(holder.find_all(exp.Column)):
            name = _column(column, source)
            if source.columns[name].type in _TIMES:
                raise ShapeError(f"its filter reads the time {name}, which MetricFlow cuts to its grain")
            columns.setdefault(name)
            column.replace(exp.Var(this=f"{{{{ Dimension('{entity}__{dimension_name(name)}') }}}}"))
        inner = holder.this
        text = inner.sql(DIALECT, comments=False)
        texts.append(f"({text})" if isinstance(inner, exp.Or) and len(conditions) > 1 else text)
    return " AND ".join(texts), tuple(columns)


def _column(column: exp.Column, source: Source) -> str:
    known = {name.lower(): name for name in source.columns}
    name = known.get(column.name.lower())
    if name is None or (column.table and column.table.lower() != source.table.lower()):
        raise ShapeError(f"its filter reads {column.sql(DIALECT)}, which is not a column of {source.id}")
    return name


def _aggregate(value: exp.Expression, text: str, columns: tuple[str, ...]) -> SimpleShape:
    fill: int | None = None
    if isinstance(value, exp.Coalesce) and len(value.expressions) == 1 and value.expressions[0].is_int:
        fill, value = int(value.expressions[0].sql(DIALECT)), value.this
    if isinstance(value, exp.WithinGroup):
        return _percentile(value, text, columns, fill)
    if isinstance(value, exp.Count) and not value.expressions:
        return _count(value, text, columns, fill)
    agg = _AGGREGATES.get(type(value))
    inner: Any = value.this if agg is not None else None
    if agg is None or isinstance(inner, exp.Distinct) or inner.find(exp.AggFunc):
        raise ShapeError("its value is not one aggregation (a sum, count, average, minimum, maximum or percentile)")
    return SimpleShape(agg, _inner(inner), text, columns, fill)


def _count(value: exp.Count, text: str, columns: tuple[str, ...], fill: int | None) -> SimpleShape:
    inner: Any = value.this
    if isinstance(inner, exp.Distinct):
        if len(inner.expressions) != 1:
            raise ShapeError("it counts different combinations of columns")
        return SimpleShape("count_distinct", _inner(inner.expressions[0]), text, columns, fill)
    return SimpleShape("count", "1" if isinstance(inner, exp.Star) else _inner(inner), text, columns, fill)


def _percentile(value: exp.WithinGroup, text: str, columns: tuple[str, ...], fill: int | None) -> SimpleShape:
    function, order = value.this, value.expression
    ordered = cast("list[exp.Expression]", order.expressions) if isinstance(order, exp.Order) else []
    share = function.this
    if not isinstance(function, exp.PercentileCont | exp.PercentileDisc) or len(ordered) != 1 or not isinstance(share, exp.Literal):
        raise ShapeError("its value is not one percentile of one expression")
    if ordered[0].args.get("desc"):
        raise ShapeError("its percentile counts from the top")
    discrete = isinstance(function, exp.PercentileDisc)
    return SimpleShape("percentile", _inner(ordered[0].this), text, columns, fill, float(share.this), discrete)


def _inner(tree: exp.Expression) -> str:
    if tree.find(exp.Placeholder, exp.Query, exp.Window):
        raise ShapeError("its aggregation reads a parameter, a subquery or a window")
    return tree.sql(DIALECT, comments=False)
