"""A tenant's rules of change in one environment: windows, deadlines, grace and gates, and when production may change (K31)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import Field

from kpis.common import Duration, Frozen, Text, WallClock
from lambdas.domain.timestamps import parse

_HORIZON_DAYS = 92
"""How far ahead a window is looked for; a policy without one in three months is closed."""


class ChangeWindow(Frozen):
    """Hours of some weekdays (0 is Monday) in which changes go live; `end` before `start` is on the day after."""

    days: tuple[int, ...] = Field(min_length=1)
    start: WallClock
    end: WallClock


class Freeze(Frozen):
    """A time without changes, such as the close of a quarter; ISO 8601, from inclusive, until exclusive."""

    start: str
    until: str
    reason: Text


class Gates(Frozen):
    """What a version must show in the environment before, to be promoted."""

    soak: Duration = Field(default="1d", validate_default=True)
    runs: int = Field(default=3, ge=0)
    failed_share: float = Field(default=0.0, ge=0, le=1)


class PackChanges(StrEnum):
    """What becomes of packs that change after a tenant was onboarded (docs/adr/0008).

    `direct`: they are imported, as their review was the sign-off. `requests`: they become drafts and change requests.
    `by_environment`: requests in production, direct elsewhere.
    """

    BY_ENVIRONMENT = "by_environment"
    DIRECT = "direct"
    REQUESTS = "requests"


class Approvers(Frozen):
    """Who decides for each side, by subject (`sub` of the token); nobody named: whoever the policies of access allow (K31)."""

    business: tuple[str, ...] = Field(default=(), max_length=50)
    technical: tuple[str, ...] = Field(default=(), max_length=50)


class Policy(Frozen):
    """Rules of change of a tenant in an environment. Without windows every hour is one (outside freezes)."""

    timezone: str = "UTC"
    windows: tuple[ChangeWindow, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    request_expires: Duration = Field(default="14d", validate_default=True)
    publish_within: Duration = Field(default="7d", validate_default=True)
    grace: Duration = Field(default="30d", validate_default=True)
    global_pause_at_most: Duration = Field(default="24h", validate_default=True)
    gates: Gates = Gates()
    packs: PackChanges = PackChanges.BY_ENVIRONMENT
    approvers: Approvers = Approvers()


def is_open(policy: Policy, at: datetime) -> bool:
    """Whether changes may go live at a moment."""
    if any(parse(freeze.start) <= at < parse(freeze.until) for freeze in policy.freezes):
        return False
    day = at.astimezone(ZoneInfo(policy.timezone)).date()
    return not policy.windows or any(start <= at < end for start, end in _spans(policy, day - timedelta(days=1), 2))


def next_open(policy: Policy, at: datetime) -> datetime | None:
    """The first moment from `at` on in which changes may go live; None when there is none in three months."""
    if is_open(policy, at):
        return at
    first = at.astimezone(ZoneInfo(policy.timezone)).date() - timedelta(days=1)
    starts = [start for start, _ in _spans(policy, first, _HORIZON_DAYS)] if policy.windows else []
    ends_of_freezes = [parse(freeze.until) for freeze in policy.freezes]
    moments = sorted(moment for moment in (*starts, *ends_of_freezes) if moment > at)
    return next((moment for moment in moments if is_open(policy, moment)), None)


def _spans(policy: Policy, first: date, days: int) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(policy.timezone)
    for offset in range(days):
        day = first + timedelta(days=offset)
        for window in policy.windows:
            if day.weekday() in window.days:
                start, end = time.fromisoformat(window.start), time.fromisoformat(window.end)
                last = day if start < end else day + timedelta(days=1)
                yield datetime.combine(day, start, zone), datetime.combine(last, end, zone)
