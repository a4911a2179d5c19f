"""Alarm mute rules on embedded AWS, as boto3 sends them and as the engine declares them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.provider.rig import ACCOUNT, AMENDED, REGION, Refused, Rig, emulator, lives_a_full_life

TOKEN = "aws:cloudwatch/alarmMuteRule:AlarmMuteRule"
SUNDAYS = {"Expression": "cron(0 2 * * SUN)", "Duration": "PT4H", "Timezone": "Europe/Berlin"}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("mutes")
    with emulator(folder, AMENDED) as url:
        ready = Rig(url, folder / "journal")
        for name in ("a", "b"):
            ready.aws("cloudwatch").put_metric_alarm(
                AlarmName=name, Namespace="Kpi", MetricName="Failures", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )  # fmt: skip
        yield ready


def put(client: Any, name: str, schedule: dict[str, str], **more: Any) -> None:
    client.put_alarm_mute_rule(Name=name, Rule={"Schedule": schedule}, **{"MuteTargets": {"AlarmNames": ["a"]}, **more})


def status(client: Any, name: str) -> str:
    found: str = client.get_alarm_mute_rule(AlarmMuteRuleName=name)["Status"]
    return found


def at(moment: datetime) -> str:
    return f"at({moment:%Y-%m-%dT%H:%M})"


def test_a_rule_comes_back_as_it_was_put(rig: Rig) -> None:
    client = rig.aws("cloudwatch")
    starts, expires = datetime(2026, 1, 1, tzinfo=UTC), datetime(2030, 12, 31, 23, 59, tzinfo=UTC)
    put(client, "patching", SUNDAYS, Description="Patching", StartDate=starts, ExpireDate=expires, MuteTargets={"AlarmNames": ["b", "a"]})
    rule = client.get_alarm_mute_rule(AlarmMuteRuleName="patching")
    assert (rule["Name"], rule["Description"], rule["Rule"]["Schedule"]) == ("patching", "Patching", SUNDAYS)
    assert rule["MuteTargets"]["AlarmNames"] == ["b", "a"]
    assert (rule["StartDate"], rule["ExpireDate"]) == (starts, expires)
    assert rule["AlarmMuteRuleArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm-mute-rule:patching"
    assert rule["MuteType"] == "RECURRING"


def test_the_json_protocol_is_answered_too(rig: Rig) -> None:
    put(rig.aws("cloudwatch"), "by-json", SUNDAYS)
    headers = {"X-Amz-Target": "GraniteServiceVersion20100801.GetAlarmMuteRule", "Content-Type": "application/x-amz-json-1.0"}
    answer = requests.post(rig.url, headers=headers, data=json.dumps({"AlarmMuteRuleName": "by-json"}), timeout=5)
    assert answer.json()["Rule"]["Schedule"] == SUNDAYS


def test_a_window_that_is_open_is_active_one_to_come_is_scheduled_and_one_that_is_over_has_expired(rig: Rig) -> None:
    client, now = rig.aws("cloudwatch"), datetime.now(UTC)
    put(client, "open", {"Expression": at(now - timedelta(minutes=5)), "Duration": "PT1H"})
    put(client, "coming", {"Expression": at(now + timedelta(days=1)), "Duration": "PT1H"})
    put(client, "over", {"Expression": at(now - timedelta(days=1)), "Duration": "PT1H"})
    put(client, "always", {"Expression": "cron(* * * * *)", "Duration": "PT1M"})
    put(client, "ended", {"Expression": "cron(* * * * *)", "Duration": "PT1M"}, ExpireDate=now - timedelta(minutes=1))
    put(client, "not-yet", {"Expression": "cron(* * * * *)", "Duration": "PT1M"}, StartDate=now + timedelta(days=1))
    assert {name: status(client, name) for name in ("open", "coming", "over", "always", "ended", "not-yet")} == {
        "open": "ACTIVE",
        "coming": "SCHEDULED",
        "over": "EXPIRED",
        "always": "ACTIVE",
        "ended": "EXPIRED",
        "not-yet": "SCHEDULED",
    }


def test_schedules_are_read_in_their_time_zone(rig: Rig) -> None:
    client, now = rig.aws("cloudwatch"), datetime.now(UTC)
    tokyo = now + timedelta(hours=9)
    put(client, "tokyo", {"Expression": at(tokyo - timedelta(minutes=5)), "Duration": "PT1H", "Timezone": "Asia/Tokyo"})
    assert status(client, "tokyo") == "ACTIVE"


def test_rules_are_listed_by_alarm_by_status_and_page_by_page(rig: Rig) -> None:
    client = rig.aws("cloudwatch")
    put(client, "of-b", {"Expression": "cron(* * * * *)", "Duration": "PT1M"}, MuteTargets={"AlarmNames": ["b"]})
    names = [each["AlarmMuteRuleArn"].rpartition(":")[2] for each in client.list_alarm_mute_rules(AlarmName="b")["AlarmMuteRuleSummaries"]]
    assert "of-b" in names
    active = client.list_alarm_mute_rules(Statuses=["ACTIVE"])["AlarmMuteRuleSummaries"]
    assert {each["Status"] for each in active} == {"ACTIVE"}
    pages = list(client.get_paginator("list_alarm_mute_rules").paginate(PaginationConfig={"PageSize": 1}))
    assert len(pages) == len(client.list_alarm_mute_rules()["AlarmMuteRuleSummaries"])


@pytest.mark.parametrize(
    ("schedule", "named", "told"),
    [
        ({"Expression": "rate(5 minutes)", "Duration": "PT1H"}, ["a"], "Expression"),
        ({"Expression": "cron(0 2 * *)", "Duration": "PT1H"}, ["a"], "Expression"),
        ({"Expression": "cron(0 2 * * *)", "Duration": "P16D"}, ["a"], "Duration"),
        ({"Expression": "cron(0 2 * * *)", "Duration": "PT1H", "Timezone": "Mars/Olympus"}, ["a"], "Timezone"),
        ({"Expression": "cron(0 2 * * *)", "Duration": "PT1H"}, ["a", "nobody"], "nobody"),
        ({"Expression": "cron(0 2 * * *)", "Duration": "PT1H"}, ["a"] * 101, "101 alarm names"),
    ],
)
def test_what_cloudwatch_refuses_is_refused(rig: Rig, schedule: dict[str, str], named: list[str], told: str) -> None:
    client = boto3.client(
        "cloudwatch", endpoint_url=rig.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(parameter_validation=False),
    )  # fmt: skip
    with pytest.raises(ClientError, match=told):
        put(client, "refused", schedule, MuteTargets={"AlarmNames": named})
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_alarm_mute_rule(AlarmMuteRuleName="refused")


def test_deleting_twice_is_fine(rig: Rig) -> None:
    client = rig.aws("cloudwatch")
    put(client, "short-lived", SUNDAYS)
    client.delete_alarm_mute_rule(AlarmMuteRuleName="short-lived")
    client.delete_alarm_mute_rule(AlarmMuteRuleName="short-lived")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_alarm_mute_rule(AlarmMuteRuleName="short-lived")


def test_a_declared_rule_lives_a_full_life(rig: Rig) -> None:
    rule = rig.create(
        TOKEN, name="declared", description="Patching", rule={"schedule": {"expression": "cron(0 2 * * SUN)", "duration": "PT4H"}},
        muteTargets={"alarmNames": ["b", "a"]}, expireDate="2030-12-31T23:59:00Z", tags={"team": "kpi"},
    )  # fmt: skip

    def spoil() -> None:
        put(rig.aws("cloudwatch"), "declared", {"Expression": "cron(0 2 * * *)", "Duration": "P15D"})

    change = {"rule": {"schedule": {"expression": "cron(0 3 * * SUN)", "duration": "PT2H"}}, "tags": {"team": "core"}}
    lives_a_full_life(rule, change=change, spoil=spoil, drifted="muteTargets")


def test_a_declared_rule_does_not_overwrite_one_that_is_there(rig: Rig) -> None:
    put(rig.aws("cloudwatch"), "taken", SUNDAYS)
    with pytest.raises(Refused, match="taken"):
        rig.create(TOKEN, name="taken", rule={"schedule": {"expression": "cron(0 2 * * SUN)", "duration": "PT4H"}})


def test_a_composite_keeps_its_suppressor(rig: Rig) -> None:
    composite = rig.create(
        "aws:cloudwatch/compositeAlarm:CompositeAlarm", alarmName="both", alarmRule='ALARM("a")',
        actionsSuppressor={"alarm": "b", "waitPeriod": 120, "extensionPeriod": 180},
    )  # fmt: skip
    assert composite.drift() == []
    assert composite.update(actionsSuppressor={"alarm": "b", "waitPeriod": 60, "extensionPeriod": 180}) == ["actionsSuppressor"]
    assert composite.drift() == []


def test_rules_survive_a_restart(tmp_path: Path) -> None:
    for count in range(2):
        with emulator(tmp_path, AMENDED, persist=True) as url:
            client = Rig(url, tmp_path / f"journal-{count}").aws("cloudwatch")
            if count == 0:
                client.put_alarm_mute_rule(Name="kept", Description="Patching", Rule={"Schedule": SUNDAYS})
            rule = client.get_alarm_mute_rule(AlarmMuteRuleName="kept")
            assert (rule["Description"], rule["Rule"]["Schedule"]) == ("Patching", SUNDAYS)
