"""dbt/MetricFlow metrics as KPIs: simple metrics become primaries, ratios and derived ones formulas over them.

What MetricFlow computes over a join, an offset or a conversion has no equal here and is reported, with everything that reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlglot import exp

from kpis.exchange.dbt_formulas import exported, guard_all
from kpis.exchange.dbt_marks import mark_bookkeeping, mark_lost, mark_metric, mark_models
from kpis.exchange.dbt_models import GRAINS, Aggregation, CumulativeParams, Measure, Metric, MetricInput, MetricType, SemanticModel
from kpis.exchange.dbt_project import Placed, Project, read_project
from kpis.exchange.dbt_sql import Accumulation, InexpressibleError, Query, Simple, Table, query_of, scalar
from kpis.exchange.dbt_tables import add_source, one_column, table_of
from kpis.exchange.draft import Draft, Fields, Imported, Options, schedule_of
from kpis.exchange.ledger import Ledger
from kpis.exchange.names import kpi_ids
from kpis.exchange.texts import short_hash
from kpis.exchange.trees import Document
from kpis.schema import Kpi
from kpis.sql import DIALECT

NAME_MAX = 120 - len(" (by quarter, filtered)")
"""A longer label is told in the purpose, and the metric's name stands for it."""
_DERIVED_FIELDS = ("kind", "layer", "sources", "expression", "pack", "name", "purpose", "grain")
"""Fields of `config.meta.kpi` that are not taken as they are: the metric itself says them."""


@dataclass(frozen=True)
class Want:
    """A metric as it is asked for: with the filters of those who read it, at their grain."""

    name: str
    filters: tuple[str, ...] = ()
    grain: str | None = None


def import_dbt(documents: Sequence[Document], options: Options) -> Imported:
    """A pack of the metrics in dbt's documents (`semantic_manifest.json`, or YAML with `semantic_models` and `metrics`)."""
    ledger = Ledger(documents)
    project = read_project(documents, ledger)
    draft = Draft(options, ledger)
    draft.problems += project.problems
    importer = _Importer(project, draft)
    for name, placed in sorted(project.metrics.items()):
        try:
            importer.resolve(Want(name))
        except InexpressibleError as error:
            mark_lost(placed, str(error), ledger)
    importer.drop_unread()
    mark_models(project, importer.tables, ledger)
    mark_bookkeeping(documents, ledger)
    return draft.imported()


class _Importer:
    def __init__(self, project: Project, draft: Draft) -> None:
        self.project = project
        self.draft = draft
        self.tables: dict[str, Table] = {}
        self._ids = kpi_ids([name for name, placed in project.metrics.items() if not _meta(placed.value).get("id")], draft.options.pack)
        self._known: dict[Want, str | InexpressibleError] = {}
        self._open: list[str] = []

    def resolve(self, want: Want) -> str:
        """The id of the KPI of a metric, made when it is asked for first.

        Raises:
            InexpressibleError: when the metric, or one it reads, cannot be carried over.
        """
        grain = self._grain(want.name)
        want = replace(want, grain=want.grain or grain)
        known = self._known.get(want)
        if known is None:
            try:
                known = self._make(want, natural=want.grain == grain and not want.filters)
            except InexpressibleError as error:
                known = error
            self._known[want] = known
        if isinstance(known, InexpressibleError):
            raise known
        return known

    def drop_unread(self) -> None:
        """Takes back the KPIs that were made for a metric that could not be carried over after all."""
        made = {str(known): want for want, known in self._known.items() if isinstance(known, str)}
        natural = {kpi_id for kpi_id, want in made.items() if not want.filters and self._grain(want.name) == want.grain}
        while unread := set(made) - natural - self.draft.upstream() - {""}:
            for kpi_id in unread:
                self.draft.remove(Kpi, kpi_id)
                del made[kpi_id]

    def _metric(self, name: str) -> Placed[Metric]:
        placed = self.project.metrics.get(name)
        if placed is None:
            raise InexpressibleError(f"metric '{name}' is not defined")
        return placed

    def _grain(self, name: str) -> str:
        """The grain MetricFlow gives a metric by default: its own, else the coarsest of what it reads, at least a day."""
        if name in self._open:
            raise InexpressibleError(f"metrics read each other in a circle: {' -> '.join([*self._open, name])}")
        self._open.append(name)
        try:
            metric = self._metric(name).value
            own = metric.time_granularity
            if own is not None and own not in GRAINS[GRAINS.index("hour") :]:
                raise InexpressibleError(f"time_granularity '{own}' of '{name}' is not a period that KPIs have")
            if metric.type in (MetricType.RATIO, MetricType.DERIVED):
                found = [self._grain(each.name) for each in _inputs(metric)]
            else:
                found = [self._simple(metric, name).table.grain]
            return own or max(found, key=GRAINS.index)
        finally:
            self._open.pop()

    def _make(self, want: Want, *, natural: bool) -> str:
        placed = self._metric(want.name)
        metric = placed.value
        unknown = [*metric.unknown_fields, *metric.type_params.unknown_fields]
        if unknown:
            raise InexpressibleError(f"it has fields with unknown meaning: {', '.join(unknown)}")
        filters = (*(metric.filter or ()), *want.filters)
        if metric.type in (MetricType.RATIO, MetricType.DERIVED):
            fields, query = self._formula(metric, filters, str(want.grain)), None
        else:
            fields, query = self._primary(metric, filters, str(want.grain))
        kpi_id = self._id(want, metric, natural=natural)
        if not self.draft.has(Kpi, kpi_id) or natural:
            self.draft.kpi(
                placed.document, placed.path, self._identity(want, placed, kpi_id, natural=natural) | fields | _overrides(metric)
            )
        if query is not None and query.sql.startswith("SELECT 'ALL' AS entity, COUNT("):
            why = "a period without rows counts 0 here, where dbt has no row for it"
            self.draft.ledger.add(kpi_id, "expression.sql", "COUNT", why)
        taken = {"name"} if not metric.label else set[str]()
        taken |= {"expression"} if _told_formula(metric) is not None else set[str]()
        taken |= {"sources"} if query is not None and _declared(metric, self._simple(metric, metric.name).table) else set[str]()
        mark_metric(placed, self.project, kpi_id, query, {*_DERIVED_FIELDS} - taken, self.draft.ledger)
        return kpi_id

    def _id(self, want: Want, metric: Metric, *, natural: bool) -> str:
        own = _meta(metric).get("id")
        if natural:
            return str(own or self._ids[want.name])
        name = f"{want.name}_{short_hash(repr((want.filters, want.grain)))}"
        return kpi_ids([name], self.draft.options.pack)[name]

    def _identity(self, want: Want, placed: Placed[Metric], kpi_id: str, *, natural: bool) -> Fields:
        metric = placed.value
        how = "" if natural else f" (by {want.grain}{', filtered' if want.filters else ''})"
        title = str(metric.label or _meta(metric).get("name") or metric.name)
        purpose = metric.description or f"MetricFlow metric {metric.name}."
        if not natural:
            purpose += f" At grain {want.grain}, as another metric reads it{''.join(f'; filter: {text}' for text in want.filters)}."
        if len(title) > NAME_MAX:
            purpose, title = f"{purpose}\nLabel: {title}", metric.name
        written = _written_at(metric)
        summary = f"Imported from the MetricFlow metric {metric.name}{written}"
        self.draft.ledger.add(kpi_id, "schedule", schedule_of(str(want.grain))["cron"], "dbt does not schedule metrics")
        return {
            "id": kpi_id,
            "name": f"{title}{how}",
            "contract_version": "1.0.0",
            "purpose": purpose,
            "grain": want.grain,
            "schedule": schedule_of(str(want.grain)),
            "post_validation": [{"id": "verdict", "check": "verdict_alignment"}],
            "change_log": [{"version": "1.0.0", "date": self.draft.options.date, "author": "kpi import", "summary": summary}],
        }

    def _primary(self, metric: Metric, filters: tuple[str, ...], grain: str) -> tuple[Fields, Query]:
        simple = self._simple(metric, metric.name)
        if metric.type is MetricType.CUMULATIVE and grain != simple.table.grain:
            raise InexpressibleError(
                f"a cumulative metric by {grain} over data by {simple.table.grain} takes one of its values (period_agg)"
            )
        entity = _entity(metric)
        finest = simple.table.model.dimension(simple.table.time_name)
        if finest is not None and finest.grain is not None and GRAINS.index(grain) < GRAINS.index(finest.grain):
            raise InexpressibleError(f"it is asked for by {grain}, and its rows are known by {finest.grain}")
        query = query_of(replace(simple, filters=tuple(dict.fromkeys((*simple.filters, *filters))), entity=entity))
        if simple.table.source_id not in self.tables:
            self.tables[simple.table.source_id] = simple.table
            add_source(simple.table, self.project.models[simple.table.model.name], self.draft)
        source = _declared(metric, simple.table) or {"gdp": simple.table.source_id, "attributes": list(query.columns)}
        present = {"id": "present", "check": "source_present", "source": simple.table.source_id}
        fields: Fields = {"layer": "primary", "sources": [source], "expression": {"sql": query.sql}, "pre_validation": [present]}
        return fields | ({"entity_dimension": entity} if entity else {}), query

    def _simple(self, metric: Metric, name: str) -> Simple:
        params = metric.type_params
        if metric.type is MetricType.CONVERSION:
            raise InexpressibleError("a conversion metric joins events of two tables; write its SQL as a KPI by hand")
        if metric.type is MetricType.CUMULATIVE:
            return self._cumulative(metric, name)
        if params.measure is not None:
            placed, _, measure = self._measure(params.measure.name)
            simple = self._of_measure(placed, measure)
            fill = params.fill_nulls_with if params.measure.fill_nulls_with is None else params.measure.fill_nulls_with
            return replace(simple, filters=params.measure.filter, fill=fill)
        if params.metric_aggregation_params is None:
            raise InexpressibleError(f"simple metric '{name}' has neither measure nor metric_aggregation_params")
        own = params.metric_aggregation_params
        placed = self.project.models.get(own.semantic_model)
        if placed is None:
            raise InexpressibleError(f"semantic model '{own.semantic_model}' of metric '{name}' is not defined")
        return replace(self._aggregation(placed, own, params.expr or own.expr or name), fill=params.fill_nulls_with)

    def _measure(self, name: str) -> tuple[Placed[SemanticModel], int, Measure]:
        found = self.project.measure(name)
        if found is None:
            raise InexpressibleError(f"measure '{name}' is not defined in any semantic model")
        return found

    def _of_measure(self, placed: Placed[SemanticModel], measure: Measure) -> Simple:
        if measure.unknown_fields:
            raise InexpressibleError(f"measure '{measure.name}' has fields with unknown meaning: {', '.join(measure.unknown_fields)}")
        return self._aggregation(placed, measure, measure.expr or measure.name)

    def _aggregation(self, placed: Placed[SemanticModel], own: Measure | Aggregation, expr: str) -> Simple:
        table = table_of(placed, own.agg_time_dimension, self.draft)
        return Simple(table, own.agg, expr, own.agg_params, own.non_additive_dimension)

    def _cumulative(self, metric: Metric, name: str) -> Simple:
        params = metric.type_params
        own = params.cumulative_type_params or CumulativeParams()
        if own.metric is not None:
            if own.metric.offset_window or own.metric.offset_to_grain:
                raise InexpressibleError("it accumulates a metric of an earlier time (offset)")
            base = self._metric(own.metric.name).value
            if base.type is not MetricType.SIMPLE:
                raise InexpressibleError(f"it accumulates '{base.name}', which is not a simple metric")
            simple = self._simple(base, base.name)
            simple = replace(simple, filters=(*simple.filters, *(base.filter or ()), *(own.metric.filter or ())))
        elif params.measure is not None:
            placed, _, measure = self._measure(params.measure.name)
            simple = replace(self._of_measure(placed, measure), filters=params.measure.filter, fill=params.measure.fill_nulls_with)
        else:
            raise InexpressibleError(f"cumulative metric '{name}' has neither measure nor metric")
        window, to_date = own.window or params.window, own.grain_to_date or params.grain_to_date
        if window is not None and to_date is not None:
            raise InexpressibleError("it has a window and a grain_to_date; MetricFlow allows one")
        return replace(simple, accumulation=Accumulation(window, to_date))

    def _formula(self, metric: Metric, filters: tuple[str, ...], grain: str) -> Fields:
        inputs = _inputs(metric)
        for each in inputs:
            if each.offset_window is not None or each.offset_to_grain is not None:
                raise InexpressibleError(f"it reads '{each.name}' of an earlier time (offset); a formula reads one period")
            if each.unknown_fields:
                raise InexpressibleError(f"input '{each.name}' has fields with unknown meaning: {', '.join(each.unknown_fields)}")
            self.resolve(Want(each.name))
        names = _aliases(metric, inputs)
        ids = [self.resolve(Want(each.name, (*(each.filter or ()), *filters), grain)) for each in inputs]
        first: dict[str, str] = {}
        renamed = {name: first.setdefault(kpi_id, name) for name, kpi_id in zip(names, ids, strict=True)}
        text = "numerator / NULLIF(denominator, 0)" if metric.type is MetricType.RATIO else metric.type_params.expr or ""
        formula, used = self._guarded(text, renamed, metric)
        sources = [{"kpi": kpi_id, "as": alias} for kpi_id, alias in first.items() if alias in used]
        rules = [{"id": f"delivered-{number}", "check": "upstream_delivered", "source": each["as"]} for number, each in enumerate(sources)]
        return {"layer": "secondary", "sources": sources, "expression": {"formula": formula}, "pre_validation": rules}

    def _guarded(self, text: str, renamed: dict[str, str], metric: Metric) -> tuple[str, set[str]]:
        """The formula with its divisions guarded, and the aliases it uses."""
        tree = scalar(text, "expr").copy()
        used: set[str] = set()
        known = {name.lower(): alias for name, alias in renamed.items()}
        for column in list(tree.find_all(exp.Column)):
            alias = known.get(column.name.lower()) if not column.table else None
            if alias is None:
                raise InexpressibleError(f"expr names '{column.sql(DIALECT)}', which is not one of its metrics: {', '.join(renamed)}")
            used.add(alias)
            column.set("this", exp.to_identifier(alias))
        if not used:
            raise InexpressibleError("expr reads none of its metrics")
        told = _told_formula(metric)
        if told is not None:
            return told, used
        for part, why in guard_all(tree) if metric.type is MetricType.DERIVED else ():
            self.draft.ledger.add(metric.name, "expression.formula", part, why)
        return tree.sql(DIALECT, comments=False), used


def _inputs(metric: Metric) -> tuple[MetricInput, ...]:
    params = metric.type_params
    if metric.type is MetricType.DERIVED:
        if not params.metrics:
            raise InexpressibleError("a derived metric without metrics")
        return params.metrics
    if params.numerator is None or params.denominator is None:
        raise InexpressibleError("a ratio metric needs numerator and denominator")
    return (params.numerator, params.denominator)


def _aliases(metric: Metric, inputs: tuple[MetricInput, ...]) -> list[str]:
    if metric.type is MetricType.RATIO:
        return ["numerator", "denominator"]
    names = [each.alias or each.name for each in inputs]
    if len(set(names)) < len(names):
        raise InexpressibleError(f"two of its metrics have one name in expr: {', '.join(sorted(names))}; give them aliases")
    return names


def _meta(metric: Metric) -> Fields:
    """What `config.meta.kpi` says: fields of the dictionary that dbt has no word for."""
    config = metric.config or {}
    meta = config.get("meta")
    kpi = cast("dict[str, Any]", meta).get("kpi") if isinstance(meta, dict) else None
    return cast("Fields", kpi) if isinstance(kpi, dict) else {}


def _overrides(metric: Metric) -> Fields:
    return {key: value for key, value in _meta(metric).items() if key not in _DERIVED_FIELDS}


def _declared(metric: Metric, table: Table) -> Fields | None:
    """The attributes that `config.meta.kpi.sources` declares, when they are of the metric's own table."""
    found = _meta(metric).get("sources")
    first: Any = cast("list[Any]", found)[0] if isinstance(found, list) and len(cast("list[Any]", found)) == 1 else None
    return cast("Fields", first) if isinstance(first, dict) and cast("Fields", first).get("gdp") == table.source_id else None


def _entity(metric: Metric) -> str | None:
    """The column that `config.meta.kpi.entity_dimension` names.

    Raises:
        InexpressibleError: when it is not the name of one column.
    """
    name = _meta(metric).get("entity_dimension")
    return None if name is None else one_column(str(name), "entity_dimension")


def _told_formula(metric: Metric) -> str | None:
    """The formula of `config.meta.kpi.expression`, when the metric's expr is what an export makes of it."""
    expression = _meta(metric).get("expression")
    formula = cast("Fields", expression).get("formula") if isinstance(expression, dict) else None
    if not isinstance(formula, str) or metric.type is not MetricType.DERIVED:
        return None
    return formula if exported(formula) == (metric.type_params.expr or "").strip() else None


def _written_at(metric: Metric) -> str:
    metadata = metric.metadata or {}
    cut = cast("dict[str, Any]", metadata.get("file_slice") or {})
    name, file, line = metadata.get("repo_file_path"), cut.get("filename"), cut.get("start_line_number")
    text = f" in {name}" if name else ""
    text += f" ({file}" + (f", line {line})" if line is not None else ")") if file else f", line {line}" if line is not None else ""
    return text
