"""Checks that an alarm can fire and can stay quiet, as far as that is certain from its metrics: direction, range and missing data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alerts.specs import Comparison, MetricAlarm, MetricQuery, MetricStat, MissingData
from kpis.metric_names import NAMESPACE, Metric, VerdictCode

_UPWARD = frozenset({Comparison.ABOVE, Comparison.AT_LEAST})
_COUNTED = "SampleCount"
_OURS_BAD_WHEN_LOW = frozenset({Metric.RUNS_COMPLETED})
_OURS_WITHOUT_DIRECTION = frozenset({Metric.KPI_VALUE, Metric.ROWS_PROCESSED, Metric.RUNS_SKIPPED})
BAD_WHEN_LOW = frozenset(
    {(NAMESPACE, str(metric)) for metric in _OURS_BAD_WHEN_LOW}
    | {("AWS/States", "ExecutionsSucceeded"), ("AWS/Firehose", "DeliveryToS3.Success")}
)
"""Metrics of which less is worse."""
BAD_WHEN_HIGH = frozenset(
    {(NAMESPACE, str(metric)) for metric in Metric if metric not in _OURS_BAD_WHEN_LOW | _OURS_WITHOUT_DIRECTION}
    | {("AWS/Lambda", name) for name in ("Errors", "Throttles", "Duration", "IteratorAge", "DeadLetterErrors", "AsyncEventsDropped")}
    | {("AWS/States", name) for name in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled")}
    | {("AWS/SQS", name) for name in ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")}
    | {("AWS/ApiGateway", name) for name in ("4xx", "5xx", "Latency", "IntegrationLatency")}
    | {("AWS/DynamoDB", name) for name in ("ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors", "ThrottledRequests")}
    | {("AWS/Firehose", name) for name in ("DeliveryToS3.DataFreshness", "ThrottledRecords")}
    | {("AWS/Events", "FailedInvocations"), ("AWS/SNS", "NumberOfNotificationsFailed")}
)
"""Metrics of which more is worse; all of them are never below zero."""
# IF(samples >= 5, what counts, what is said of too few)
_GUARD = re.compile(r"\s*IF\s*\(\s*(?P<id>[a-z]\w*)\s*>=\s*(?P<least>\d+)\s*,.*,\s*(?P<few>-?\d+(?:\.\d+)?)\s*\)\s*", re.DOTALL)


def threshold_problems(alarm: MetricAlarm) -> Iterator[str]:
    """What is certainly wrong with the threshold of an alarm, in words."""
    judged = [stat for stat in _stats(alarm) if stat.stat != _COUNTED]
    known = {(stat.namespace, stat.metric) for stat in judged}
    upward = alarm.comparison in _UPWARD
    if known and known <= BAD_WHEN_HIGH:
        yield from _of_bad_when_high(alarm, sorted(metric for _, metric in known), upward=upward)
    if known and known <= BAD_WHEN_LOW and upward:
        yield f"{alarm.comparison} {alarm.threshold:g} alarms when {_first(known)} is high, and low is what is wrong with it"
    yield from _verdict(alarm)
    yield from _percentage(alarm)
    yield from _silence(alarm, upward=upward)
    yield from _minimum_samples(alarm)


def _of_bad_when_high(alarm: MetricAlarm, metrics: list[str], *, upward: bool) -> Iterator[str]:
    if not upward:
        yield f"{alarm.comparison} {alarm.threshold:g} alarms when {metrics[0]} is low, and high is what is wrong with it"
    elif alarm.threshold < 0 or (alarm.threshold == 0 and alarm.comparison is Comparison.AT_LEAST):
        yield f"{alarm.comparison} {alarm.threshold:g} always alarms: {metrics[0]} is never below zero"


def _verdict(alarm: MetricAlarm) -> Iterator[str]:
    """A verdict is one of three numbers: a threshold between or beyond them is another verdict's, or nobody's."""
    series = alarm.series
    if series is None or (series.namespace, series.metric) != (NAMESPACE, Metric.KPI_VERDICT):
        return
    if alarm.threshold not in {VerdictCode.LOW, VerdictCode.CRITICAL} or alarm.comparison is not Comparison.AT_LEAST:
        codes = ", ".join(f"{code.value} {code.name.title()}" for code in VerdictCode)
        yield f"{alarm.comparison} {alarm.threshold:g} is no verdict; expected {Comparison.AT_LEAST.value} 1 or 2 ({codes})"


def _percentage(alarm: MetricAlarm) -> Iterator[str]:
    returning = _returning(alarm)
    if returning is not None and returning.label.endswith(", %") and not 0 < alarm.threshold < 100:  # noqa: PLR2004 - per cent
        yield f"a threshold of {alarm.threshold:g}%; expected more than 0 and less than 100"


def _silence(alarm: MetricAlarm, *, upward: bool) -> Iterator[str]:
    """A count of samples is at least one where there are any: that there are none is seen by missing data alone."""
    if alarm.series is None or upward or alarm.series.stat != _COUNTED:
        return
    if alarm.threshold <= 1 and alarm.missing_data is not MissingData.BREACHING:
        yield f"it never alarms: a period without samples is missing data, which is '{alarm.missing_data}'; expected 'breaching'"


def _minimum_samples(alarm: MetricAlarm) -> Iterator[str]:
    """Fewer samples than the minimum must give a value that does not breach: CloudWatch has no setting for it but the expression."""
    if alarm.minimum_samples < 1:
        yield f"a minimum of {alarm.minimum_samples} samples; expected at least 1"
    returning = _returning(alarm)
    guard = _GUARD.fullmatch(returning.expression or "") if returning is not None else None
    least = int(guard["least"]) if guard else 1
    if least != alarm.minimum_samples:
        enforced = f"the expression asks for {least}" if guard else "no expression of the form IF(samples >= n, value, 0) enforces it"
        yield f"a minimum of {alarm.minimum_samples} samples, but {enforced}"
    if guard is None:
        if returning is not None and "/" in (returning.expression or ""):
            yield "a ratio without a minimum of samples: one of one is 100%; expected IF(samples >= n, ratio, 0)"
        return
    counter = next((query.series for query in alarm.queries if query.id == guard["id"]), None)
    if counter is None or counter.stat != _COUNTED:
        yield f"the minimum of samples is held against '{guard['id']}', which does not count samples"
    if breaches(float(guard["few"]), alarm.comparison, alarm.threshold):
        yield f"fewer than {least} samples give {guard['few']}, which alarms"


def breaches(value: float, comparison: Comparison, threshold: float) -> bool:
    """Whether a datapoint breaches a static threshold."""
    match comparison:
        case Comparison.ABOVE:
            return value > threshold
        case Comparison.AT_LEAST:
            return value >= threshold
        case Comparison.BELOW:
            return value < threshold
        case Comparison.AT_MOST:
            return value <= threshold


def _stats(alarm: MetricAlarm) -> list[MetricStat]:
    return [alarm.series] if alarm.series else [query.series for query in alarm.queries if query.series]


def _returning(alarm: MetricAlarm) -> MetricQuery | None:
    return next((query for query in alarm.queries if query.returns), None) if alarm.series is None else None


def _first(known: set[tuple[str, str]]) -> str:
    return min(metric for _, metric in known)
