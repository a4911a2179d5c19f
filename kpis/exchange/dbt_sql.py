"""SQL of one KPI from one measure: what MetricFlow computes for one period, as one SELECT of the contract.

A construct with another meaning here than there is refused by name; nothing is approximated.
"""
# ruff: noqa: S608 - a statement is put together from names and expressions that kpis.sql has judged, and is judged again as a whole

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from kpis.exchange.dbt_filters import FilterError, Reference, parse_filter
from kpis.exchange.dbt_models import GRAINS, Agg, AggParams, NonAdditive, SemanticModel, Window
from kpis.sql import DIALECT, parse_scalar

DATE_PARTS = ("year", "quarter", "month", "day", "dow", "doy")
METRIC_TIME = "metric_time"


class InexpressibleError(ValueError):
    """A metric cannot be carried over; the message says which part and why."""


@dataclass(frozen=True)
class Table:
    """A semantic model seen through one of its time dimensions: where rows lie, when they happened and when they became known."""

    model: SemanticModel
    name: str
    source_id: str
    time_name: str
    period: str
    freshness: str
    grain: str


@dataclass(frozen=True)
class Accumulation:
    """The rows of more than the period: of a window that ends with it, since the start of a longer grain, or all so far."""

    window: Window | None = None
    to_date: str | None = None


@dataclass(frozen=True)
class Simple:
    """One aggregation over one table."""

    table: Table
    agg: Agg
    expr: str
    params: AggParams | None = None
    non_additive: NonAdditive | None = None
    filters: tuple[str, ...] = ()
    fill: int | None = None
    accumulation: Accumulation | None = None
    entity: str | None = None
    """The column whose values are the entities; with it there is a value for each of them and for all."""


@dataclass(frozen=True)
class Query:
    """The statement, the columns it reads, and where it uses each dimension (for the report)."""

    sql: str
    columns: tuple[str, ...]
    used: tuple[str, ...]


def query_of(simple: Simple) -> Query:
    """The SELECT of one measure.

    Raises:
        InexpressibleError: when the same number cannot be computed by one SELECT over the table.
    """
    builder = _Builder(simple)
    return builder.build()


def scalar(text: str, what: str) -> exp.Expression:
    """A SQL expression of the input, judged like every expression of the dictionary.

    Raises:
        InexpressibleError: when it is not one scalar expression of pure functions.
    """
    tree, problems = parse_scalar(text)
    if tree is None or problems:
        raise InexpressibleError(f"{what} '{text}': {'; '.join(problem.message for problem in problems)}")
    return tree


def columns_of(tree: exp.Expression, what: str) -> Iterator[str]:
    """The columns an expression reads.

    Raises:
        InexpressibleError: when one is of another table, or has a name that the dictionary cannot write.
    """
    for column in tree.find_all(exp.Column):
        name = column.name
        if column.table:
            raise InexpressibleError(f"{what} names the column {column.sql(DIALECT)} with its table; write the column alone")
        if not name.replace("_", "a").isalnum() or not name.isascii() or name[0].isdigit():
            raise InexpressibleError(f"{what} reads the column {column.sql(DIALECT)}, whose name needs quotes")
        yield name


class _Builder:
    def __init__(self, simple: Simple) -> None:
        self.simple = simple
        self.table = simple.table
        self.columns: dict[str, None] = {}
        self.used: dict[str, None] = {}

    def build(self) -> Query:
        value = self._value()
        where = [*self._period(), *(self._filter(text) for text in self.simple.filters)]
        lines = "\n  AND ".join(where)
        if self.simple.non_additive is None:
            entity, group = self._entity()
            sql = f"SELECT {entity} AS entity, {value} AS value, COUNT(*) AS rows_processed\nFROM {self.table.name}\nWHERE {lines}\n{group}"
        else:
            sql = self._at_the_edge(value, lines, self.simple.non_additive)
        columns = {self.table.period: None, **self.columns, self.table.freshness: None}
        return Query(sql, tuple(columns), tuple(self.used))

    def expression(self, text: str, what: str) -> str:
        """An expression, its columns noted, ready to stand inside a larger one."""
        tree = scalar(text, what)
        for name in columns_of(tree, what):
            self.columns.setdefault(name)
        written = tree.sql(DIALECT, comments=False)
        return written if isinstance(tree, exp.Column | exp.Literal | exp.Func | exp.Paren) else f"({written})"

    def _entity(self) -> tuple[str, str]:
        """The output column of entities and the grouping that goes with it."""
        if self.simple.entity is None:
            return "'ALL'", ""
        column = self.expression(self.simple.entity, "entity_dimension")
        return f"COALESCE({column}, 'ALL')", f"GROUP BY GROUPING SETS (({column}), ())\n"

    def _value(self) -> str:
        simple, agg = self.simple, self.simple.agg
        whole = agg is Agg.COUNT and simple.expr.strip() in ("*", "1")
        inner = "*" if whole else self.expression(simple.expr, "the measure's expression")
        value = self._aggregate(agg, inner)
        return value if simple.fill is None else f"COALESCE({value}, {simple.fill})"

    def _aggregate(self, agg: Agg, inner: str) -> str:
        params = self.simple.params or AggParams()
        if agg is Agg.COUNT_DISTINCT:
            return f"COUNT(DISTINCT {inner})"
        if agg is Agg.SUM_BOOLEAN:
            return f"SUM(CASE WHEN {inner} THEN 1 ELSE 0 END)"
        if agg in (Agg.PERCENTILE, Agg.MEDIAN):
            share = 0.5 if agg is Agg.MEDIAN else params.percentile
            if share is None or not 0 <= share <= 1:
                raise InexpressibleError(f"agg percentile needs agg_params.percentile from 0 to 1, not {share}")
            function = "PERCENTILE_DISC" if params.use_discrete_percentile else "PERCENTILE_CONT"
            return f"{function}({share:g}) WITHIN GROUP (ORDER BY {inner})"
        word = {Agg.SUM: "SUM", Agg.MIN: "MIN", Agg.MAX: "MAX", Agg.COUNT: "COUNT", Agg.AVERAGE: "AVG"}[agg]
        return f"{word}({inner})"

    def _period(self) -> list[str]:
        table = self.table
        until = [f"{table.period} < :period_end", f"{table.freshness} <= :as_of"]
        since = self._since()
        return [*until] if since is None else [f"{table.period} >= {since}", *until]

    def _since(self) -> str | None:
        accumulation = self.simple.accumulation
        if accumulation is None:
            return ":period_start"
        if accumulation.window is not None:
            window, grain = accumulation.window, accumulation.window.grain
            if grain is None or GRAINS.index(grain) < GRAINS.index(self.table.grain):
                raise InexpressibleError(
                    f"a window of {window.count} {window.granularity} is finer than the {self.table.grain}s of the data"
                )
            # As MetricFlow joins its time spine: rows later than the period less the window; with the period's own length back on,
            # the first moment of them.
            return f"CAST(:period_start AS TIMESTAMP) - {interval(window.count, grain)} + {interval(1, self.table.grain)}"
        if accumulation.to_date is not None:
            if accumulation.to_date not in GRAINS[GRAINS.index(self.table.grain) :]:
                raise InexpressibleError(f"grain_to_date '{accumulation.to_date}' is not a standard grain of a {self.table.grain} or more")
            return f"DATE_TRUNC('{accumulation.to_date}', CAST(:period_start AS TIMESTAMP))"
        return None

    def _filter(self, template: str) -> str:
        try:
            pieces = parse_filter(template)
        except FilterError as error:
            raise InexpressibleError(f"filter '{template}': {error}") from error
        text = "".join(piece if isinstance(piece, str) else f" {self._column(piece)} " for piece in pieces)
        tree = scalar(f"({text}\n)", "filter")
        for name in columns_of(tree, "filter"):
            self.columns.setdefault(name)
        inner = tree.unnest()
        return (tree if isinstance(inner, exp.Or | exp.Xor) else inner).sql(DIALECT, comments=False)

    def _column(self, reference: Reference) -> str:
        model = self.table.model
        if reference.name == METRIC_TIME and not reference.entities:
            return self._time(self.table.period, reference, self.table.grain)
        foreign = [name for name in reference.entities if name != model.own_entity]
        if reference.kind == "Entity":
            entity = model.entity(reference.name)
            if entity is None or foreign:
                raise InexpressibleError(f"the filter reads the entity '{reference.name}' of another table, which needs a join")
            self.used.setdefault(f"entity {entity.name}")
            return self.expression(entity.expr or entity.name, f"entity '{entity.name}'")
        dimension = model.dimension(reference.name)
        if dimension is None or foreign or (not reference.entities and model.own_entity is not None):
            shown = "__".join([*reference.entities, reference.name])
            raise InexpressibleError(f"the filter reads '{shown}', which is not a dimension of '{model.name}': it needs a join")
        self.used.setdefault(f"dimension {dimension.name}")
        column = self.expression(dimension.expr or dimension.name, f"dimension '{dimension.name}'")
        if dimension.type != "time":
            if reference.grain or reference.date_part:
                raise InexpressibleError(f"the filter takes a grain of '{dimension.name}', which is not a time")
            return column
        return self._time(column, reference, dimension.grain or "day")

    def _time(self, column: str, reference: Reference, finest: str) -> str:
        if self.simple.accumulation is not None and column == self.table.period:
            # MetricFlow cuts by the time of the result there, not by the time of the row (JoinOverTimeRangeNode comes first).
            raise InexpressibleError(f"the filter of a cumulative metric reads its own time '{reference.name}'")
        if reference.date_part is not None:
            if reference.date_part not in DATE_PARTS:
                raise InexpressibleError(f"date part '{reference.date_part}' is not one of {', '.join(DATE_PARTS)}")
            return f"EXTRACT({reference.date_part.upper()} FROM {column})"
        grain = reference.grain or finest
        if grain not in GRAINS or GRAINS.index(grain) < GRAINS.index(finest):
            raise InexpressibleError(f"'{reference.name}' is known by {finest}; a filter cannot take it by {grain}")
        return f"DATE_TRUNC('{grain}', {column})"

    def _at_the_edge(self, value: str, where: str, edge: NonAdditive) -> str:
        """Only the rows of the last (or first) moment count, of each group if groups are named; filters come before, as in MetricFlow."""
        if self.simple.accumulation is not None or self.simple.entity is not None:
            raise InexpressibleError("a cumulative metric, or one of each entity, over a non-additive measure")
        dimension = self.table.model.dimension(edge.name)
        if dimension is None or dimension.type != "time" or edge.window_choice not in (Agg.MIN, Agg.MAX):
            raise InexpressibleError(f"non_additive_dimension '{edge.name}' is not a time dimension with window_choice min or max")
        self.used.setdefault(f"dimension {dimension.name}")
        moment = f"DATE_TRUNC('{dimension.grain}', {self.expression(dimension.expr or dimension.name, 'the non-additive dimension')})"
        groups = [self._group(name) for name in edge.window_groupings]
        pick = f"{'MIN' if edge.window_choice is Agg.MIN else 'MAX'}(kept_moment)"
        names = [f"group_{number}" for number, _ in enumerate(groups)]
        columns = sorted({*self.columns})
        inner = ", ".join(
            [*columns, f"{moment} AS kept_moment", *(f"{group} AS {name}" for group, name in zip(groups, names, strict=True))]
        )
        rows = f"WITH kept AS (\n  SELECT {inner}\n  FROM {self.table.name}\n  WHERE {where}\n)"
        head = f"SELECT 'ALL' AS entity, {value} AS value, COUNT(*) AS rows_processed\nFROM kept\n"
        if not names:
            return f"{rows}\n{head}WHERE kept_moment = (SELECT {pick} FROM kept)\n"
        match = " AND ".join(f"kept.{name} = edges.{name}" for name in names)
        edges = f", edges AS (\n  SELECT {', '.join(names)}, {pick} AS kept_moment\n  FROM kept\n  GROUP BY {', '.join(names)}\n)"
        return f"{rows}{edges}\n{head}JOIN edges ON {match} AND kept.kept_moment = edges.kept_moment\n"

    def _group(self, name: str) -> str:
        element = name.rsplit("__", 1)[-1]
        found = self.table.model.entity(element) or self.table.model.dimension(element)
        if found is None:
            raise InexpressibleError(f"window_groupings names '{name}', which is not of '{self.table.model.name}'")
        self.used.setdefault(f"{'entity' if self.table.model.entity(element) else 'dimension'} {element}")
        return self.expression(found.expr or found.name, f"window grouping '{name}'")


def interval(count: int, grain: str) -> str:
    """An interval of SQL; quarters as three months, which the standard has no word for."""
    return f"INTERVAL '{count * 3}' MONTH" if grain == "quarter" else f"INTERVAL '{count}' {grain.upper()}"
