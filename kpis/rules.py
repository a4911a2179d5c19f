"""Validation rules of a KPI: what is checked before and after execution (K23, contract: Pre-/Post-validation).

`rule_type` is the word written into the logs; `check` says how the rule is evaluated. Checks with a `source` name an alias
or object of the KPI's own `sources`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from kpis.common import Duration, Frozen, Identifier, KpiId, Severity, Slug, Text


class RuleType(StrEnum):
    """The `rule_type` column of the validation logs."""

    AVAILABILITY = "availability"
    READINESS = "readiness"
    QUALITY = "quality"
    VALUE_RANGE = "value_range"
    VARIANCE = "variance"
    VERDICT_ALIGNMENT = "verdict_alignment"
    CROSS_KPI = "cross_kpi"


class Rule(Frozen):
    """What every rule has."""

    id: Slug
    severity: Severity = Severity.ERROR
    description: Text | None = None


class SourcePresent(Rule):
    """The source table exists and has at least `min_rows` rows in the period."""

    type: Literal[RuleType.AVAILABILITY] = RuleType.AVAILABILITY
    check: Literal["source_present"]
    source: str
    min_rows: int = Field(default=1, ge=1)


class RangeCovered(Rule):
    """Every day of the period has at least one row, `tolerance` days excepted."""

    type: Literal[RuleType.AVAILABILITY] = RuleType.AVAILABILITY
    check: Literal["range_covered"]
    source: str
    tolerance: int = Field(default=0, ge=0)


class EntitiesCovered(Rule):
    """Every expected entity has at least one row in the period."""

    type: Literal[RuleType.AVAILABILITY] = RuleType.AVAILABILITY
    check: Literal["entities_covered"]
    source: str
    column: Identifier
    expected: tuple[str, ...] = Field(min_length=1)


class Freshness(Rule):
    """The newest row visible at `as_of` is at most `max_age` old, by the source's `freshness_column`."""

    type: Literal[RuleType.READINESS] = RuleType.READINESS
    check: Literal["freshness"]
    source: str
    max_age: Duration


class UpstreamDelivered(Rule):
    """The upstream KPI has a delivered result for the same period, and its latest run did not breach its SLA."""

    type: Literal[RuleType.READINESS] = RuleType.READINESS
    check: Literal["upstream_delivered"]
    source: str


class NullRatio(Rule):
    """At most `max` (0 to 1) of the column's values in the period are NULL."""

    type: Literal[RuleType.QUALITY] = RuleType.QUALITY
    check: Literal["null_ratio"]
    source: str
    column: Identifier
    max: float = Field(ge=0, le=1)


class ColumnRange(Rule):
    """Every non-null value of the column in the period lies within [min, max]."""

    type: Literal[RuleType.QUALITY] = RuleType.QUALITY
    check: Literal["column_range"]
    source: str
    column: Identifier
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        return _require_bounds(self, self.min, self.max)


class RowCount(Rule):
    """The period has at least `min` rows and at least `min_ratio_of_baseline` of the mean of the `baseline_periods` before it."""

    type: Literal[RuleType.QUALITY] = RuleType.QUALITY
    check: Literal["row_count"]
    source: str
    min: int = Field(default=1, ge=0)
    min_ratio_of_baseline: float | None = Field(default=None, gt=0)
    baseline_periods: int = Field(default=7, ge=1, le=366)


class Reconciliation(Rule):
    """Two totals, each one SELECT of one number over declared sources, agree within `tolerance` (relative)."""

    type: Literal[RuleType.QUALITY] = RuleType.QUALITY
    check: Literal["reconciliation"]
    left_sql: Text
    right_sql: Text
    tolerance: float = Field(default=0, ge=0)


class UpstreamRange(Rule):
    """An upstream KPI's value lies within [min, max] (`exclusive_min` for denominators: > 0), for every entity."""

    type: Literal[RuleType.QUALITY] = RuleType.QUALITY
    check: Literal["upstream_range"]
    source: str
    min: float | None = None
    max: float | None = None
    exclusive_min: bool = False

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        return _require_bounds(self, self.min, self.max)


class ValueRange(Rule):
    """Every delivered value lies within [min, max]; NULL fails unless `allow_null`."""

    type: Literal[RuleType.VALUE_RANGE] = RuleType.VALUE_RANGE
    check: Literal["value_range"]
    min: float | None = None
    max: float | None = None
    allow_null: bool = False

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        return _require_bounds(self, self.min, self.max)


class Variance(Rule):
    """The value moved at most `max_change` (relative to the previous period) or `max_sigma` deviations from the rolling baseline.

    Without enough history (`min_periods` delivered periods) the rule passes and says so in its details.
    """

    type: Literal[RuleType.VARIANCE] = RuleType.VARIANCE
    check: Literal["variance"]
    max_change: float | None = Field(default=None, gt=0)
    max_sigma: float | None = Field(default=None, gt=0)
    baseline_periods: int = Field(default=7, ge=2, le=366)
    min_periods: int = Field(default=3, ge=2)

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.max_change is None) == (self.max_sigma is None):
            raise ValueError("variance needs exactly one of max_change and max_sigma")
        return self


class VerdictAlignment(Rule):
    """The verdict recomputed from the bands equals the one about to be delivered."""

    type: Literal[RuleType.VERDICT_ALIGNMENT] = RuleType.VERDICT_ALIGNMENT
    check: Literal["verdict_alignment"]


class CrossKpi(Rule):
    """An equality over KPIs holds for the period: `value` is this KPI, other names are the aliases in `kpis`."""

    type: Literal[RuleType.CROSS_KPI] = RuleType.CROSS_KPI
    check: Literal["cross_kpi"]
    left: Text
    right: Text
    kpis: dict[Identifier, KpiId] = Field(min_length=1)
    tolerance: float = Field(default=0, ge=0)


PreRule = Annotated[
    SourcePresent
    | RangeCovered
    | EntitiesCovered
    | Freshness
    | UpstreamDelivered
    | NullRatio
    | ColumnRange
    | RowCount
    | Reconciliation
    | UpstreamRange,
    Field(discriminator="check"),
]
PostRule = Annotated[ValueRange | Variance | VerdictAlignment | CrossKpi, Field(discriminator="check")]


def _require_bounds(rule: Any, low: float | None, high: float | None) -> Any:
    if low is None and high is None:
        raise ValueError("needs min, max or both")
    if low is not None and high is not None and low > high:
        raise ValueError(f"min {low} is above max {high}")
    return rule
