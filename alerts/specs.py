"""CloudWatch alarms as data: what infra declares and nothing of how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field


class Late(StrEnum):
    """A dimension value only known once the resource exists: infra puts the output in its place."""

    API_ID = "${api_id}"


# Left to right, since any text would otherwise stay a plain text.
Dimensions = Mapping[str, Annotated[Late | str, Field(union_mode="left_to_right")]]


class Severity(StrEnum):
    """How much an alarm matters, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Topic(StrEnum):
    """Who is told: the topics `kpi-{deployment}-alerts-{topic}`."""

    CFO_OFFICE = "cfo-office"
    OPS = "ops"
    DATA_QUALITY = "data-quality"
    PLATFORM_ENGINEERING = "platform-engineering"


class MissingData(StrEnum):
    """What an alarm makes of a period without data (`TreatMissingData`)."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


class Comparison(StrEnum):
    """How a datapoint is held against the threshold (`ComparisonOperator`)."""

    ABOVE = "GreaterThanThreshold"
    AT_LEAST = "GreaterThanOrEqualToThreshold"
    BELOW = "LessThanThreshold"
    AT_MOST = "LessThanOrEqualToThreshold"


@dataclass(frozen=True)
class MetricStat:
    """One series and its statistic; `period` in seconds. `stat` is Sum, Average, Minimum, Maximum, SampleCount or p0..p100."""

    namespace: str
    metric: str
    dimensions: Dimensions
    stat: str
    period: int


@dataclass(frozen=True)
class MetricQuery:
    """One line of metric math: either a series or an expression over the ids of others. Exactly one query returns data."""

    id: str
    label: str
    series: MetricStat | None = None
    expression: str | None = None
    returns: bool = False


@dataclass(frozen=True)
class MetricAlarm:
    """An alarm on one series (`series`) or on metric math (`queries`, when `series` is None).

    `key` is unique within its stack and names the Pulumi resource; `name` is the physical name. It alarms when `datapoints` of the
    last `periods` periods breach. `minimum_samples` is how many samples a period needs to count (ratios: enforced in the expression).
    """

    key: str
    name: str
    description: str
    severity: Severity
    owner: str
    dedupe_key: str
    runbook: str
    topics: tuple[Topic, ...]
    series: MetricStat | None
    queries: tuple[MetricQuery, ...]
    comparison: Comparison
    threshold: float
    periods: int
    datapoints: int
    missing_data: MissingData
    minimum_samples: int
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Suppressor:
    """An alarm that keeps a composite from acting while it is in ALARM itself (`ActionsSuppressor`); `alarm` is a physical name.

    `wait` is how many seconds the composite waits for it to go into ALARM before it acts, `extension` how many it stays silent after
    it has left ALARM. The alarm may belong to another stack of the same account and region.
    """

    alarm: str
    wait: int
    extension: int


@dataclass(frozen=True)
class CompositeAlarm:
    """An alarm on other alarms; `rule` is a CloudWatch alarm rule over the physical names in `children`."""

    key: str
    name: str
    description: str
    severity: Severity
    owner: str
    dedupe_key: str
    runbook: str
    topics: tuple[Topic, ...]
    rule: str
    children: tuple[str, ...]
    tags: Mapping[str, str]
    suppressor: Suppressor | None = None


@dataclass(frozen=True)
class AlarmSet:
    """All alarms of one stack; composites come after the alarms they name."""

    metrics: tuple[MetricAlarm, ...]
    composites: tuple[CompositeAlarm, ...]


@dataclass(frozen=True)
class MuteRule:
    """Times in which alarms change state but tell nobody (`AlarmMuteRule`).

    `key` names the Pulumi resource, `name` is the physical name. `expression` is `cron(minutes hours day-of-month month day-of-week)` or
    `at(yyyy-MM-ddThh:mm)`, read in `timezone`; `duration` is ISO 8601 (`PT4H`). `alarms` are at most 100 physical names. `starts` and
    `expires` bound a recurring rule: UTC, to the minute, such as `2026-12-31T23:59:00Z`.
    """

    key: str
    name: str
    description: str
    expression: str
    duration: str
    timezone: str
    alarms: tuple[str, ...]
    starts: str | None = None
    expires: str | None = None
