"""Schedule groups and schedules."""

from typing import Any

import pytest

from tests.local.provider.rig import ACCOUNT, REGION, Refused, Rig, lives_a_full_life

GROUP = "aws:scheduler/scheduleGroup:ScheduleGroup"
SCHEDULE = "aws:scheduler/schedule:Schedule"
TARGET = {
    "arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:kpi-run",
    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/scheduler",
    "input": "{}",
}


def schedule(rig: Rig, name: str, **inputs: Any) -> Any:
    base = {"name": name, "scheduleExpression": "cron(0 6 * * ? *)", "flexibleTimeWindow": {"mode": "OFF"}, "target": TARGET}
    return rig.create(SCHEDULE, name, **{**base, **inputs})


def test_a_group_lives_a_full_life(rig: Rig) -> None:
    group = rig.create(GROUP, name="kpi-acme", tags={"team": "kpi"})
    arn = group.state["arn"]

    def spoil() -> None:
        rig.aws("scheduler").tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "other"}])

    lives_a_full_life(group, change={"tags": {"team": "core"}}, spoil=spoil, drifted="tags")


def test_a_schedule_lives_a_full_life(rig: Rig) -> None:
    rig.create(GROUP, "kept", name="kept")
    target = {**TARGET, "retryPolicy": {"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 3}}
    it = schedule(rig, "daily", groupName="kept", scheduleExpressionTimezone="America/New_York", description="daily", target=target)
    assert it.state["arn"].endswith("schedule/kept/daily")

    def spoil() -> None:
        client = rig.aws("scheduler")
        told = client.get_schedule(GroupName="kept", Name="daily")
        kept = {key: told[key] for key in ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
        client.update_schedule(**kept, State="DISABLED")

    lives_a_full_life(it, change={"scheduleExpression": "rate(1 hour)"}, spoil=spoil, drifted="state")


def test_moving_a_schedule_to_another_group_replaces_it(rig: Rig) -> None:
    it = schedule(rig, "moving")
    assert it.replaced_by(groupName="kept") == ["groupName"]


@pytest.mark.parametrize("expression", ["cron(0 6 * * *)", "rate(0 minutes)", "daily", "at(2026-01-01)"])
def test_an_expression_that_never_fires_is_refused(rig: Rig, expression: str) -> None:
    with pytest.raises(Refused, match="scheduleExpression is"):
        schedule(rig, "bad", scheduleExpression=expression)
