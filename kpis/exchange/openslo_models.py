"""OpenSLO v1 as strict models: its fields and rules, and nothing else.

Source: the OpenSLO specification, version v1 (https://github.com/OpenSLO/OpenSLO, README and `schemas/v1`), and where that leaves a
rule open, the specification's own Go SDK (https://github.com/OpenSLO/go-sdk, `pkg/openslo/v1`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator
from pydantic.alias_generators import to_camel

VERSION = "openslo/v1"
DESCRIPTION_MAX = 1050
DISPLAY_NAME_MAX = 63
_LABEL_KEY = re.compile(r"[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?\Z")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*\Z")
_PREFIX_MAX = 253
_MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 10080}


def _label_keys(labels: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in labels:
        if _LABEL_KEY.match(key) is None:
            raise ValueError(f"'{key}' is not a label key; write up to 63 letters, digits, '-', '_' or '.', alphanumeric at both ends")
    return labels


def _annotation_keys(annotations: Mapping[str, str]) -> Mapping[str, str]:
    for key in annotations:
        prefix, slash, name = key.rpartition("/")
        if _LABEL_KEY.match(name) is None or (slash and (len(prefix) > _PREFIX_MAX or _PREFIX.match(prefix) is None)):
            raise ValueError(f"'{key}' is not an annotation key; write an optional DNS prefix with '/', then a label key")
    return annotations


DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Shorthand = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*[mhdwMQY]$")]
AlertAfter = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]*)[mhdwMQY]$")]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_MAX)]
Operator = Literal["lte", "gte", "lt", "gt"]
Labels = Annotated[dict[str, str | list[str]], AfterValidator(_label_keys)]
Annotations = Annotated[dict[str, str], AfterValidator(_annotation_keys)]


def shorthand_of(value: timedelta) -> str:
    """A duration as OpenSLO's shorthand, in its largest exact unit.

    Raises:
        ValueError: when it is not a whole number of minutes above 0, which the shorthand cannot say.
    """
    minutes, rest = divmod(value, timedelta(minutes=1))
    if rest or minutes <= 0:
        raise ValueError(f"{value} is not a whole number of minutes; OpenSLO's shortest unit is a minute")
    unit = next(unit for unit in ("w", "d", "h", "m") if minutes % _MINUTES[unit] == 0)
    return f"{minutes // _MINUTES[unit]}{unit}"


def duration_of(shorthand: str) -> timedelta | None:
    """The length of a shorthand; None for months, quarters and years, which have no fixed one."""
    unit = _MINUTES.get(shorthand[-1:])
    return None if unit is None else timedelta(minutes=int(shorthand[:-1]) * unit)


class Strict(BaseModel):
    """Fields in camel case; an unknown one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, allow_inf_nan=False)


class Metadata(Strict):
    """Who an object is."""

    name: DnsLabel
    display_name: Annotated[str, StringConstraints(max_length=DISPLAY_NAME_MAX)] | None = None
    labels: Labels = {}
    annotations: Annotations = {}


class MetricSource(Strict):
    """Where a series comes from; `spec` is the data source's own."""

    metric_source_ref: DnsLabel | None = None
    type: str | None = None
    spec: dict[str, Any] = Field(min_length=1)


class Metric(Strict):
    """One series."""

    metric_source: MetricSource


class RatioMetric(Strict):
    """Good or bad events of a total, or a ratio that is there already (`raw`)."""

    counter: bool = False
    good: Metric | None = None
    bad: Metric | None = None
    total: Metric | None = None
    raw_type: Literal["success", "failure"] | None = None
    raw: Metric | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.total is None) == (self.raw is None):
            raise ValueError("ratioMetric needs exactly one of total and raw")
        if self.raw is not None and (self.good or self.bad):
            raise ValueError("raw cannot stand beside good or bad")
        if (self.raw is None) != (self.raw_type is None):
            raise ValueError("raw needs rawType, and rawType needs raw")
        if self.total is not None and (self.good is None) == (self.bad is None):
            raise ValueError("total needs exactly one of good and bad")
        return self


class SliSpec(Strict):
    """What is measured."""

    description: Description | None = None
    threshold_metric: Metric | None = None
    ratio_metric: RatioMetric | None = None

    @model_validator(mode="after")
    def _one_metric(self) -> Self:
        if (self.threshold_metric is None) == (self.ratio_metric is None):
            raise ValueError("an indicator needs exactly one of thresholdMetric and ratioMetric")
        return self


class Indicator(Strict):
    """An SLI written inside an SLO."""

    metadata: Metadata
    spec: SliSpec


class Calendar(Strict):
    """Start of a calendar-aligned window."""

    start_time: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$")]
    time_zone: str


class TimeWindow(Strict):
    """Over what time the budget is counted."""

    duration: Shorthand
    is_rolling: bool = False
    calendar: Calendar | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.is_rolling == (self.calendar is not None):
            raise ValueError("a window is either rolling (isRolling: true) or has a calendar")
        return self


class Objective(Strict):
    """One target."""

    display_name: str | None = None
    op: Operator | None = None
    value: float | None = None
    target: float | None = Field(default=None, ge=0, lt=1)
    target_percent: float | None = Field(default=None, ge=0, lt=100)
    time_slice_target: float | None = Field(default=None, gt=0, le=1)
    time_slice_window: Shorthand | Annotated[int, Field(gt=0)] | None = None
    indicator: Indicator | None = None
    indicator_ref: DnsLabel | None = None
    composite_weight: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.target is None) == (self.target_percent is None):
            raise ValueError("an objective needs exactly one of target and targetPercent")
        return self

    @property
    def percent(self) -> float:
        """The target in percent."""
        return self.target_percent if self.target_percent is not None else round(100 * (self.target or 0), 10)


class Condition(Strict):
    """When an alert fires: the budget burns `threshold` times as fast as it may."""

    kind: Literal["burnrate"] = "burnrate"
    op: Operator | None = None
    threshold: float
    lookback_window: Shorthand
    alert_after: AlertAfter = "0m"


class AlertConditionSpec(Strict):
    description: Description | None = None
    severity: str
    condition: Condition


class ConditionRef(Strict):
    condition_ref: str


class InlineCondition(Strict):
    kind: Literal["AlertCondition"]
    metadata: Metadata
    spec: AlertConditionSpec


class TargetRef(Strict):
    target_ref: str


class TargetSpec(Strict):
    description: Description | None = None
    target: str


class InlineTarget(Strict):
    kind: Literal["AlertNotificationTarget"]
    metadata: Metadata
    spec: TargetSpec


class AlertPolicySpec(Strict):
    """What is watched and who hears of it."""

    description: Description | None = None
    alert_when_no_data: bool = False
    alert_when_resolved: bool = False
    alert_when_breaching: bool = False
    conditions: list[InlineCondition | ConditionRef] = Field(min_length=1, max_length=1)
    notification_targets: list[InlineTarget | TargetRef] = Field(min_length=1)


class PolicyRef(Strict):
    alert_policy_ref: str


class InlinePolicy(Strict):
    kind: Literal["AlertPolicy"]
    metadata: Metadata
    spec: AlertPolicySpec


class SloSpec(Strict):
    """A target for an indicator."""

    description: Description | None = None
    service: str = Field(min_length=1)
    indicator: Indicator | None = None
    indicator_ref: DnsLabel | None = None
    time_window: list[TimeWindow] = Field(default=[], max_length=1)
    budgeting_method: Literal["Occurrences", "Timeslices", "RatioTimeslices"]
    objectives: list[Objective] = Field(min_length=1)
    alert_policies: list[InlinePolicy | PolicyRef] = []

    @model_validator(mode="after")
    def _indicator_given(self) -> Self:
        parts = any(objective.indicator or objective.indicator_ref for objective in self.objectives)
        if self.indicator is not None and self.indicator_ref is not None:
            raise ValueError("an SLO has an indicator or an indicatorRef, not both")
        if parts == bool(self.indicator or self.indicator_ref):
            raise ValueError("the indicator stands in spec, or in every objective of a composite SLO")
        sliced = self.budgeting_method == "Timeslices"
        for objective in self.objectives:
            if sliced and objective.time_slice_target is None:
                raise ValueError("Timeslices needs timeSliceTarget in every objective")
            if self.budgeting_method != "Occurrences" and objective.time_slice_window is None:
                raise ValueError(f"{self.budgeting_method} needs timeSliceWindow in every objective")
        return self


class DataSourceSpec(Strict):
    description: Description | None = None
    type: str
    connection_details: dict[str, Any]


class ServiceSpec(Strict):
    description: Description | None = None


class _Object(Strict):
    api_version: Literal["openslo/v1"]
    metadata: Metadata


class Slo(_Object):
    kind: Literal["SLO"]
    spec: SloSpec


class Sli(_Object):
    kind: Literal["SLI"]
    spec: SliSpec


class AlertPolicy(_Object):
    kind: Literal["AlertPolicy"]
    spec: AlertPolicySpec


class AlertCondition(_Object):
    kind: Literal["AlertCondition"]
    spec: AlertConditionSpec


class AlertNotificationTarget(_Object):
    kind: Literal["AlertNotificationTarget"]
    spec: TargetSpec


class DataSource(_Object):
    kind: Literal["DataSource"]
    spec: DataSourceSpec


class Service(_Object):
    kind: Literal["Service"]
    spec: ServiceSpec


OpenSloObject = Annotated[
    Slo | Sli | AlertPolicy | AlertCondition | AlertNotificationTarget | DataSource | Service, Field(discriminator="kind")
]
OBJECT: TypeAdapter[OpenSloObject] = TypeAdapter(OpenSloObject)
"""Validates one document."""
