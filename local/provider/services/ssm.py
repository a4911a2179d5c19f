"""SSM Parameter Store: `aws:ssm/parameter:Parameter`. Ids are names."""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, text
from local.provider.framework.translation import tag_list, tag_map

PARAMETER = {
    "name": text(computed=True),
    "type": text("String", "StringList", "SecureString", required=True),
    "allowedPattern": text(),
    "dataType": text("text", "aws:ec2:image", "aws:ssm:integration", replace=True, computed=True),
    "description": text(),
    "insecureValue": text(),
    "keyId": text(computed=True),
    "overwrite": boolean(write_only=True),
    "tier": text("Standard", "Advanced", "Intelligent-Tiering", computed=True),
    "value": text(),
}
REQUEST = {
    "type": "Type", "allowedPattern": "AllowedPattern", "dataType": "DataType", "description": "Description", "keyId": "KeyId",
    "tier": "Tier",
}  # fmt: skip


def _put(ctx: Context, inputs: Inputs, *, overwrite: bool) -> None:
    given = [key for key in ("value", "insecureValue") if inputs.get(key) is not None]
    if len(given) != 1 or (given == ["insecureValue"] and inputs["type"] == "SecureString"):
        raise ProviderError(f"parameter '{inputs['name']}' needs exactly one of value and insecureValue, and value for a SecureString")
    request: dict[str, Any] = {name: inputs[key] for key, name in REQUEST.items() if inputs.get(key)}
    if inputs["type"] != "SecureString":
        request.pop("KeyId", None)
    ctx.client("ssm").put_parameter(Name=inputs["name"], Value=inputs[given[0]], Overwrite=overwrite, **{"Description": "", **request})


def find(ctx: Context, inputs: Inputs) -> str | None:
    """The parameter of that name, unless the program means to overwrite it."""
    if inputs.get("overwrite"):
        return None
    return inputs["name"] if _described(ctx, inputs["name"]) else None


def _described(ctx: Context, name: str) -> dict[str, Any] | None:
    answer = ctx.client("ssm").describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}])
    return next(iter(answer["Parameters"]), None)


def create(ctx: Context, inputs: Inputs) -> str:
    """Make the parameter."""
    _put(ctx, inputs, overwrite=bool(inputs.get("overwrite")))
    return str(inputs["name"])


def read(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """The parameter with its value, under the input that the program used."""
    described = _described(ctx, id)
    if described is None:
        return None
    parameter = ctx.client("ssm").get_parameter(Name=id, WithDecryption=True)["Parameter"]
    used = "insecureValue" if state.get("insecureValue") is not None else "value"
    told = {key: described.get(name) for key, name in REQUEST.items()}
    return Observed(
        inputs={**told, "name": id, used: parameter["Value"]}, outputs={"arn": parameter["ARN"], "version": parameter["Version"]}
    )


def update(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """Overwrite the parameter."""
    _put(ctx, new, overwrite=True)


def delete(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the parameter."""
    ctx.client("ssm").delete_parameter(Name=id)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The parameter's tags."""
    return tag_map(ctx.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=id).get("TagList"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("ssm").add_tags_to_resource(ResourceType="Parameter", ResourceId=id, Tags=tag_list(changed))
    if removed:
        ctx.client("ssm").remove_tags_from_resource(ResourceType="Parameter", ResourceId=id, TagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:ssm/parameter:Parameter",
        name="name",
        inputs=PARAMETER,
        outputs=("arn", "version"),
        volatile=("version",),
        find=find,
        create=create,
        read=read,
        update=update,
        delete=delete,
        tags=Tags(read_tags, write_tags),
    ),
)
