"""Athena: workgroups (ids are names) and named queries (ids are Athena's)."""

from collections.abc import Callable
from typing import Any, cast

from botocore.exceptions import ClientError

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, record, text
from local.provider.framework.translation import from_aws, tag_list, tag_map, to_aws

ENCRYPTION = record({"encryptionOption": text("SSE_S3", "SSE_KMS", "CSE_KMS"), "kmsKeyArn": text()})
CONFIGURATION = record(
    {
        "bytesScannedCutoffPerQuery": integer(),
        "enforceWorkgroupConfiguration": boolean(default=True),
        "engineVersion": record(
            {"selectedEngineVersion": text(default="AUTO"), "effectiveEngineVersion": text(computed=True)}, computed=True
        ),
        "publishCloudwatchMetricsEnabled": boolean(default=True),
        "requesterPaysEnabled": boolean(),
        "resultConfiguration": record({"encryptionConfiguration": ENCRYPTION, "outputLocation": text()}),
    },
    computed=True,
)
WORKGROUP = {
    "name": text(computed=True),
    "configuration": CONFIGURATION,
    "description": text(),
    "forceDestroy": boolean(write_only=True),
    "state": text("ENABLED", "DISABLED", default="ENABLED"),
}
QUERY = {
    "name": text(computed=True),
    "database": text(required=True, replace=True),
    "query": text(required=True, replace=True),
    "description": text(replace=True),
    "workgroup": text(replace=True, default="primary"),
}
QUERY_ALIASES = {"query": "QueryString", "workgroup": "WorkGroup"}
ALIASES = {
    "enforceWorkgroupConfiguration": "EnforceWorkGroupConfiguration",
    "publishCloudwatchMetricsEnabled": "PublishCloudWatchMetricsEnabled",
    "kmsKeyArn": "KmsKey",
}


def _maybe(call: Callable[[], Any]) -> Any:
    """The answer, or None: Athena says InvalidRequestException for what is not there."""
    try:
        return call()
    except ClientError as error:
        if "not found" in str(error).lower() or "does not exist" in str(error).lower():
            return None
        raise


def _workgroup(ctx: Context, name: str) -> dict[str, Any] | None:
    answer = _maybe(lambda: ctx.client("athena").get_work_group(WorkGroup=name))
    return cast("dict[str, Any]", answer["WorkGroup"]) if answer else None


def find_workgroup(ctx: Context, inputs: Inputs) -> str | None:
    """The workgroup of that name."""
    return inputs["name"] if _workgroup(ctx, inputs["name"]) else None


def create_workgroup(ctx: Context, inputs: Inputs) -> str:
    """Make the workgroup; AWS makes it enabled."""
    client, name = ctx.client("athena"), inputs["name"]
    configuration = to_aws(_configuration(inputs), CONFIGURATION.fields, ALIASES)
    client.create_work_group(Name=name, Description=inputs.get("description") or "", Configuration=configuration)
    if inputs["state"] == "DISABLED":
        client.update_work_group(WorkGroup=name, State="DISABLED")
    return str(name)


def _configuration(inputs: Inputs) -> Inputs:
    return cast("Inputs", inputs.get("configuration") or {"enforceWorkgroupConfiguration": True, "publishCloudwatchMetricsEnabled": True})


def read_workgroup(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """AWS tells everything but `forceDestroy`."""
    group = _workgroup(ctx, id)
    if group is None:
        return None
    told = {
        key: value for key, value in from_aws(group.get("Configuration") or {}, CONFIGURATION.fields, ALIASES).items() if value is not None
    }
    inputs = {"name": group["Name"], "description": group.get("Description"), "state": group["State"], "configuration": told}
    return Observed(inputs=inputs, outputs={"arn": ctx.arn("athena", f"workgroup/{id}")})


def update_workgroup(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Change what differs; what went away is removed by name."""
    before, after = cast("Inputs", old.get("configuration") or {}), _configuration(new)
    updates = to_aws(after, CONFIGURATION.fields, ALIASES)
    updates.pop("ResultConfiguration", None)
    if before.get("bytesScannedCutoffPerQuery") and not after.get("bytesScannedCutoffPerQuery"):
        raise ProviderError(f"workgroup '{id}': bytesScannedCutoffPerQuery cannot be taken away on embedded AWS: set a higher limit")
    updates["ResultConfigurationUpdates"] = _result_updates(after)
    ctx.client("athena").update_work_group(
        WorkGroup=id, Description=new.get("description") or "", State=new["state"], ConfigurationUpdates=updates
    )


def _result_updates(configuration: Inputs) -> dict[str, Any]:
    result = cast("Inputs", configuration.get("resultConfiguration") or {})
    updates = to_aws(result, cast("dict[str, Any]", CONFIGURATION.fields)["resultConfiguration"].fields, ALIASES)
    for name in ("OutputLocation", "EncryptionConfiguration"):
        if name not in updates:
            updates[f"Remove{name}"] = True
    return updates


def delete_workgroup(ctx: Context, id: str, state: Inputs) -> None:
    """Delete the workgroup; with `forceDestroy` its named queries and history too."""
    ctx.client("athena").delete_work_group(WorkGroup=id, RecursiveDeleteOption=bool(state.get("forceDestroy")))


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The workgroup's tags."""
    return tag_map(ctx.client("athena").list_tags_for_resource(ResourceARN=ctx.arn("athena", f"workgroup/{id}")).get("Tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = ctx.arn("athena", f"workgroup/{id}")
    if changed:
        ctx.client("athena").tag_resource(ResourceARN=arn, Tags=tag_list(changed))
    if removed:
        ctx.client("athena").untag_resource(ResourceARN=arn, TagKeys=removed)


def create_query(ctx: Context, inputs: Inputs) -> str:
    """Save the query."""
    return str(ctx.client("athena").create_named_query(**to_aws(inputs, QUERY, QUERY_ALIASES))["NamedQueryId"])


def read_query(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """AWS tells everything."""
    answer = _maybe(lambda: ctx.client("athena").get_named_query(NamedQueryId=id))
    return Observed(inputs=from_aws(answer["NamedQuery"], QUERY, QUERY_ALIASES)) if answer else None


def delete_query(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the query."""
    _maybe(lambda: ctx.client("athena").delete_named_query(NamedQueryId=id))


RESOURCES = (
    Resource(
        token="aws:athena/workgroup:Workgroup",
        name="name",
        inputs=WORKGROUP,
        outputs=("arn",),
        find=find_workgroup,
        create=create_workgroup,
        read=read_workgroup,
        update=update_workgroup,
        delete=delete_workgroup,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:athena/namedQuery:NamedQuery",
        name="name",
        inputs=QUERY,
        create=create_query,
        read=read_query,
        delete=delete_query,
    ),
)
