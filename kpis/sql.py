"""SQL of the dictionary as a hostile text: it may be one SELECT of pure functions over declared tables and parameters, nothing else.

What is not known to be harmless is refused: functions are allowed by name, not forbidden by name. Run `normalize`d text, never the
author's own, so that what executes is exactly what was judged.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

DIALECT = "postgres"
PARAMETERS = ("period_start", "period_end", "as_of", "scd_view")
OUTPUT_COLUMNS = ("entity", "value", "rows_processed")
# Functions sqlglot has no own class for, all immutable or stable without reading anything but their arguments.
PLAIN_FUNCTIONS = frozenset(
    {
        "age", "array_length", "btrim", "cardinality", "cbrt", "cume_dist", "date_bin", "date_part", "div", "factorial", "gcd",
        "isfinite", "justify_days", "justify_hours", "justify_interval", "lcm", "make_date", "make_interval", "make_timestamp",
        "make_timestamptz", "min_scale", "mod", "num_nulls", "numnonnulls", "octet_length", "percent_rank", "quote_literal",
        "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
        "scale", "to_number", "trim_scale", "width_bucket",
    }
)  # fmt: skip
_WRITES = (
    exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Command, exp.Into, exp.Lock, exp.Copy, exp.Set,
    exp.TruncateTable, exp.Transaction, exp.Commit, exp.Rollback, exp.Use, exp.Kill, exp.Grant, exp.Analyze, exp.Attach, exp.Detach,
    exp.Pragma, exp.LoadData, exp.Cache, exp.Uncache, exp.Comment, exp.Describe, exp.Show,
)  # fmt: skip
# A result must be the same whenever it is computed again, and say nothing about the session it was computed in.
_UNREPEATABLE = frozenset({"Rand", "Randn", "Uuid", "NextValueFor", "SessionParameter"})
# Functions of other dialects that read files, call models or depend on the clock; by prefix and by name of sqlglot's class.
_FOREIGN_PREFIXES = ("Current", "Utc", "Read", "AI", "ML")
_FOREIGN = frozenset(
    {"FeaturesAtTime", "GenerateEmbedding", "Predict", "VectorSearch", "OpenJSON", "XMLTable", "MatchAgainst", "Columns", "Apply"}
)
_CLOCK_WORDS = frozenset({"localtime", "localtimestamp", "session_user", "user", "current_role", "current_catalog", "current_schema"})


@dataclass(frozen=True)
class SqlProblem:
    """One thing wrong with a statement; `line` counts from 1 within its text."""

    code: str
    message: str
    line: int = 1


class _RefusedError(Exception):
    def __init__(self, problem: SqlProblem) -> None:
        self.problem = problem
        super().__init__(problem.message)


def normalize(sql: str) -> str:
    """The statement in one spelling: one line, no comments, parameters as `:name`.

    Raises:
        ValueError: when it is not one SELECT.
    """
    query, problems = parse_query(sql)
    if query is None:
        raise ValueError("; ".join(problem.message for problem in problems))
    return written(query)


def written(query: exp.Expression) -> str:
    """A judged statement as text for PostgreSQL, its parameters as `:name` (sqlglot alone writes those of one driver)."""
    copy = query.copy()
    for parameter in list(copy.find_all(exp.Placeholder)):
        parameter.replace(exp.Var(this=f":{parameter.name}"))
    return copy.sql(dialect=DIALECT, comments=False)


def sql_hash(sql: str) -> str:
    """SHA-256 (64 hex digits) of a statement, whatever its layout and comments."""
    return hashlib.sha256(normalize(sql).encode()).hexdigest()


@lru_cache(maxsize=4096)
def parse_query(sql: str) -> tuple[exp.Query | None, tuple[SqlProblem, ...]]:
    """One SELECT (or a UNION of them) and what is not allowed in it. Callers must not change the returned tree."""
    try:
        query = _one_select(sql)
    except _RefusedError as refused:
        return None, (refused.problem,)
    return query, tuple(_not_allowed(query))


@lru_cache(maxsize=4096)
def parse_scalar(expression: str) -> tuple[exp.Expression | None, tuple[SqlProblem, ...]]:
    """One scalar expression without sources or subqueries, and what is not allowed in it."""
    try:
        query = _one_select(f"SELECT {expression}")
    except _RefusedError as refused:
        return None, (SqlProblem("formula-syntax", refused.problem.message, refused.problem.line),)
    others = [name for name, value in query.args.items() if value and name not in ("expressions", "kind")]
    if not isinstance(query, exp.Select) or others or len(query.expressions) != 1 or len(list(query.find_all(exp.Query))) != 1:
        return None, (SqlProblem("formula-syntax", "not one scalar expression; write only what stands between SELECT and FROM"),)
    scalar = query.expressions[0]
    if isinstance(scalar, exp.Alias | exp.Star) or scalar.find(exp.AggFunc, exp.Window, exp.Placeholder, exp.Parameter):
        message = "an alias, aggregate, window or parameter; a formula combines the upstream values of one entity"
        return None, (SqlProblem("formula-syntax", message),)
    return scalar, tuple(_not_allowed(query))


def _one_select(sql: str) -> exp.Query:
    if "\x00" in sql:
        raise _RefusedError(SqlProblem("sql-syntax", "contains a NUL character"))
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns about every statement we refuse anyway
    try:
        statements = sqlglot.parse(sql, read=DIALECT)
    except SqlglotError as error:
        raise _RefusedError(_syntax(error)) from error
    except RecursionError as error:
        raise _RefusedError(SqlProblem("sql-syntax", "nested too deeply; flatten it with WITH")) from error
    found = [statement for statement in statements if statement is not None]
    if len(found) != 1:
        raise _RefusedError(SqlProblem("sql-not-select", f"{len(found)} statements; write exactly one SELECT"))
    statement = found[0]
    if isinstance(statement, _WRITES):
        word = str(statement.this) if isinstance(statement, exp.Command) else statement.key
        raise _RefusedError(SqlProblem("sql-writes", f"{word.upper()} is not a SELECT; a KPI only reads"))
    if not isinstance(statement, exp.Select | exp.SetOperation):
        raise _RefusedError(SqlProblem("sql-not-select", f"a {statement.key} statement; write exactly one SELECT"))
    return statement


def _syntax(error: SqlglotError) -> SqlProblem:
    details = cast("list[dict[str, Any]]", getattr(error, "errors", None) or [{}])[0]
    text = str(details.get("description") or str(error).split("\n", maxsplit=1)[0])
    text = re.sub(r"<class '[\w.]*?(\w+)'>", r"\1", text)
    near = str(details.get("highlight") or "").strip()
    line = int(details.get("line") or 1)
    return SqlProblem("sql-syntax", f"not PostgreSQL: {text}{f' near {near!r}' if near else ''}", line)


def line_of(node: exp.Expression) -> int:
    """The line a node is written on, as far as the parser kept it."""
    for candidate in node.walk():
        if "line" in candidate.meta:
            return int(candidate.meta["line"])
    return 1


def _not_allowed(query: exp.Expression) -> Iterator[SqlProblem]:
    for node in query.walk():
        if isinstance(node, _WRITES):
            yield SqlProblem("sql-writes", f"{node.key.upper()} inside the SELECT; a KPI only reads", line_of(node))
        elif isinstance(node, exp.Func) and _foreign(type(node).__name__):
            yield SqlProblem(
                "sql-function", f"{node.sql(DIALECT)} is not a function of its arguments alone; use :as_of or :period_end", line_of(node)
            )
        elif isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
            yield from _plain_function(node)
        elif isinstance(node, exp.Placeholder | exp.Parameter | exp.SessionParameter):
            yield from _parameter(node)
        elif isinstance(node, exp.Column) and not node.table and not node.this.args.get("quoted") and node.name.lower() in _CLOCK_WORDS:
            yield SqlProblem("sql-function", f"{node.name} depends on the session; use :as_of or :period_end", line_of(node))


def _foreign(name: str) -> bool:
    return name in _UNREPEATABLE or name in _FOREIGN or name.startswith(_FOREIGN_PREFIXES)


def _plain_function(node: exp.Expression) -> Iterator[SqlProblem]:
    name = str(node.this) if isinstance(node.this, str) else node.name
    qualified = isinstance(node.parent, exp.Dot)
    if qualified or name.lower() not in PLAIN_FUNCTIONS:
        yield SqlProblem("sql-function", f"function {name}() is not on the list of pure functions (kpis/sql.py)", line_of(node))


def _parameter(node: exp.Expression) -> Iterator[SqlProblem]:
    name = node.name if isinstance(node, exp.Placeholder) and isinstance(node.this, str) else ""
    if name not in PARAMETERS:
        shown = f":{name}" if name else node.sql(DIALECT)
        known = ", ".join(f":{parameter}" for parameter in PARAMETERS)
        yield SqlProblem("sql-unknown-parameter", f"parameter {shown} is not known; a KPI has {known}", line_of(node))


def used_parameters(query: exp.Expression) -> set[str]:
    """The named parameters of a statement."""
    return {node.name for node in query.find_all(exp.Placeholder)}


def output_problem(query: exp.Query, expected: tuple[str, ...] = OUTPUT_COLUMNS) -> SqlProblem | None:
    """Whether every branch of the statement has exactly the expected output columns, in order."""
    branches = [query] if isinstance(query, exp.Select) else [*_branches(query)]
    for branch in branches:
        names = tuple(branch.named_selects)
        if names != expected:
            message = f"output columns are {', '.join(names) or 'none'}; expected exactly {', '.join(expected)}"
            return SqlProblem("sql-output-columns", message, line_of(branch.expressions[0]) if branch.expressions else 1)
    return None


def _branches(query: exp.Expression) -> Iterator[exp.Select]:
    if isinstance(query, exp.Select):
        yield query
    elif isinstance(query, exp.SetOperation):
        yield from _branches(query.this)
        yield from _branches(query.expression)
    elif isinstance(query, exp.Subquery):
        yield from _branches(query.this)
