"""Semantic models and metrics of dbt as far as an import reads them, in the spellings of `semantic_manifest.json` and of project YAML.

Source: dbt-semantic-interfaces (https://github.com/dbt-labs/dbt-semantic-interfaces, `implementations` and `parsing/schemas.py`). Fields
that are not known here are kept apart (`unknown_fields`), so that a metric whose meaning they may change is not carried over.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Agg(StrEnum):
    """How a measure adds up."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    COUNT_DISTINCT = "count_distinct"
    SUM_BOOLEAN = "sum_boolean"
    AVERAGE = "average"
    PERCENTILE = "percentile"
    MEDIAN = "median"


class MetricType(StrEnum):
    """What a metric is made of."""

    SIMPLE = "simple"
    RATIO = "ratio"
    CUMULATIVE = "cumulative"
    DERIVED = "derived"
    CONVERSION = "conversion"


GRAINS = ("nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
"""Time granularities from fine to coarse."""
_WINDOW = re.compile(r"(\d+) ([a-z_]+)\Z")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _filters(value: Any) -> Any:
    """A filter is written as text, as a list of texts, and as maps of both."""
    if isinstance(value, dict):
        value = cast("dict[str, Any]", value)
        value = value.get("where_filters", [value])
    if isinstance(value, list):
        return [_filter(each) for each in cast("list[Any]", value)]
    return [value] if isinstance(value, str) else value


def _filter(value: Any) -> Any:
    return cast("dict[str, Any]", value).get("where_sql_template") if isinstance(value, dict) else value


def _window(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _WINDOW.match(value.strip().lower())
    if match is None:
        raise ValueError(f"'{value}' is not a window; write a count and a granularity, such as 7 days")
    return {"count": int(match[1]), "granularity": match[2]}


def _text_of(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else value


Filters = Annotated[tuple[str, ...], BeforeValidator(_filters)]
Lower = Annotated[str, BeforeValidator(_lower)]
Sql = Annotated[str, BeforeValidator(_text_of)]


class DbtObject(BaseModel):
    """Known fields are typed, unknown ones are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        """A manifest writes every absent field as null."""
        return {key: each for key, each in cast("dict[str, Any]", value).items() if each is not None} if isinstance(value, dict) else value

    @property
    def unknown_fields(self) -> tuple[str, ...]:
        """Fields with a value that this importer does not know."""
        return tuple(sorted(name for name, value in (self.model_extra or {}).items() if value is not None))


class Window(DbtObject):
    """A length of time in calendar units."""

    count: int = Field(ge=1)
    granularity: Lower

    @property
    def grain(self) -> str | None:
        """The granularity in the singular; None for one that is not standard."""
        for name in (self.granularity, self.granularity.removesuffix("s")):
            if name in GRAINS:
                return name
        return None


WindowText = Annotated[Window, BeforeValidator(_window)]


class MeasureInput(DbtObject):
    """A measure as a metric uses it."""

    name: str
    filter: Filters = ()
    alias: str | None = None
    join_to_timespine: bool | None = False
    fill_nulls_with: int | None = None


class MetricInput(DbtObject):
    """A metric as another metric uses it."""

    name: str
    filter: Filters | None = None
    alias: str | None = None
    offset_window: WindowText | None = None
    offset_to_grain: Lower | None = None


NamedMeasure = Annotated[MeasureInput, BeforeValidator(_named)]
NamedMetric = Annotated[MetricInput, BeforeValidator(_named)]


class AggParams(DbtObject):
    percentile: float | None = None
    use_discrete_percentile: bool | None = False
    use_approximate_percentile: bool | None = False


class NonAdditive(DbtObject):
    """A dimension a measure must not be added over: only the rows at its edge count."""

    name: str
    window_choice: Annotated[Agg, BeforeValidator(_lower)] = Agg.MIN
    window_groupings: tuple[str, ...] = ()


class Aggregation(DbtObject):
    """The measure of a metric that names none (`metric_aggregation_params`)."""

    semantic_model: str
    agg: Annotated[Agg, BeforeValidator(_lower)]
    agg_params: AggParams | None = None
    agg_time_dimension: str | None = None
    non_additive_dimension: NonAdditive | None = None
    expr: Sql | None = None


class CumulativeParams(DbtObject):
    window: WindowText | None = None
    grain_to_date: Lower | None = None
    period_agg: Lower | None = "first"
    metric: NamedMetric | None = None


class TypeParams(DbtObject):
    """What a metric is made of; which fields count depends on its type."""

    measure: NamedMeasure | None = None
    numerator: NamedMetric | None = None
    denominator: NamedMetric | None = None
    expr: Sql | None = None
    window: WindowText | None = None
    grain_to_date: Lower | None = None
    metrics: tuple[NamedMetric, ...] | None = None
    conversion_type_params: dict[str, Any] | None = None
    cumulative_type_params: CumulativeParams | None = None
    input_measures: tuple[NamedMeasure, ...] | None = None
    metric_aggregation_params: Aggregation | None = None
    join_to_timespine: bool | None = False
    fill_nulls_with: int | None = None
    is_private: bool | None = False


class Metric(DbtObject):
    name: str
    description: str | None = None
    label: str | None = None
    type: Annotated[MetricType, BeforeValidator(_lower)]
    type_params: TypeParams
    filter: Filters | None = None
    time_granularity: Lower | None = None
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class Measure(DbtObject):
    name: str
    agg: Annotated[Agg, BeforeValidator(_lower)]
    expr: Sql | None = None
    description: str | None = None
    label: str | None = None
    create_metric: bool | None = None
    create_metric_display_name: str | None = None
    agg_params: AggParams | None = None
    agg_time_dimension: str | None = None
    non_additive_dimension: NonAdditive | None = None
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class DimensionParams(DbtObject):
    time_granularity: Lower
    validity_params: dict[str, Any] | None = None


class Dimension(DbtObject):
    name: str
    type: Lower
    expr: Sql | None = None
    description: str | None = None
    label: str | None = None
    is_partition: bool | None = False
    type_params: DimensionParams | None = None
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None

    @property
    def grain(self) -> str | None:
        """The granularity of a time dimension; None for others."""
        return self.type_params.time_granularity if self.type == "time" and self.type_params else None


class Entity(DbtObject):
    name: str
    type: Lower
    expr: Sql | None = None
    description: str | None = None
    label: str | None = None
    role: str | None = None
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class NodeRelation(DbtObject):
    alias: str
    schema_name: str | None = None
    database: str | None = None
    relation_name: str | None = None


class Defaults(DbtObject):
    agg_time_dimension: str | None = None


class SemanticModel(DbtObject):
    """A table with its columns' roles; project YAML names the table by `model: ref('...')`."""

    name: str
    node_relation: NodeRelation | None = None
    model: str | None = None
    description: str | None = None
    label: str | None = None
    defaults: Defaults | None = None
    primary_entity: str | None = None
    entities: tuple[Entity, ...] = ()
    measures: tuple[Measure, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None

    def dimension(self, name: str) -> Dimension | None:
        """The dimension of a name."""
        return next((each for each in self.dimensions if each.name == name), None)

    def entity(self, name: str) -> Entity | None:
        """The entity of a name."""
        return next((each for each in self.entities if each.name == name), None)

    @property
    def own_entity(self) -> str | None:
        """The entity whose name stands before the names of the model's dimensions."""
        return self.primary_entity or next((each.name for each in self.entities if each.type == "primary"), None)
