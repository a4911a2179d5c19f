"""SQL a run executes: what the dictionary's judge (kpis.sql) has normalised, restricted to entities; formulas compiled to one SELECT."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlglot import exp

from kpis import sql as judged
from kpis.formulas import formula_of
from kpis.schema import Kpi, KpiRef, SqlExpression
from lambdas.domain.errors import ErrorCode, KpiError

# sqlglot writes named parameters of PostgreSQL as its drivers do; ours stay :name until an adapter knows its driver.
_DRIVER_PARAMETER = re.compile(r"%\((\w+)\)s")


@lru_cache(maxsize=1024)
def executable(sql: str) -> str:
    """The statement exactly as judged: one SELECT of pure functions, with `:name` parameters.

    Raises:
        KpiError: SQL_ERROR naming what is not allowed.
    """
    query, problems = judged.parse_query(sql)
    if query is None or problems:
        raise KpiError(ErrorCode.SQL_ERROR, "; ".join(problem.message for problem in problems))
    return _DRIVER_PARAMETER.sub(r":\1", query.sql(dialect=judged.DIALECT, comments=False))


def wrapped(sql: str, entities: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    """The author's SELECT, restricted to entities and ordered by them; with the parameters the restriction needs."""
    where, parameters = _restriction(entities)
    return f"SELECT entity, value, rows_processed FROM ({executable(sql)}) AS kpi {where} ORDER BY entity", parameters  # noqa: S608 - judged


def _restriction(entities: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    parameters = {f"entity_{index}": entity for index, entity in enumerate(entities or ())}
    return (f"WHERE entity IN ({', '.join(f':{name}' for name in parameters)})" if parameters else ""), parameters


@lru_cache(maxsize=1024)
def _scalar(formula: str, names: tuple[str, ...]) -> str:
    tree, problems = judged.parse_scalar(formula)
    if tree is None or problems:
        raise KpiError(ErrorCode.SQL_ERROR, f"formula '{formula}': {'; '.join(problem.message for problem in problems)}")
    unknown = sorted({column.name for column in tree.find_all(exp.Column)} - set(names))
    if unknown:
        raise KpiError(ErrorCode.SQL_ERROR, f"formula '{formula}' uses {', '.join(unknown)}; known names are {', '.join(sorted(names))}")
    return tree.sql(dialect=judged.DIALECT, comments=False)


def scalar(formula: str, names: Sequence[str]) -> str:
    """A formula, checked: a scalar expression of pure functions over these names.

    Raises:
        KpiError: SQL_ERROR naming what is not allowed.
    """
    return _scalar(formula, tuple(names))


def compiled(kpi: Kpi, entities: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    """A formula as one SELECT over the latest delivered results of the upstream KPIs, joined by entity.

    `rows_processed` is the number of upstream results behind the value. Its `:name` parameters are tenant_id, environment,
    scd_view, period_start, period_end and those returned.
    """
    sources = kpi.kpi_sources
    expression = scalar(formula_of(kpi), [source.alias for source in sources])
    where, parameters = _restriction(entities)
    joined = " JOIN ".join(
        f"{_latest(index, source, parameters)}{' USING (entity)' if index else ''}" for index, source in enumerate(sources)
    )
    sql = (
        f"SELECT entity, CAST({expression} AS DOUBLE PRECISION) AS value, CAST({len(sources)} AS BIGINT) AS rows_processed "  # noqa: S608
        f"FROM {joined} {where} ORDER BY entity"
    )
    return sql, parameters


def _latest(index: int, source: KpiRef, parameters: dict[str, Any]) -> str:
    parameters[f"kpi_{index}"] = source.kpi
    pinned = ""
    if source.version is not None:
        parameters[f"version_{index}"] = source.version
        pinned = f" AND contract_version = :version_{index}"
    return (
        f"(SELECT DISTINCT ON (entity) entity, value AS {source.alias} FROM kpi_result "  # noqa: S608 - names are checked identifiers
        f"WHERE tenant_id = :tenant_id AND environment = :environment AND kpi_id = :kpi_{index}{pinned} AND scd_view = :scd_view "
        f"AND period_start = :period_start AND period_end = :period_end ORDER BY entity, run_id DESC) AS s{index}"
    )


_sql_hash = lru_cache(maxsize=1024)(judged.sql_hash)


def hash_of(kpi: Kpi) -> str:
    """The `sql_hash` of a KPI, whatever its expression is: SHA-256 of the normalised statement."""
    if isinstance(kpi.expression, SqlExpression):
        return _sql_hash(kpi.expression.sql)
    return hashlib.sha256(compiled(kpi, None)[0].encode()).hexdigest()


def evaluation(expressions: Sequence[str], names: Sequence[str]) -> str:
    """One SELECT that evaluates scalar expressions for rows given as arrays `:entities` and `:v_<name>`."""
    checked = [scalar(expression, names) for expression in expressions]
    columns = ", ".join(f"CAST({expression} AS DOUBLE PRECISION) AS e{index}" for index, expression in enumerate(checked))
    arrays = ", ".join(f"CAST(:v_{name} AS DOUBLE PRECISION[])" for name in names)
    return f"SELECT entity, {columns} FROM unnest(CAST(:entities AS TEXT[]), {arrays}) AS given(entity, {', '.join(names)})"  # noqa: S608


def for_psycopg(sql: str, parameters: Mapping[str, Any]) -> str:
    """The statement with the given `:name` parameters as psycopg writes them; `::type` casts stay."""
    escaped = sql.replace("%", "%%")
    if not parameters:
        return escaped
    known = "|".join(re.escape(name) for name in sorted(parameters, key=len, reverse=True))
    return re.sub(rf"(?<![:\w]):({known})\b", r"%(\1)s", escaped)
