"""Reads the series an alarm is about: the agent's own samples where it has them, the emulator's metrics by exact dimensions elsewhere.

The emulator answers a query without dimensions with the sum of all series of that name, so such a query is only asked where there
is nothing else to sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from alerts.simulator import LowSamples, Point, Rule, UnsupportedError, comparison_of
from alerts.simulator.history import Source
from alerts.simulator.model import BandComparison
from alerts.simulator.queries import Evaluation, Observed, Query, Reading
from alerts.simulator.windows import SeriesValues, range_end
from alerts.specs import MissingData
from local.agent.clients import Clients
from local.agent.store import Store

_RESOLUTION = 60
_STATISTICS = ["SampleCount", "Sum", "Minimum", "Maximum"]
_MOST_DATAPOINTS = 1_440
"""What one GetMetricStatistics may ask for."""
_REFUSED = ("EvaluationWindow", "WarmUpConfiguration", "EvaluationCriteria", "EvaluationInterval")
_SLIDING = "SlidingWindow"


class AlarmValues:
    """The values of an alarm's evaluation range."""

    def __init__(self, clients: Clients, store: Store) -> None:
        self._clients = clients
        self._store = store

    def of(self, definition: Mapping[str, Any], now: float) -> Observed:
        """What a metric alarm sees, given its PutMetricAlarm request.

        Raises:
            UnsupportedError: for metric math, statistics and settings that are not evaluated here.
        """
        evaluation = evaluation_of(definition)
        end = range_end(now, evaluation.period, evaluation.periods)
        series = {
            source: SeriesValues(self._points(source, end - evaluation.reach, end), source.period, source.stat)
            for source in evaluation.sources
        }
        return Reading(evaluation, series).at(now)

    def _points(self, source: Source, start: float, end: float) -> list[Point]:
        if self._store.knows_metric(source.namespace, source.metric):
            samples = self._store.samples(source.namespace, source.metric, source.dimensions, start, end)
            return [Point.of(each.timestamp, each.value, each.samples) for each in samples]
        if not source.dimensions and self._has_dimensions(source):
            return []
        # Minutes can be added up to any window; the emulator's own windows start at multiples of the period.
        resolution = min(source.period, _RESOLUTION)
        found: list[Point] = []
        while start < end:
            until = min(end, start + _MOST_DATAPOINTS * resolution)
            found += self._statistics(source, start, until, resolution)
            start = until
        return found

    def _statistics(self, source: Source, start: float, end: float, resolution: int) -> list[Point]:
        answer = self._clients("cloudwatch").get_metric_statistics(
            Namespace=source.namespace,
            MetricName=source.metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in source.dimensions],
            StartTime=start,
            EndTime=end,
            Period=resolution,
            Statistics=_STATISTICS,
        )
        return [
            Point(each["Timestamp"].timestamp(), each["SampleCount"], each["Sum"], each["Minimum"], each["Maximum"])
            for each in answer["Datapoints"]
        ]

    def _has_dimensions(self, source: Source) -> bool:
        found = self._clients("cloudwatch").list_metrics(Namespace=source.namespace, MetricName=source.metric)["Metrics"]
        return any(each["Dimensions"] for each in found)


def rule_of(definition: Mapping[str, Any]) -> Rule:
    """The rule in a PutMetricAlarm request.

    Raises:
        UnsupportedError: for an unknown comparison, or one with a threshold that is not given.
    """
    comparison = comparison_of(definition["ComparisonOperator"])
    if "Threshold" not in definition and not isinstance(comparison, BandComparison):
        raise UnsupportedError(f"comparison {comparison}: there is no Threshold to compare with")
    periods = int(definition["EvaluationPeriods"])
    # "Alarms that evaluate metrics in the AWS/DynamoDB namespace ignore missing data by default."
    default = MissingData.IGNORE if definition.get("Namespace") == "AWS/DynamoDB" else MissingData.MISSING
    return Rule(
        comparison,
        float(definition.get("Threshold") or 0.0),
        periods,
        int(definition.get("DatapointsToAlarm") or periods),
        MissingData(definition.get("TreatMissingData") or default),
    )


def evaluation_of(definition: Mapping[str, Any]) -> Evaluation:
    """What the alarm of a PutMetricAlarm request reads and computes.

    Raises:
        UnsupportedError: for metric math, statistics and settings that are not evaluated here.
    """
    for setting in _REFUSED:
        if definition.get(setting) and _SLIDING not in str(definition[setting]):
            raise UnsupportedError(f"{setting} {definition[setting]}: not evaluated here")
    low = LowSamples(definition.get("EvaluateLowSampleCountPercentile") or LowSamples.EVALUATE)
    return Evaluation(list(_queries(definition)), rule_of(definition), low)


def _queries(definition: Mapping[str, Any]) -> Sequence[Query]:
    listed = cast("Sequence[Mapping[str, Any]]", definition.get("Metrics") or ())
    if not listed:
        stat = definition.get("ExtendedStatistic") or definition.get("Statistic", "Average")
        return [Query("m1", _source(definition, stat, int(definition["Period"])))]
    return [_query(each) for each in listed]


def _query(query: Mapping[str, Any]) -> Query:
    returns = bool(query.get("ReturnData", True))
    if query.get("Expression"):
        return Query(str(query["Id"]), None, str(query["Expression"]), returns)
    stat = query["MetricStat"]
    return Query(str(query["Id"]), _source(stat["Metric"], stat["Stat"], int(stat["Period"])), None, returns)


def _source(metric: Mapping[str, Any], stat: str, period: int) -> Source:
    dimensions = tuple(sorted((each["Name"], each["Value"]) for each in metric.get("Dimensions", ())))
    return Source(metric["Namespace"], metric["MetricName"], dimensions, stat, period)
