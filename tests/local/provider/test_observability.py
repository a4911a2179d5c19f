"""Logs, dashboards and alarms through the provider."""

from __future__ import annotations

import json
from typing import Any

from local.provider.local_alarms import LocalAlarm, local_alarms
from tests.local.provider.rig import Rig, lives_a_full_life

TOPIC = "arn:aws:sns:us-east-1:123456789012:t"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def test_a_log_group_with_its_filters_lives_a_full_life(rig: Rig) -> None:
    logs = rig.aws("logs")
    group = rig.create("aws:cloudwatch/logGroup:LogGroup", name="/kpi/life", retentionInDays=30, tags={"a": "b"})
    metric = rig.create(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter", name="errors", logGroupName="/kpi/life", pattern="ERROR",
        metricTransformation={"name": "Errors", "namespace": "Kpi", "value": "1", "defaultValue": "0"},
    )  # fmt: skip
    subscription = rig.create(
        "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", name="sub", logGroup="/kpi/life", filterPattern="",
        destinationArn="arn:aws:lambda:us-east-1:123456789012:function:f",
    )  # fmt: skip
    lives_a_full_life(metric, change={"pattern": "WARN"}, spoil=None, drifted="")
    lives_a_full_life(subscription, change={"filterPattern": "x"}, spoil=None, drifted="")
    spoil = lambda: logs.put_retention_policy(logGroupName="/kpi/life", retentionInDays=7)  # noqa: E731
    lives_a_full_life(group, change={"retentionInDays": 60}, spoil=spoil, drifted="retentionInDays")


def test_a_saved_query_lives_a_full_life(rig: Rig) -> None:
    query = rig.create("aws:cloudwatch/queryDefinition:QueryDefinition", name="q", queryString="fields @message", logGroupNames=["/a"])
    lives_a_full_life(query, change={"queryString": "fields @timestamp"}, spoil=None, drifted="")


def test_a_dashboard_lives_a_full_life(rig: Rig) -> None:
    board = rig.create("aws:cloudwatch/dashboard:Dashboard", dashboardName="d", dashboardBody=json.dumps({"widgets": []}))
    spoil = lambda: rig.aws("cloudwatch").put_dashboard(DashboardName="d", DashboardBody='{"widgets": [{}]}')  # noqa: E731
    lives_a_full_life(board, change={"dashboardBody": '{"widgets":[{"type":"text"}]}'}, spoil=spoil, drifted="dashboardBody")


def simple(rig: Rig, name: str, **more: Any) -> Any:
    return rig.create(
        ALARM, name, name=name, namespace="Kpi", metricName="Failures", statistic="Sum", period=60, evaluationPeriods=3,
        datapointsToAlarm=2,
        threshold=1, comparisonOperator="GreaterThanOrEqualToThreshold", dimensions={"Tenant": "acme"}, alarmActions=[TOPIC], **more,
    )  # fmt: skip


def known(rig: Rig, name: str) -> LocalAlarm:
    return next(each for each in local_alarms(rig.aws("cloudwatch"), rig.aws("ssm")) if each.name == name)


def test_an_alarm_lives_a_full_life(rig: Rig) -> None:
    alarm = simple(rig, "life", tags={"a": "b"}, okActions=[TOPIC])
    described = rig.aws("cloudwatch").describe_alarms(AlarmNames=["life"])["MetricAlarms"][0]
    spoil = lambda: rig.aws("cloudwatch").put_metric_alarm(  # noqa: E731
        **{key: described[key] for key in ("AlarmName", "Namespace", "MetricName", "Period", "EvaluationPeriods", "ComparisonOperator")},
        Threshold=9,
    )
    lives_a_full_life(alarm, change={"threshold": 2, "actionsEnabled": False}, spoil=spoil, drifted="threshold")


def test_the_emulator_never_acts_on_an_alarm_but_the_agent_knows_it_may(rig: Rig) -> None:
    alarm = simple(rig, "quiet")
    described = rig.aws("cloudwatch").describe_alarms(AlarmNames=["quiet"])["MetricAlarms"][0]
    assert described["ActionsEnabled"] is False
    assert described["AlarmActions"] == [TOPIC]
    tags = rig.aws("cloudwatch").list_tags_for_resource(ResourceARN=alarm.state["arn"])["Tags"]
    assert {"Key": "kpi:local-actions", "Value": "enabled"} in tags
    definition = known(rig, "quiet").definition
    assert definition["ActionsEnabled"] is True
    assert definition["Dimensions"] == [{"Name": "Tenant", "Value": "acme"}]


def test_a_metric_math_alarm_keeps_its_queries_for_the_agent(rig: Rig) -> None:
    queries = [
        {"id": "e", "expression": "100 * f / r", "label": "error percent", "returnData": True},
        {"id": "f", "metric": {"metricName": "Failures", "namespace": "Kpi", "period": 300, "stat": "Sum", "dimensions": {"Tenant": "a"}}},
        {"id": "r", "metric": {"metricName": "Runs", "namespace": "Kpi", "period": 300, "stat": "Sum"}},
    ]
    alarm = rig.create(
        ALARM, "math", name="math", metricQueries=queries, evaluationPeriods=2, threshold=5, comparisonOperator="GreaterThanThreshold",
        treatMissingData="notBreaching",
    )  # fmt: skip
    first, second, _ = known(rig, "math").definition["Metrics"]
    assert (first["Expression"], first["ReturnData"]) == ("100 * f / r", True)
    metric = {"Namespace": "Kpi", "MetricName": "Failures", "Dimensions": [{"Name": "Tenant", "Value": "a"}]}
    assert second["MetricStat"] == {"Metric": metric, "Period": 300, "Stat": "Sum"}
    lives_a_full_life(alarm, change={"threshold": 6.5}, spoil=None, drifted="")
    assert "math" not in {each.name for each in local_alarms(rig.aws("cloudwatch"), rig.aws("ssm"))}


def test_a_percentile_alarm_and_a_composite_live_a_full_life(rig: Rig) -> None:
    p95 = rig.create(
        ALARM, "p95", name="p95", namespace="Kpi", metricName="Duration", extendedStatistic="p95", period=300, evaluationPeriods=1,
        threshold=1000, comparisonOperator="GreaterThanThreshold", evaluateLowSampleCountPercentiles="ignore",
    )  # fmt: skip
    composite = rig.create(
        "aws:cloudwatch/compositeAlarm:CompositeAlarm", alarmName="both", alarmRule='ALARM("p95")', alarmActions=[TOPIC], tags={"a": "b"}
    )
    assert known(rig, "both").composite
    lives_a_full_life(composite, change={"alarmRule": 'OK("p95")'}, spoil=None, drifted="")
    lives_a_full_life(p95, change={"threshold": 2000}, spoil=None, drifted="")
