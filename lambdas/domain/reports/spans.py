"""What a report covers: whole days, weeks and months of the tenant's own calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

SETTLING = timedelta(hours=6)
"""After midnight, before a report is made: runs about the day that ended come at night."""


class Frequency(StrEnum):
    """How often there is a report."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True)
class Span:
    """Moments in UTC, half-open. `label`: `2026-11-20`, `2026-W47` (ISO 8601) or `2026-10`."""

    label: str
    start: datetime
    end: datetime


def latest(frequency: Frequency, now: datetime, timezone: str) -> Span:
    """The last day, week or month that has ended and settled."""
    zone = ZoneInfo(timezone)
    today = (now - SETTLING).astimezone(zone).date()
    if frequency is Frequency.DAILY:
        first, after = today - timedelta(days=1), today
        label = first.isoformat()
    elif frequency is Frequency.WEEKLY:
        after = today - timedelta(days=today.weekday())
        first = after - timedelta(days=7)
        year, week, _ = first.isocalendar()
        label = f"{year}-W{week:02}"
    else:
        after = today.replace(day=1)
        first = (after - timedelta(days=1)).replace(day=1)
        label = f"{first:%Y-%m}"
    return Span(label, _midnight(first, zone), _midnight(after, zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
