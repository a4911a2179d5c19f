"""After how many seconds a KPI's result, or the data in it, is older than its schedule and SLA allow."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from kpis.schema import Frequency, FreshnessSla, Kpi, LatencySla, Schedule

LEAST_GRACE = timedelta(hours=1)
"""Two deliveries are never exactly one period apart: runs take their time, and clocks change twice a year."""
_PERIODS = {
    Frequency.STREAMING: timedelta(minutes=15),
    Frequency.HOURLY: timedelta(hours=1),
    Frequency.DAILY: timedelta(days=1),
    Frequency.WEEKLY: timedelta(days=7),
    Frequency.MONTHLY: timedelta(days=31),
    Frequency.PERIOD_CLOSE: timedelta(days=92),
}
# A Friday, so that a schedule by the minute shows its weekend before the search ends.
_BEGIN = datetime(2016, 1, 1)  # noqa: DTZ001 - wall-clock time of the schedule's own zone
_FIRINGS, _MOST_FIRINGS, _SPAN = 70, 3000, timedelta(days=9)


def result_limit(kpi: Kpi) -> int:
    """Seconds since the last delivery after which one is missing: the longest pause of the schedule plus the grace of the SLA."""
    return _seconds(longest_pause(kpi.schedule) + max((LEAST_GRACE, *(sla.grace for sla in kpi.sla))))


def data_limit(kpi: Kpi) -> int:
    """Seconds of age after which data are stale: one pause of the schedule plus the freshness SLA (without one: a second pause)."""
    pause = longest_pause(kpi.schedule)
    allowed = [sla.target + sla.grace for sla in kpi.sla if isinstance(sla, FreshnessSla)]
    latency = sum((sla.target + sla.grace for sla in kpi.sla if isinstance(sla, LatencySla)), timedelta())
    return _seconds(pause + min(allowed, default=pause) + latency)


def longest_pause(schedule: Schedule) -> timedelta:
    """The longest time between two runs: of the cron expression, else (also for one that never fires) of the frequency class."""
    return (_longest_pause(schedule.cron) if schedule.cron else None) or _PERIODS[schedule.frequency]


def _seconds(limit: timedelta) -> int:
    return int(max(limit, LEAST_GRACE).total_seconds())


@cache
def _longest_pause(cron: str) -> timedelta | None:
    from croniter import CroniterBadDateError, croniter

    firing = croniter(cron, _BEGIN)
    try:
        first = before = firing.get_next(datetime)
    except CroniterBadDateError:
        return None
    longest = timedelta()
    for count in range(_MOST_FIRINGS):
        after = firing.get_next(datetime)
        longest = max(longest, after - before)
        before = after
        if count >= _FIRINGS and before - first > _SPAN:
            break
    return longest
