"""Words the whole dictionary shares: enums, identifiers, durations and the frozen base model."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints


class Frozen(BaseModel):
    """A model that refuses unknown keys and cannot change after it was read."""

    # A validator is built when the first value is validated: a cold function pays for the models it uses, not for all it imports.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False, defer_build=True)


class Layer(StrEnum):
    """Where a KPI stands in the graph: primaries read golden data, secondaries KPIs, composites blend KPIs."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    COMPOSITE = "composite"


class Status(StrEnum):
    """Lifecycle of one version (K20)."""

    DRAFT = "draft"
    APPROVED = "approved"
    ACTIVE = "active"
    DEPRECATED = "deprecated"
    RETIRED = "retired"


class Level(StrEnum):
    """Criticality of a KPI; high and critical need dual approval (K31)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low to 3 for critical: sort by it, since the words themselves sort by the alphabet."""
        return tuple(Level).index(self)


class Sensitivity(StrEnum):
    """Who may read values."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Severity(StrEnum):
    """What a failed rule does: `warn` is recorded, `error` stops the run or the delivery."""

    WARN = "warn"
    ERROR = "error"


class Verdict(StrEnum):
    """The judgement a CFO reads (K1)."""

    ADEQUATE = "Adequate"
    LOW = "Low"
    CRITICAL = "Critical"


class Grain(StrEnum):
    """Length of one period."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Lane(StrEnum):
    """Where a run executes: a Lambda function or a Fargate task."""

    LIGHT = "light"
    HEAVY = "heavy"


class ScdView(StrEnum):
    """Which history a run sees (K1)."""

    AS_REPORTED = "as_reported"
    RESTATED = "restated"


class Environment(StrEnum):
    """KPI environment (K1)."""

    DEV = "dev"
    STG = "stg"
    PRD = "prod"


_DURATION = re.compile(r"^(\d+)(s|m|h|d)\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: Any) -> timedelta:
    """Read `90s`, `15m`, `24h` or `7d`.

    Raises:
        ValueError: when the text has another form, or the duration is longer than any calendar.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.match(str(text))
    if match is None:
        raise ValueError(f"'{text}' is not a duration; write a number and a unit, such as 90s, 15m, 24h or 7d")
    try:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    except (OverflowError, ValueError) as error:
        raise ValueError(f"the duration '{text[:40]}' is too long; at most 999999999d can be counted") from error


def format_duration(value: timedelta) -> str:
    """Write a duration in its largest exact unit; the inverse of `parse_duration`."""
    seconds = int(value.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)]

_SEMVER = re.compile(r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)\Z")


def _semver(text: str) -> str:
    if _SEMVER.match(text) is None:
        raise ValueError(f"'{text}' is not a version; write major.minor.patch, such as 1.0.0")
    return text


Semver = Annotated[str, BeforeValidator(str), AfterValidator(_semver)]
KpiId = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{1,9}(-[A-Z0-9]{1,10}){1,3}$", max_length=40)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


def _printable(text: str) -> str:
    found = _CONTROL.search(text)
    if found is not None:
        raise ValueError(f"contains the control character U+{ord(found[0]):04X}, which no artifact can show; take it out")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_printable)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_printable)]
WallClock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


def version_key(version: str) -> tuple[int, int, int]:
    """Order versions numerically: 1.10.0 comes after 1.9.0."""
    major, minor, patch = version.split(".")
    return int(major), int(minor), int(patch)
