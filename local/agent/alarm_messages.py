"""What CloudWatch says when an alarm changes its state: the SNS notification and the EventBridge event. Pure.

Source: "Notify users on alarm changes" and "Alarm events and EventBridge" in the CloudWatch user guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

_REGION_NAMES = {"us-east-1": "US East (N. Virginia)"}
_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
_SUBJECT = 100


@dataclass(frozen=True)
class Change:
    """A state change of one alarm. Times are in seconds since the epoch; `definition` is the Put…Alarm request."""

    definition: Mapping[str, Any]
    arn: str
    account_id: str
    region: str
    old_state: str
    old_reason: str
    old_reason_data: str
    old_changed_at: float
    new_state: str
    reason: str
    reason_data: str
    changed_at: float


def actions(change: Change) -> list[str]:
    """The ARNs CloudWatch would call now."""
    if not change.definition.get("ActionsEnabled", True):
        return []
    return list(cast("Sequence[str]", change.definition.get(_ACTIONS[change.new_state]) or ()))


def subject(change: Change) -> str:
    """The notification's subject."""
    region = _REGION_NAMES.get(change.region, change.region)
    return f'{change.new_state}: "{change.definition["AlarmName"]}" in {region}'[:_SUBJECT]


def notification(change: Change) -> str:
    """The notification's message."""
    definition = change.definition
    document: dict[str, Any] = {
        "AlarmName": definition["AlarmName"],
        "AlarmDescription": definition.get("AlarmDescription"),
        "AWSAccountId": change.account_id,
        "NewStateValue": change.new_state,
        "NewStateReason": change.reason,
        "StateChangeTime": _time(change.changed_at),
        "Region": _REGION_NAMES.get(change.region, change.region),
        "AlarmArn": change.arn,
        "OldStateValue": change.old_state,
        "OKActions": definition.get("OKActions", []),
        "AlarmActions": definition.get("AlarmActions", []),
        "InsufficientDataActions": definition.get("InsufficientDataActions", []),
    }
    if "AlarmRule" in definition:
        document["AlarmRule"] = definition["AlarmRule"]
    else:
        document["Trigger"] = _trigger(definition)
    return json.dumps(document, ensure_ascii=False)


def event(change: Change) -> dict[str, Any]:
    """The entry for PutEvents on the default bus."""
    definition = change.definition
    configuration: dict[str, Any] = {"description": definition.get("AlarmDescription", "")}
    if "AlarmRule" in definition:
        configuration["alarmRule"] = definition["AlarmRule"]
    else:
        configuration["metrics"] = _event_metrics(definition)
    detail = {
        "alarmName": definition["AlarmName"],
        "configuration": configuration,
        "previousState": _state(change.old_state, change.old_reason, change.old_reason_data, change.old_changed_at),
        "state": _state(change.new_state, change.reason, change.reason_data, change.changed_at),
    }
    return {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Resources": [change.arn],
        "Time": change.changed_at,
        "Detail": json.dumps(detail, ensure_ascii=False),
    }


def reason_data(definition: Mapping[str, Any], values: Sequence[float | None], now: float) -> str:
    """The state reason data of a metric alarm: the values that were judged."""
    document = {
        "version": "1.0",
        "queryDate": _time(now),
        "statistic": definition.get("ExtendedStatistic") or definition.get("Statistic"),
        "period": definition.get("Period"),
        "recentDatapoints": [value for value in values if value is not None],
        "threshold": definition.get("Threshold"),
        "evaluatedDatapoints": [{"value": value} for value in reversed(values) if value is not None],
    }
    return json.dumps({name: value for name, value in document.items() if value is not None})


def _trigger(definition: Mapping[str, Any]) -> dict[str, Any]:
    common = {
        "EvaluationPeriods": definition["EvaluationPeriods"],
        "DatapointsToAlarm": definition.get("DatapointsToAlarm", definition["EvaluationPeriods"]),
        "ComparisonOperator": definition["ComparisonOperator"],
        # An anomaly alarm has the id of its band instead.
        **{name: definition[name] for name in ("Threshold", "ThresholdMetricId") if name in definition},
        "TreatMissingData": definition.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": definition.get("EvaluateLowSampleCountPercentile", ""),
    }
    if definition.get("Metrics"):
        return {**common, "Metrics": definition["Metrics"]}
    extended = definition.get("ExtendedStatistic")
    return {
        "MetricName": definition["MetricName"],
        "Namespace": definition["Namespace"],
        "StatisticType": "ExtendedStatistic" if extended else "Statistic",
        "Statistic": extended or str(definition.get("Statistic", "Average")).upper(),
        "Unit": definition.get("Unit"),
        "Dimensions": [{"value": each["Value"], "name": each["Name"]} for each in definition.get("Dimensions", [])],
        "Period": definition["Period"],
        **common,
    }


def _event_metrics(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    if definition.get("Metrics"):
        return [_event_query(query) for query in definition["Metrics"]]
    stat = {
        "metric": {
            "namespace": definition["Namespace"],
            "name": definition["MetricName"],
            "dimensions": {each["Name"]: each["Value"] for each in definition.get("Dimensions", [])},
        },
        "period": definition["Period"],
        "stat": definition.get("ExtendedStatistic") or definition.get("Statistic"),
    }
    return [{"id": "m1", "metricStat": stat, "returnData": True}]


def _event_query(query: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if query.get("Expression"):
        return {**document, "expression": query["Expression"], "label": query.get("Label", "")}
    stat = query["MetricStat"]
    metric = stat["Metric"]
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
    named = {"namespace": metric["Namespace"], "name": metric["MetricName"], "dimensions": dimensions}
    return {**document, "metricStat": {"metric": named, "period": stat["Period"], "stat": stat["Stat"]}}


def _state(value: str, reason: str, data: str, changed_at: float) -> dict[str, Any]:
    state = {"value": value, "reason": reason, "timestamp": _time(changed_at)}
    return {**state, "reasonData": data} if data else state


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
