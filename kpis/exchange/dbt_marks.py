"""What the import of dbt's documents says about each of their fields."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from kpis.exchange.dbt_models import Agg, MeasureInput, Metric, MetricType
from kpis.exchange.dbt_project import Placed, Project
from kpis.exchange.dbt_sql import Query, Table
from kpis.exchange.ledger import Ledger
from kpis.exchange.trees import Document, Path, at, leaves

_EVERY_PERIOD = "every period has a result here, with or without rows"
_MADE_BY_METRIC = "the metric itself says it"
_MEASURE = ("name", "agg", "expr", "agg_time_dimension")
_NON_ADDITIVE = ("name", "window_choice", "window_groupings")


def mark_lost(placed: Placed[Metric], reason: str, ledger: Ledger) -> None:
    """A metric that could not be carried over."""
    if placed.path[-1] == "create_metric":
        ledger.lost(placed.document, placed.path[:-1], reason)
    else:
        ledger.lost(placed.document, placed.path, reason)


def mark_metric(placed: Placed[Metric], project: Project, kpi_id: str, query: Query | None, made: Collection[str], ledger: Ledger) -> None:
    """A metric that is a KPI now; `made` are the fields that `config.meta.kpi` cannot say."""
    metric, document, path = placed.value, placed.document, placed.path
    expression = f"{kpi_id}.expression"
    if path[-1] == "create_metric":
        ledger.mapped(document, path, kpi_id)
        ledger.mapped(document, (*path[:-1], "create_metric_display_name"), f"{kpi_id}.name")
    else:
        for key, to in (("name", "change_log"), ("description", "purpose"), ("label", "name"), ("time_granularity", "grain")):
            ledger.mapped(document, (*path, key), f"{kpi_id}.{to}")
        for key in ("type", "filter"):
            ledger.mapped(document, (*path, key), expression)
        _mark_config(placed, kpi_id, made, ledger)
        _mark_params(placed, project, expression, ledger)
    for name, index in _measures_of(metric, project):
        found = project.measure(name)
        if found is not None:
            _mark_measure(found[0].document, (*found[0].path, "measures", index), expression, ledger)
    if query is not None:
        _mark_used(metric, project, query, expression, ledger)


def _mark_config(placed: Placed[Metric], kpi_id: str, made: Collection[str], ledger: Ledger) -> None:
    document, where = placed.document, (*placed.path, "config", "meta", "kpi")
    kpi = at(document.value, where)
    for key in cast("dict[str, Any]", kpi) if isinstance(kpi, dict) else ():
        if key in made:
            ledger.lost(document, (*where, key), _MADE_BY_METRIC)
        else:
            ledger.mapped(document, (*where, key), f"{kpi_id}.{key}")
    ledger.implied(document, (*where[:-1], "definition_sha256"), "the hash of the definition that was exported")
    for path in (("repo_file_path",), ("file_slice", "filename"), ("file_slice", "start_line_number")):
        ledger.carried(document, (*placed.path, "metadata", *path), f"{kpi_id}.change_log")


def _mark_params(placed: Placed[Metric], project: Project, to: str, ledger: Ledger) -> None:
    metric, document, path = placed.value, placed.document, (*placed.path, "type_params")
    _mark_inputs(document, path, to, metric, ledger)
    if metric.type is MetricType.SIMPLE and metric.type_params.measure is not None:
        for key in ("expr", "metric_aggregation_params"):
            ledger.implied(document, (*path, key), "a copy of what the measure says")
    for key in ("expr", "window", "grain_to_date", "fill_nulls_with"):
        ledger.mapped(document, (*path, key), to) if key != "expr" or metric.type_params.measure is None else None
    ledger.implied(document, (*path, "join_to_timespine"), _EVERY_PERIOD)
    ledger.implied(document, (*path, "is_private"), "it says who sees the metric in dbt, not what it is")
    cumulative = (*path, "cumulative_type_params")
    for key in ("window", "grain_to_date"):
        ledger.mapped(document, (*cumulative, key), to)
    ledger.implied(document, (*cumulative, "period_agg"), "at the grain of the data each period has one value")
    _mark_input(document, (*cumulative, "metric"), to, ledger)
    own = (*path, "metric_aggregation_params")
    if metric.type_params.measure is None:
        ledger.mapped(document, (*own, "semantic_model"), to)
        _mark_measure(document, own, to, ledger)
    _mark_copies(placed, project, ledger)


def _mark_inputs(document: Document, path: Path, to: str, metric: Metric, ledger: Ledger) -> None:
    measure = at(document.value, (*path, "measure"))
    cumulative = metric.type_params.cumulative_type_params
    if cumulative is not None and cumulative.metric is not None:
        ledger.implied(document, (*path, "measure"), "a copy of what the metric it accumulates says")
    elif isinstance(measure, dict):
        for key in ("name", "filter", "fill_nulls_with"):
            ledger.mapped(document, (*path, "measure", key), to)
        ledger.implied(document, (*path, "measure", "join_to_timespine"), _EVERY_PERIOD)
        ledger.implied(document, (*path, "measure", "alias"), "a name inside dbt's own query")
    else:
        ledger.mapped(document, (*path, "measure"), to)
    for key in ("numerator", "denominator"):
        _mark_input(document, (*path, key), to, ledger, alias=False)
    names = metric.type_params.metrics or () if metric.type is MetricType.DERIVED else ()
    for index, _ in enumerate(names):
        _mark_input(document, (*path, "metrics", index), to, ledger)
    ledger.implied(document, (*path, "metrics"), "no metrics") if not names else None


def _mark_input(document: Document, path: Path, to: str, ledger: Ledger, *, alias: bool = True) -> None:
    if isinstance(at(document.value, path), str):
        ledger.mapped(document, path, to)
    for key in ("name", "filter", *(("alias",) if alias else ())):
        ledger.mapped(document, (*path, key), to)
    ledger.implied(document, (*path, "alias"), "a name inside dbt's own query")


def _mark_measure(document: Document, where: Path, to: str, ledger: Ledger) -> None:
    for key in _MEASURE:
        ledger.mapped(document, (*where, key), to)
    for key in _NON_ADDITIVE:
        ledger.mapped(document, (*where, "non_additive_dimension", key), to)
    params = (*where, "agg_params")
    if at(document.value, (*where, "agg")) in (Agg.PERCENTILE, Agg.PERCENTILE.upper()):
        for key in ("percentile", "use_discrete_percentile"):
            ledger.mapped(document, (*params, key), to)
        if at(document.value, (*params, "use_approximate_percentile")):
            ledger.lost(document, (*params, "use_approximate_percentile"), "the percentile is computed exactly")
    ledger.implied(document, params, "it has no effect on this aggregation")
    if not at(document.value, (*where, "create_metric")):
        ledger.implied(document, (*where, "create_metric"), "no metric of its own")
    ledger.implied(document, (*where, "create_metric"), "the metric is defined by itself as well")
    ledger.lost(document, where, "the dictionary has no place for what only a measure says; say it of the metric")


def _mark_used(metric: Metric, project: Project, query: Query, to: str, ledger: Ledger) -> None:
    """Dimensions and entities that a filter made part of the SQL."""
    model = _model_of(metric, project)
    placed = project.models[model] if model is not None else None
    if placed is None:
        return
    for key, items in (("dimension", placed.value.dimensions), ("entity", placed.value.entities)):
        folder = "dimensions" if key == "dimension" else "entities"
        for index, item in enumerate(items):
            if f"{key} {item.name}" in query.used:
                for field in ("name", "expr"):
                    ledger.mapped(placed.document, (*placed.path, folder, index, field), to)
    ledger.mapped(placed.document, (*placed.path, "primary_entity"), to) if any(query.used) else None


def _model_of(metric: Metric, project: Project) -> str | None:
    own = metric.type_params.metric_aggregation_params
    if own is not None:
        return own.semantic_model
    for name, _ in _measures_of(metric, project):
        found = project.measure(name)
        if found is not None:
            return found[0].value.name
    params = metric.type_params.cumulative_type_params
    base = project.metrics.get(params.metric.name) if params is not None and params.metric is not None else None
    return _model_of(base.value, project) if base is not None else None


def _measures_of(metric: Metric, project: Project) -> Iterator[tuple[str, int]]:
    for measure in (metric.type_params.measure,):
        found = project.measure(measure.name) if measure is not None else None
        if measure is not None and found is not None:
            yield measure.name, found[1]


def _mark_copies(placed: Placed[Metric], project: Project, ledger: Ledger) -> None:
    """`input_measures` repeats what the metric's inputs say; a copy that says something else is lost."""
    path = (*placed.path, "type_params", "input_measures")
    known = {_content(each) for each in _all_measures(placed.value, project, frozenset())}
    for index, each in enumerate(placed.value.type_params.input_measures or ()):
        if _content(each) in known:
            ledger.implied(placed.document, (*path, index), "a copy of what the metric's inputs say")
        else:
            ledger.lost(placed.document, (*path, index), "it is none of the measures that the metric's inputs name")
    ledger.implied(placed.document, path, "a copy of what the metric's inputs say") if not known else None


def _content(measure: MeasureInput) -> tuple[Any, ...]:
    return (measure.name, measure.filter, measure.alias, bool(measure.join_to_timespine), measure.fill_nulls_with)


def _all_measures(metric: Metric, project: Project, seen: frozenset[str]) -> Iterator[MeasureInput]:
    params = metric.type_params
    if params.measure is not None:
        yield params.measure
    inputs = [*(params.metrics or ()), *(each for each in (params.numerator, params.denominator) if each is not None)]
    for each in inputs:
        found = project.metrics.get(each.name)
        if found is not None and each.name not in seen:
            yield from _all_measures(found.value, project, seen | {each.name})


def mark_bookkeeping(documents: Sequence[Document], ledger: Ledger) -> None:
    """`metadata` of anything: which file of dbt's project it is written in, and a copy of that text."""
    for document in documents:
        for path, _ in leaves(document.value):
            if "metadata" in path:
                ledger.implied(document, path, "where dbt's project has the text, and a copy of it")


def mark_models(project: Project, tables: Mapping[str, Table], ledger: Ledger) -> None:
    """Semantic models that no imported metric reads, and measures that none uses."""
    read = {table.model.name for table in tables.values()}
    for name, placed in project.models.items():
        for index, measure in enumerate(placed.value.measures):
            where = (*placed.path, "measures", index)
            ledger.implied(placed.document, (*where, "create_metric"), "no metric of its own") if not measure.create_metric else None
            ledger.lost(placed.document, where, "no imported metric uses the measure")
        why = "the dictionary has no place for it" if name in read else "no imported metric reads the table"
        ledger.lost(placed.document, placed.path, why)
