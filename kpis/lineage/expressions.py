"""What the value of a scalar expression is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from sqlglot import exp

from kpis.lineage.model import Subtype, Use
from kpis.lineage.relation import AGGREGATION, NOTHING, TRANSFORMATION, Scope, Trace, folded, union

CONDITIONAL = Use(Subtype.CONDITIONAL)
FILTER = Use(Subtype.FILTER)
SORT = Use(Subtype.SORT)
WINDOW = Use(Subtype.WINDOW)
_COUNT = Use(Subtype.AGGREGATION, masking=True)
_HASH = Use(Subtype.TRANSFORMATION, masking=True)
# Aggregates of PostgreSQL that sqlglot has no aggregate class for.
_AGGREGATES = frozenset({"every", "mode", "any_value", "range_agg", "xmlagg"})
_AGGREGATE_PREFIXES = ("regr_",)
# Window functions that give the value of one row; sqlglot counts them among the aggregates.
_ROW_FUNCTIONS = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
_HASHES = (exp.MD5, exp.MD5Digest, exp.SHA, exp.SHA2)


def trace(node: exp.Expression, scope: Scope) -> Trace:
    """What an expression's value is made of; columns that cannot be found become gaps."""
    special = _SPECIAL.get(type(node))
    if special is not None:
        return special(node, scope)
    if isinstance(node, exp.Query):
        return _subquery(node, scope)
    return _parts(node, scope).through(_use_of(node))


def _parts(node: exp.Expression, scope: Scope) -> Trace:
    return union(trace(child, scope) for child in node.iter_expressions())


def _use_of(node: exp.Expression) -> Use:
    if isinstance(node, _ROW_FUNCTIONS):
        return TRANSFORMATION
    if isinstance(node, _HASHES):
        return _HASH
    if isinstance(node, exp.Count | exp.ApproxDistinct):
        return _COUNT
    if isinstance(node, exp.AggFunc) or type(node).__name__.endswith("Agg"):
        return AGGREGATION
    if isinstance(node, exp.Anonymous):
        name = str(node.this).lower()
        return AGGREGATION if name in _AGGREGATES or name.startswith(_AGGREGATE_PREFIXES) else TRANSFORMATION
    return TRANSFORMATION


def _arg(node: exp.Expression, name: str) -> exp.Expression | None:
    return cast("exp.Expression | None", node.args.get(name))


def _args(node: exp.Expression, name: str) -> list[exp.Expression]:
    return cast("list[exp.Expression]", node.args.get(name) or [])


def _given(nodes: list[exp.Expression | None], scope: Scope, use: Use) -> Trace:
    return union(trace(node, scope) for node in nodes if node is not None).through(use)


def _column(node: exp.Expression, scope: Scope) -> Trace:
    if isinstance(node.this, exp.Star):
        return NOTHING  # t.* in count(t.*): rows, not values
    table = _arg(node, "table")
    return scope.column(folded(node.this), "" if table is None else folded(table))


def _this(node: exp.Expression, scope: Scope) -> Trace:
    return trace(node.this, scope) if isinstance(node.this, exp.Expression) else NOTHING


def _leaf(_node: exp.Expression, _scope: Scope) -> Trace:
    return NOTHING


def _subquery(node: exp.Expression, scope: Scope) -> Trace:
    relation = scope.resolve(node, scope.inside())
    return union([relation.whole(), relation.rows])


def _exists(node: exp.Expression, scope: Scope) -> Trace:
    # Which columns it selects does not matter, only whether there are rows.
    return scope.resolve(node.this, scope.inside()).rows


def _case(node: exp.Expression, scope: Scope) -> Trace:
    branches = _args(node, "ifs")
    conditions = _given([_arg(node, "this"), *(branch.this for branch in branches)], scope, CONDITIONAL)
    values = _given([*(_arg(branch, "true") for branch in branches), _arg(node, "default")], scope, TRANSFORMATION)
    return union([conditions, values])


def _if(node: exp.Expression, scope: Scope) -> Trace:
    values = _given([_arg(node, "true"), _arg(node, "false")], scope, TRANSFORMATION)
    return union([_given([node.this], scope, CONDITIONAL), values])


def _coalesce(node: exp.Expression, scope: Scope) -> Trace:
    choices = [node.this, *_args(node, "expressions")]
    return union([_given(choices, scope, TRANSFORMATION), _given(choices[:-1], scope, CONDITIONAL)])


def _nullif(node: exp.Expression, scope: Scope) -> Trace:
    value = _given([node.this], scope, TRANSFORMATION)
    return union([value, _given([node.this, _arg(node, "expression")], scope, CONDITIONAL)])


def _filter(node: exp.Expression, scope: Scope) -> Trace:
    where = _arg(node, "expression")
    return union([trace(node.this, scope), _given([where.this if where is not None else None], scope, FILTER)])


def _within_group(node: exp.Expression, scope: Scope) -> Trace:
    order = _arg(node, "expression")
    ordered = [] if order is None else [each.this for each in order.expressions]
    return union([trace(node.this, scope), _given(ordered, scope, AGGREGATION)])


def _order(node: exp.Expression, scope: Scope) -> Trace:
    """The ORDER BY inside an aggregate: its values, and what sorts them."""
    return union([_this(node, scope), _given([each.this for each in node.expressions], scope, SORT)])


def _distinct(node: exp.Expression, scope: Scope) -> Trace:
    return union(trace(each, scope) for each in node.expressions)


def _window(node: exp.Expression, scope: Scope) -> Trace:
    return union([trace(node.this, scope), union(trace(each, scope) for each in _window_parts(node, scope)).through(WINDOW)])


def _window_parts(node: exp.Expression, scope: Scope) -> Iterator[exp.Expression]:
    yield from _args(node, "partition_by")
    order, frame, named = _arg(node, "order"), _arg(node, "spec"), _arg(node, "alias")
    if order is not None:
        yield from (each.this for each in order.expressions)
    if frame is not None:
        yield from (bound for name in ("start", "end") if isinstance(bound := frame.args.get(name), exp.Expression))
    base = scope.windows.get(folded(named)) if named is not None else None
    if base is not None:
        yield from _window_parts(base, scope)


_SPECIAL: dict[type[Any], Callable[[exp.Expression, Scope], Trace]] = {
    exp.Alias: _this,
    exp.Boolean: _leaf,
    exp.Case: _case,
    exp.Coalesce: _coalesce,
    exp.Column: _column,
    exp.DataType: _leaf,
    exp.Distinct: _distinct,
    exp.Exists: _exists,
    exp.Filter: _filter,
    exp.Identifier: _leaf,
    exp.If: _if,
    exp.Literal: _leaf,
    exp.Null: _leaf,
    exp.Nullif: _nullif,
    exp.Order: _order,
    exp.Paren: _this,
    exp.Placeholder: _leaf,
    exp.Star: _leaf,
    exp.Subquery: _subquery,
    exp.Var: _leaf,
    exp.Window: _window,
    exp.WithinGroup: _within_group,
}
