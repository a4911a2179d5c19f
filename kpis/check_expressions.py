"""Checks of what a KPI computes: its SQL, formula or weights, and the statements and equalities of its rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from sqlglot import exp

from kpis.diagnostics import Diagnostic, nearest
from kpis.documents import Place, Step
from kpis.loader import Loaded
from kpis.rules import CrossKpi, Reconciliation, UpstreamRange
from kpis.schema import FormulaExpression, Kpi, Source, SqlExpression, WeightedExpression
from kpis.sql import SqlProblem, line_of, output_problem, parse_query, parse_scalar, used_parameters
from kpis.sql_names import Tables, name_problems

_WEIGHT_TOLERANCE = 1e-9
_PERIOD = frozenset({"period_start", "period_end"})


def expression_problems(loaded: Loaded) -> Iterator[Diagnostic]:
    """Every problem of every expression."""
    sources = {source.id: source for source in loaded.dictionary.sources}
    known = {key[1] for key in loaded.places if key[0] == "kpi"}
    for kpi in loaded.dictionary.kpis:
        yield from problems_of(kpi, loaded.places["kpi", kpi.id], sources, known)


def problems_of(kpi: Kpi, place: Place, sources: Mapping[str, Source], known: set[str]) -> Iterator[Diagnostic]:
    """Every problem of one KPI's expressions; `known` are the KPIs that exist."""
    tables = readable_tables(kpi, sources)
    if isinstance(kpi.expression, SqlExpression):
        yield from _placed(_primary(kpi.expression.sql, tables), place, ("expression", "sql"))
    elif isinstance(kpi.expression, FormulaExpression):
        yield from _placed(_formula(kpi, kpi.expression.formula), place, ("expression", "formula"))
    else:
        yield from _weights(kpi, kpi.expression, place)
    yield from _rules(kpi, place, tables, known)


def readable_tables(kpi: Kpi, sources: Mapping[str, Source]) -> Tables:
    """What a KPI's SQL may read: the declared attributes of its tables and the columns that carry their time."""
    tables: dict[str, frozenset[str]] = {}
    for ref in kpi.gdp_sources:
        source = sources.get(ref.gdp)
        if source is not None:
            columns = {*ref.attributes, source.period_column, source.freshness_column}
            tables[source.table.lower()] = frozenset(column.lower() for column in columns)
    return tables


def _placed(problems: Iterator[SqlProblem], place: Place, path: tuple[Step, ...]) -> Iterator[Diagnostic]:
    for problem in problems:
        file, line = place.text_line(path, problem.line)
        yield Diagnostic(file, line, problem.code, problem.message)


def _primary(sql: str, tables: Tables) -> Iterator[SqlProblem]:
    query, problems = parse_query(sql)
    yield from problems
    if query is None:
        return
    if tables:
        yield from name_problems(query, tables)
    output = output_problem(query)
    if output is not None:
        yield output
    if not used_parameters(query) & _PERIOD:
        yield SqlProblem("sql-period-unused", "neither :period_start nor :period_end is used, so every period would get the same value")


def _formula(kpi: Kpi, formula: str) -> Iterator[SqlProblem]:
    scalar, problems = parse_scalar(formula)
    yield from problems
    if scalar is None:
        return
    aliases = {ref.alias.lower() for ref in kpi.kpi_sources}
    yield from _alias_problems(scalar, aliases, "formula-unknown-alias")
    used = {column.name.lower() for column in scalar.find_all(exp.Column)}
    for alias in sorted(aliases - used):
        yield SqlProblem("formula-unused-alias", f"source '{alias}' is never used; use it or remove it from the sources")
    guarded = {rule.source.lower() for rule in kpi.pre_validation if isinstance(rule, UpstreamRange) and _positive(rule)}
    guarded |= {ref.alias.lower() for ref in kpi.kpi_sources if ref.kpi.lower() in guarded}
    yield from _divisions(scalar, guarded)


def _positive(rule: UpstreamRange) -> bool:
    return rule.min is not None and (rule.min > 0 or (rule.min == 0 and rule.exclusive_min))


def _divisions(scalar: exp.Expression, guarded: set[str]) -> Iterator[SqlProblem]:
    for division in scalar.find_all(exp.Div, exp.Mod):
        divisor = division.expression.unnest()
        constant = isinstance(divisor, exp.Literal) and float(divisor.this) != 0
        checked = isinstance(divisor, exp.Column) and divisor.name.lower() in guarded
        if not (constant or checked or isinstance(divisor, exp.Nullif)):
            shown = divisor.sql("postgres")
            message = f"{shown} may be 0; write NULLIF({shown}, 0), or add an upstream_range rule with min: 0 and exclusive_min: true"
            yield SqlProblem("unguarded-division", message, line_of(division))


def _alias_problems(scalar: exp.Expression, aliases: set[str], code: str) -> Iterator[SqlProblem]:
    for column in scalar.find_all(exp.Column):
        if column.table or column.name.lower() not in aliases:
            known = nearest(column.name, aliases) or f"; known: {', '.join(sorted(aliases)) or 'none'}"
            yield SqlProblem(code, f"'{column.sql('postgres')}' is not an alias of a source{known}", line_of(column))


def _weights(kpi: Kpi, expression: WeightedExpression, place: Place) -> Iterator[Diagnostic]:
    aliases = {ref.alias for ref in kpi.kpi_sources}
    path = ("expression", "weights")
    for alias in expression.weights:
        if alias not in aliases:
            message = f"'{alias}' is not an alias of a source{nearest(alias, aliases)}"
            yield place.problem("formula-unknown-alias", message, *path, alias)
    for alias in sorted(aliases - set(expression.weights)):
        yield place.problem("formula-unused-alias", f"source '{alias}' has no weight; give it one or remove it", *path)
    total = math.fsum(term.weight for term in expression.weights.values())
    if abs(total - 1) > _WEIGHT_TOLERANCE:
        yield place.problem("weights-sum", f"the weights of {kpi.id} add up to {total:g}; they must add up to 1", *path)


def _rules(kpi: Kpi, place: Place, tables: Tables, known: set[str]) -> Iterator[Diagnostic]:
    for index, rule in enumerate(kpi.pre_validation):
        if isinstance(rule, Reconciliation):
            for side in ("left_sql", "right_sql"):
                yield from _placed(_total(getattr(rule, side), tables), place, ("pre_validation", index, side))
    for index, rule in enumerate(kpi.post_validation):
        if isinstance(rule, CrossKpi):
            yield from _cross_kpi(rule, place, index, known)


def _total(sql: str, tables: Tables) -> Iterator[SqlProblem]:
    query, problems = parse_query(sql)
    yield from problems
    if query is None:
        return
    if tables:
        yield from name_problems(query, tables)
    if len(query.selects) != 1:
        yield SqlProblem("sql-output-columns", f"{len(query.selects)} output columns; a reconciliation total is one number")


def _cross_kpi(rule: CrossKpi, place: Place, index: int, known: set[str]) -> Iterator[Diagnostic]:
    path = ("post_validation", index)
    for alias, name in rule.kpis.items():
        if name not in known:
            yield place.problem(
                "dangling-source", f"rule '{rule.id}' reads '{name}', which is not a KPI{nearest(name, known)}", *path, "kpis", alias
            )
    for side in ("left", "right"):
        scalar, problems = parse_scalar(getattr(rule, side))
        aliases = {"value", *(alias.lower() for alias in rule.kpis)}
        found = [*problems, *(_alias_problems(scalar, aliases, "formula-unknown-alias") if scalar else ())]
        yield from _placed(iter(found), place, (*path, side))
