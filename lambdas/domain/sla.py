"""SLA judgement: every type with target and grace gives pass, warn or breach (contract: SLA)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from kpis.common import Grain
from kpis.schema import AvailabilitySla, ConsistencySla, FreshnessSla, LatencySla
from lambdas.domain.model import Period
from lambdas.domain.periods import instant
from lambdas.domain.timestamps import iso

SlaRow = FreshnessSla | LatencySla | AvailabilitySla | ConsistencySla


class SlaState(StrEnum):
    """Within target, within grace, or beyond."""

    PASS = "pass"  # noqa: S105 - a word of the contract, not a secret
    WARN = "warn"
    BREACH = "breach"


@dataclass(frozen=True)
class SlaFacts:
    """What an SLA is judged on. `finished_at` is logical time for runs about history; `took` is real.

    `final` says that no further attempt will be made: then a run without delivery can no longer keep a delivery SLA.
    """

    period: Period
    grain: Grain
    timezone: str
    finished_at: datetime
    took: timedelta
    data_at: datetime | None
    delivered: bool
    entities: int
    final: bool


@dataclass(frozen=True)
class SlaResult:
    """One SLA row's judgement with its reason."""

    type: str
    state: SlaState
    details: str

    def as_json(self) -> dict[str, Any]:
        return {"type": self.type, "state": self.state.value, "details": self.details}


def judge(rows: Sequence[SlaRow], facts: SlaFacts) -> tuple[SlaResult, ...]:
    """Judge every SLA row."""
    return tuple(_judge(row, facts) for row in rows)


def breached(results: Sequence[SlaResult]) -> bool:
    """Whether any row is beyond its grace."""
    return any(result.state is SlaState.BREACH for result in results)


def _judge(row: SlaRow, facts: SlaFacts) -> SlaResult:
    if isinstance(row, LatencySla):
        return _within(row.type, facts.took, row.target, row.grace, "the run took")
    if not facts.delivered and facts.final:
        return SlaResult(row.type, SlaState.BREACH, "nothing was delivered and no attempt is left")
    if isinstance(row, FreshnessSla):
        since = facts.data_at or instant(facts.period.end, facts.grain, facts.timezone)
        return _within(
            row.type, max(facts.finished_at - since, timedelta()), row.target, row.grace, f"since the data of {iso(since)} it took"
        )
    if isinstance(row, AvailabilitySla):
        return _availability(row, facts)
    return _consistency(row, facts)


def deadline(row: AvailabilitySla, period: Period) -> datetime:
    """The wall-clock time on the day after the period's last day, in the row's time zone."""
    last_day = (period.end - timedelta(microseconds=1)).date()
    hour, minute = map(int, row.by.split(":"))
    return datetime.combine(last_day + timedelta(days=1), time(hour, minute), ZoneInfo(row.timezone))


def _availability(row: AvailabilitySla, facts: SlaFacts) -> SlaResult:
    due = deadline(row, facts.period)
    late = max(facts.finished_at - due, timedelta())
    return _within(row.type, late, timedelta(), row.grace, f"due {due.isoformat()}, late by")


def _consistency(row: ConsistencySla, facts: SlaFacts) -> SlaResult:
    if facts.delivered and facts.entities < row.entities:
        details = f"{facts.entities} of {row.entities} expected entities were closed"
        return SlaResult(row.type, SlaState.BREACH if facts.final else SlaState.WARN, details)
    since = instant(facts.period.end, facts.grain, facts.timezone)
    return _within(
        row.type, max(facts.finished_at - since, timedelta()), row.target, row.grace, "entities closed after the period's end by"
    )


def _within(kind: str, actual: timedelta, target: timedelta, grace: timedelta, what: str) -> SlaResult:
    late = SlaState.WARN if actual <= target + grace else SlaState.BREACH
    state = SlaState.PASS if actual <= target else late
    return SlaResult(kind, state, f"{what} {_text(actual)} (target {_text(target)}, grace {_text(grace)})")


def _text(duration: timedelta) -> str:
    return f"{duration.total_seconds():.3f}".rstrip("0").rstrip(".") + " s"
