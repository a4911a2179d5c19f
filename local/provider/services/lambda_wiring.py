"""What connects Lambda functions: permissions, event source mappings, aliases, and invocations made by a deployment."""

import json
from datetime import datetime
from typing import Any, cast

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import Property, boolean, integer, json_document, listing, mapping, number, record, text
from local.provider.framework.translation import from_aws, omit, to_aws
from local.provider.services.lambda_functions import invoke_arn

# Permissions: id is the statement id.

PERMISSION: dict[str, Property] = {
    "statementId": text(computed=True),
    "action": text(required=True),
    "function": text(required=True),
    "principal": text(required=True),
    "eventSourceToken": text(),
    "principalOrgId": text(),
    "qualifier": text(),
    "sourceAccount": text(),
    "sourceArn": text(),
}
PERMISSION_NAMES = {"function": "FunctionName", "principalOrgId": "PrincipalOrgID"}


def split_import(id: str, state: Inputs, first: str) -> tuple[str, str]:
    """Parent and own name: the parent from the state, or from an import id `parent/name`."""
    if state.get(first):
        return str(state[first]), id.rsplit("/", 1)[-1]
    parent, _, own = id.rpartition("/")
    if not parent:
        raise ProviderError(f"id is '{id}': expected {first}/name for an import")
    return parent, own


def add_permission(ctx: Context, inputs: Inputs) -> str:
    """Add the statement to the function's policy."""
    ctx.client("lambda").add_permission(**to_aws(inputs, PERMISSION, PERMISSION_NAMES))
    return str(inputs["statementId"])


def statement(ctx: Context, function: str, qualifier: str | None, sid: str) -> dict[str, Any] | None:
    """One statement of a function's policy."""
    at = {"Qualifier": qualifier} if qualifier else {}
    answer = ctx.optional(lambda: ctx.client("lambda").get_policy(FunctionName=function, **at))
    found: list[dict[str, Any]] = json.loads(answer["Policy"])["Statement"] if answer else []
    return next((each for each in found if each.get("Sid") == sid), None)


def read_permission(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """`function` and `qualifier` keep the state's spelling."""
    function, sid = split_import(id, state, "function")
    found = statement(ctx, function, state.get("qualifier"), sid)
    if found is None:
        return None
    principal = found.get("Principal")
    who = cast("dict[str, str]", principal) if isinstance(principal, dict) else {"": str(principal)}
    conditions: dict[str, dict[str, str]] = found.get("Condition") or {}
    flat = {key: value for group in conditions.values() for key, value in group.items()}
    return Observed(
        {
            "statementId": sid,
            "function": function,
            "action": found["Action"],
            "principal": next(iter(who.values()), None),
            "sourceArn": flat.get("AWS:SourceArn") or flat.get("aws:SourceArn"),
            "sourceAccount": flat.get("AWS:SourceAccount") or flat.get("aws:SourceAccount"),
        }
    )


def remove_permission(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the statement."""
    function, sid = split_import(id, state, "function")
    at = {"Qualifier": state["qualifier"]} if state.get("qualifier") else {}
    ctx.client("lambda").remove_permission(FunctionName=function, StatementId=sid, **at)


def find_permission(ctx: Context, inputs: Inputs) -> str | None:
    """A statement of that id."""
    found = statement(ctx, inputs["function"], inputs.get("qualifier"), inputs["statementId"])
    return str(inputs["statementId"]) if found else None


# Event source mappings: id is the UUID.

MAPPING: dict[str, Property] = {
    "functionName": text(required=True),
    "eventSourceArn": text(replace=True),
    "batchSize": integer(computed=True),
    "bisectBatchOnFunctionError": boolean(computed=True),
    "destinationConfig": record({"onFailure": record({"destinationArn": text(required=True)})}, computed=True),
    "enabled": boolean(default=True),
    "filterCriteria": record({"filters": listing(record({"pattern": json_document()}), unordered=True)}),
    "functionResponseTypes": listing(text("ReportBatchItemFailures"), unordered=True),
    "maximumBatchingWindowInSeconds": integer(computed=True),
    "maximumRecordAgeInSeconds": integer(computed=True),
    "maximumRetryAttempts": integer(computed=True),
    "parallelizationFactor": integer(computed=True),
    "scalingConfig": record({"maximumConcurrency": integer()}),
    "startingPosition": text("LATEST", "TRIM_HORIZON", "AT_TIMESTAMP", replace=True),
    "tumblingWindowInSeconds": integer(computed=True),
}
MAPPING_NAMES = {"destinationArn": "Destination"}


def create_mapping(ctx: Context, inputs: Inputs) -> str:
    """Make the mapping."""
    return str(ctx.client("lambda").create_event_source_mapping(**to_aws(inputs, MAPPING, MAPPING_NAMES))["UUID"])


def read_mapping(ctx: Context, id: str, state: Inputs) -> Observed:
    """`functionName` keeps the state's spelling (name or ARN) while it means the same function."""
    found: dict[str, Any] = ctx.client("lambda").get_event_source_mapping(UUID=id)
    arn = str(found["FunctionArn"])
    asked = str(state.get("functionName") or "")
    changed = found.get("LastModified")
    inputs = from_aws(found, omit(MAPPING, "enabled", "functionName"), MAPPING_NAMES)
    return Observed(
        inputs={
            **inputs,
            "functionName": asked if asked and (asked == arn or arn.endswith(f":{asked}")) else arn,
            "enabled": found.get("State") not in ("Disabled", "Disabling"),
        },
        outputs={
            "arn": found.get("EventSourceMappingArn") or ctx.arn("lambda", f"event-source-mapping:{id}"),
            "uuid": id,
            "functionArn": arn,
            "lastModified": changed.isoformat() if isinstance(changed, datetime) else str(changed or ""),
            "lastProcessingResult": found.get("LastProcessingResult", ""),
            "state": found.get("State", ""),
            "stateTransitionReason": found.get("StateTransitionReason", ""),
        },
    )


def update_mapping(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Write all settings that can change."""
    cleared: dict[str, Any] = {"FilterCriteria": {"Filters": []}} if old.get("filterCriteria") and not new.get("filterCriteria") else {}
    settings = to_aws(new, omit(MAPPING, "eventSourceArn", "startingPosition"), MAPPING_NAMES)
    ctx.client("lambda").update_event_source_mapping(UUID=id, **settings, **cleared)


def find_mapping(ctx: Context, inputs: Inputs) -> str | None:
    """A mapping of the same source to the same function: AWS allows one."""
    if not inputs.get("eventSourceArn"):
        return None
    answer = ctx.client("lambda").list_event_source_mappings(EventSourceArn=inputs["eventSourceArn"], FunctionName=inputs["functionName"])
    return next((str(each["UUID"]) for each in answer["EventSourceMappings"]), None)


def read_mapping_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The mapping's tags."""
    arn = ctx.arn("lambda", f"event-source-mapping:{id}")
    answer = ctx.optional(lambda: ctx.client("lambda").list_tags(Resource=arn))
    return dict(answer.get("Tags", {})) if answer else {}


def write_mapping_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = ctx.arn("lambda", f"event-source-mapping:{id}")
    if changed:
        ctx.client("lambda").tag_resource(Resource=arn, Tags=changed)
    if removed:
        ctx.client("lambda").untag_resource(Resource=arn, TagKeys=removed)


# Aliases: id is the ARN.

ALIAS: dict[str, Property] = {
    "name": text(computed=True),
    "functionName": text(required=True, replace=True),
    "functionVersion": text(required=True),
    "description": text(),
    "routingConfig": record({"additionalVersionWeights": mapping(number())}),
}


def alias_place(id: str, state: Inputs) -> tuple[str, str]:
    """Function and alias of an ARN or of an import id `function/alias`."""
    if id.startswith("arn:"):
        function, _, name = id.rpartition(":")
        return function, name
    return split_import(id, state, "functionName")


def create_alias(ctx: Context, inputs: Inputs) -> str:
    """Make the alias."""
    return str(ctx.client("lambda").create_alias(**to_aws(inputs, ALIAS))["AliasArn"])


def read_alias(ctx: Context, id: str, state: Inputs) -> Observed:
    """`functionName` keeps the state's spelling."""
    function, name = alias_place(id, state)
    found = ctx.client("lambda").get_alias(FunctionName=function, Name=name)
    inputs = {**from_aws(found, ALIAS), "functionName": state.get("functionName") or function}
    return Observed(inputs, {"arn": found["AliasArn"], "invokeArn": invoke_arn(ctx, found["AliasArn"])})


def update_alias(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Point it at another version, or other weights."""
    routing: dict[str, Any] = {"RoutingConfig": {"AdditionalVersionWeights": {}}} if old.get("routingConfig") else {}
    ctx.client("lambda").update_alias(**{"Description": "", **routing, **to_aws(new, ALIAS)})


def delete_alias(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the alias."""
    function, name = alias_place(id, state)
    ctx.client("lambda").delete_alias(FunctionName=function, Name=name)


def find_alias(ctx: Context, inputs: Inputs) -> str | None:
    """An alias of that name."""
    found = ctx.optional(lambda: ctx.client("lambda").get_alias(FunctionName=inputs["functionName"], Name=inputs["name"]))
    return str(found["AliasArn"]) if found else None


# Invocations: a call made by the deployment itself.

INVOCATION: dict[str, Property] = {
    "functionName": text(required=True, replace=True),
    "input": json_document(required=True, write_only=True),
    "lifecycleScope": text("CREATE_ONLY", "CRUD", default="CREATE_ONLY", write_only=True),
    "qualifier": text(default="$LATEST", replace=True, write_only=True),
    "terraformKey": text(default="tf", write_only=True),
    "triggers": mapping(text(), write_only=True),
}


def call(ctx: Context, inputs: Inputs, action: str, previous: Any = None) -> str:
    """Invoke and return the answer's text. With CRUD scope the payload says why it is called. Raises ProviderError when it fails."""
    payload = json.loads(inputs["input"]) if isinstance(inputs["input"], str) else inputs["input"]
    if inputs["lifecycleScope"] == "CRUD" and isinstance(payload, dict):
        payload = {**cast("Inputs", payload), inputs["terraformKey"]: {"action": action, "prev_input": previous}}
    answer = ctx.client("lambda").invoke(
        FunctionName=inputs["functionName"],
        Qualifier=inputs["qualifier"],
        InvocationType="RequestResponse",
        Payload=json.dumps(payload).encode(),
    )
    text_ = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise ProviderError(f"function '{inputs['functionName']}' failed when invoked on {action}: {text_[:2000]}")
    return text_


def invoke_on_create(ctx: Context, inputs: Inputs) -> str:
    """Call it; the result is kept in the state, AWS does not store it."""
    inputs["result"] = call(ctx, inputs, "create")
    return f"{inputs['functionName']}_{inputs['qualifier']}"


def invoke_on_update(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Only reached with CRUD scope (or when nothing that matters changed)."""
    moved = any(old.get(name) != new.get(name) for name in ("input", "triggers"))
    previous = json.loads(old["input"]) if isinstance(old.get("input"), str) else old.get("input")
    new["result"] = call(ctx, new, "update", previous) if moved else old.get("result")


def invoke_on_delete(ctx: Context, id: str, state: Inputs) -> None:
    """Called only with CRUD scope."""
    if state.get("lifecycleScope") == "CRUD":
        call(ctx, state, "delete", json.loads(state["input"]) if isinstance(state["input"], str) else state["input"])


RESOURCES = (
    Resource(
        token="aws:lambda/permission:Permission", name="statementId", inputs=PERMISSION,
        create=add_permission, read=read_permission, delete=remove_permission, find=find_permission,
    ),
    Resource(
        token="aws:lambda/eventSourceMapping:EventSourceMapping", inputs=MAPPING,
        outputs=("arn", "uuid", "functionArn", "lastModified", "lastProcessingResult", "state", "stateTransitionReason"),
        volatile=("lastModified", "state", "stateTransitionReason"),
        create=create_mapping, read=read_mapping, update=update_mapping,
        delete=lambda ctx, id, state: ctx.client("lambda").delete_event_source_mapping(UUID=id),
        find=find_mapping, tags=Tags(read_mapping_tags, write_mapping_tags),
    ),
    Resource(
        token="aws:lambda/alias:Alias", name="name", inputs=ALIAS, outputs=("arn", "invokeArn"),
        create=create_alias, read=read_alias, update=update_alias, delete=delete_alias, find=find_alias,
    ),
    Resource(
        token="aws:lambda/invocation:Invocation", inputs=INVOCATION, outputs=("result",), volatile=("result",),
        create=invoke_on_create,
        read=lambda ctx, id, state: Observed({"functionName": state.get("functionName")}, {"result": state.get("result", "")}),
        update=invoke_on_update, delete=invoke_on_delete,
        must_replace=lambda root, new: root in ("input", "triggers") and new.get("lifecycleScope") != "CRUD",
    ),
)  # fmt: skip
