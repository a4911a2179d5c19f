"""The KPI dictionary's model: what one entry of a pack means (spec: the KPI contract).

A pack is a folder of YAML files. Its documents are of four kinds: one `pack` (defaults and tenants), `source` (a golden data
table), `kpi` and `signal` (a telemetry metric or an event). Defaults of the pack and the fields of a parent are merged into a KPI
before it is validated, so a `Kpi` here is always complete.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kpis.common import (
    Duration,
    Frozen,
    Grain,
    Identifier,
    KpiId,
    Lane,
    Layer,
    Level,
    Name,
    Semver,
    Sensitivity,
    Slug,
    Status,
    Text,
    Verdict,
    WallClock,
)  # fmt: skip
from kpis.rules import PostRule, PreRule
from kpis.slo import Slo


class Owners(Frozen):
    """Who signs for the meaning and who for the machinery."""

    business: Name
    technical: Name


class Column(Frozen):
    """One column of a golden data table."""

    type: Literal["text", "integer", "numeric", "boolean", "date", "timestamp"]
    description: Text | None = None
    nullable: bool = True


class Source(Frozen):
    """A golden data table (`gdp:`): its physical table, columns and the columns that carry time.

    `period_column` places a row in a period; `freshness_column` says when a row became known (rows after `as_of` are invisible).
    """

    kind: Literal["source"] = "source"
    id: Identifier
    table: Identifier
    description: Text
    period_column: Identifier
    freshness_column: Identifier
    version: Semver = "1.0.0"
    columns: dict[Identifier, Column] = Field(min_length=1)


class GdpRef(Frozen):
    """A golden data table this KPI reads, and which of its attributes."""

    gdp: Identifier
    attributes: tuple[Identifier, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        return self.gdp


class KpiRef(Frozen):
    """An upstream KPI, under the alias its formula uses; `version` pins a contract version (default: the active one)."""

    kpi: KpiId
    alias: Identifier = Field(alias="as")
    version: Semver | None = None

    @property
    def name(self) -> str:
        return self.alias


class SqlExpression(Frozen):
    """One SELECT over golden data with output columns `entity`, `value`, `rows_processed`."""

    sql: Text


class FormulaExpression(Frozen):
    """A SQL scalar expression over the aliases of the upstream KPIs."""

    formula: Text


class WeightedExpression(Frozen):
    """A composite: each upstream value is scaled to 0..100 between `floor` and `ceiling`, then blended by weights that add up to 1."""

    class Term(Frozen):
        """One upstream KPI's share; `floor` scores 0 and `ceiling` 100 (floor above ceiling for lower-is-better)."""

        weight: float = Field(gt=0, le=1)
        floor: float
        ceiling: float

        @model_validator(mode="after")
        def _wide(self) -> Self:
            if self.floor == self.ceiling:
                raise ValueError("floor and ceiling are equal, so no value can be scaled between them")
            return self

    weights: dict[Identifier, Term] = Field(min_length=2)


Expression = SqlExpression | FormulaExpression | WeightedExpression


class ExtensionKind(StrEnum):
    """What is computed on top of the result (contract: Extensions)."""

    MOM = "MoM"
    YOY = "YoY"
    POP = "PoP"
    ROLLING = "rolling"
    ZSCORE = "zscore"
    PERCENTILE = "percentile"
    BUDGET = "budget_vs_actual"


class Extension(Frozen):
    """An extension; `periods` is the window of rolling, zscore and percentile, `budget` the target of budget_vs_actual."""

    kind: ExtensionKind
    periods: int = Field(default=7, ge=2, le=366)
    budget: float | None = None

    @model_validator(mode="after")
    def _budget_given(self) -> Self:
        if (self.kind is ExtensionKind.BUDGET) != (self.budget is not None):
            raise ValueError("budget belongs to budget_vs_actual, and budget_vs_actual needs it")
        return self


class Direction(StrEnum):
    """Which way is good."""

    HIGHER = "higher_is_better"
    LOWER = "lower_is_better"


class Bands(Frozen):
    """Verdict bands. Higher is better: value >= adequate is Adequate, >= low is Low, else Critical; mirrored for lower is better."""

    direction: Direction
    adequate: float
    low: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        higher = self.direction is Direction.HIGHER
        if (higher and self.adequate < self.low) or (not higher and self.adequate > self.low):
            raise ValueError(f"bands overlap: adequate {self.adequate} and low {self.low} contradict {self.direction}")
        return self

    def judge(self, value: float | None) -> Verdict:
        """The verdict of a value; no value is Critical, since nothing can be signed."""
        if value is None:
            return Verdict.CRITICAL
        sign = 1 if self.direction is Direction.HIGHER else -1
        if sign * value >= sign * self.adequate:
            return Verdict.ADEQUATE
        return Verdict.LOW if sign * value >= sign * self.low else Verdict.CRITICAL


class Frequency(StrEnum):
    """Frequency class of a schedule."""

    STREAMING = "streaming"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    PERIOD_CLOSE = "period_close"


class Trigger(StrEnum):
    """What starts a run; `both` is the hybrid of the contract."""

    TIME = "time"
    EVENT = "event"
    BOTH = "both"


class Window(Frozen):
    """Run window in the schedule's time zone."""

    start: WallClock
    end: WallClock


class Schedule(Frozen):
    """When a KPI runs. `cron` has five fields (minute hour day month weekday); `event` names a signal."""

    frequency: Frequency
    trigger: Trigger
    cron: str | None = None
    timezone: str = "UTC"
    event: Slug | None = None
    window: Window | None = None
    timeout: Duration = Field(default="5m", validate_default=True)

    @model_validator(mode="after")
    def _trigger_given(self) -> Self:
        if self.trigger in (Trigger.TIME, Trigger.BOTH) and self.cron is None:
            raise ValueError(f"trigger {self.trigger} needs cron")
        if self.trigger in (Trigger.EVENT, Trigger.BOTH) and self.event is None:
            raise ValueError(f"trigger {self.trigger} needs event")
        return self


class FreshnessSla(Frozen):
    """The result is delivered within `target` of the newest data it used becoming available."""

    type: Literal["freshness"]
    target: Duration
    grace: Duration


class LatencySla(Frozen):
    """A run answers within `target`, from open to close."""

    type: Literal["latency"]
    target: Duration
    grace: Duration


class AvailabilitySla(Frozen):
    """The result is delivered by a wall-clock time on the day after the period ends."""

    type: Literal["availability"]
    by: WallClock
    timezone: str = "UTC"
    grace: Duration


class ConsistencySla(Frozen):
    """All expected entities are closed by the end of the period plus `target` (T+n)."""

    type: Literal["consistency"]
    target: Duration
    grace: Duration
    entities: int = Field(default=1, ge=1)


Sla = Annotated[FreshnessSla | LatencySla | AvailabilitySla | ConsistencySla, Field(discriminator="type")]


class Retry(Frozen):
    """New attempts after a failure: exponential backoff from `backoff` with up to `jitter` (0 to 1) of it added."""

    count: int = Field(default=2, ge=0, le=10)
    backoff: Duration = Field(default="30s", validate_default=True)
    jitter: float = Field(default=0.2, ge=0, le=1)


class OnFailure(StrEnum):
    """What to deliver after the last attempt failed."""

    FALLBACK = "fallback"
    SUPPRESS = "suppress"


class ErrorPolicy(Frozen):
    """Retry, then fallback to the last good value (flagged and dated) or suppress."""

    retry: Retry = Retry()
    on_failure: OnFailure = OnFailure.SUPPRESS


class AlertRoute(Frozen):
    """Where an alert goes, from `severity` up."""

    channel: Literal["slack", "email", "opsgenie", "pagerduty", "webhook"]
    target: Name
    severity: Level = Level.MEDIUM
    escalate_after: Duration | None = None


class Report(Frozen):
    """A report subscription."""

    frequency: Literal["daily", "weekly", "monthly"]
    recipients: tuple[Name, ...] = Field(min_length=1)


class Consumer(Frozen):
    """Who reads this KPI: named in impact reports and deprecation warnings."""

    type: Literal["dashboard", "report", "application", "team"]
    name: Name


class Change(Frozen):
    """One entry of the change log."""

    version: Semver
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    author: Name
    summary: Text


class Kpi(Frozen):
    """One version of one KPI contract, complete."""

    kind: Literal["kpi"] = "kpi"
    id: KpiId
    name: Name
    pack: Slug
    layer: Layer
    contract_version: Semver
    status: Status = Status.ACTIVE
    parent: KpiId | None = None
    variant_label: Name | None = None
    tenants: tuple[Slug, ...] = Field(min_length=1)
    environments: tuple[Literal["dev", "stg", "prod"], ...] = ("prod",)
    purpose: Text
    owners: Owners
    criticality: Level
    tier: Literal[0, 1, 2] = 2
    sensitivity: Sensitivity = Sensitivity.INTERNAL
    sources: tuple[GdpRef | KpiRef, ...] = Field(min_length=1)
    expression: Expression
    entity_dimension: Identifier | None = None
    grain: Grain
    unit: Name
    format: str = "0.00"
    extensions: tuple[Extension, ...] = ()
    pre_validation: tuple[PreRule, ...] = ()
    post_validation: tuple[PostRule, ...] = ()
    verdict: Bands
    lane: Lane = Lane.LIGHT
    schedule: Schedule
    sla: tuple[Sla, ...] = ()
    slo: Slo | None = None
    error_policy: ErrorPolicy = ErrorPolicy()
    alerts: tuple[AlertRoute, ...] = ()
    reports: tuple[Report, ...] = ()
    runbook: str = Field(min_length=1)
    consumers: tuple[Consumer, ...] = ()
    change_log: tuple[Change, ...] = Field(min_length=1)

    @property
    def gdp_sources(self) -> tuple[GdpRef, ...]:
        """The golden data tables it reads."""
        return tuple(source for source in self.sources if isinstance(source, GdpRef))

    @property
    def kpi_sources(self) -> tuple[KpiRef, ...]:
        """The upstream KPIs it reads."""
        return tuple(source for source in self.sources if isinstance(source, KpiRef))


class Signal(Frozen):
    """A telemetry metric or event that is not a KPI but is watched by the same machinery."""

    kind: Literal["signal"] = "signal"
    id: Slug
    pack: Slug
    description: Text
    type: Literal["event", "metric"]
    metric: Name | None = None
    unit: Name | None = None


class Pack(Frozen):
    """A pack's header: who has it and what its KPIs inherit unless they say otherwise."""

    kind: Literal["pack"] = "pack"
    id: Slug
    name: Name
    description: Text
    tenants: tuple[Slug, ...] = Field(min_length=1)
    defaults: dict[str, object] = Field(default_factory=dict)


class Dictionary(Frozen):
    """Everything the packs say, merged and valid."""

    packs: tuple[Pack, ...]
    sources: tuple[Source, ...]
    signals: tuple[Signal, ...]
    kpis: tuple[Kpi, ...]
