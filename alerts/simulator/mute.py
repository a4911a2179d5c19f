"""The windows in which a mute rule keeps alarms from acting.

Source: PutAlarmMuteRule and Schedule in the CloudWatch API reference. Cron expressions have five fields (minutes, hours, day of month,
month, day of week) of numbers or English names with `*`, `-` and `,`; steps (`/`) and the letters L, W and # of EventBridge are not
supported. Where both days are restricted either will do, as in standard cron. Times are read in the rule's time zone: one that a
clock change skips counts as the same moment after it, one that happens twice as the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

from alerts.mute_schedule import LONGEST, SHORTEST
from alerts.simulator.actions import MuteWindow
from alerts.simulator.model import UnsupportedError
from alerts.specs import MuteRule

MOST_ALARMS = 100
"""Alarms one mute rule may name."""
_EXPRESSION = re.compile(r"(cron|at)\((.*)\)")
_FIELD = re.compile(
    r"(?:\*|(?:[0-9]{1,2}|[A-Z]{3})(?:-(?:[0-9]{1,2}|[A-Z]{3}))?)(?:,(?:[0-9]{1,2}|[A-Z]{3})(?:-(?:[0-9]{1,2}|[A-Z]{3}))?)*"
)
_AT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")
_DURATION = re.compile(r"P(?=.)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_FIELDS = 5


def mute_windows(
    name: str,
    alarms: Iterable[str],
    expression: str,
    duration_iso8601: str,
    timezone: str | None,
    starts: datetime | str | None,
    expires: datetime | str | None,
    start: float,
    end: float,
) -> tuple[MuteWindow, ...]:
    """The windows of a mute rule that touch [start, end), in seconds since the epoch, by their start.

    `timezone` is an IANA name (None: UTC). A rule has no window before `starts`; one that is open at `expires` ends there. Both are
    ISO 8601 or datetimes, in UTC where they name no zone.

    Raises:
        UnsupportedError: for what is no rule: expression, duration (a minute to 15 days), time zone, or more than 100 alarms.
    """
    targets = frozenset(alarms)
    if len(targets) > MOST_ALARMS:
        raise _refusal(name, f"{len(targets)} alarms; a rule takes at most {MOST_ALARMS}, split it")
    length = duration_of(duration_iso8601, name).total_seconds()
    first = _seconds(starts, name)
    last = _seconds(expires, name)
    found: list[MuteWindow] = []
    for opens in _occurrences(name, expression, _zone(name, timezone), start - length, end):
        closes = opens + length if last is None else min(opens + length, last)
        if opens < end and closes > max(start, opens) and (first is None or opens >= first):
            found.append(MuteWindow(name, targets, opens, closes))
    return tuple(found)


def rule_windows(rule: MuteRule, start: float, end: float) -> tuple[MuteWindow, ...]:
    """The windows of a rule of ours that touch [start, end). Raises as `mute_windows`."""
    return mute_windows(
        rule.name, rule.alarms, rule.expression, rule.duration, rule.timezone, rule.starts, rule.expires, start, end
    )  # fmt: skip


def duration_of(text: str, rule: str = "") -> timedelta:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds.

    Raises:
        UnsupportedError: for any other text, and outside of one minute to 15 days.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise _refusal(rule, f"duration {text!r}; expected ISO 8601 such as PT4H or P2DT12H")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    found = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not SHORTEST <= found <= LONGEST:
        raise _refusal(rule, f"duration {text}; expected one minute (PT1M) to 15 days (P15D)")
    return found


def _occurrences(name: str, expression: str, zone: ZoneInfo, start: float, end: float) -> Iterator[float]:
    """When the rule's windows open, from `start` to `end`."""
    match = _EXPRESSION.fullmatch(expression)
    if match is None:
        raise _refusal(name, f"expression {expression!r}; expected cron(…) or at(yyyy-MM-ddThh:mm)")
    kind, body = match.groups()
    if kind == "at":
        yield _local(_at(name, body), zone)
        return
    _check_cron(name, body)
    wall = datetime.fromtimestamp(start, zone).replace(tzinfo=None) - timedelta(hours=3)
    turns = croniter(body, wall, ret_type=datetime)
    try:
        while (opens := _local(turns.get_next(datetime), zone)) < end:
            if opens >= start:
                yield opens
    except CroniterBadDateError as error:
        raise _refusal(name, f"cron({body}) never comes") from error


def _at(name: str, body: str) -> datetime:
    if not _AT.fullmatch(body):
        raise _refusal(name, f"at({body}); expected at(yyyy-MM-ddThh:mm)")
    try:
        return datetime.fromisoformat(body)
    except ValueError as error:
        raise _refusal(name, f"at({body}): {error}") from error


def _check_cron(name: str, body: str) -> None:
    fields = body.split()
    if len(fields) != _FIELDS:
        raise _refusal(name, f"cron({body}) has {len(fields)} fields; expected minutes hours day-of-month month day-of-week")
    bad = next((field for field in fields if not _FIELD.fullmatch(field.upper())), None)
    if bad is not None:
        raise _refusal(name, f"cron({body}): '{bad}'; a field is made of numbers or English names with * - and ,")
    if not croniter.is_valid(body):
        raise _refusal(name, f"cron({body}) has a number or name that is out of range")


def _local(wall: datetime, zone: ZoneInfo) -> float:
    return wall.replace(tzinfo=zone).timestamp()


def _zone(name: str, timezone: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(timezone or "UTC")
    except (KeyError, ValueError, OSError) as error:
        raise _refusal(name, f"time zone {timezone!r}; expected an IANA name such as Europe/London") from error


def _seconds(moment: datetime | str | None, name: str) -> float | None:
    if moment is None:
        return None
    try:
        found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError as error:
        raise _refusal(name, f"date {moment!r}; expected ISO 8601 such as 2026-12-31T23:59:00Z") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _refusal(rule: str, problem: str) -> UnsupportedError:
    return UnsupportedError(f"mute rule {rule}: {problem}" if rule else problem)
