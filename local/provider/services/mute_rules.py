"""CloudWatch alarm mute rules: `aws:cloudwatch/alarmMuteRule:AlarmMuteRule`. Ids are names; AWS tells everything."""

from datetime import datetime
from typing import Any

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import listing, record, text
from local.provider.framework.translation import from_aws, tag_list, tag_map, to_aws

RULE = {
    "name": text(computed=True),
    "description": text(),
    "rule": record(
        {
            "schedule": record(
                {"expression": text(required=True), "duration": text(required=True), "timezone": text(computed=True)}, required=True
            )
        }
    ),
    "muteTargets": record({"alarmNames": listing(text(), required=True, unordered=True)}),
    "startDate": text(),
    "expireDate": text(),
}
MOMENTS = ("startDate", "expireDate")


def put(ctx: Context, inputs: Inputs) -> str:
    """Make or replace the rule."""
    ctx.client("cloudwatch").put_alarm_mute_rule(**to_aws(inputs, RULE))
    return str(inputs["name"])


def rewrite(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """A put replaces it."""
    put(ctx, new)


def described(ctx: Context, id: str) -> dict[str, Any]:
    """The rule as AWS has it."""
    return dict(ctx.client("cloudwatch").get_alarm_mute_rule(AlarmMuteRuleName=id))


def read(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything; moments are told as such and declared as text."""
    rule = described(ctx, id)
    told = from_aws(rule, RULE)
    told |= {name: moment(told[name]) for name in MOMENTS if told[name] is not None}
    return Observed(told, {"arn": rule["AlarmMuteRuleArn"], "muteType": rule["MuteType"]})


def moment(when: datetime) -> str:
    """A moment in UTC as the SDK writes it: `2026-12-31T23:59:00Z`."""
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def delete(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the rule; what it muted may act again."""
    ctx.client("cloudwatch").delete_alarm_mute_rule(AlarmMuteRuleName=id)


def arn(ctx: Context, id: str) -> str:
    """The ARN of a rule."""
    return ctx.arn("cloudwatch", f"alarm-mute-rule:{id}")


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The rule's tags."""
    return tag_map(ctx.client("cloudwatch").list_tags_for_resource(ResourceARN=arn(ctx, id)).get("Tags"))


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    client = ctx.client("cloudwatch")
    if changed:
        client.tag_resource(ResourceARN=arn(ctx, id), Tags=tag_list(changed))
    if removed:
        client.untag_resource(ResourceARN=arn(ctx, id), TagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:cloudwatch/alarmMuteRule:AlarmMuteRule",
        name="name",
        inputs=RULE,
        outputs=("arn", "muteType"),
        create=put,
        read=read,
        update=rewrite,
        delete=delete,
        find=lambda ctx, inputs: existing(ctx, lambda: described(ctx, inputs["name"]), inputs["name"]),
        tags=Tags(read_tags, write_tags),
    ),
)
