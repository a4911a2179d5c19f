"""When a mute rule is active: what CloudWatch takes as a schedule and as a duration.

Source: Schedule and PutAlarmMuteRule in the CloudWatch API reference. Five cron fields with `*`, `-` and `,` (no steps, no `?`), English
names for months and days of the week; `at(yyyy-MM-ddThh:mm)`; durations in ISO 8601 from one minute to 15 days.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

from croniter import croniter

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=15)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (("minutes", 0, 59), ("hours", 0, 23), ("day of month", 1, 31), ("month", 1, 12))
_CRON = re.compile(r"cron\((?P<fields>[^()]*)\)")
_AT = re.compile(r"at\((?P<moment>\d{4}-\d{2}-\d{2}T\d{2}:\d{2})\)")
_DURATION = re.compile(r"P(?=.)(?:(?P<days>\d+)D)?(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?")
_CALENDAR_START = datetime(2024, 1, 1)  # noqa: DTZ001 - wall clock time: only the gaps between occurrences matter
# The shortest gap between two of them is among these: within two hours, across two days or across two months.
_OCCURRENCES = 130


def schedule_problem(expression: str) -> str | None:
    """What is wrong with a schedule, in words; None when CloudWatch takes it and it ever comes."""
    once = _AT.fullmatch(expression)
    if once:
        return _moment_problem(once["moment"])
    cron = _CRON.fullmatch(expression)
    if cron is None:
        return f"'{expression}' is no schedule; expected cron(minutes hours day-of-month month day-of-week) or at(yyyy-MM-ddThh:mm)"
    parts = cron["fields"].split()
    if len(parts) != len(_FIELDS) + 1:
        return f"'{expression}' has {len(parts)} fields; expected 5: minutes hours day-of-month month day-of-week"
    problem = _cron_problem(parts)
    if problem is None and not occurrences(expression):
        problem = "it names a day that never comes"
    return None if problem is None else f"'{expression}': {problem}"


def recurs(expression: str) -> bool:
    """Whether a schedule comes again and again."""
    return expression.startswith("cron(")


def duration_of(text: str) -> timedelta:
    """The length of an ISO 8601 duration.

    Raises:
        ValueError: when it is none, or not between one minute and 15 days.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no duration; expected ISO 8601 in days, hours and minutes, such as PT4H or P1DT12H")
    length = timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(f"'{text}' is not between one minute (PT1M) and 15 days (P15D)")
    return length


@cache
def occurrences(expression: str) -> tuple[datetime, ...]:
    """The first occurrences of a recurring schedule in wall clock time; none when it never comes."""
    match = _CRON.fullmatch(expression)
    if match is None:
        return ()
    found: list[datetime] = []
    # croniter looks some 50 years ahead before it gives up on a day that never comes.
    try:
        coming = croniter(match["fields"], _CALENDAR_START)
        found.extend(coming.get_next(datetime) for _ in range(_OCCURRENCES))
    except ValueError:
        return tuple(found)
    return tuple(found)


def overlap_problem(expression: str, duration: timedelta) -> str | None:
    """Whether a window starts again before it has ended, so that its alarms are muted for much longer than it says."""
    coming = occurrences(expression)
    gap = min((later - earlier for earlier, later in pairwise(coming)), default=None)
    if gap is None or gap > duration:
        return None
    return (
        f"'{expression}' starts again after {gap}, before its {duration} are over: the alarms would stay muted; shorten one or merge them"
    )


def _moment_problem(moment: str) -> str | None:
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return f"'at({moment})' is no moment of the calendar"
    return None


def _cron_problem(parts: list[str]) -> str | None:
    for part, (name, lowest, highest) in zip(parts, _FIELDS, strict=False):
        names = _MONTHS if name == "month" else ()
        if not all(_in_range(each, lowest, highest, names) for each in part.split(",")):
            return f"{name} '{part}'; expected {lowest} to {highest}, with * - and , only"
    weekday = parts[-1]
    if not all(_in_range(each, 1, 0, _DAYS) for each in weekday.split(",")):
        # Sunday is 0 in some crons and 1 in others, in AWS's own too.
        return f"day of week '{weekday}'; expected names from SUN to SAT, with * - and , only"
    if parts[2] != "*" and weekday != "*":
        return "both a day of month and a day of week; expected * for one of them"
    return None


def _in_range(text: str, lowest: int, highest: int, names: tuple[str, ...]) -> bool:
    """Whether a part of a field is `*`, a value or a range that ends after it starts."""
    if text == "*":
        return True
    values: list[int] = []
    for end in text.split("-"):
        if end.upper() in names:
            values.append(lowest + names.index(end.upper()))
        elif end.isascii() and end.isdecimal() and lowest <= int(end) <= highest:
            values.append(int(end))
        else:
            return False
    return len(values) == 1 or (len(values) == 2 and values[0] < values[1])  # noqa: PLR2004 - a range has two ends
