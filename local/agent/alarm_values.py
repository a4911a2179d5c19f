"""Reads the series an alarm is about: the agent's own samples where it has them, the emulator's metrics by exact dimensions elsewhere.

The emulator answers a query without dimensions with the sum of all series of that name, so such a query is only asked where there
is nothing else to sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from alerts.metric_math import evaluate, ids_in
from alerts.simulator import Point, UnsupportedError, series_values, window_starts
from local.agent.clients import Clients
from local.agent.store import Store

_RESOLUTION = 60
_STATISTICS = ["SampleCount", "Sum", "Minimum", "Maximum"]


@dataclass(frozen=True)
class Series:
    """One metric and its statistic; `period` in seconds."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str
    period: int


class AlarmValues:
    """The values of an alarm's evaluation range."""

    def __init__(self, clients: Clients, store: Store) -> None:
        self._clients = clients
        self._store = store

    def of(self, definition: Mapping[str, Any], now: float) -> tuple[float | None, ...]:
        """The values of a metric alarm, given its PutMetricAlarm request; oldest first.

        Raises:
            UnsupportedError: for metric math and statistics that are not evaluated here.
        """
        periods = int(definition["EvaluationPeriods"])
        queries = cast("Sequence[Mapping[str, Any]]", definition.get("Metrics") or ())
        if not queries:
            series = Series(
                definition["Namespace"],
                definition["MetricName"],
                _dimensions(definition.get("Dimensions", [])),
                definition.get("ExtendedStatistic") or definition.get("Statistic", "Average"),
                int(definition["Period"]),
            )
            return self._values(series, now, periods)
        return self._of_queries(queries, now, periods)

    def _of_queries(self, queries: Sequence[Mapping[str, Any]], now: float, periods: int) -> tuple[float | None, ...]:
        returned = [query for query in queries if query.get("ReturnData", True)]
        if len(returned) != 1:
            raise UnsupportedError(f"{len(returned)} queries return data; an alarm judges exactly one")
        by_id = {str(query["Id"]): query for query in queries}
        return self._of_query(str(returned[0]["Id"]), by_id, {}, now, periods)

    def _of_query(
        self,
        name: str,
        queries: Mapping[str, Mapping[str, Any]],
        done: dict[str, tuple[float | None, ...]],
        now: float,
        periods: int,
    ) -> tuple[float | None, ...]:
        if name not in done:
            query = queries[name]
            if query.get("Expression"):
                expression = str(query["Expression"])
                used = [each for each in ids_in(expression) if each in queries]
                if name in used:
                    raise UnsupportedError(f"metric math {expression!r}: it refers to itself")
                inner = {each: self._of_query(each, queries, done, now, periods) for each in used}
                done[name] = evaluate(expression, inner, len(window_starts(now, _RESOLUTION, periods)))
            else:
                done[name] = self._values(_series(query["MetricStat"]), now, periods)
        return done[name]

    def _values(self, series: Series, now: float, periods: int) -> tuple[float | None, ...]:
        starts = window_starts(now, series.period, periods)
        return series_values(self._points(series, starts[0], starts[-1] + series.period), starts, series.period, series.stat)

    def _points(self, series: Series, start: float, end: float) -> list[Point]:
        if self._store.knows_metric(series.namespace, series.metric):
            samples = self._store.samples(series.namespace, series.metric, series.dimensions, start, end)
            return [Point.of(each.timestamp, each.value, each.samples) for each in samples]
        cloudwatch = self._clients("cloudwatch")
        if not series.dimensions and self._has_dimensions(series):
            return []
        answer = cloudwatch.get_metric_statistics(
            Namespace=series.namespace,
            MetricName=series.metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in series.dimensions],
            StartTime=start,
            EndTime=end,
            # Minutes can be added up to any window; the emulator's own windows start at multiples of the period.
            Period=min(series.period, _RESOLUTION),
            Statistics=_STATISTICS,
        )
        return [
            Point(each["Timestamp"].timestamp(), each["SampleCount"], each["Sum"], each["Minimum"], each["Maximum"])
            for each in answer["Datapoints"]
        ]

    def _has_dimensions(self, series: Series) -> bool:
        found = self._clients("cloudwatch").list_metrics(Namespace=series.namespace, MetricName=series.metric)["Metrics"]
        return any(each["Dimensions"] for each in found)


def _series(stat: Mapping[str, Any]) -> Series:
    metric = stat["Metric"]
    return Series(metric["Namespace"], metric["MetricName"], _dimensions(metric.get("Dimensions", [])), stat["Stat"], int(stat["Period"]))


def _dimensions(listed: Sequence[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((each["Name"], each["Value"]) for each in listed))
