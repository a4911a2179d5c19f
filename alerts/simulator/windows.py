"""The windows an alarm looks at, and the values of a series in them.

Source: "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data" in the CloudWatch user guide. Windows end at the
moment of evaluation (whole minutes, or ten seconds for high resolution) and are one period long: they slide, they do not stand at
multiples of the period.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from alerts.simulator.model import Point
from alerts.simulator.statistics import check_statistic, statistic

EXTRA_PERIODS = 2
"""Periods CloudWatch reads beyond those it judges, to have real points where the latest are missing.

AWS documents only the example of 5 for 3 and that the number depends on the period; this is that example for every alarm.
"""
MINUTE, HOUR, DAY = 60, 3_600, 86_400
HIGH_RESOLUTION = 10
_MANY = 64
"""From so many windows on, going along the points is faster than looking each window up."""


def cadence(period: int, periods: int) -> int:
    """How often CloudWatch evaluates an alarm, in seconds: 10 below a minute, an hour when it judges more than a day, else a minute."""
    if period < MINUTE:
        return HIGH_RESOLUTION
    return HOUR if period * periods > DAY else MINUTE


def range_end(now: float, period: int, periods: int) -> int:
    """Where the youngest window ends.

    The next minute (or ten seconds), so that a point just written counts; an alarm over more than a day ends at the full hour past.
    """
    grid = cadence(period, periods)
    return math.floor(now / HOUR) * HOUR if grid == HOUR else math.ceil(now / grid) * grid


def window_starts(now: float, period: int, periods: int) -> tuple[int, ...]:
    """The starts of the windows CloudWatch looks at, oldest first: the evaluation range."""
    end = range_end(now, period, periods)
    return tuple(range(end - period * (periods + EXTRA_PERIODS), end, period))


def series_values(points: Sequence[Point], starts: Sequence[int], period: int, stat: str) -> tuple[float | None, ...]:
    """The statistic of each window; None where it has no points. The points may come in any order.

    Raises:
        UnsupportedError: for an unknown statistic, or one that needs the values where only statistic sets are known.
    """
    series = SeriesValues(points, period, stat)
    return tuple(series.value(start) for start in starts)


class SeriesValues:
    """The statistic of any window of one series, each computed once."""

    def __init__(self, points: Sequence[Point], period: int, stat: str) -> None:
        check_statistic(stat)
        self._points = sorted((point for point in points if point.samples > 0), key=lambda point: point.timestamp)
        self._times = [point.timestamp for point in self._points]
        self._period = period
        self._stat = stat
        self._known: dict[int, float | None] = {}

    @property
    def times(self) -> Sequence[float]:
        """When its points are, ascending."""
        return self._times

    def value(self, start: int) -> float | None:
        """The statistic of the window [start, start + period); None without points."""
        if start not in self._known:
            inside = self._inside(start, start + self._period)
            self._known[start] = statistic(inside, self._stat) if inside else None
        return self._known[start]

    def values(self, starts: Sequence[int]) -> tuple[float | None, ...]:
        """The statistic of many windows, by their starts in ascending order."""
        if len(starts) < _MANY:
            return tuple([self.value(start) for start in starts])
        times, count = self._times, len(self._times)
        first = last = 0
        found: list[float | None] = []
        for start in starts:
            while first < count and times[first] < start:
                first += 1
            if last < first:  # noqa: PLR1730 - several times as fast as max() in the innermost loop
                last = first
            while last < count and times[last] < start + self._period:
                last += 1
            found.append(statistic(self._points[first:last], self._stat) if last > first else None)
        return tuple(found)

    def samples(self, start: int, end: int) -> float:
        """How many samples are in [start, end)."""
        return sum(point.samples for point in self._inside(start, end))

    def _inside(self, start: int, end: int) -> Sequence[Point]:
        return self._points[bisect_left(self._times, start) : bisect_left(self._times, end)]
