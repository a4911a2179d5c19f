"""Column lineage of a KPI, read from its definition alone: which columns and upstream KPIs stand behind entity, value and rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from kpis.artifact import Surroundings
from kpis.lineage.expressions import trace
from kpis.lineage.model import GDP, KPI, ColumnLineage, Field, Output
from kpis.lineage.queries import JOIN, read
from kpis.lineage.relation import IDENTITY, NOTHING, TRANSFORMATION, Relation, Scope, Trace, lineage_of, union
from kpis.schema import Kpi, Source, SqlExpression, WeightedExpression
from kpis.sql import OUTPUT_COLUMNS, parse_query, parse_scalar

ENTITY, VALUE, ROWS_PROCESSED = OUTPUT_COLUMNS
Table = tuple[str, str, tuple[str, ...]]
"""A declared table: its dataset, its physical name and its columns."""


def column_lineage(kpi: Kpi, around: Surroundings) -> ColumnLineage:
    """The lineage of a KPI's output columns `entity`, `value` and `rows_processed`.

    Statements are those `kpis.sql` parsed for the checks; nothing is parsed or qualified a second time. A statement that does not parse
    is a gap: this never raises.
    """
    if isinstance(kpi.expression, SqlExpression):
        return sql_lineage(kpi.expression.sql, tables_of(around.sources_of(kpi)))
    if isinstance(kpi.expression, WeightedExpression):
        weighted = frozenset(kpi.expression.weights)
        terms = (_upstream(ref.kpi).through(TRANSFORMATION) for ref in kpi.kpi_sources if ref.alias in weighted)
        return _combined(kpi, union(terms))
    return _combined(kpi, _formula(kpi, kpi.expression.formula))


def tables_of(sources: Sequence[Source]) -> tuple[Table, ...]:
    """Sources as the tables a statement may read."""
    return tuple((f"{GDP}{source.id}", source.table, tuple(source.columns)) for source in sources)


@lru_cache(maxsize=4096)
def sql_lineage(sql: str, tables: tuple[Table, ...]) -> ColumnLineage:
    """The lineage of one SELECT over declared tables."""
    query, problems = parse_query(sql)
    if query is None:
        reason = f"the statement is not read: {'; '.join(problem.message for problem in problems)}"
        return ColumnLineage(tuple(Output(name, (), (reason,)) for name in OUTPUT_COLUMNS), (), (reason,))
    known = {table.lower(): _relation(dataset, columns) for dataset, table, columns in tables}
    try:
        return lineage_of(read(query, known))
    except RecursionError:
        reason = "the statement is nested too deeply to be read"
        return ColumnLineage(tuple(Output(name, (), (reason,)) for name in OUTPUT_COLUMNS), (), (reason,))


def _relation(dataset: str, columns: tuple[str, ...]) -> Relation:
    return Relation(tuple((name.lower(), Trace(frozenset({(Field(dataset, name), IDENTITY)}))) for name in columns))


def _upstream(kpi_id: str, column: str = VALUE) -> Trace:
    return Trace(frozenset({(Field(f"{KPI}{kpi_id}", column), IDENTITY)}))


def _formula(kpi: Kpi, formula: str) -> Trace:
    scalar, problems = parse_scalar(formula)
    if scalar is None:
        return Trace(gaps=frozenset({f"the formula is not read: {'; '.join(problem.message for problem in problems)}"}))
    values = Relation(tuple((ref.alias.lower(), _upstream(ref.kpi)) for ref in kpi.kpi_sources))
    return trace(scalar, Scope(lambda _node, _scope: Relation(()), {}, relations={"": values}))


def _combined(kpi: Kpi, value: Trace) -> ColumnLineage:
    """A KPI over KPIs: results are joined by entity, so one that has no result for an entity removes it from all columns."""
    upstream = [ref.kpi for ref in kpi.kpi_sources]
    entities = [_upstream(kpi_id, ENTITY) for kpi_id in upstream]
    joined = union(entities).through(JOIN) if len(entities) > 1 else NOTHING
    columns = ((ENTITY, entities[0] if entities else NOTHING), (VALUE, value), (ROWS_PROCESSED, NOTHING))
    return lineage_of(Relation(columns, joined))
