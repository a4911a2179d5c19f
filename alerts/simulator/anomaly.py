"""The model behind ANOMALY_DETECTION_BAND: what a metric is expected to be at an hour of the week.

CloudWatch does not publish its model. This one is simple, stated and deterministic, so that a back-test can be repeated:

- It is trained anew at 00:00 UTC of every day, on the 14 days before (CloudWatch trains on up to two weeks), with windows of the
  alarm's own period that stand at multiples of it. So a window's band depends on its start alone.
- The expected value of a window is the mean of the windows at the same hour of the week; where there are fewer than three of them, of
  the same hour of the day; where there are fewer than three of those, of all. With fewer than three in all there is no band.
- The band is the expected value plus and minus so many (population) standard deviations of the same windows.

Hours are in UTC. A metric that never varied has a band without width.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alerts.simulator.metric_math.values import Numbers
from alerts.simulator.model import Band
from alerts.simulator.windows import DAY, HOUR

TRAINING_DAYS = 14
LEAST_VALUES = 3
"""Fewer values than this say nothing about what is normal."""
_HOURS_A_DAY, _HOURS_A_WEEK = 24, 168


@dataclass(frozen=True)
class _Normal:
    mean: float
    deviation: float


@dataclass(frozen=True)
class _Model:
    by_week_hour: dict[int, _Normal]
    by_day_hour: dict[int, _Normal]
    overall: _Normal | None

    def at(self, start: int) -> _Normal | None:
        hour = start // HOUR
        return self.by_week_hour.get(hour % _HOURS_A_WEEK) or self.by_day_hour.get(hour % _HOURS_A_DAY) or self.overall


class BandModel:
    """The bands of one metric or expression; `values` computes it over windows with these starts."""

    def __init__(self, values: Callable[[Sequence[int]], Numbers], period: int) -> None:
        self._values = values
        self._period = period
        self._models: dict[int, _Model] = {}

    def band(self, start: int, deviations: float) -> Band | None:
        """The expected range of the window that starts here; None while too little is known."""
        day = start // DAY
        if day not in self._models:
            self._models[day] = self._trained(day)
        normal = self._models[day].at(start)
        if normal is None:
            return None
        width = deviations * normal.deviation
        return Band(normal.mean - width, normal.mean + width)

    def _trained(self, day: int) -> _Model:
        starts = training_starts(day, self._period)
        by_week_hour: dict[int, list[float]] = defaultdict(list)
        by_day_hour: dict[int, list[float]] = defaultdict(list)
        overall: list[float] = []
        for start, value in zip(starts, self._values(starts), strict=True):
            if value is not None:
                by_week_hour[start // HOUR % _HOURS_A_WEEK].append(value)
                by_day_hour[start // HOUR % _HOURS_A_DAY].append(value)
                overall.append(value)
        return _Model(_normals(by_week_hour), _normals(by_day_hour), _normal(overall))


def training_starts(day: int, period: int) -> range:
    """The windows a model of a day (days since the epoch) is trained on."""
    first = -(-(day - TRAINING_DAYS) * DAY // period) * period
    return range(first, day * DAY - period + 1, period)


def _normals(values: dict[int, list[float]]) -> dict[int, _Normal]:
    return {key: normal for key, found in values.items() if (normal := _normal(found)) is not None}


def _normal(values: list[float]) -> _Normal | None:
    if len(values) < LEAST_VALUES:
        return None
    return _Normal(statistics.fmean(values), statistics.pstdev(values))
