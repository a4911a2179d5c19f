"""Five-field cron of the dictionary, and the six-field form EventBridge Scheduler takes.

Source: the EventBridge Scheduler user guide, "Schedule types", cron-based schedules: minutes, hours, day of month, month, day of week
(names, or 1 to 7 from Sunday) and year; one of the two day fields must be `?`.
"""

from __future__ import annotations

FIELDS = 5
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_DAY = 7


class CronError(ValueError):
    """The expression cannot be scheduled; the message says why and what can."""


def to_scheduler(cron: str) -> str:
    """`0 2 * * 1-5` as `cron(0 2 ? * MON,TUE,WED,THU,FRI *)`.

    Raises:
        CronError: when it has not five fields, or restricts both the day of the month and the day of the week.
    """
    fields = cron.split()
    if len(fields) != FIELDS:
        raise CronError(f"'{cron}' has {len(fields)} fields; write minute, hour, day of month, month and day of week")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise CronError(f"'{cron}' restricts day of month and day of week; EventBridge Scheduler allows one, so put * into the other")
    if weekday == "*":
        return f"cron({minute} {hour} {day} {month} ? *)"
    return f"cron({minute} {hour} ? {month} {_weekdays(weekday, cron)} *)"


def _weekdays(field: str, cron: str) -> str:
    """Day names, since AWS counts days from 1 where cron counts from 0."""
    found: list[int] = []
    for part in field.upper().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low = 0 if span == "*" else _day(first, cron)
        high = 6 if span == "*" else _day(last or first, cron)
        if high < low:
            high += 7
        found += [day % 7 for day in range(low, high + 1, int(step or 1))]
    return ",".join(_DAYS[day] for day in sorted(set(found)))


def _day(text: str, cron: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdigit() and int(text) <= _LAST_DAY:
        return int(text)
    raise CronError(f"'{cron}' has day of week '{text}'; write 0 to 7 or SUN to SAT")
