"""What the demo runs: which days of which tenant, and what honest data make impossible on some of them."""

from __future__ import annotations

from datetime import date, timedelta

DAYS: dict[str, tuple[date, date]] = {
    "skyway": (date(2013, 2, 3), date(2013, 2, 9)),
    "discco": (date(1998, 6, 24), date(1998, 6, 30)),
    "acme": (date(2025, 11, 13), date(2025, 11, 19)),
}
"""First and last day a tenant."""

BLIZZARD = frozenset({date(2013, 2, 8), date(2013, 2, 9)})
"""More than half of the flights were cancelled, so their arrival delays do not exist."""

NEEDS_ARRIVALS = frozenset({"SKY-AD-01", "SKY-AD-01-CAR", "SKY-AD-02"})
"""Not computed on a day on which more than a tenth of the arrival delays are unknown."""

READS_ARRIVALS = frozenset({"SKY-RC-01"})
"""Not computed where what they read was not delivered."""


def days_of(tenant: str) -> list[date]:
    """The demo's days of a tenant."""
    first, last = DAYS[tenant]
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def computable(kpi_id: str, day: date) -> bool:
    """Whether the day's data allow the KPI at all."""
    return not (day in BLIZZARD and kpi_id in NEEDS_ARRIVALS | READS_ARRIVALS)
