"""From the alert routes of KPIs to Alertmanager's receivers, routes and mute intervals: what is sent where, and when.

KPIs that alert the same target from the same severity share a route, so their number does not grow with the number of KPIs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from kpis.burn import Urgency
from kpis.common import Level, format_duration
from kpis.schema import AlertRoute, Kpi, Window

LEVELS = tuple(Level)
"""From the least severe to the most."""
_UNSAFE = re.compile(r"[^a-z0-9]+")
_SLUG_LENGTH = 40
_MIDNIGHT = "24:00"


@dataclass(frozen=True, order=True)
class Receiver:
    """One target of one channel; `escalated_after` (a duration, or empty) makes it the receiver of what nobody resolved in that time."""

    channel: str
    target: str
    escalated_after: str = ""

    @property
    def name(self) -> str:
        return f"{self.channel}-{self.slug}" + (f"-escalated-{self.escalated_after}" if self.escalated_after else "")

    @property
    def slug(self) -> str:
        """The target as a file name; other targets get other slugs, whatever is in them."""
        slug = _UNSAFE.sub("-", self.target.lower()).strip("-")[:_SLUG_LENGTH]
        return slug if slug == self.target else f"{slug or 'target'}-{sha256(self.target.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, order=True)
class Muted:
    """A run window in a time zone: tickets about a result wait until it is over, since the run they ask for is under way."""

    start: str
    end: str
    timezone: str

    @property
    def name(self) -> str:
        return f"run-window-{self.start}-{self.end}-{self.timezone}"

    @property
    def times(self) -> tuple[tuple[str, str], ...]:
        """Alertmanager's ranges end on the day they begin."""
        if self.start < self.end:
            return ((self.start, self.end),)
        return ((self.start, _MIDNIGHT), ("00:00", self.end)) if self.end > "00:00" else ((self.start, _MIDNIGHT),)


@dataclass(frozen=True)
class Route:
    """Alerts of these KPIs, severities and urgency go to a receiver; `wait` delays the first message of a group."""

    receiver: Receiver
    severities: tuple[Level, ...]
    urgency: Urgency
    muted: Muted | None
    kpi_ids: tuple[str, ...]
    wait: str = ""


@dataclass(frozen=True, order=True)
class _Key:
    receiver: Receiver
    severities: tuple[Level, ...]
    urgency: Urgency
    muted: tuple[Muted, ...] = ()
    wait: str = ""


def routes_of(kpis: Iterable[Kpi]) -> tuple[Route, ...]:
    """The routes of a dictionary, sorted."""
    found: dict[_Key, set[str]] = defaultdict(set)
    for kpi in kpis:
        for key in _keys(kpi):
            found[key].add(kpi.id)
    order = sorted(found, key=lambda key: (key.receiver, _rank(key.severities), key.urgency, key.muted, key.wait))
    return tuple(
        Route(key.receiver, key.severities, key.urgency, key.muted[0] if key.muted else None, tuple(sorted(found[key])), key.wait)
        for key in order
    )


def at_least(level: Level) -> tuple[Level, ...]:
    """The severities from a level up."""
    return LEVELS[level.rank :]


def _keys(kpi: Kpi) -> Iterator[_Key]:
    for route in kpi.alerts:
        yield from _both(kpi, Receiver(route.channel, route.target), at_least(route.severity))
        if route.escalate_after:
            receiver, severities = _escalation(route, kpi.alerts, route.escalate_after)
            yield from _both(kpi, receiver, severities, wait=receiver.escalated_after)


def _both(kpi: Kpi, receiver: Receiver, severities: tuple[Level, ...], wait: str = "") -> Iterator[_Key]:
    window = kpi.schedule.window
    muted = (_muted(window, kpi.schedule.timezone),) if window and window.start != window.end else ()
    yield _Key(receiver, severities, Urgency.PAGE, (), wait)
    yield _Key(receiver, severities, Urgency.TICKET, muted, wait)


def _muted(window: Window, timezone: str) -> Muted:
    return Muted(window.start, window.end, timezone)


def _escalation(route: AlertRoute, routes: Sequence[AlertRoute], after: timedelta) -> tuple[Receiver, tuple[Level, ...]]:
    """Who hears next: the KPI's route of the next higher severity, for what it was not sent at once; without one the same target again."""
    wait = format_duration(after)
    higher = [each for each in routes if each.severity.rank > route.severity.rank]
    if not higher:
        return Receiver(route.channel, route.target, wait), at_least(route.severity)
    next_up = min(higher, key=lambda each: (each.severity.rank, each.channel, each.target))
    below = LEVELS[route.severity.rank : next_up.severity.rank]
    return Receiver(next_up.channel, next_up.target, wait), below


def _rank(severities: Sequence[Level]) -> tuple[int, ...]:
    return tuple(each.rank for each in severities)
