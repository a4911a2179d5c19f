"""The alarms and mute rules of a stack as files: the requests that CloudWatch's own API takes, one a file.

`aws cloudwatch put-metric-alarm --cli-input-json file://…` puts what `pulumi up` declares, but for dimension values that exist only
after their resources (`${api_id}`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from alerts.specs import AlarmSet, CompositeAlarm, MetricAlarm, MetricStat, MuteRule, Topic
from kpis.artifact import Artifact
from kpis.metric_names import KPI

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
_STATISTICS = frozenset({"Sum", "Average", "Minimum", "Maximum", "SampleCount"})


def render_stack(stack: str, alarms: AlarmSet, mutes: Sequence[MuteRule], *, topic_arn: Callable[[Topic], str]) -> Iterator[Artifact]:
    """The files of a stack, sorted by path: `cloudwatch/<stack>/alarms/<key>.json` and `cloudwatch/<stack>/mute-rules/<key>.json`.

    A tenant's own topics, which its stack adds, are not among the actions.
    """
    every = (*alarms.metrics, *alarms.composites)
    for alarm in sorted(every, key=lambda each: each.key):
        actions = [topic_arn(topic) for topic in alarm.topics]
        request = metric_request(alarm, actions) if isinstance(alarm, MetricAlarm) else composite_request(alarm, actions)
        yield Artifact(f"cloudwatch/{stack}/alarms/{alarm.key}.json", orjson.dumps(request, option=_OPTIONS), _kpis(alarm))
    for rule in sorted(mutes, key=lambda each: each.key):
        yield Artifact(f"cloudwatch/{stack}/mute-rules/{rule.key}.json", orjson.dumps(mute_request(rule), option=_OPTIONS))


def metric_request(alarm: MetricAlarm, actions: Sequence[str]) -> dict[str, Any]:
    """A PutMetricAlarm request."""
    watched = _series(alarm.series) if alarm.series else {"Metrics": [_query(alarm, index) for index in range(len(alarm.queries))]}
    return {
        **_common(alarm, actions),
        **watched,
        "ComparisonOperator": alarm.comparison.value,
        "Threshold": alarm.threshold,
        "EvaluationPeriods": alarm.periods,
        "DatapointsToAlarm": alarm.datapoints,
        "TreatMissingData": alarm.missing_data.value,
    }


def composite_request(alarm: CompositeAlarm, actions: Sequence[str]) -> dict[str, Any]:
    """A PutCompositeAlarm request."""
    suppressor = alarm.suppressor
    silence = (
        {
            "ActionsSuppressor": suppressor.alarm,
            "ActionsSuppressorWaitPeriod": suppressor.wait,
            "ActionsSuppressorExtensionPeriod": suppressor.extension,
        }
        if suppressor
        else {}
    )
    return {**_common(alarm, actions), "AlarmRule": alarm.rule, **silence}


def mute_request(rule: MuteRule) -> dict[str, Any]:
    """A PutAlarmMuteRule request."""
    bounds = {"StartDate": rule.starts, "ExpireDate": rule.expires}
    return {
        "Name": rule.name,
        "Description": rule.description,
        "Rule": {"Schedule": {"Expression": rule.expression, "Duration": rule.duration, "Timezone": rule.timezone}},
        "MuteTargets": {"AlarmNames": list(rule.alarms)},
        **{key: moment for key, moment in bounds.items() if moment is not None},
    }


def _common(alarm: MetricAlarm | CompositeAlarm, actions: Sequence[str]) -> dict[str, Any]:
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AlarmActions": list(actions),
        "OKActions": list(actions),
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(alarm.tags.items())],
    }


def _query(alarm: MetricAlarm, index: int) -> dict[str, Any]:
    query = alarm.queries[index]
    request: dict[str, Any] = {"Id": query.id, "Label": query.label, "ReturnData": query.returns}
    if query.series is None:
        return request | {"Expression": query.expression}
    series = query.series
    metric = {"Namespace": series.namespace, "MetricName": series.metric, "Dimensions": _dimensions(series)}
    return request | {"MetricStat": {"Metric": metric, "Period": series.period, "Stat": series.stat}}


def _series(series: MetricStat) -> dict[str, Any]:
    statistic = "Statistic" if series.stat in _STATISTICS else "ExtendedStatistic"
    return {
        "Namespace": series.namespace,
        "MetricName": series.metric,
        "Dimensions": _dimensions(series),
        "Period": series.period,
        statistic: series.stat,
    }


def _dimensions(series: MetricStat) -> list[dict[str, str]]:
    return [{"Name": name, "Value": str(value)} for name, value in sorted(series.dimensions.items())]


def _kpis(alarm: MetricAlarm | CompositeAlarm) -> tuple[str, ...]:
    """The KPI whose own alarm it is."""
    series = alarm.series if isinstance(alarm, MetricAlarm) else None
    return (str(series.dimensions[KPI]),) if series and KPI in series.dimensions else ()
