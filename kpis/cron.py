"""Five-field cron of the dictionary, and the six-field form EventBridge Scheduler takes.

Sources: the EventBridge Scheduler user guide, "Schedule types" (cron-based schedules): fields minutes, hours, day-of-month, month,
day-of-week (1-7, Sunday is 1) and year; one of the two day fields must be `?`.
"""

from __future__ import annotations

import re

FIELDS = 5
_NAMES = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}


class CronError(ValueError):
    """The expression cannot be scheduled; the message says why and what can."""


def to_scheduler(cron: str) -> str:
    """`0 2 * * *` as `cron(0 2 * * ? *)`.

    Raises:
        CronError: when it has not five fields, or restricts both the day of the month and the day of the week.
    """
    fields = cron.split()
    if len(fields) != FIELDS:
        raise CronError(f"'{cron}' has {len(fields)} fields; write five: minute hour day-of-month month day-of-week")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise CronError(f"'{cron}' restricts day of month and day of week; EventBridge Scheduler takes one of them, put * into the other")
    if weekday == "*":
        return f"cron({minute} {hour} {day} {month} ? *)"
    return f"cron({minute} {hour} ? {month} {_weekdays(weekday)} *)"


def _weekdays(field: str) -> str:
    """Days of the week counted from Sunday = 1; lists, ranges and steps keep their form."""
    return ",".join(_part(part) for part in field.split(","))


def _part(part: str) -> str:
    days, slash, step = part.partition("/")
    if days == "*":
        return f"1-7/{step}" if slash else "1-7"
    ends = [_day(end) for end in days.split("-")]
    return "-".join(str(end) for end in ends) + (f"/{step}" if slash else "")


def _day(text: str) -> int:
    if text.upper() in _NAMES:
        return _NAMES[text.upper()] + 1
    if re.fullmatch(r"[0-7]", text) is None:
        raise CronError(f"'{text}' is not a day of the week; write 0 to 7 (0 and 7 are Sunday) or SUN to SAT")
    return int(text) % 7 + 1
