"""The files of a stack's alarms are requests that AWS's own SDK takes, and the same bytes for the same dictionary."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

import alerts
from alerts import Window
from alerts.artifacts import render_stack
from alerts.specs import Topic
from kpis.artifact import Artifact
from tests.unit.alerts.factory import row, summary

WHERE = {"deployment": "local", "region": "us-east-1", "account_id": "123456789012"}
OPERATIONS = {"alarms": "put_metric_alarm", "mute-rules": "put_alarm_mute_rule"}
WINDOW = Window("patching", "Patching", "cron(0 2 * * SUN)", "PT4H", expires="2026-12-31T23:59:00Z")


def topic_arn(topic: Topic) -> str:
    return f"arn:aws:sns:us-east-1:123456789012:kpi-local-alerts-{topic}"


def files(**changes: Any) -> list[Artifact]:
    alarms = alerts.tenant_alarms(summary(row(**changes)), tenant_id="acme", environment="prod", **WHERE)
    mutes = alerts.mute_rules(alarms, [WINDOW], stem="kpi-local-acme-prod")
    platform = alerts.platform_alarms(summary(row(**changes)), **WHERE)
    return [
        *render_stack("acme.prod", alarms, mutes, topic_arn=topic_arn),
        *render_stack("platform.local", platform, (), topic_arn=topic_arn),
    ]


@pytest.mark.parametrize("artifact", files(), ids=lambda each: each.path)
def test_a_file_is_a_request_that_the_sdk_takes(artifact: Artifact) -> None:
    client = boto3.client("cloudwatch", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    request = json.loads(artifact.content)
    operation = "put_composite_alarm" if "AlarmRule" in request else OPERATIONS[artifact.path.split("/")[2]]
    with Stubber(client) as stub:
        stub.add_response(operation, {})
        getattr(client, operation)(**request)


def test_every_alarm_and_rule_has_one_file_named_by_its_key() -> None:
    paths = [each.path for each in files()]
    assert len(paths) == len(set(paths)) == 9 + 1 + 13
    assert "cloudwatch/acme.prod/mute-rules/mute-patching.json" in paths
    assert "cloudwatch/acme.prod/alarms/escalation.json" in paths


def test_a_kpis_own_alarm_says_whose_it_is_and_from_which_definition() -> None:
    (own,) = [each for each in files() if each.kpi_ids]
    assert own.kpi_ids == ("CFO-EF-02",)
    assert {"Key": "kpi:definition", "Value": "a" * 64} in json.loads(own.content)["Tags"]


def test_equal_dictionaries_give_equal_bytes() -> None:
    assert files() == files()


def test_hostile_text_stays_text() -> None:
    name = '</script>{{ 7 * 7 }}"\\'
    (own,) = [each for each in files(name=name) if each.kpi_ids]
    assert name in json.loads(own.content)["AlarmDescription"]
