"""EventBridge: buses and archives (ids are names), rules (`bus/rule`) and targets (`bus/rule/target`)."""

import zlib
from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import boolean, integer, json_document, mapping, record, text
from local.provider.framework.translation import from_aws, rows, tag_list, tag_map, to_aws

BUS = {
    "name": text(computed=True),
    "deadLetterConfig": record({"arn": text()}),
    "description": text(),
    "kmsKeyIdentifier": text(),
    "logConfig": record({"includeDetail": text("NONE", "FULL"), "level": text("OFF", "ERROR", "INFO", "TRACE")}),
}
RULE = {
    "name": text(computed=True),
    "description": text(),
    "eventBusName": text(replace=True, default="default"),
    "eventPattern": json_document(),
    "forceDestroy": boolean(write_only=True),
    "roleArn": text(),
    "scheduleExpression": text(),
    "state": text("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", default="ENABLED"),
}
RULE_SENT = {key: prop for key, prop in RULE.items() if key != "forceDestroy"}
TARGET = {
    "rule": text(required=True, replace=True),
    "eventBusName": text(replace=True, default="default"),
    "targetId": text(replace=True, computed=True),
    "arn": text(required=True),
    "deadLetterConfig": record({"arn": text()}),
    "forceDestroy": boolean(write_only=True),
    "httpTarget": record({"headerParameters": mapping(text()), "queryStringParameters": mapping(text())}),
    "input": json_document(ordered=True),
    "inputPath": text(),
    "inputTransformer": record({"inputPaths": mapping(text()), "inputTemplate": text(required=True)}),
    "kinesisTarget": record({"partitionKeyPath": text()}),
    "retryPolicy": record({"maximumEventAgeInSeconds": integer(computed=True), "maximumRetryAttempts": integer(computed=True)}),
    "roleArn": text(),
    "sqsTarget": record({"messageGroupId": text()}),
}
TARGET_ALIASES = {
    "targetId": "Id",
    "httpTarget": "HttpParameters",
    "inputPaths": "InputPathsMap",
    "kinesisTarget": "KinesisParameters",
    "sqsTarget": "SqsParameters",
}
OWN_TARGET = {key: prop for key, prop in TARGET.items() if key not in ("rule", "eventBusName", "forceDestroy")}
ARCHIVE = {
    "name": text(computed=True),
    "eventSourceArn": text(required=True, replace=True),
    "description": text(),
    "eventPattern": json_document(),
    "kmsKeyIdentifier": text(),
    "retentionDays": integer(default=0),
}
ARCHIVE_ALIASES = {"name": "ArchiveName"}


def find_bus(ctx: Context, inputs: Inputs) -> str | None:
    """The bus of that name."""
    return existing(ctx, lambda: ctx.client("events").describe_event_bus(Name=inputs["name"]), inputs["name"])


def create_bus(ctx: Context, inputs: Inputs) -> str:
    """Make the bus."""
    ctx.client("events").create_event_bus(**to_aws(inputs, BUS))
    return str(inputs["name"])


def read_bus(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    bus = ctx.client("events").describe_event_bus(Name=id)
    return Observed(inputs=from_aws(bus, BUS), outputs={"arn": bus["Arn"]})


def update_bus(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Set everything; what the program no longer says is emptied."""
    cleared: dict[str, Any] = {"Description": "", **({"KmsKeyIdentifier": ""} if old.get("kmsKeyIdentifier") else {})}
    cleared |= {"DeadLetterConfig": {}} if old.get("deadLetterConfig") else {}
    cleared |= {"LogConfig": {"Level": "OFF"}} if old.get("logConfig") else {}
    ctx.client("events").update_event_bus(**{**cleared, **to_aws(new, BUS), "Name": id})


def delete_bus(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the bus. AWS refuses while it has rules; the emulator would leave them behind."""
    rules = ctx.optional(lambda: ctx.client("events").list_rules(EventBusName=id))
    names = [rule["Name"] for rule in rows(rules, "Rules")]
    if names:
        raise ProviderError(f"event bus '{id}' still has rules ({', '.join(names)}): delete them first")
    ctx.client("events").delete_event_bus(Name=id)


def _rule_id(inputs: Inputs) -> str:
    return f"{inputs['eventBusName']}/{inputs['name']}"


def _rule_place(id: str) -> dict[str, str]:
    bus, name = id.rsplit("/", 1)
    return {"EventBusName": bus, "Name": name}


def find_rule(ctx: Context, inputs: Inputs) -> str | None:
    """The rule of that name on that bus (PutRule would overwrite it)."""
    return existing(ctx, lambda: ctx.client("events").describe_rule(**_rule_place(_rule_id(inputs))), _rule_id(inputs))


def create_rule(ctx: Context, inputs: Inputs) -> str:
    """Put the rule."""
    if not inputs.get("eventPattern") and not inputs.get("scheduleExpression"):
        raise ProviderError(f"rule '{inputs['name']}' has neither eventPattern nor scheduleExpression: give one")
    ctx.client("events").put_rule(**{"Description": "", **to_aws(inputs, RULE_SENT)})
    return _rule_id(inputs)


def read_rule(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything but `forceDestroy`."""
    rule = ctx.client("events").describe_rule(**_rule_place(id))
    told = from_aws(rule, RULE)
    return Observed(inputs={**told, "eventBusName": id.rsplit("/", 1)[0]}, outputs={"arn": rule["Arn"]})


def update_rule(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """PutRule replaces every setting."""
    create_rule(ctx, new)


def delete_rule(ctx: Context, id: str, state: Inputs) -> None:
    """Delete the rule. AWS refuses while it has targets; the emulator would drop them silently."""
    place, client = _rule_place(id), ctx.client("events")
    found = ctx.optional(lambda: client.list_targets_by_rule(Rule=place["Name"], EventBusName=place["EventBusName"]))
    targets = [each["Id"] for each in rows(found, "Targets")]
    if targets and not state.get("forceDestroy"):
        raise ProviderError(f"rule '{id}' still has targets ({', '.join(targets)}): delete them first, or set forceDestroy")
    client.delete_rule(**place)


def _target_place(id: str) -> tuple[dict[str, str], str]:
    bus, rule, target = id.rsplit("/", 2)
    return {"EventBusName": bus, "Rule": rule}, target


def _target_id(inputs: Inputs) -> str:
    """The id asked for, or one made of rule and destination, so that a repeated create does not add a second target."""
    basis = f"{inputs['rule']} {inputs['arn']}"
    return inputs.get("targetId") or f"target-{zlib.crc32(basis.encode()):08x}"


def _target(ctx: Context, id: str) -> dict[str, Any] | None:
    place, target = _target_place(id)
    found = ctx.client("events").list_targets_by_rule(**place).get("Targets", [])
    return next((each for each in found if each["Id"] == target), None)


def find_target(ctx: Context, inputs: Inputs) -> str | None:
    """The target of that id on that rule (PutTargets would overwrite it)."""
    id_ = f"{inputs['eventBusName']}/{inputs['rule']}/{_target_id(inputs)}"
    return id_ if ctx.optional(lambda: _target(ctx, id_)) else None


def create_target(ctx: Context, inputs: Inputs) -> str:
    """Put the target. PutTargets answers 200 with failed entries: those are errors."""
    target = {**to_aws(inputs, OWN_TARGET, TARGET_ALIASES), "Id": _target_id(inputs)}
    answer = ctx.client("events").put_targets(Rule=inputs["rule"], EventBusName=inputs["eventBusName"], Targets=[target])
    for failed in answer.get("FailedEntries", []):
        raise ProviderError(f"target '{target['Id']}' of rule '{inputs['rule']}': {failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")
    return f"{inputs['eventBusName']}/{inputs['rule']}/{target['Id']}"


def read_target(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """AWS tells everything but `forceDestroy`."""
    target = _target(ctx, id)
    if target is None:
        return None
    place, _ = _target_place(id)
    told = from_aws(target, OWN_TARGET, TARGET_ALIASES)
    return Observed(inputs={**told, "rule": place["Rule"], "eventBusName": place["EventBusName"]})


def update_target(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """PutTargets replaces every setting of the id."""
    create_target(ctx, {**new, "targetId": id.rsplit("/", 1)[-1]})


def delete_target(ctx: Context, id: str, _state: Inputs) -> None:
    """Remove the target."""
    place, target = _target_place(id)
    ctx.client("events").remove_targets(**place, Ids=[target])


def find_archive(ctx: Context, inputs: Inputs) -> str | None:
    """The archive of that name."""
    return existing(ctx, lambda: ctx.client("events").describe_archive(ArchiveName=inputs["name"]), inputs["name"])


def create_archive(ctx: Context, inputs: Inputs) -> str:
    """Make the archive."""
    ctx.client("events").create_archive(**to_aws(inputs, ARCHIVE, ARCHIVE_ALIASES))
    return str(inputs["name"])


def read_archive(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    archive = ctx.client("events").describe_archive(ArchiveName=id)
    return Observed(inputs=from_aws(archive, ARCHIVE, ARCHIVE_ALIASES), outputs={"arn": archive["ArchiveArn"]})


def update_archive(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Description, pattern, key and retention change in place; the source does not."""
    changeable = {key: prop for key, prop in ARCHIVE.items() if key not in ("name", "eventSourceArn")}
    cleared = {"Description": "", **({"KmsKeyIdentifier": ""} if old.get("kmsKeyIdentifier") else {})}
    ctx.client("events").update_archive(**{**cleared, **to_aws(new, changeable), "ArchiveName": id})


def delete_archive(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the archive with its events."""
    ctx.client("events").delete_archive(ArchiveName=id)


def _tagged(ctx: Context, id: str) -> str:
    """The ARN of a bus (`name`) or a rule (`bus/rule`)."""
    if "/" not in id:
        return ctx.arn("events", f"event-bus/{id}")
    bus, rule = id.rsplit("/", 1)
    return ctx.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The tags of a bus or a rule."""
    return tag_map(ctx.client("events").list_tags_for_resource(ResourceARN=_tagged(ctx, id)).get("Tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("events").tag_resource(ResourceARN=_tagged(ctx, id), Tags=tag_list(changed))
    if removed:
        ctx.client("events").untag_resource(ResourceARN=_tagged(ctx, id), TagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:cloudwatch/eventBus:EventBus",
        name="name",
        inputs=BUS,
        outputs=("arn",),
        find=find_bus,
        create=create_bus,
        read=read_bus,
        update=update_bus,
        delete=delete_bus,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:cloudwatch/eventRule:EventRule",
        name="name",
        inputs=RULE,
        outputs=("arn",),
        find=find_rule,
        create=create_rule,
        read=read_rule,
        update=update_rule,
        delete=delete_rule,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:cloudwatch/eventTarget:EventTarget",
        inputs=TARGET,
        find=find_target,
        create=create_target,
        read=read_target,
        update=update_target,
        delete=delete_target,
    ),
    Resource(
        token="aws:cloudwatch/eventArchive:EventArchive",
        name="name",
        inputs=ARCHIVE,
        outputs=("arn",),
        find=find_archive,
        create=create_archive,
        read=read_archive,
        update=update_archive,
        delete=delete_archive,
    ),
)
