"""Tables and columns of a statement against what its KPI declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from kpis.diagnostics import nearest
from kpis.sql import SqlProblem, line_of

Tables = Mapping[str, frozenset[str]]
"""Readable columns by physical table, all in lower case."""


def name_problems(query: exp.Query, tables: Tables) -> Iterator[SqlProblem]:
    """Every table and column the statement reads without having declared it."""
    undeclared = list(_undeclared_tables(query, tables))
    yield from undeclared
    if undeclared:
        return  # their columns would only repeat the same complaint
    try:
        scopes = traverse_scope(query)
    except SqlglotError as error:
        yield SqlProblem("sql-syntax", str(error).split("\n", maxsplit=1)[0])
        return
    for scope in scopes:
        yield from _scope_problems(scope, tables)


def _undeclared_tables(query: exp.Query, tables: Tables) -> Iterator[SqlProblem]:
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            continue  # a table function; functions are judged by their own list
        if table.args.get("db") or (_folded(table.this) not in tables and not _is_cte(table)):
            known = nearest(table.name, tables) or f"; declared: {', '.join(sorted(tables)) or 'none'}"
            yield SqlProblem("sql-undeclared-table", f"table {table.sql('postgres')} is not among the sources{known}", line_of(table))


def _is_cte(table: exp.Table) -> bool:
    """Whether a WITH that is in sight at this place names the table."""
    inside: exp.Expression = table
    name = _folded(table.this)
    while inside.parent is not None:
        holder = inside.parent
        block = holder.args.get("with")
        if isinstance(block, exp.With) and block is not inside and name in _cte_names(block):
            return True
        if isinstance(holder, exp.With):
            earlier = holder.expressions if holder.args.get("recursive") else holder.expressions[: holder.expressions.index(inside)]
            if name in {_folded(cte.args["alias"].this) for cte in earlier}:
                return True
        inside = holder
    return False


def _cte_names(block: exp.With) -> set[str]:
    return {_folded(cte.args["alias"].this) for cte in block.expressions}


def _folded(identifier: exp.Expression) -> str:
    return identifier.name if identifier.args.get("quoted") else identifier.name.lower()


def _scope_problems(scope: Scope, tables: Tables) -> Iterator[SqlProblem]:
    for source in _sources(scope).values():
        alias = source.args.get("alias") if isinstance(source, exp.Table) else None
        if isinstance(source, exp.Table) and alias is not None and alias.args.get("columns") and _is_named(source):
            yield SqlProblem("sql-undeclared-column", f"table {source.name} renames its columns; use their names", line_of(source))
    yield from _stars(scope)
    for join in _joins(scope):
        yield from _join_problems(join, scope, tables)
    for column in cast("list[exp.Column]", scope.columns):
        if not isinstance(column.this, exp.Star):
            yield from _column_problems(column, scope, tables)


def _joins(scope: Scope) -> list[exp.Join]:
    return cast("list[exp.Join]", scope.expression.args.get("joins") or [])


def _join_problems(join: exp.Join, scope: Scope, tables: Tables) -> Iterator[SqlProblem]:
    if join.args.get("method") == "NATURAL":
        yield SqlProblem("sql-undeclared-column", "NATURAL JOIN reads columns nobody named; use ON", line_of(join))
    for column in cast("list[exp.Expression]", join.args.get("using") or []):
        if not _known(scope, _folded(column), tables):
            yield _unknown(column, _folded(column), scope, tables)


def _column_problems(column: exp.Column, scope: Scope, tables: Tables) -> Iterator[SqlProblem]:
    name = _folded(column.this)
    if not column.table:
        if not _known(scope, name, tables) and name not in _aliases(scope):
            yield _unknown(column, name, scope, tables)
        return
    source = _source(scope, column.table)
    readable = frozenset[str]() if source is None else _readable(source, tables)
    if readable is not None and name not in readable:
        yield _unknown(column, name, scope, tables)


def _stars(scope: Scope) -> Iterator[SqlProblem]:
    if not isinstance(scope.expression, exp.Select):
        return
    for projection in scope.expression.expressions:
        star = isinstance(projection, exp.Star) or (isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star))
        reads_table = any(isinstance(source, exp.Table) and _is_named(source) for source in _sources(scope).values())
        if star and reads_table:
            yield SqlProblem("sql-undeclared-column", "* reads columns nobody declared; name the columns", line_of(scope.expression))


def _is_named(table: exp.Table) -> bool:
    return isinstance(table.this, exp.Identifier)


def _sources(scope: Scope) -> dict[str, exp.Expression | Scope]:
    return cast("dict[str, exp.Expression | Scope]", scope.sources)


def _around(scope: Scope) -> Iterator[Scope]:
    """The query and those it stands in, whose columns it may use."""
    current: Scope | None = scope
    while current is not None:
        yield current
        current = cast("Scope | None", current.parent)


def _unknown(node: exp.Expression, name: str, scope: Scope, tables: Tables) -> SqlProblem:
    known: set[str] = set()
    for source in _sources(scope).values():
        known |= _readable(source, tables) or frozenset()
    return SqlProblem("sql-undeclared-column", f"column {name} is not among the declared attributes{nearest(name, known)}", line_of(node))


def _known(scope: Scope, name: str, tables: Tables) -> bool:
    """Whether any source in sight has the column."""
    for near in _around(scope):
        for source in _sources(near).values():
            readable = _readable(source, tables)
            if readable is None or name in readable:
                return True
    return False


def _source(scope: Scope, alias: str) -> exp.Expression | Scope | None:
    for near in _around(scope):
        for name, source in _sources(near).items():
            if name.lower() == alias.lower():
                return source
    return None


def _readable(source: exp.Expression | Scope, tables: Tables) -> frozenset[str] | None:
    """The columns of a source in sight; None when any name may be one (a table function's output)."""
    if isinstance(source, exp.Table):
        return tables.get(_folded(source.this), frozenset()) if _is_named(source) else None
    if isinstance(source, Scope):
        if not isinstance(source.expression, exp.Query):
            return None
        renamed = cast("list[str]", source.outer_columns)
        names = renamed or source.expression.named_selects
        return None if "*" in names else frozenset(name.lower() for name in names)
    return None


def _aliases(scope: Scope) -> set[str]:
    """Output names of the query itself, which ORDER BY and GROUP BY may use."""
    projections = cast("list[exp.Expression]", cast("Any", scope.expression).args.get("expressions") or [])
    return {projection.alias.lower() for projection in projections if projection.alias}
