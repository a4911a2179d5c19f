"""KPIs as dbt/MetricFlow: semantic models and metrics, as project YAML and as `semantic_manifest.json`.

Only what MetricFlow computes as well is exported; every other KPI is named with the reason. What dbt has no word for (bands, schedule,
SLA, rules) goes into `config.meta.kpi`, from which an import takes it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from kpis.artifact import Artifact, Surroundings
from kpis.exchange.dbt_formulas import exported
from kpis.exchange.dbt_shapes import ShapeError, SimpleShape, dimension_name, shape_of
from kpis.exchange.packs import dump, yaml_bytes
from kpis.exchange.texts import jinja_escaped
from kpis.schema import FormulaExpression, Kpi, Source

Fields = dict[str, Any]
_NAME = re.compile(r"(?!.*__)[a-z][a-z0-9_]*[a-z0-9]\Z")
_TOLD_ELSEWHERE = frozenset({"kind", "pack", "layer", "expression", "name", "purpose", "grain"})


@dataclass(frozen=True)
class LeftOut:
    """A KPI that is not exported, and why."""

    kpi_id: str
    reason: str


@dataclass
class DbtExport:
    """What is exported: entries in the form of project YAML, and what is left out."""

    models: dict[str, Fields] = field(default_factory=dict[str, Fields])
    metrics: dict[str, Fields] = field(default_factory=dict[str, Fields])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])
    ids: dict[str, str] = field(default_factory=dict[str, str])

    def artifacts(self, schema: str = "public") -> Iterator[Artifact]:
        """`dbt/semantic_models.yml`, `dbt/metrics.yml` and `dbt/semantic_manifest.json`; tables are in the warehouse's `schema`."""
        ids = tuple(sorted(self.ids))
        models = [jinja_escaped({**_relation_as_ref(model)}) for _, model in sorted(self.models.items())]
        yield Artifact("dbt/semantic_models.yml", yaml_bytes([{"version": 2, "semantic_models": models}]))
        metrics = [jinja_escaped(metric, keep=frozenset({"filter", "expr"})) for _, metric in sorted(self.metrics.items())]
        yield Artifact("dbt/metrics.yml", yaml_bytes([{"version": 2, "metrics": metrics}]), ids)
        manifest: Fields = {
            "semantic_models": [_as_manifest(model, schema) for _, model in sorted(self.models.items())],
            "metrics": [metric for _, metric in sorted(self.metrics.items())],
            "project_configuration": {"time_spine_table_configurations": [], "time_spines": []},
            "saved_queries": [],
        }
        content = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        yield Artifact("dbt/semantic_manifest.json", content, ids)


def export_dbt(around: Surroundings) -> DbtExport:
    """Every KPI that MetricFlow can compute; upstream ones first, since a metric names others."""
    export = DbtExport()
    kpis = {kpi.id: kpi for kpi in around.dictionary.kpis}
    labels = _unique_names(kpis.values())
    reasons: dict[str, str] = {}
    for kpi_id in sorted(kpis):
        _export(kpis[kpi_id], around, export, reasons, labels)
    export.left_out = [LeftOut(kpi_id, reason) for kpi_id, reason in sorted(reasons.items())]
    return export


def _unique_names(kpis: Any) -> frozenset[str]:
    """Names of one KPI only, since labels are unique in dbt."""
    seen: set[str] = set()
    twice: set[str] = set()
    for kpi in kpis:
        (twice if kpi.name in seen else seen).add(kpi.name)
    return frozenset(seen - twice)


def _export(kpi: Kpi, around: Surroundings, export: DbtExport, reasons: dict[str, str], labels: frozenset[str]) -> None:
    if kpi.id in export.ids or kpi.id in reasons:
        return
    name = metric_name(kpi.id)
    try:
        if isinstance(kpi.expression, FormulaExpression):
            type_params = _derived(kpi, kpi.expression.formula, around, export, reasons, labels)
            metric: Fields = {"type": "derived", "type_params": type_params}
        else:
            metric = _simple(kpi, name, around, export)
    except ShapeError as error:
        reasons[kpi.id] = str(error)
        return
    label = {"label": kpi.name} if kpi.name in labels else {}
    meta = {key: value for key, value in dump(kpi).items() if key not in _TOLD_ELSEWHERE}
    if metric["type"] == "derived":
        del meta["sources"]
        if isinstance(kpi.expression, FormulaExpression) and metric["type_params"]["expr"] != kpi.expression.formula:
            meta["expression"] = {"formula": kpi.expression.formula}
    if not label:
        meta["name"] = kpi.name
    export.metrics[name] = {
        "name": name, **label, "description": kpi.purpose, **metric, "time_granularity": str(kpi.grain),
        "config": {"meta": {"kpi": meta, "definition_sha256": around.hash_of(kpi)}},
    }  # fmt: skip
    export.ids[kpi.id] = name


def metric_name(kpi_id: str) -> str:
    """The name of a KPI's metric: its id in lower case with `_` for `-`, which no id has, so no two KPIs share one."""
    return kpi_id.lower().replace("-", "_")


def _derived(kpi: Kpi, formula: str, around: Surroundings, export: DbtExport, reasons: dict[str, str], labels: frozenset[str]) -> Fields:
    inputs: list[Fields] = []
    for ref, upstream in zip(kpi.kpi_sources, around.upstream_of(kpi), strict=True):
        if ref.version is not None:
            raise ShapeError(f"it pins version {ref.version} of {ref.kpi}; a metric of dbt has one version")
        if upstream.grain != kpi.grain:
            raise ShapeError(f"it reads {ref.kpi}, which is of another grain")
        _export(upstream, around, export, reasons, labels)
        if upstream.id not in export.ids:
            raise ShapeError(f"it reads {upstream.id}, which is not exported: {reasons.get(upstream.id, 'a circle')}")
        inputs.append({"name": export.ids[upstream.id], "alias": ref.alias})
    text = exported(formula)
    if text is None:
        raise ShapeError("its formula is not one of the dictionary")
    return {"expr": text, "metrics": inputs}


def _simple(kpi: Kpi, name: str, around: Surroundings, export: DbtExport) -> Fields:
    sources = around.sources_of(kpi)
    if len(sources) != 1:
        raise ShapeError("a weighted index has no type in MetricFlow" if not sources else "it reads more than one table")
    source = sources[0]
    shape = shape_of(kpi, source, model_name(source))
    model = _model(source, export, around)
    _add_dimensions(model, shape)
    measure: Fields = {"name": f"{name}_value", "agg": shape.agg, "expr": shape.expr}
    if shape.percentile is not None:
        measure["agg_params"] = {"percentile": shape.percentile, "use_discrete_percentile": shape.discrete}
    model["measures"] = sorted([*model["measures"], measure], key=_name)
    used: Fields = {"name": measure["name"]}
    if shape.fill is not None:
        used |= {"fill_nulls_with": shape.fill, "join_to_timespine": True}
    found: Fields = {"type": "simple", "type_params": {"measure": used}}
    if shape.filter:
        found["filter"] = shape.filter
    return found


def model_name(source: Source) -> str:
    """The name of a table's semantic model: its id in lower case.

    Raises:
        ShapeError: when dbt does not allow the name.
    """
    name = source.id.lower()
    if _NAME.match(name) is None:
        raise ShapeError(f"table {source.id} has a name that dbt does not allow (two underscores together, or one at the end)")
    return name


def _model(source: Source, export: DbtExport, around: Surroundings) -> Fields:
    name = model_name(source)
    if name not in export.models:
        period = source.period_column
        grain = "day" if source.columns[period].type == "date" else "second"
        time = {"name": dimension_name(period), "type": "time", "expr": period, "type_params": {"time_granularity": grain}}
        meta = {"kpi": {"source": dump(source)}, "definition_sha256": around.hash_of(source)}
        export.models[name] = {
            "name": name, "description": source.description, "table": source.table, "primary_entity": name,
            "defaults": {"agg_time_dimension": time["name"]}, "entities": [], "dimensions": [time], "measures": [],
            "config": {"meta": meta},
        }  # fmt: skip
    return export.models[name]


def _add_dimensions(model: Fields, shape: SimpleShape) -> None:
    known = {each["name"] for each in model["dimensions"]}
    for column in sorted(shape.dimensions):
        name = dimension_name(column)
        if name not in known:
            model["dimensions"].append({"name": name, "type": "categorical", "expr": column})
    time, *rest = model["dimensions"]
    model["dimensions"] = [time, *sorted(rest, key=_name)]


def _name(entry: Fields) -> str:
    return str(entry["name"])


def _relation_as_ref(model: Mapping[str, Any]) -> Fields:
    fields = {"model" if key == "table" else key: value for key, value in model.items() if key != "entities"}
    return {**fields, "model": f"ref('{model['table']}')"}


def _as_manifest(model: Mapping[str, Any], schema: str) -> Fields:
    fields = {key: value for key, value in model.items() if key != "table"}
    return {**fields, "node_relation": {"alias": model["table"], "schema_name": schema, "relation_name": f"{schema}.{model['table']}"}}
