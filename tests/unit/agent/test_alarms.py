"""Alarms of the embedded system: evaluated by our simulator, acted on once, the emulator's own opinion overruled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.alarm_rig import ACME, OTHER, TOPIC, Rig, alarm, listed


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_only_the_alarm_with_the_metrics_own_dimensions_fires(rig: Rig):
    rig.sample(1, ACME)
    assert rig.step(alarm("acme"), alarm("other", OTHER)) == {"acme": "ALARM", "other": "OK"}


def test_the_total_of_the_platform_is_not_the_sum_of_its_tenants(rig: Rig):
    rig.sample(3, ACME)
    rig.sample(1, ())
    over_two = alarm("platform", (), Threshold=2.0)
    assert rig.step(over_two) == {"platform": "OK"}


def test_an_alarm_tells_its_topic_and_the_event_bus_once(rig: Rig):
    rig.sample(1)
    rig.step(alarm("acme"))
    rig.step()
    (message,) = rig.cloud.published
    assert message["TopicArn"] == TOPIC
    assert message["Subject"] == 'ALARM: "acme" in US East (N. Virginia)'
    document = json.loads(message["Message"])
    assert (document["OldStateValue"], document["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert document["AlarmDescription"] == "Runbook: docs/runbooks/sla-breaches.md"
    assert document["Trigger"]["Dimensions"] == [{"value": "prod", "name": "environment"}, {"value": "acme", "name": "tenant_id"}]
    (event,) = rig.cloud.events
    assert (event["Source"], event["DetailType"]) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
    assert json.loads(event["Detail"])["state"]["value"] == "ALARM"


def test_an_alarm_recovers_when_its_point_has_left_the_evaluation_range(rig: Rig):
    rig.sample(1, ago=5)
    rig.step(alarm("acme", OKActions=[TOPIC]))
    rig.store._connection.execute("update sample set timestamp = timestamp - 600")
    assert rig.step() == {"acme": "OK"}
    assert [json.loads(each["Message"])["NewStateValue"] for each in rig.cloud.published] == ["ALARM", "OK"]


def test_the_emulators_own_opinion_is_put_right_without_telling_anybody(rig: Rig):
    rig.sample(1)
    rig.step(alarm("acme"))
    rig.cloud.set_alarm_state(AlarmName="acme", StateValue="OK", StateReason="Threshold Crossed: Sum 0.0 GreaterThanThreshold 0.0")
    assert rig.step() == {"acme": "ALARM"}
    assert len(rig.cloud.published) == 1


def test_a_state_set_by_hand_acts_and_is_put_back(rig: Rig):
    rig.step(alarm("acme", OKActions=[TOPIC]))
    rig.cloud.published.clear()
    rig.cloud.set_alarm_state(AlarmName="acme", StateValue="ALARM", StateReason="testing the route")
    assert rig.step() == {"acme": "OK"}
    messages = [json.loads(each["Message"]) for each in rig.cloud.published]
    assert [(each["NewStateValue"], each["NewStateReason"].split(":")[0]) for each in messages] == [
        ("ALARM", "testing the route"),
        ("OK", "Threshold Crossed"),
    ]


def test_after_a_restart_nothing_is_told_again(rig: Rig):
    rig.sample(1)
    rig.step(alarm("acme"))
    rig.restart()
    rig.step()
    assert len(rig.cloud.published) == 1


def test_a_message_that_could_not_be_sent_goes_out_later(rig: Rig):
    rig.sample(1)
    rig.cloud.sns_is = "down"
    with pytest.raises(ConnectionError):
        rig.step(alarm("acme"))
    rig.cloud.sns_is = "up"
    rig.restart()
    rig.step()
    assert len(rig.cloud.published) == 1


def test_a_topic_that_is_gone_does_not_block_the_other_messages(rig: Rig):
    rig.sample(1)
    rig.cloud.sns_is = "without the topic"
    rig.step(alarm("acme"))
    rig.cloud.sns_is = "up"
    rig.sample(1, OTHER)
    rig.step(alarm("acme"), alarm("other", OTHER))
    assert [json.loads(each["Message"])["AlarmName"] for each in rig.cloud.published] == ["other"]


def test_disabled_actions_stay_silent(rig: Rig):
    rig.sample(1)
    assert rig.step(alarm("acme", ActionsEnabled=False)) == {"acme": "ALARM"}
    assert rig.cloud.published == []
    assert len(rig.cloud.events) == 1


def test_a_composite_follows_its_children_in_the_same_round(rig: Rig):
    rig.sample(1)
    inner = {"AlarmName": "b-inner", "AlarmRule": 'ALARM("acme")', "ActionsEnabled": True, "AlarmActions": [TOPIC]}
    outer = {"AlarmName": "a-outer", "AlarmRule": 'ALARM("b-inner") AND NOT OK("acme")', "ActionsEnabled": True}
    states = rig.step(outer, inner, alarm("acme", AlarmActions=[]))
    assert states == {"acme": "ALARM", "b-inner": "ALARM", "a-outer": "ALARM"}
    assert json.loads(rig.cloud.published[0]["Message"])["AlarmRule"] == 'ALARM("acme")'


def test_metric_math_is_evaluated_over_several_series(rig: Rig):
    def series(name: str, metric: str, stat: str) -> dict[str, Any]:
        named = {"Namespace": "KpiObservatory", "MetricName": metric, "Dimensions": []}
        return {"Id": name, "MetricStat": {"Metric": named, "Period": 900, "Stat": stat}, "ReturnData": False}

    expression = {"Id": "ratio", "Expression": "IF(runs >= 5, 100 * FILL(failed, 0) / runs, 0)", "ReturnData": True}
    definition = {
        key: value for key, value in alarm("ratio", Threshold=20.0).items()
        if key not in ("Namespace", "MetricName", "Dimensions", "Statistic", "Period")
    }  # fmt: skip
    definition["Metrics"] = [series("failed", "RunsFailed", "Sum"), series("runs", "RunsCompleted", "SampleCount"), expression]
    for failed in (0, 1, 1):
        rig.sample(failed, (), metric="RunsFailed")
        rig.sample(1 - failed, (), metric="RunsCompleted")
    assert rig.step(definition) == {"ratio": "OK"}
    for _ in range(3):
        rig.sample(0, (), metric="RunsFailed")
        rig.sample(1, (), metric="RunsCompleted")
    assert rig.step() == {"ratio": "ALARM"}


def test_an_alarm_that_cannot_be_evaluated_is_left_alone_and_named(rig: Rig):
    metrics = [{"Id": "a", "Expression": "SEARCH('x', 'Sum', 300)", "ReturnData": True}]
    rig.step(alarm("searching", Metrics=metrics), alarm("acme"))
    assert rig.cloud.states == {"acme": "OK"}
    assert "SEARCH" in rig.saved_status()["unsupported_alarms"]["searching"]


def test_a_metric_without_dimensions_is_not_asked_where_the_emulator_would_add_up_others(rig: Rig):
    rig.cloud.metrics = [{"Dimensions": listed(ACME)}, {"Dimensions": []}]
    assert rig.step(alarm("total", (), MetricName="PutByHand")) == {"total": "OK"}
    assert rig.cloud.asked == []


def test_a_metric_of_a_service_is_asked_by_its_exact_dimensions(rig: Rig):
    function = (("FunctionName", "kpi-local-api"),)
    rig.step(alarm("errors", function, Namespace="AWS/Lambda", MetricName="Errors"))
    assert rig.cloud.asked[0]["Dimensions"] == listed(function)


def test_a_deleted_alarm_is_forgotten(rig: Rig):
    rig.sample(1)
    rig.step(alarm("acme"), alarm("other", OTHER))
    rig.step(alarm("other", OTHER))
    assert set(rig.store.alarms()) == {"other"}
    assert rig.saved_status()["alarms_in_alarm"] == []


def test_a_percentile_alarm_with_too_few_samples_keeps_its_state_when_told_to(rig: Rig):
    definition = {key: value for key, value in alarm("slow").items() if key != "Statistic"} | {"ExtendedStatistic": "p99"}
    rig.sample(5)
    assert rig.step({**definition, "EvaluateLowSampleCountPercentile": "ignore"}) == {"slow": "INSUFFICIENT_DATA"}
    assert rig.step({**definition, "EvaluateLowSampleCountPercentile": "evaluate"}) == {"slow": "ALARM"}


def test_an_anomaly_alarm_is_judged_by_the_history_of_its_metric(rig: Rig):
    metric = {"Namespace": "KpiObservatory", "MetricName": "SlaBreaches", "Dimensions": listed(ACME)}
    metrics = [
        {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Maximum"}, "ReturnData": True},
        {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m1, 2)", "ReturnData": True},
    ]
    named = ("Namespace", "MetricName", "Dimensions", "Statistic", "Period", "Threshold")
    definition = {key: value for key, value in alarm("odd").items() if key not in named}
    definition |= {"Metrics": metrics, "ThresholdMetricId": "band", "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold"}
    for hours in range(30, 14 * 24):
        rig.sample(10 + hours // 24 % 2, ago=hours * 3600)
    rig.sample(11)
    assert rig.step(definition) == {"odd": "OK"}
    rig.sample(90)
    assert rig.step() == {"odd": "ALARM"}


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "EvaluationWindow"),
        ({"EvaluationInterval": 60}, "EvaluationInterval"),
        ({"ComparisonOperator": "EqualToThreshold"}, "EqualToThreshold"),
        ({"Statistic": "Median"}, "Median"),
    ],
)
def test_a_setting_that_is_not_evaluated_is_named(rig: Rig, setting: dict[str, Any], named: str):
    rig.step(alarm("odd", **setting))
    assert rig.cloud.states == {}
    assert named in rig.saved_status()["unsupported_alarms"]["odd"]


def test_a_composite_with_a_broken_rule_is_named_and_the_others_go_on(rig: Rig):
    rig.sample(1)
    broken = {"AlarmName": "broken", "AlarmRule": "ALARM(acme", "ActionsEnabled": True}
    assert rig.step(broken, alarm("acme")) == {"acme": "ALARM"}
    assert "alarm rule" in rig.saved_status()["unsupported_alarms"]["broken"]


def test_a_dynamodb_alarm_keeps_its_state_without_data_by_default(rig: Rig):
    definition = {key: value for key, value in alarm("throttles", Namespace="AWS/DynamoDB").items() if key != "TreatMissingData"}
    assert rig.step({**definition, "TreatMissingData": "breaching"}) == {"throttles": "ALARM"}
    assert rig.step(definition) == {"throttles": "ALARM"}
    assert rig.step({**definition, "TreatMissingData": "missing"}) == {"throttles": "INSUFFICIENT_DATA"}
