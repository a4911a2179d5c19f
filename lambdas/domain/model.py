"""What travels between the functions: the request for a run, the opened run, its outcome, and the rows of the logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from kpis.common import Frozen, Grain, KpiId, ScdView, Semver, Severity, Slug, Verdict
from kpis.rules import RuleType
from kpis.schema import Kpi, Source
from lambdas.domain import timestamps
from lambdas.domain.control.canary import Subset
from lambdas.domain.errors import ErrorCode

TOTAL = "ALL"
"""The entity that stands for the whole tenant."""

LINEAGE_PARTS = 7

# JSON readers keep integers exact only up to 2**53; run ids are larger, so they travel as text.
RunId = Annotated[int, PlainSerializer(str, return_type=str, when_used="json"), Field(gt=0, lt=2**63)]


def _moment(value: Any) -> Any:
    return timestamps.parse(value) if isinstance(value, str) else value


Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(timestamps.iso, return_type=str, when_used="json")]


class RunStatus(StrEnum):
    """The `status` column (K1)."""

    SUCCESS = "success"
    FAILED = "failed"
    PARTIAL = "partial"
    SKIPPED = "skipped"


class TriggerType(StrEnum):
    """The `trigger_type` column (K1)."""

    TIME = "time"
    EVENT = "event"
    MANUAL = "manual"


class Period(Frozen):
    """Half-open period [start, end). Calendar bounds are written in UTC: the day 2013-10-29 is 2013-10-29T00:00Z to 2013-10-30T00:00Z."""

    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"the period ends ({timestamps.iso(self.end)}) before it starts ({timestamps.iso(self.start)})")
        return self

    @property
    def text(self) -> str:
        """The `time_range` column: ISO 8601 interval."""
        return f"{timestamps.iso(self.start)}/{timestamps.iso(self.end)}"


class RunRequest(Frozen):
    """What asks for a run: the input of the state machine.

    `during_pause`: a manual run goes ahead in spite of pauses; the log says so. Whoever passes it on checks that an administrator asks.
    `canary`: the id of a canary whose candidate is to compute its part; the dispatcher asks for it after a run of the baseline.
    """

    tenant_id: Slug
    environment: Literal["dev", "stg", "prod"] = "prod"
    kpi_id: KpiId
    trigger_type: TriggerType = TriggerType.MANUAL
    triggered_by: str | None = Field(default=None, max_length=256)
    scheduled_at: str | None = None
    period: Period | None = None
    entities: tuple[str, ...] | None = None
    scd_view: ScdView = ScdView.AS_REPORTED
    contract_version: Semver | None = None
    retry_seq: int = Field(default=0, ge=0)
    during_pause: bool = False
    canary: str | None = Field(default=None, max_length=128)


class TenantSettings(BaseModel):
    """A tenant in one environment, as its stack registered it (K26)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tenant_id: Slug
    environment: Literal["dev", "stg", "prod"]
    timezone: str = "UTC"
    currency: str = "USD"
    calendar: str = "gregorian"
    replay_year: int | None = Field(default=None, ge=1900, le=2200)
    role_arn: str | None = None
    schedule_group: str | None = None
    warehouse_secret: str


class CanaryPart(Frozen):
    """What a candidate's run is for: a canary, and the part of the KPI it computes (None: it was over before the run began)."""

    canary_id: str
    subset: Subset | None


class Run(Frozen):
    """An opened attempt: everything the runner and Close need to know about it.

    `excluded` are paused entities, which are not delivered; `enforce_post`: the first run after a pause, for which every
    post-validation rule counts as an error; `despite_pause` is the id of the pause that this run overrides. With a `canary` the run
    is the candidate's: what it delivers is kept apart, for the comparison with the baseline.
    """

    run_id: RunId
    tenant_id: str
    environment: Literal["dev", "stg", "prod"]
    region: str
    kpi_id: str
    contract_version: str
    definition_hash: str
    variant_label: str | None
    trigger_type: TriggerType
    triggered_by: str | None
    schedule_cron: str | None
    started_at: Moment
    retry_seq: int
    last_attempt: bool
    period: Period
    as_of: Moment
    historical: bool
    entities: tuple[str, ...] | None
    scd_view: ScdView
    role_arn: str | None
    warehouse_secret: str
    execution_id: str | None
    excluded: tuple[str, ...] = ()
    enforce_post: bool = False
    despite_pause: str | None = None
    canary: CanaryPart | None = None

    def logical(self, moment: datetime) -> datetime:
        """When this moment would have been, had the run started at its logical time (replays and backfills)."""
        return self.as_of + (moment - self.started_at) if self.historical else moment

    @property
    def lineage_ref(self) -> str:
        """Where the lineage of this run is recorded: tenant, environment, KPI, version, period and run.

        It names the period, so that a run which delivered nothing still says what it was about.
        """
        return f"lineage:{self.tenant_id}/{self.environment}/{self.kpi_id}/{self.contract_version}/{self.period.text}/{self.run_id:019d}"


def period_of_lineage(lineage_ref: str) -> str | None:
    """The period (`start/end`) in a run's lineage reference; None when it has another form."""
    parts = lineage_ref.removeprefix("lineage:").split("/")
    return f"{parts[4]}/{parts[5]}" if lineage_ref.startswith("lineage:") and len(parts) == LINEAGE_PARTS else None


class HardStop(StrEnum):
    """Which validation stopped the run (K14)."""

    PRE = "pre"
    POST = "post"


class Outcome(Frozen):
    """What the runner found and did."""

    status: RunStatus
    error_code: ErrorCode | None = None
    error_message: str | None = None
    rows_processed: int = 0
    verdict: Verdict | None = None
    value: float | None = None
    unit: str | None = None
    entities_delivered: int = 0
    delivered: bool = False
    fallback: bool = False
    hard_stop: HardStop | None = None
    failed_rules: tuple[str, ...] = ()
    data_at: Moment | None = None
    sql_hash: str | None = None
    sql_ms: float = 0.0


@dataclass(frozen=True)
class Definition:
    """One version of a KPI as the catalog holds it, with the sources it reads."""

    kpi: Kpi
    sources: Mapping[str, Source]
    definition_hash: str


@dataclass(frozen=True)
class Active:
    """Which version of a KPI is active."""

    contract_version: str
    definition_hash: str


class LogTable(StrEnum):
    """The five log tables (K1)."""

    RUN = "log-run"
    SOURCING = "log-sourcing"
    PRE_VALIDATION = "log-pre-validation"
    POST_VALIDATION = "log-post-validation"
    DELIVERY = "log-delivery"


@dataclass(frozen=True)
class LogEntry:
    """One row to insert: its table, its sort key, and its attributes. Absent values are left out."""

    table: LogTable
    tenant_id: str
    sort_key: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class RuleResult:
    """The outcome of one rule: a row of a validation log."""

    rule_id: str
    rule_type: RuleType
    severity: Severity
    passed: bool
    details: str

    @property
    def hard(self) -> bool:
        """Whether this result stops the run or its delivery."""
        return not self.passed and self.severity is Severity.ERROR


@dataclass(frozen=True)
class Measure:
    """One row a KPI's expression returned."""

    entity: str
    value: float | None
    rows_processed: int


@dataclass(frozen=True)
class UpstreamValue:
    """The delivered value of an upstream KPI for one entity and period."""

    kpi_id: str
    entity: str
    value: float | None
    contract_version: str
    run_id: int
    flags: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class PastValue:
    """A delivered value of an earlier period."""

    period_start: datetime
    period_end: datetime
    value: float | None


@dataclass(frozen=True)
class Result:
    """One delivered value: a row of `kpi_result`."""

    entity: str
    value: float | None
    verdict: Verdict
    rows_processed: int
    extensions: Mapping[str, Any]
    flags: Mapping[str, Any]


@dataclass(frozen=True)
class Delivery:
    """The results of one run with what they have in common."""

    run: Run
    grain: Grain
    unit: str
    delivered_at: datetime
    results: tuple[Result, ...]
