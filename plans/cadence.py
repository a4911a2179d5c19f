"""When schedules fire: cron expressions of the dictionary expanded over a reference year, in UTC.

Only what `kpi check` lets through is expanded: five fields, one of the two day fields free (kpis/cron.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

YEAR = 2026
"""An ordinary year of 365 days."""
DAYS = 365
MINUTES_A_DAY = 1440
MINUTES_A_YEAR = DAYS * MINUTES_A_DAY
HOURS_A_MONTH = 730
MONTHS = 12
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEK = 7


def runs_a_month(cron: str, timezone: str = "UTC") -> float:
    """How often a schedule fires in an average month."""
    return len(firings(cron, timezone)) / MONTHS


@lru_cache(maxsize=4096)
def firings(cron: str, timezone: str = "UTC") -> tuple[int, ...]:
    """The minutes of the reference year (0 is 1 January, 00:00 UTC) in which a schedule fires, sorted.

    A firing near New Year that another time zone moves out of the year comes back at its other end, so every year counts the same.

    Raises:
        ValueError: when the expression has not five fields of numbers, names, ranges, steps and lists.
    """
    fields = cron.split()
    if len(fields) != 5:  # noqa: PLR2004 - the five fields of cron
        raise ValueError(f"'{cron}' has {len(fields)} fields; expected minute, hour, day of month, month and day of week")
    minutes, hours = _values(fields[0], 0, 59), _values(fields[1], 0, 23)
    zone = ZoneInfo(timezone)
    start = datetime(YEAR, 1, 1, tzinfo=UTC)
    found: set[int] = set()
    for day in _days(fields):
        for hour in hours:
            # The offset may change within a day, so each hour asks for its own.
            local = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
            base = int((local.astimezone(UTC) - start).total_seconds() // 60)
            found.update((base + minute) % MINUTES_A_YEAR for minute in minutes)
    return tuple(sorted(found))


def _days(fields: list[str]) -> Iterator[date]:
    month_days, months = _values(fields[2], 1, 31), _values(fields[3], 1, 12, _MONTH_NAMES, 1)
    weekdays = _values(fields[4], 0, _WEEK, _DAY_NAMES)
    # Cron's own rule: with both day fields restricted, either one is enough.
    either = fields[2] != "*" and fields[4] != "*"
    for number in range(DAYS):
        day = date(YEAR, 1, 1) + timedelta(days=number)
        in_month, in_week = day.day in month_days, day.isoweekday() % _WEEK in weekdays
        if day.month in months and (in_month or in_week if either else in_month and in_week):
            yield day


def _values(field: str, low: int, high: int, names: tuple[str, ...] = (), first: int = 0) -> frozenset[int]:
    """The numbers a field allows; `first` is the number of the first name."""
    known = {name: first + place for place, name in enumerate(names)}

    def number(text: str) -> int:
        value = known.get(text.upper())
        value = int(text) if value is None else value
        if not low <= value <= high:
            raise ValueError(f"cron field '{field}': {text} is not between {low} and {high}")
        return value

    size = _WEEK if names == _DAY_NAMES else high - low + 1
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        begin, _, end = span.partition("-")
        start, stop = low, low + size - 1
        if span != "*":
            start = number(begin)
            # `5/15` means from 5 on, `FRI-MON` goes over the end of the week.
            stop = number(end) if end else (high if step else start)
        stop += size if stop < start else 0
        found.update(low + (value - low) % size for value in range(start, stop + 1, int(step or 1)))
    return frozenset(found)
