"""Step Functions: `aws:sfn/stateMachine:StateMachine`. Ids are ARNs."""

import json
from collections.abc import Iterator
from typing import Any, cast

from local.provider.framework import wire
from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, json_document, record, text
from local.provider.framework.translation import from_aws, rows, same_name, tag_list, tag_map, to_aws

ENCRYPTION = {"kmsDataKeyReusePeriodSeconds": integer(), "kmsKeyId": text(), "type": text("AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY")}
MACHINE = {
    "name": text(computed=True),
    "definition": json_document(required=True, ordered=True),
    "roleArn": text(required=True),
    "encryptionConfiguration": record(ENCRYPTION),
    "loggingConfiguration": record(
        {"includeExecutionData": boolean(), "level": text("ALL", "ERROR", "FATAL", "OFF"), "logDestination": text()}
    ),
    "publish": boolean(write_only=True),
    # The emulator has no X-Ray and does not keep this.
    "tracingConfiguration": record({"enabled": boolean()}, write_only=True),
    "type": text("STANDARD", "EXPRESS", default="STANDARD", replace=True),
}
NESTED = ("Branches", "Iterator", "ItemProcessor")


def definition_problems(definition: dict[str, Any], where: str = "definition") -> Iterator[str]:
    """What AWS refuses in a definition and the emulator accepts: transitions to states that are not there, states that lead nowhere."""
    states = cast("dict[str, dict[str, Any]]", definition.get("States") or {})
    if not states:
        yield f"{where} has no States"
        return
    if definition.get("StartAt") not in states:
        yield f"{where}.StartAt is '{definition.get('StartAt')}': expected one of {', '.join(states)}"
    for name, state in states.items():
        place = f"{where}.States.{name}"
        for target in _targets(state):
            if target not in states:
                yield f"{place} leads to '{target}': expected one of {', '.join(states)}"
        if state.get("Type") not in ("Choice", "Succeed", "Fail") and not (state.get("Next") or state.get("End")):
            yield f"{place} has neither Next nor End"
        for key in NESTED:
            inner = state.get(key)
            for each in cast("list[dict[str, Any]]", inner if isinstance(inner, list) else [inner] if inner else []):
                yield from definition_problems(each, f"{place}.{key}")


def _targets(state: dict[str, Any]) -> Iterator[str]:
    for rule in [state, *rows(state, "Choices"), *rows(state, "Catch")]:
        if rule.get("Next"):
            yield rule["Next"]
    if state.get("Default"):
        yield state["Default"]


def definition_text(inputs: Inputs) -> str:
    """The definition as text. Raises ProviderError when AWS would refuse it."""
    text_ = wire.json_text(inputs["definition"])
    problems = list(definition_problems(json.loads(text_)))
    if problems:
        raise ProviderError(f"state machine '{inputs['name']}': {'; '.join(problems)}: correct the definition")
    return text_


def find_machine(ctx: Context, inputs: Inputs) -> str | None:
    """The state machine of that name."""
    arn = ctx.arn("states", f"stateMachine:{inputs['name']}")
    return arn if ctx.optional(lambda: ctx.client("stepfunctions").describe_state_machine(stateMachineArn=arn)) else None


def create_machine(ctx: Context, inputs: Inputs) -> str:
    """Make the state machine."""
    given: dict[str, Any] = {"publish": True} if inputs.get("publish") else {}
    answer = ctx.client("stepfunctions").create_state_machine(name=inputs["name"], type=inputs["type"], **_settings(inputs), **given)
    return str(answer["stateMachineArn"])


def _settings(inputs: Inputs) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "definition": definition_text(inputs),
        "roleArn": inputs["roleArn"],
        "loggingConfiguration": _logging(inputs),
    }
    if inputs.get("encryptionConfiguration"):
        settings["encryptionConfiguration"] = to_aws(inputs["encryptionConfiguration"], ENCRYPTION, rename=same_name)
    if inputs.get("tracingConfiguration"):
        settings["tracingConfiguration"] = inputs["tracingConfiguration"]
    return settings


def _logging(inputs: Inputs) -> dict[str, Any]:
    asked = cast("Inputs", inputs.get("loggingConfiguration") or {})
    settings: dict[str, Any] = {"level": asked.get("level") or "OFF", "includeExecutionData": bool(asked.get("includeExecutionData"))}
    if destination := asked.get("logDestination"):
        if not str(destination).endswith(":*"):
            raise ProviderError(f"loggingConfiguration.logDestination is '{destination}': expected a log group ARN that ends with ':*'")
        settings["destinations"] = [{"cloudWatchLogsLogGroup": {"logGroupArn": destination}}]
    return settings


def read_machine(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything but `publish` (an order) and tracing (not kept by the emulator)."""
    machine = ctx.client("stepfunctions").describe_state_machine(stateMachineArn=id)
    logging = machine.get("loggingConfiguration") or {"level": "OFF"}
    encryption = from_aws(machine.get("encryptionConfiguration") or {}, ENCRYPTION, rename=same_name)
    told = {
        "name": machine["name"],
        "definition": machine["definition"],
        "roleArn": machine["roleArn"],
        "type": machine["type"],
        "loggingConfiguration": _told_logging(logging) if logging["level"] != "OFF" or state.get("loggingConfiguration") else None,
        "encryptionConfiguration": encryption
        if encryption["type"] not in (None, "AWS_OWNED_KEY")
        else state.get("encryptionConfiguration"),
    }
    outputs = {
        "arn": id,
        "creationDate": machine["creationDate"].isoformat(),
        "status": machine.get("status", "ACTIVE"),
        "description": machine.get("description", ""),
        "revisionId": machine.get("revisionId", ""),
        "stateMachineVersionArn": _latest_version(ctx, id) if state.get("publish") else "",
        "versionDescription": "",
    }
    return Observed(inputs=told, outputs=outputs)


def _told_logging(logging: dict[str, Any]) -> Inputs:
    told: Inputs = {"level": logging["level"], "includeExecutionData": bool(logging.get("includeExecutionData"))}
    for each in rows(logging, "destinations"):
        told["logDestination"] = each["cloudWatchLogsLogGroup"]["logGroupArn"]
    return told


def _latest_version(ctx: Context, arn: str) -> str:
    versions = ctx.client("stepfunctions").list_state_machine_versions(stateMachineArn=arn).get("stateMachineVersions", [])
    return str(versions[0]["stateMachineVersionArn"]) if versions else ""


def update_machine(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """All settings at once; running executions keep the definition they started with."""
    given: dict[str, Any] = {"publish": True} if new.get("publish") else {}
    ctx.client("stepfunctions").update_state_machine(stateMachineArn=id, **_settings(new), **given)


def delete_machine(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the state machine."""
    ctx.client("stepfunctions").delete_state_machine(stateMachineArn=id)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The machine's tags."""
    return tag_map(ctx.client("stepfunctions").list_tags_for_resource(resourceArn=id).get("tags"), "key", "value")


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("stepfunctions").tag_resource(resourceArn=id, tags=tag_list(changed, "key", "value"))
    if removed:
        ctx.client("stepfunctions").untag_resource(resourceArn=id, tagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:sfn/stateMachine:StateMachine",
        name="name",
        inputs=MACHINE,
        outputs=("arn", "creationDate", "status", "description", "revisionId", "stateMachineVersionArn", "versionDescription"),
        volatile=("revisionId", "stateMachineVersionArn"),
        find=find_machine,
        create=create_machine,
        read=read_machine,
        update=update_machine,
        delete=delete_machine,
        tags=Tags(read_tags, write_tags),
    ),
)
