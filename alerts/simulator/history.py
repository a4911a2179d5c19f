"""Where the simulator's points come from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.simulator.model import Point

SeriesKey = tuple[str, str, frozenset[tuple[str, str]]]
"""Namespace, metric name, and dimensions as name and value pairs."""


class MetricHistory(Protocol):
    """The points of metrics; times in seconds since the epoch."""

    def points(self, namespace: str, metric: str, dimensions: Mapping[str, str], start: float, end: float) -> Sequence[Point]:
        """The points of exactly this series in [start, end); nothing for a series that does not exist."""
        ...


@dataclass(frozen=True)
class Source:
    """One series, its statistic and its period in seconds."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str
    period: int


class MemoryHistory:
    """A `MetricHistory` of points in memory, in any order."""

    def __init__(self, series: Mapping[SeriesKey, Sequence[Point]]) -> None:
        self._series = {key: sorted(points, key=lambda point: point.timestamp) for key, points in series.items()}
        self._times = {key: [point.timestamp for point in points] for key, points in self._series.items()}

    def points(self, namespace: str, metric: str, dimensions: Mapping[str, str], start: float, end: float) -> Sequence[Point]:
        """See `MetricHistory`."""
        key = (namespace, metric, frozenset(dimensions.items()))
        times = self._times.get(key, [])
        return self._series.get(key, [])[bisect_left(times, start) : bisect_left(times, end)]
