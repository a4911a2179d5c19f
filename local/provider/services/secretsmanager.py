"""Secrets Manager: secrets without values (values are set out of band, never in a stack's state) and their policies. Ids are ARNs."""

from local.provider.framework import wire
from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, json_document, text
from local.provider.framework.translation import changed_names, tag_list, tag_map


def find_secret(ctx: Context, inputs: Inputs) -> str | None:
    """The ARN of the secret of that name, also one that waits for deletion (AWS refuses its name too)."""
    answer = ctx.optional(lambda: ctx.client("secretsmanager").describe_secret(SecretId=inputs["name"]))
    return str(answer["ARN"]) if answer and not answer.get("DeletedDate") else None


def create_secret(ctx: Context, inputs: Inputs) -> str:
    """Make the secret without a version."""
    client = ctx.client("secretsmanager")
    given = {name: inputs[key] for key, name in (("description", "Description"), ("kmsKeyId", "KmsKeyId")) if inputs.get(key) is not None}
    arn = str(client.create_secret(Name=inputs["name"], **given)["ARN"])
    if inputs.get("policy") is not None:
        client.put_resource_policy(SecretId=arn, ResourcePolicy=wire.json_text(inputs["policy"]))
    return arn


def read_secret(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Gone also while it waits for deletion. `recoveryWindowInDays` only matters at deletion: AWS does not tell it."""
    client = ctx.client("secretsmanager")
    secret = client.describe_secret(SecretId=id)
    if secret.get("DeletedDate"):
        return None
    return Observed(
        inputs={
            "name": secret["Name"],
            "description": secret.get("Description"),
            "kmsKeyId": secret.get("KmsKeyId"),
            "policy": client.get_resource_policy(SecretId=id).get("ResourcePolicy"),
        },
        outputs={"arn": secret["ARN"]},
    )


def update_secret(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Description, key and policy change in place; the recovery window lives in the state alone."""
    client = ctx.client("secretsmanager")
    if changed_names(old, new, ("description", "kmsKeyId")):
        key = {"KmsKeyId": new["kmsKeyId"]} if new.get("kmsKeyId") else {}
        client.update_secret(SecretId=id, Description=new.get("description") or "", **key)
    if changed_names(old, new, ("policy",)) and new.get("policy") is not None:
        client.put_resource_policy(SecretId=id, ResourcePolicy=wire.json_text(new["policy"]))


def delete_secret(ctx: Context, id: str, state: Inputs) -> None:
    """Delete at once when the recovery window is 0, else after it."""
    window = state.get("recoveryWindowInDays")
    how = {"ForceDeleteWithoutRecovery": True} if window == 0 else {"RecoveryWindowInDays": int(window or 30)}
    ctx.client("secretsmanager").delete_secret(SecretId=id, **how)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The secret's tags."""
    return tag_map(ctx.client("secretsmanager").describe_secret(SecretId=id).get("Tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("secretsmanager").tag_resource(SecretId=id, Tags=tag_list(changed))
    if removed:
        ctx.client("secretsmanager").untag_resource(SecretId=id, TagKeys=removed)


def put_policy(ctx: Context, inputs: Inputs) -> str:
    """Set the resource policy."""
    ctx.client("secretsmanager").put_resource_policy(
        SecretId=inputs["secretArn"],
        ResourcePolicy=wire.json_text(inputs["policy"]),
        BlockPublicPolicy=bool(inputs.get("blockPublicPolicy")),
    )
    return str(inputs["secretArn"])


def read_policy(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Gone when the secret has no policy. `blockPublicPolicy` is an order given at writing: AWS does not tell it."""
    policy = ctx.client("secretsmanager").get_resource_policy(SecretId=id).get("ResourcePolicy")
    return Observed(inputs={"secretArn": id, "policy": policy}) if policy else None


def update_policy(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the document."""
    put_policy(ctx, new)


def delete_policy(ctx: Context, id: str, _state: Inputs) -> None:
    """Remove the policy."""
    ctx.client("secretsmanager").delete_resource_policy(SecretId=id)


RESOURCES = (
    Resource(
        token="aws:secretsmanager/secret:Secret",
        name="name",
        inputs={
            "name": text(computed=True),
            "description": text(),
            "kmsKeyId": text(computed=True),
            "policy": json_document(computed=True),
            "recoveryWindowInDays": integer(default=30, write_only=True),
        },
        outputs=("arn",),
        find=find_secret,
        create=create_secret,
        read=read_secret,
        update=update_secret,
        delete=delete_secret,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:secretsmanager/secretPolicy:SecretPolicy",
        inputs={
            "secretArn": text(required=True, replace=True),
            "policy": json_document(required=True),
            "blockPublicPolicy": boolean(write_only=True),
        },
        create=put_policy,
        read=read_policy,
        update=update_policy,
        delete=delete_policy,
    ),
)
