"""What the rows and columns of a SELECT are made of: WITH, FROM, joins, grouping and the set operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from sqlglot import exp

from kpis.lineage.expressions import FILTER, SORT, trace
from kpis.lineage.model import Subtype, Use
from kpis.lineage.relation import NOTHING, TRANSFORMATION, Relation, Scope, Trace, folded, union, unknown

GROUP_BY = Use(Subtype.GROUP_BY)
JOIN = Use(Subtype.JOIN)
MAX_ROUNDS = 64
"""Rounds in which the lineage of a recursive WITH must settle; each adds at least one input, so a real statement needs few."""


def read(query: exp.Expression, tables: Mapping[str, Relation]) -> Relation:
    """The columns and rows of a statement over tables of the given names (folded to lower case)."""
    return _query(query, Scope(_query, tables))


def _query(node: exp.Expression, scope: Scope) -> Relation:
    scope = _with(node, scope)
    if isinstance(node, exp.Select):
        return _select(node, scope)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, scope)
    if isinstance(node, exp.Subquery):
        return _ordered(node, _query(node.this, scope), scope)
    if isinstance(node, exp.Values):
        return _values(node, scope)
    if isinstance(node, exp.Table):
        return _table(node, scope)
    return Relation((), rest=unknown(f"a {node.key} in place of a SELECT is not read"))


def _with(node: exp.Expression, scope: Scope) -> Scope:
    block = node.args.get("with")
    if not isinstance(block, exp.With):
        return scope
    tables = dict(scope.tables)
    inner = Scope(scope.resolve, tables, scope.outer)
    for cte in block.expressions:
        alias = cte.args["alias"]
        name, names = folded(alias.this), [folded(each) for each in alias.columns]
        if block.args.get("recursive") and isinstance(cte.this, exp.SetOperation):
            tables[name] = _recursive(cte.this, name, names, inner)
        else:
            tables[name] = _query(cte.this, inner.beside()).renamed(names)
    return inner


def _recursive(node: exp.SetOperation, name: str, names: list[str], scope: Scope) -> Relation:
    relation = _query(node.this, scope.beside()).renamed(names)
    for _ in range(MAX_ROUNDS):
        inner = Scope(scope.resolve, {**scope.tables, name: relation}, scope.outer)
        grown = _query(node, inner).renamed(names)
        if grown == relation:
            return relation
        relation = grown
    return Relation((), rest=unknown(f"the recursive table {name} does not settle in {MAX_ROUNDS} rounds"))


def _select(node: exp.Select, scope: Scope) -> Relation:
    rows = [*_from(node, scope)]
    for window in cast("list[exp.Expression]", node.args.get("windows") or []):
        scope.windows[folded(window.this)] = window
    where, having = node.args.get("where"), node.args.get("having")
    rows += [trace(clause.this, scope).through(FILTER) for clause in (where, having) if clause is not None]
    columns = tuple(_projections(node, scope))
    rows += _grouping(node, columns, scope)
    distinct = node.args.get("distinct")
    if distinct is not None:
        on = distinct.args.get("on")
        keys = union(value for _, value in columns) if on is None else union(_named_values(_keys(on), columns, scope, output_first=True))
        rows.append(keys.through(GROUP_BY))
    return _ordered(node, Relation(columns, union(rows)), scope)


def _from(node: exp.Expression, scope: Scope) -> Iterator[Trace]:
    """Put the relations of FROM into the scope; gives what decides their rows."""
    first = node.args.get("from")
    if first is not None:
        yield _bind(first.this, scope)
    for lateral in cast("list[exp.Expression]", node.args.get("laterals") or []):
        yield _bind(lateral, scope)
    yield from _joins(node, scope)


def _joins(node: exp.Expression, scope: Scope) -> Iterator[Trace]:
    for join in cast("list[exp.Join]", node.args.get("joins") or []):
        before = list(scope.relations)
        yield _bind(join.this, scope)
        on = join.args.get("on")
        if on is not None:
            yield trace(on, scope).through(JOIN)
        if join.args.get("method") == "NATURAL":
            yield unknown("NATURAL JOIN joins by columns nobody named")
        yield from _using(join, before, scope)


def _using(join: exp.Join, before: list[str], scope: Scope) -> Iterator[Trace]:
    for identifier in cast("list[exp.Expression]", join.args.get("using") or []):
        name = folded(identifier)
        left = scope.merged.get(name) or _one(name, [scope.relations[alias] for alias in before])
        right = _one(name, [relation for alias, relation in scope.relations.items() if alias not in before])
        yield union([left, right]).through(JOIN)
        side = join.side
        both = union([left, right]).through(TRANSFORMATION)
        scope.merged[name] = both if side == "FULL" else right if side == "RIGHT" else left


def _one(name: str, relations: list[Relation]) -> Trace:
    found = [value for relation in relations for value in relation.find(name) or ([relation.rest] if relation.rest else [])]
    return found[0] if len(found) == 1 else unknown(f"USING ({name}) has {len(found)} columns of that name on one side")


def _bind(node: exp.Expression, scope: Scope) -> Trace:
    """Put one relation of FROM into the scope under its alias."""
    alias = node.args.get("alias")
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table) and alias is None:
        return union([_bind(node.this, scope), *_joins(node, scope)])  # only parentheses around joined tables
    name = folded(alias.this) if alias is not None and alias.this is not None else folded(node.this) if _is_named(node) else ""
    relation = _source(node, scope)
    if alias is not None:
        relation = relation.renamed([folded(each) for each in alias.columns])
    scope.relations[name or f"?{len(scope.relations)}"] = relation
    return union([relation.rows, *_joins(node, scope)])  # a JOIN b JOIN c ON .. ON ..: b holds the inner join


def _is_named(node: exp.Expression) -> bool:
    return isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier)


def _source(node: exp.Expression, scope: Scope) -> Relation:
    if isinstance(node, exp.Lateral):
        return _query(node.this, scope.inside()) if isinstance(node.this, exp.Subquery) else _function(node, scope)
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        return _joined(node.this, scope.beside())
    if isinstance(node, exp.Subquery | exp.Query):
        return _query(node, scope.beside())
    if isinstance(node, exp.Table):
        return _table(node, scope) if _is_named(node) else _function(node, scope)
    if isinstance(node, exp.Values):
        return _values(node, scope)
    return _function(node, scope)


def _joined(node: exp.Table, scope: Scope) -> Relation:
    """Joined tables in parentheses under one alias."""
    rows = _bind(node, scope)
    return Relation(tuple(_star(scope, None)), rows)


def _table(node: exp.Table, scope: Scope) -> Relation:
    name = folded(node.this)
    if node.args.get("db") or name not in scope.tables:
        return Relation((), rest=unknown(f"table {node.sql('postgres')} is not among the declared sources"))
    return scope.tables[name]


def _function(node: exp.Expression, scope: Scope) -> Relation:
    """A function in FROM: its columns are made of its arguments, and the one of a scalar function is called as its alias."""
    given = [child for key, value in node.args.items() if key not in ("alias", "joins") for child in _expressions(value)]
    value = union(trace(child, scope) for child in given).through(TRANSFORMATION)
    alias, offset = node.args.get("alias"), node.args.get("offset")
    called = folded(alias.this) if alias is not None and alias.this is not None else ""
    call = node.this if isinstance(node, exp.Table | exp.Lateral) else node
    if not isinstance(call, exp.GenerateSeries | exp.ExplodingGenerateSeries | exp.Unnest | exp.Explode):
        return Relation((), rest=union([value, unknown(f"which columns {call.sql('postgres')} has is not known")]))
    width = len(call.expressions) if isinstance(call, exp.Unnest) else 1
    names = [called or call.sql_name().lower()] * max(width, 1)
    columns = [(name, value) for name in names]
    if offset is not None or node.args.get("ordinality"):
        columns.append((folded(offset) if isinstance(offset, exp.Identifier) else "ordinality", NOTHING))
    return Relation(tuple(columns), value.through(JOIN))  # how many rows it gives depends on its arguments


def _expressions(value: object) -> list[exp.Expression]:
    listed = cast("list[object]", value) if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, exp.Expression)]


def _values(node: exp.Expression, scope: Scope) -> Relation:
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
    width = max((len(row) for row in rows), default=0)
    columns = (union(trace(row[index], scope) for row in rows if index < len(row)) for index in range(width))
    return Relation(tuple((f"column{index + 1}", column) for index, column in enumerate(columns)))


def _projections(node: exp.Select, scope: Scope) -> Iterator[tuple[str, Trace]]:
    for projection in node.expressions:
        if isinstance(projection, exp.Star):
            yield from _star(scope, None)
        elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
            table = projection.args.get("table")
            yield from _star(scope, None if table is None else folded(table))
        else:
            yield _output_name(projection), trace(projection, scope)


def _star(scope: Scope, table: str | None) -> Iterator[tuple[str, Trace]]:
    if table is not None and table not in scope.relations:
        yield "*", unknown(f"{table}.*: no table {table} is in sight")
    if table is None:
        yield from scope.merged.items()
    for name, relation in scope.relations.items():
        if table is None or name == table:
            yield from (each for each in relation.columns if table is not None or each[0] not in scope.merged)
            if relation.rest is not None:
                yield "*", union([relation.rest, unknown(f"* of {name} stands for columns nobody named")])


def _output_name(projection: exp.Expression) -> str:
    """The name PostgreSQL gives a column: its alias or own name, else that of the function, else `?column?`."""
    alias = projection.args.get("alias")
    if isinstance(projection, exp.Alias) and isinstance(alias, exp.Identifier):
        return folded(alias)
    inner = projection
    while isinstance(inner, exp.Paren | exp.Window | exp.Filter | exp.WithinGroup | exp.Cast):
        inner = inner.this
    if isinstance(inner, exp.Column):
        return folded(inner.this)
    if isinstance(inner, exp.Anonymous):
        return str(inner.this).lower()
    return inner.sql_name().lower() if isinstance(inner, exp.Func) else "?column?"


def _grouping(node: exp.Select, columns: tuple[tuple[str, Trace], ...], scope: Scope) -> Iterator[Trace]:
    group = node.args.get("group")
    if group is not None:
        keys = [key for value in group.args.values() for each in _expressions(value) for key in _keys(each)]
        yield union(_named_values(keys, columns, scope, output_first=False)).through(GROUP_BY)


def _keys(node: exp.Expression) -> Iterator[exp.Expression]:
    """The single keys of a GROUP BY item: GROUPING SETS, ROLLUP, CUBE, lists and parentheses opened."""
    if isinstance(node, exp.GroupingSets | exp.Rollup | exp.Cube | exp.Tuple):
        for each in node.expressions:
            yield from _keys(each)
    elif isinstance(node, exp.Paren):
        yield from _keys(node.this)
    else:
        yield node


def _named_values(
    keys: Iterator[exp.Expression] | list[exp.Expression], columns: tuple[tuple[str, Trace], ...], scope: Scope, *, output_first: bool
) -> Iterator[Trace]:
    """Keys that may also be a position or the name of an output column.

    PostgreSQL prefers the output column in ORDER BY and the input column in GROUP BY (documentation of SELECT).
    """
    for key in keys:
        if isinstance(key, exp.Literal) and not key.is_string:
            position = int(key.this) if str(key.this).isdigit() else 0
            yield columns[position - 1][1] if 0 < position <= len(columns) else unknown(f"position {key.this} is not an output column")
            continue
        bare = folded(key.this) if isinstance(key, exp.Column) and not key.table and not isinstance(key.this, exp.Star) else ""
        named = [value for name, value in columns if bare and name == bare]
        if len(named) == 1 and (output_first or not scope.knows(bare)):
            yield named[0]
        else:
            yield trace(key, scope)


def _ordered(node: exp.Expression, relation: Relation, scope: Scope) -> Relation:
    order = node.args.get("order")
    if order is None:
        return relation
    keys = [each.this for each in order.expressions]
    sorting = union(_named_values(keys, relation.columns, scope, output_first=True)).through(SORT)
    return Relation(relation.columns, union([relation.rows, sorting]), relation.rest)


def _set_operation(node: exp.SetOperation, scope: Scope) -> Relation:
    left, right = _query(node.this, scope.beside()), _query(node.expression, scope.beside())
    if len(left.columns) != len(right.columns) or left.rest or right.rest:
        reason = f"the two sides of {node.key.upper()} have {len(left.columns)} and {len(right.columns)} known columns"
        columns = tuple((name, union([value, unknown(reason)])) for name, value in left.columns)
        return Relation(columns, union([left.rows, right.rows]), unknown(reason))
    pairs = list(zip(left.columns, right.columns, strict=True))
    rows = [left.rows, right.rows]
    if isinstance(node, exp.Union):
        columns = tuple((name, union([one, other])) for (name, one), (_, other) in pairs)
    else:  # EXCEPT and INTERSECT give rows of the left side, chosen by comparing whole rows
        columns = left.columns
        rows += [union([one, other]).through(FILTER) for (_, one), (_, other) in pairs]
    if node.args.get("distinct"):
        rows.append(union(value for _, value in columns).through(GROUP_BY))
    return _ordered(node, Relation(columns, union(rows)), scope)
