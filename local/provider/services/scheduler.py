"""EventBridge Scheduler: schedule groups (ids are names) and schedules (ids are `group/name`)."""

import re
from datetime import UTC, datetime
from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import integer, record, text
from local.provider.framework.translation import from_aws, tag_list, tag_map, to_aws

TARGET = record(
    {
        "arn": text(required=True),
        "roleArn": text(required=True),
        "deadLetterConfig": record({"arn": text(required=True)}),
        "eventbridgeParameters": record({"detailType": text(required=True), "source": text(required=True)}),
        "input": text(),
        "kinesisParameters": record({"partitionKey": text(required=True)}),
        "retryPolicy": record(
            {"maximumEventAgeInSeconds": integer(computed=True), "maximumRetryAttempts": integer(computed=True)}, computed=True
        ),
        "sqsParameters": record({"messageGroupId": text()}),
    },
    required=True,
)
SCHEDULE = {
    "name": text(computed=True),
    "groupName": text(replace=True, default="default"),
    "scheduleExpression": text(required=True),
    "scheduleExpressionTimezone": text(default="UTC"),
    "flexibleTimeWindow": record({"mode": text("OFF", "FLEXIBLE", required=True), "maximumWindowInMinutes": integer()}, required=True),
    "target": TARGET,
    "actionAfterCompletion": text("NONE", "DELETE", computed=True),
    "description": text(),
    "endDate": text(),
    "kmsKeyArn": text(),
    "startDate": text(),
    "state": text("ENABLED", "DISABLED", default="ENABLED"),
}
ALIASES = {"eventbridgeParameters": "EventBridgeParameters"}
EXPRESSION = re.compile(r"rate\([1-9]\d* (minutes?|hours?|days?)\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)|cron\(\S+ \S+ \S+ \S+ \S+ \S+\)")


def find_group(ctx: Context, inputs: Inputs) -> str | None:
    """The group of that name."""
    return existing(ctx, lambda: ctx.client("scheduler").get_schedule_group(Name=inputs["name"]), inputs["name"])


def create_group(ctx: Context, inputs: Inputs) -> str:
    """Make the group."""
    ctx.client("scheduler").create_schedule_group(Name=inputs["name"])
    return str(inputs["name"])


def read_group(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Gone also while AWS deletes its schedules."""
    group = ctx.client("scheduler").get_schedule_group(Name=id)
    if group["State"] != "ACTIVE":
        return None
    outputs = {
        "arn": group["Arn"],
        "state": group["State"],
        "creationDate": _moment(group["CreationDate"]),
        "lastModificationDate": _moment(group["LastModificationDate"]),
    }
    return Observed(inputs={"name": group["Name"]}, outputs=outputs)


def delete_group(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the group with every schedule in it, as AWS does."""
    ctx.client("scheduler").delete_schedule_group(Name=id)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The group's tags (schedules have none)."""
    arn = ctx.arn("scheduler", f"schedule-group/{id}")
    return tag_map(ctx.client("scheduler").list_tags_for_resource(ResourceArn=arn).get("Tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = ctx.arn("scheduler", f"schedule-group/{id}")
    if changed:
        ctx.client("scheduler").tag_resource(ResourceArn=arn, Tags=tag_list(changed))
    if removed:
        ctx.client("scheduler").untag_resource(ResourceArn=arn, TagKeys=removed)


def find_schedule(ctx: Context, inputs: Inputs) -> str | None:
    """The schedule of that name in that group."""
    client, group, name = ctx.client("scheduler"), inputs["groupName"], inputs["name"]
    return existing(ctx, lambda: client.get_schedule(GroupName=group, Name=name), f"{group}/{name}")


def create_schedule(ctx: Context, inputs: Inputs) -> str:
    """Make the schedule."""
    ctx.client("scheduler").create_schedule(**_request(inputs))
    return f"{inputs['groupName']}/{inputs['name']}"


def _request(inputs: Inputs) -> dict[str, Any]:
    """The request. Raises ProviderError for an expression AWS refuses (the emulator accepts it and never fires)."""
    expression = str(inputs["scheduleExpression"])
    if not EXPRESSION.fullmatch(expression):
        raise ProviderError(
            f"scheduleExpression is '{expression}': expected rate(value unit), at(yyyy-mm-ddThh:mm:ss) or cron(with six fields)"
        )
    return to_aws(inputs, SCHEDULE, ALIASES)


def read_schedule(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    group, name = id.split("/", 1)
    schedule = ctx.client("scheduler").get_schedule(GroupName=group, Name=name)
    told = from_aws(schedule, SCHEDULE, ALIASES)
    dates = {key: _moment(told[key]) if told[key] else None for key in ("startDate", "endDate")}
    return Observed(inputs={**told, **dates}, outputs={"arn": schedule["Arn"]})


def update_schedule(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """UpdateSchedule replaces every setting: what is absent returns to AWS's default."""
    ctx.client("scheduler").update_schedule(**_request(new))


def delete_schedule(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the schedule."""
    group, name = id.split("/", 1)
    ctx.client("scheduler").delete_schedule(GroupName=group, Name=name)


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


RESOURCES = (
    Resource(
        token="aws:scheduler/scheduleGroup:ScheduleGroup",
        name="name",
        inputs={"name": text(computed=True)},
        outputs=("arn", "state", "creationDate", "lastModificationDate"),
        find=find_group,
        create=create_group,
        read=read_group,
        delete=delete_group,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:scheduler/schedule:Schedule",
        name="name",
        inputs=SCHEDULE,
        outputs=("arn",),
        find=find_schedule,
        create=create_schedule,
        read=read_schedule,
        update=update_schedule,
        delete=delete_schedule,
    ),
)
