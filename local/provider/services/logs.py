"""CloudWatch Logs: groups, metric filters, subscription filters, saved queries."""

import json
import uuid
from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import Property, boolean, integer, listing, mapping, record, text
from local.provider.framework.translation import from_aws, to_aws

QUERIES = "/kpi-local/queries/"
QUERY: dict[str, Property] = {"name": text(computed=True), "queryString": text(required=True), "logGroupNames": listing(text())}
RETENTIONS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""The days AWS accepts (0: for ever)."""
NAMES = {
    "name": "filterName", "pattern": "filterPattern", "logGroup": "logGroupName", "filterPattern": "filterPattern",
    "logGroupName": "logGroupName", "destinationArn": "destinationArn", "distribution": "distribution", "roleArn": "roleArn",
}  # fmt: skip
"""Logs is the one service that speaks camelCase itself."""
SUBSCRIPTION: dict[str, Property] = {
    "name": text(computed=True),
    "logGroup": text(required=True, replace=True),
    "destinationArn": text(required=True),
    "filterPattern": text(required=True),
    "distribution": text("ByLogStream", "Random", computed=True),
    "roleArn": text(computed=True),
}
TRANSFORMATION: dict[str, Property] = {
    "name": text(required=True),
    "namespace": text(required=True),
    "value": text(required=True),
    "defaultValue": text(),
    "dimensions": mapping(text()),
    "unit": text(computed=True),
}
TRANSFORMATION_NAMES = {
    "name": "metricName", "namespace": "metricNamespace", "value": "metricValue",
    "defaultValue": "defaultValue", "dimensions": "dimensions", "unit": "unit",
}  # fmt: skip


def group(ctx: Context, name: str) -> dict[str, Any] | None:
    """The group of exactly that name (AWS searches by prefix)."""
    for page in ctx.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
        for each in page["logGroups"]:
            if each["logGroupName"] == name:
                return dict(each)
    return None


def create_group(ctx: Context, inputs: Inputs) -> str:
    """Make the group, then its retention."""
    key = {"kmsKeyId": inputs["kmsKeyId"]} if inputs.get("kmsKeyId") else {}
    kind = {"logGroupClass": inputs["logGroupClass"]} if inputs.get("logGroupClass") else {}
    ctx.client("logs").create_log_group(logGroupName=inputs["name"], **key, **kind)
    apply_retention(ctx, inputs["name"], inputs)
    return str(inputs["name"])


def apply_retention(ctx: Context, name: str, inputs: Inputs) -> None:
    """Days of retention; 0 keeps for ever. Raises ProviderError for a number of days AWS refuses."""
    if inputs["retentionInDays"] not in RETENTIONS:
        raise ProviderError(f"retentionInDays is {inputs['retentionInDays']}: expected one of {', '.join(map(str, RETENTIONS))}")
    if inputs["retentionInDays"]:
        ctx.client("logs").put_retention_policy(logGroupName=name, retentionInDays=inputs["retentionInDays"])
    else:
        ctx.client("logs").delete_retention_policy(logGroupName=name)


def read_group(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """Everything but skipDestroy is given back by AWS."""
    found = group(ctx, id)
    if found is None:
        return None
    told = {
        "name": id,
        "retentionInDays": found.get("retentionInDays", 0),
        "kmsKeyId": found.get("kmsKeyId"),
        "logGroupClass": found.get("logGroupClass"),
    }
    return Observed(told, {"arn": group_arn(ctx, id)})


def group_arn(ctx: Context, name: str) -> str:
    """The ARN, without the `:*` some answers append."""
    return ctx.arn("logs", f"log-group:{name}")


def update_group(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Retention and key."""
    apply_retention(ctx, id, new)
    if new.get("kmsKeyId") != old.get("kmsKeyId"):
        if new.get("kmsKeyId"):
            ctx.client("logs").associate_kms_key(logGroupName=id, kmsKeyId=new["kmsKeyId"])
        else:
            ctx.client("logs").disassociate_kms_key(logGroupName=id)


def delete_group(ctx: Context, id: str, state: Inputs) -> None:
    """Gone with its logs, unless skipDestroy keeps it."""
    if not state.get("skipDestroy"):
        ctx.client("logs").delete_log_group(logGroupName=id)


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The group's tags."""
    return dict(ctx.client("logs").list_tags_for_resource(resourceArn=group_arn(ctx, id)).get("tags") or {})


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("logs").tag_resource(resourceArn=group_arn(ctx, id), tags=changed)
    if removed:
        ctx.client("logs").untag_resource(resourceArn=group_arn(ctx, id), tagKeys=removed)


# Metric filters: id is the name.


def put_metric_filter(ctx: Context, inputs: Inputs) -> str:
    """Write the filter. AWS wants the default value as a number."""
    transformation = to_aws(inputs["metricTransformation"], TRANSFORMATION, TRANSFORMATION_NAMES)
    if "defaultValue" in transformation:
        transformation["defaultValue"] = float(transformation["defaultValue"])
    ctx.client("logs").put_metric_filter(
        logGroupName=inputs["logGroupName"],
        filterName=inputs["name"],
        filterPattern=inputs["pattern"],
        metricTransformations=[transformation],
    )
    return str(inputs["name"])


def metric_filter(ctx: Context, log_group: str, name: str) -> dict[str, Any] | None:
    """The filter of that name."""
    answer = ctx.optional(lambda: ctx.client("logs").describe_metric_filters(logGroupName=log_group, filterNamePrefix=name))
    found: list[dict[str, Any]] = answer["metricFilters"] if answer else []
    return next((each for each in found if each["filterName"] == name), None)


def read_metric_filter(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """Import ids are `logGroup:name`."""
    log_group, name = owner(id, state, "logGroupName")
    found = metric_filter(ctx, log_group, name)
    if found is None:
        return None
    told = from_aws(found["metricTransformations"][0], TRANSFORMATION, TRANSFORMATION_NAMES)
    if told["defaultValue"] is not None:
        told["defaultValue"] = f"{float(told['defaultValue']):g}"
        before: Inputs = state.get("metricTransformation") or {}
        asked = before.get("defaultValue")
        if asked is not None and float(asked) == float(told["defaultValue"]):
            told["defaultValue"] = asked
    transformation = {key: value for key, value in told.items() if value is not None}
    return Observed({"name": name, "logGroupName": log_group, "pattern": found["filterPattern"], "metricTransformation": transformation})


def owner(id: str, state: Inputs, field: str) -> tuple[str, str]:
    """Log group and own name, from the state or from an import id `logGroup:name`."""
    if state.get(field):
        return str(state[field]), str(state.get("name") or id)
    log_group, _, name = id.replace("|", ":").rpartition(":")
    return log_group, name


def delete_metric_filter(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the filter."""
    log_group, name = owner(id, state, "logGroupName")
    ctx.client("logs").delete_metric_filter(logGroupName=log_group, filterName=name)


# Subscription filters: id is `logGroup|name`.


def put_subscription(ctx: Context, inputs: Inputs) -> str:
    """Write the subscription."""
    ctx.client("logs").put_subscription_filter(**to_aws(inputs, SUBSCRIPTION, NAMES))
    return f"{inputs['logGroup']}|{inputs['name']}"


def subscription(ctx: Context, log_group: str, name: str) -> dict[str, Any] | None:
    """The subscription of that name."""
    answer = ctx.optional(lambda: ctx.client("logs").describe_subscription_filters(logGroupName=log_group, filterNamePrefix=name))
    found: list[dict[str, Any]] = answer["subscriptionFilters"] if answer else []
    return next((each for each in found if each["filterName"] == name), None)


def read_subscription(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """Everything is given back by AWS."""
    log_group, name = owner(id, state, "logGroup")
    found = subscription(ctx, log_group, name)
    return None if found is None else Observed({**from_aws(found, SUBSCRIPTION, NAMES), "logGroup": log_group})


def delete_subscription(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the subscription."""
    log_group, name = owner(id, state, "logGroup")
    ctx.client("logs").delete_subscription_filter(logGroupName=log_group, filterName=name)


# Saved queries. The emulator has none, so they live as SSM parameters under QUERIES; the id is a UUID, as AWS's are.


def query_place(id: str) -> str:
    """The parameter that stands for a saved query."""
    return f"{QUERIES}{id}"


def put_query(ctx: Context, id: str, inputs: Inputs) -> None:
    """Write the query."""
    body = {name: inputs.get(name) for name in QUERY}
    ctx.client("ssm").put_parameter(Name=query_place(id), Value=json.dumps(body), Type="String", Tier="Advanced", Overwrite=True)


def create_query(ctx: Context, inputs: Inputs) -> str:
    """Give it an id and write it."""
    made = str(uuid.uuid4())
    put_query(ctx, made, inputs)
    return made


def read_query(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything is given back."""
    told = json.loads(ctx.client("ssm").get_parameter(Name=query_place(id))["Parameter"]["Value"])
    return Observed(told, {"queryDefinitionId": id, "arn": ctx.arn("logs", f"query-definition:{id}")})


def rewrite_metric_filter(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """A put replaces it."""
    put_metric_filter(ctx, new)


def rewrite_subscription(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """A put replaces it."""
    put_subscription(ctx, new)


RESOURCES = (
    Resource(
        token="aws:cloudwatch/logGroup:LogGroup",
        name="name",
        inputs={
            "name": text(computed=True),
            "retentionInDays": integer(default=0),
            "kmsKeyId": text(),
            "logGroupClass": text("STANDARD", "INFREQUENT_ACCESS", "DELIVERY", computed=True, replace=True),
            "skipDestroy": boolean(default=False, write_only=True),
        },
        outputs=("arn",),
        create=create_group,
        read=read_group,
        update=update_group,
        delete=delete_group,
        find=lambda ctx, inputs: inputs["name"] if group(ctx, inputs["name"]) else None,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:cloudwatch/logMetricFilter:LogMetricFilter",
        name="name",
        inputs={
            "name": text(computed=True),
            "logGroupName": text(required=True, replace=True),
            "pattern": text(required=True),
            "metricTransformation": record(TRANSFORMATION, required=True),
        },
        create=put_metric_filter,
        read=read_metric_filter,
        update=rewrite_metric_filter,
        delete=delete_metric_filter,
        find=lambda ctx, inputs: inputs["name"] if metric_filter(ctx, inputs["logGroupName"], inputs["name"]) else None,
    ),
    Resource(
        token="aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
        name="name",
        inputs=SUBSCRIPTION,
        create=put_subscription,
        read=read_subscription,
        update=rewrite_subscription,
        delete=delete_subscription,
        find=lambda ctx, inputs: (
            f"{inputs['logGroup']}|{inputs['name']}" if subscription(ctx, inputs["logGroup"], inputs["name"]) else None
        ),
    ),
    Resource(
        token="aws:cloudwatch/queryDefinition:QueryDefinition",
        name="name",
        inputs=QUERY,
        outputs=("arn", "queryDefinitionId"),
        create=create_query,
        read=read_query,
        update=lambda ctx, id, old, new: put_query(ctx, id, new),
        delete=lambda ctx, id, state: ctx.client("ssm").delete_parameter(Name=query_place(id)),
    ),
)
