"""KMS keys and aliases. A deleted key is pending for its window, as in AWS, and counts as gone."""

from local.provider.framework import wire
from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, json_document, text

SYMMETRIC = "SYMMETRIC_DEFAULT"


def create_key(ctx: Context, inputs: Inputs) -> str:
    """Make the key, then its policy, rotation and state."""
    policy = {"Policy": wire.json_text(inputs["policy"])} if inputs.get("policy") else {}
    made = ctx.client("kms").create_key(
        Description=inputs.get("description") or "",
        KeyUsage=inputs["keyUsage"],
        KeySpec=inputs["customerMasterKeySpec"],
        MultiRegion=bool(inputs.get("multiRegion")),
        **policy,
    )
    key = str(made["KeyMetadata"]["KeyId"])
    apply_switches(ctx, key, {"enableKeyRotation": False, "isEnabled": True}, inputs)
    return key


def apply_switches(ctx: Context, key: str, old: Inputs, new: Inputs) -> None:
    """Rotation and state, where they differ. A disabled key refuses other changes, so it is enabled first and disabled last."""
    client = ctx.client("kms")
    if new["isEnabled"] and not old.get("isEnabled", True):
        client.enable_key(KeyId=key)
    if new["enableKeyRotation"] != old.get("enableKeyRotation") or new.get("rotationPeriodInDays") != old.get("rotationPeriodInDays"):
        if new["enableKeyRotation"]:
            period = {"RotationPeriodInDays": new["rotationPeriodInDays"]} if new.get("rotationPeriodInDays") else {}
            client.enable_key_rotation(KeyId=key, **period)
        elif old.get("enableKeyRotation"):
            client.disable_key_rotation(KeyId=key)
    if not new["isEnabled"] and old.get("isEnabled", True):
        client.disable_key(KeyId=key)


def read_key(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """The deletion window is not given back by AWS."""
    client = ctx.client("kms")
    key = client.describe_key(KeyId=id)["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        return None
    rotation: Inputs = client.get_key_rotation_status(KeyId=id) if key.get("KeySpec", SYMMETRIC) == SYMMETRIC else {}
    return Observed(
        inputs={
            "description": key.get("Description"),
            "keyUsage": key["KeyUsage"],
            "customerMasterKeySpec": key.get("KeySpec") or key.get("CustomerMasterKeySpec"),
            "multiRegion": key.get("MultiRegion", False),
            "isEnabled": key["Enabled"],
            "enableKeyRotation": rotation.get("KeyRotationEnabled", False),
            "rotationPeriodInDays": rotation.get("RotationPeriodInDays"),
            "policy": client.get_key_policy(KeyId=id, PolicyName="default")["Policy"],
        },
        outputs={"arn": key["Arn"], "keyId": key["KeyId"]},
    )


def update_key(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Description, policy, rotation and state."""
    client = ctx.client("kms")
    if (new.get("description") or "") != (old.get("description") or ""):
        client.update_key_description(KeyId=id, Description=new.get("description") or "")
    if new.get("policy") and wire.json_meaning(new["policy"]) != wire.json_meaning(old.get("policy")):
        client.put_key_policy(KeyId=id, PolicyName="default", Policy=wire.json_text(new["policy"]))
    apply_switches(ctx, id, old, new)


def delete_key(ctx: Context, id: str, state: Inputs) -> None:
    """Schedule the deletion; a key already pending is deleted."""
    client = ctx.client("kms")
    if client.describe_key(KeyId=id)["KeyMetadata"]["KeyState"] != "PendingDeletion":
        client.schedule_key_deletion(KeyId=id, PendingWindowInDays=state.get("deletionWindowInDays") or 30)


def read_key_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The key's tags."""
    return {tag["TagKey"]: tag["TagValue"] for tag in ctx.client("kms").list_resource_tags(KeyId=id).get("Tags", [])}


def write_key_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("kms").tag_resource(KeyId=id, Tags=[{"TagKey": key, "TagValue": value} for key, value in changed.items()])
    if removed:
        ctx.client("kms").untag_resource(KeyId=id, TagKeys=removed)


def alias_entry(ctx: Context, name: str) -> dict[str, str] | None:
    """AWS has no call for one alias: the list is searched."""
    for page in ctx.client("kms").get_paginator("list_aliases").paginate():
        for each in page["Aliases"]:
            if each["AliasName"] == name:
                return dict(each)
    return None


def create_alias(ctx: Context, inputs: Inputs) -> str:
    """Make the alias; its id is its name."""
    if not inputs["name"].startswith("alias/"):
        raise ProviderError(f"name is '{inputs['name']}': expected a name that starts with alias/")
    ctx.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return str(inputs["name"])


def read_alias(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """The target may be given as key id or ARN: it keeps the state's spelling when it means the same key."""
    entry = alias_entry(ctx, id)
    if entry is None:
        return None
    key = entry.get("TargetKeyId", "")
    arn = ctx.client("kms").describe_key(KeyId=key)["KeyMetadata"]["Arn"] if key else ""
    asked = state.get("targetKeyId")
    return Observed({"name": id, "targetKeyId": asked if asked in (key, arn) else key}, {"arn": entry["AliasArn"], "targetKeyArn": arn})


def update_alias(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Point it at another key."""
    ctx.client("kms").update_alias(AliasName=id, TargetKeyId=new["targetKeyId"])


RESOURCES = (
    Resource(
        token="aws:kms/key:Key",
        inputs={
            "description": text(computed=True),
            "keyUsage": text(
                "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", default="ENCRYPT_DECRYPT", replace=True
            ),
            "customerMasterKeySpec": text(default=SYMMETRIC, replace=True),
            "deletionWindowInDays": integer(write_only=True),
            "enableKeyRotation": boolean(default=False),
            "isEnabled": boolean(default=True),
            "multiRegion": boolean(computed=True, replace=True),
            "policy": json_document(computed=True),
            "rotationPeriodInDays": integer(computed=True),
        },
        outputs=("arn", "keyId"),
        create=create_key,
        read=read_key,
        update=update_key,
        delete=delete_key,
        tags=Tags(read_key_tags, write_key_tags),
    ),
    Resource(
        token="aws:kms/alias:Alias",
        name="name",
        inputs={"name": text(computed=True), "targetKeyId": text(required=True)},
        outputs=("arn", "targetKeyArn"),
        create=create_alias,
        read=read_alias,
        update=update_alias,
        delete=lambda ctx, id, state: ctx.client("kms").delete_alias(AliasName=id),
        find=lambda ctx, inputs: inputs["name"] if alias_entry(ctx, inputs["name"]) else None,
    ),
)
