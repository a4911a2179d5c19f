"""Periods and logical time: which period a run is about, and as of when it looks at the world.

A calendar period is named by its local dates and written in UTC: the day 2013-10-29 in New York is 2013-10-29T00:00Z to
2013-10-30T00:00Z, because golden data carry the tenant's calendar dates. Hours are moments, so they are real UTC hours.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from kpis.common import Grain
from kpis.schema import Schedule
from lambdas.domain import timestamps
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Period, RunRequest, TenantSettings

LIVE = timedelta(hours=24)
"""A run whose logical time is further from the clock than this is about history: its SLA is judged in logical time."""

EVENT_DELAY = timedelta(hours=6)
"""Logical time of a backfilled KPI without cron: this long after its period ended, local time."""

_MONTHS = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}
_DAYS = {Grain.DAY: 1, Grain.WEEK: 7}


def floor(moment: datetime, grain: Grain) -> datetime:
    """The start of the grain this calendar moment lies in; weeks start on Monday."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    if grain is Grain.HOUR:
        return hour
    day = hour.replace(hour=0)
    if grain is Grain.DAY:
        return day
    if grain is Grain.WEEK:
        return day - timedelta(days=day.weekday())
    months = _MONTHS[grain]
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


def add_months(moment: datetime, months: int) -> datetime:
    """The same day other months away, clamped to the month's last day."""
    index = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(index, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def shift(start: datetime, grain: Grain, count: int) -> datetime:
    """The start of the period `count` grains away."""
    if grain is Grain.HOUR:
        return start + timedelta(hours=count)
    if grain in _DAYS:
        return start + timedelta(days=_DAYS[grain] * count)
    return add_months(start, _MONTHS[grain] * count)


def last_complete(as_of: datetime, grain: Grain, timezone: str) -> Period:
    """The last period that was over at `as_of` in the time zone."""
    if grain is Grain.HOUR:
        end = floor(as_of.astimezone(UTC), grain)
    else:
        end = floor(as_of.astimezone(ZoneInfo(timezone)).replace(tzinfo=UTC), grain)
    return Period(start=shift(end, grain, -1), end=end)


def instant(bound: datetime, grain: Grain, timezone: str) -> datetime:
    """The real moment of a period bound: local midnight for calendar grains."""
    if grain is Grain.HOUR:
        return bound
    return bound.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def as_of_for(period: Period, grain: Grain, schedule: Schedule) -> datetime:
    """When the schedule would have run for this period: its first cron time after the period's end."""
    if schedule.cron is None:
        return instant(period.end, grain, schedule.timezone) + EVENT_DELAY
    from croniter import croniter  # brings dateutil along

    zone = ZoneInfo(schedule.timezone)
    local_end = instant(period.end, grain, schedule.timezone).astimezone(zone).replace(tzinfo=None)
    following: datetime = croniter(schedule.cron, local_end - timedelta(seconds=1)).get_next(datetime)
    return following.replace(tzinfo=zone).astimezone(UTC)


def replayed(moment: datetime, year: int) -> datetime:
    """The same day and time in another year; 29 February becomes the 28th where there is none."""
    return moment.replace(year=year, day=min(moment.day, monthrange(year, moment.month)[1]))


class Resolved:
    """Which period a run is about, as of when it looks, and whether that is history."""

    def __init__(self, period: Period, as_of: datetime, started_at: datetime) -> None:
        self.period = period
        self.as_of = as_of
        self.historical = abs(started_at - as_of) > LIVE


def resolve(request: RunRequest, grain: Grain, schedule: Schedule, tenant: TenantSettings, started_at: datetime) -> Resolved:
    """Period and logical time of a run.

    A scheduled time of today moves to the tenant's replay year when it has one. A request with a period and no time looks as
    the schedule would have looked.

    Raises:
        KpiError: INVALID_INPUT when the scheduled time is no ISO 8601 moment.
    """
    given = _scheduled(request, started_at)
    if request.period is not None:
        return Resolved(request.period, given or as_of_for(request.period, grain, schedule), started_at)
    as_of = given or started_at
    if tenant.replay_year is not None and abs(started_at - as_of) <= LIVE:
        as_of = replayed(as_of, tenant.replay_year)
    return Resolved(last_complete(as_of, grain, schedule.timezone), as_of, started_at)


def _scheduled(request: RunRequest, started_at: datetime) -> datetime | None:
    if request.scheduled_at is None:
        return None
    if request.scheduled_at.startswith("<aws.scheduler"):  # a Scheduler that does not fill in its placeholder fires at the scheduled time
        return started_at
    try:
        return timestamps.parse(request.scheduled_at)
    except ValueError as error:
        message = f"scheduled_at '{request.scheduled_at}' is not a moment; expected ISO 8601 such as 2025-11-20T02:00:00Z"
        raise KpiError(ErrorCode.INVALID_INPUT, message) from error
