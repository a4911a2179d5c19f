"""Burn-rate alerts: how fast the error budget of an objective may go before somebody is told.

Source: Google's Site Reliability Workbook, chapter 5, "Alerting on SLOs", section 6: multiwindow, multi-burn-rate alerts. Its numbers
are for 30 days; here they are scaled to a window of any length.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kpis.common import Level
from kpis.slo import Slo

LENGTHS = {
    "5m": timedelta(minutes=5),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
}
"""The windows of the alerts, the shortest first."""
_LOWER = {Level.CRITICAL: Level.HIGH, Level.HIGH: Level.MEDIUM, Level.MEDIUM: Level.LOW, Level.LOW: Level.LOW}


class BurnTier(StrEnum):
    """How fast the error budget burns, the fastest first: the label by which a faster alert silences a slower one."""

    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"
    TRICKLE = "trickle"


class Urgency(StrEnum):
    """Whether somebody is woken or finds a ticket in the morning."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True)
class Burn:
    """One burn alert: the error ratio over both windows exceeds `threshold`, which is `factor` times the error budget.

    `share` is the part of the SLO window's budget (0 to 1) that is gone when the long window reaches the threshold.
    """

    tier: BurnTier
    urgency: Urgency
    long: str
    short: str
    share: float
    factor: float
    threshold: float


_TIERS = (
    (BurnTier.FAST, Urgency.PAGE, "1h", "5m", 0.02),
    (BurnTier.MEDIUM, Urgency.PAGE, "6h", "30m", 0.05),
    (BurnTier.SLOW, Urgency.TICKET, "1d", "2h", 0.10),
    (BurnTier.TRICKLE, Urgency.TICKET, "3d", "6h", 0.10),
)


def severity_of(criticality: Level, urgency: Urgency) -> Level:
    """A page is as severe as the KPI is critical, a ticket one level less."""
    return criticality if urgency is Urgency.PAGE else _LOWER[criticality]


def burns_of(slo: Slo) -> tuple[Burn, ...]:
    """The burn alerts of an SLO, the fastest first.

    The factor is share x window / long window, but at least 1: a slower burn ends the window with budget left, so the objective is met.
    A tier is left out when its long window is longer than the SLO's, or when even an outage as long as the long window would not burn
    its share: such an alert could never fire.
    """
    found: list[Burn] = []
    for tier, urgency, long, short, share in _TIERS:
        factor = round(max(1.0, share * (slo.window / LENGTHS[long])), 6)
        threshold = round(factor * slo.error_budget, 12)
        if LENGTHS[long] <= slo.window and threshold < 1:
            burnt = round(factor * (LENGTHS[long] / slo.window), 6)
            found.append(Burn(tier, urgency, long, short, burnt, factor, threshold))
    return tuple(found)
