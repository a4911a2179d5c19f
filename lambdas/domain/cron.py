"""Cron expressions of the dictionary (five fields) as EventBridge Scheduler writes them (six fields, one of the day fields '?')."""

from __future__ import annotations

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = 5


def to_aws(cron: str) -> str:
    """`0 2 * * 1-5` as `cron(0 2 ? * MON,TUE,WED,THU,FRI *)`.

    Raises:
        ValueError: when it has not five fields, or restricts both day of month and day of week, which AWS cannot say.
    """
    fields = cron.split()
    if len(fields) != _FIELDS:
        raise ValueError(f"cron '{cron}' has {len(fields)} fields; write minute, hour, day of month, month and day of week")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise ValueError(
            f"cron '{cron}' restricts day of month and day of week; EventBridge Scheduler allows one, so write two KPIs or one field"
        )
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
    if text.isdigit() and int(text) <= 7:  # noqa: PLR2004 - both 0 and 7 are Sunday
        return int(text)
    raise ValueError(f"cron '{cron}' has day of week '{text}'; write 0 to 7 or SUN to SAT")
