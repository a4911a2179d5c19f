"""From an objective to windows of error ratios; the burn alerts over them are in `kpis.burn`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from kpis.burn import LENGTHS, Burn, burns_of
from kpis.common import format_duration
from kpis.slo import Slo

WINDOWS = tuple(LENGTHS)
"""Windows every KPI's error ratio is recorded over, besides the SLO's own."""
LONGEST_RAW = timedelta(days=3)
"""The longest window that is averaged over raw samples; a longer one is averaged over recorded hours."""


@dataclass(frozen=True)
class Objective:
    """An SLO as the rules need it; `windows` are what is recorded, `period` is the SLO's window in PromQL's notation."""

    percent: float
    ratio: float
    budget: float
    period: str
    days: float
    windows: tuple[str, ...]
    period_from_hours: bool
    burns: tuple[Burn, ...]


def objective_of(slo: Slo) -> Objective:
    """Windows and thresholds of an SLO."""
    return _objective_of(slo.objective, slo.window)


@cache
def _objective_of(percent: float, window: timedelta) -> Objective:
    slo = Slo(objective=percent, window=window)
    period = format_duration(slo.window)
    length = LENGTHS.get(period)
    # 24h is written 1d by format_duration, so equal lengths have equal names.
    return Objective(
        percent=slo.objective,
        ratio=round(slo.objective / 100, 9),
        budget=slo.error_budget,
        period=period,
        days=slo.window / timedelta(days=1),
        windows=WINDOWS if length else (*WINDOWS, period),
        period_from_hours=slo.window > LONGEST_RAW,
        burns=burns_of(slo),
    )
