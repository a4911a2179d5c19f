"""Maintenance and change windows as CloudWatch mute rules: alarms go on changing state, and tell nobody meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from zoneinfo import available_timezones

from alerts.mute_schedule import duration_of, overlap_problem, recurs, schedule_problem
from alerts.specs import AlarmSet, CompositeAlarm, MetricAlarm, MuteRule, Severity
from alerts.validate import MAX_DESCRIPTION, MAX_NAME, AlarmError

MAX_ALARMS = 100
"""Alarms of one mute rule (MuteTargets, CloudWatch API reference)."""
MAX_TIMEZONE = 50
NEVER_MUTED = frozenset({"log-tamper"})
"""Whoever tampers with a log would do it during maintenance."""


class MuteScope(StrEnum):
    """Which alarms of its stack a window mutes: `routine` leaves the critical ones alone."""

    ALL = "all"
    ROUTINE = "routine"


@dataclass(frozen=True)
class Window:
    """A window of a stack's config. `alarms` are keys, and stand in for the scope when there are any; see `MuteRule` for the rest."""

    name: str
    reason: str
    schedule: str
    duration: str
    timezone: str = "UTC"
    scope: MuteScope = MuteScope.ROUTINE
    alarms: tuple[str, ...] = ()
    starts: str | None = None
    expires: str | None = None


def mute_rules(alarms: AlarmSet, windows: Sequence[Window], *, stem: str) -> tuple[MuteRule, ...]:
    """The mute rules of a stack, in the order of its windows; a window over more than 100 alarms becomes several.

    `stem` begins every physical name, as it does those of the alarms.

    Raises:
        AlarmError: with every problem of every window.
    """
    found = [f"window '{window.name}': {problem}" for window in windows for problem in window_problems(window, alarms)]
    found += [f"window '{name}': {count} windows have this name" for name, count in _names(windows).items() if count > 1]
    rules = () if found else tuple(rule for window in windows for rule in _rules(window, alarms, stem))
    found += [problem for rule in rules for problem in rule_problems(rule)]
    if found:
        listed = "\n".join(f"- {each}" for each in found)
        raise AlarmError(f"mute rules of {stem} would be refused or would not do what they say:\n{listed}")
    return rules


def window_problems(window: Window, alarms: AlarmSet) -> Iterator[str]:
    """What is wrong with a window, in words."""
    problem = schedule_problem(window.schedule)
    if problem is not None:
        yield problem
    length = timedelta()
    try:
        length = duration_of(window.duration)
    except ValueError as error:
        yield str(error)
    if problem is None and length and recurs(window.schedule):
        overlap = overlap_problem(window.schedule, length)
        if overlap is not None:
            yield overlap
    if window.timezone not in available_timezones() or len(window.timezone) > MAX_TIMEZONE:
        yield f"'{window.timezone}' is not a time zone; expected an IANA name, such as Europe/Berlin"
    yield from _bounds(window)
    yield from _named(window, alarms)


def rule_problems(rule: MuteRule) -> Iterator[str]:
    """What CloudWatch would refuse of a rendered rule, in words that begin with its name."""
    if not 1 <= len(rule.name) <= MAX_NAME:
        yield f"{rule.name}: a name of {len(rule.name)} characters; expected 1 to {MAX_NAME}"
    if len(rule.description) > MAX_DESCRIPTION:
        yield f"{rule.name}: a description of {len(rule.description)} characters; CloudWatch takes at most {MAX_DESCRIPTION}"
    if not 1 <= len(rule.alarms) <= MAX_ALARMS:
        yield f"{rule.name}: {len(rule.alarms)} alarms; expected 1 to {MAX_ALARMS}"


def _names(windows: Sequence[Window]) -> Counter[str]:
    return Counter(window.name for window in windows)


def _bounds(window: Window) -> Iterator[str]:
    if not recurs(window.schedule) and (window.starts or window.expires):
        yield "it comes once, so it has no start and no end of its own; expected neither 'starts' nor 'expires' with at()"
    if window.starts and window.expires and window.starts >= window.expires:
        yield f"it expires ({window.expires}) before it starts ({window.starts})"


def _named(window: Window, alarms: AlarmSet) -> Iterator[str]:
    known = {alarm.key for alarm in (*alarms.metrics, *alarms.composites)}
    for key in sorted(set(window.alarms) - known):
        yield f"there is no alarm '{key}'; expected one of {', '.join(sorted(known - NEVER_MUTED))}"
    for key in sorted(set(window.alarms) & NEVER_MUTED):
        yield f"'{key}' cannot be muted: tampering during maintenance is tampering"


def _muted(window: Window, alarms: AlarmSet) -> list[MetricAlarm | CompositeAlarm]:
    every = (*alarms.metrics, *alarms.composites)
    if window.alarms:
        return [alarm for alarm in every if alarm.key in window.alarms]
    critical = {alarm.key for alarm in every if alarm.severity is Severity.CRITICAL}
    spared = NEVER_MUTED | critical if window.scope is MuteScope.ROUTINE else NEVER_MUTED
    return [alarm for alarm in every if alarm.key not in spared]


def _rules(window: Window, alarms: AlarmSet, stem: str) -> Iterator[MuteRule]:
    names = sorted(alarm.name for alarm in _muted(window, alarms))
    parts = [names[at : at + MAX_ALARMS] for at in range(0, len(names), MAX_ALARMS)]
    which = "the alarms it names" if window.alarms else f"scope {window.scope}"
    for number, part in enumerate(parts, start=1):
        key = f"mute-{window.name}" + (f"-{number}" if len(parts) > 1 else "")
        yield MuteRule(
            key=key,
            name=f"{stem}-{key}",
            description=f"{window.reason} ({which}, {len(part)} alarms)",
            expression=window.schedule,
            duration=window.duration,
            timezone=window.timezone,
            alarms=tuple(part),
            starts=window.starts,
            expires=window.expires,
        )
