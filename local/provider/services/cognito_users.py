"""Groups and users of a Cognito pool. Ids are `poolId/name`. Passwords are never read back."""

from typing import Any

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, existing
from local.provider.framework.schema import Property, boolean, integer, listing, mapping, text
from local.provider.framework.translation import from_aws, to_aws
from local.provider.services.cognito import idp, part_place

GROUP: dict[str, Property] = {
    "userPoolId": text(required=True, replace=True),
    "name": text(computed=True),
    "description": text(),
    # The emulator answers 0 for a group without one.
    "precedence": integer(computed=True),
    "roleArn": text(),
}
GROUP_NAMES = {"name": "GroupName"}
USER: dict[str, Property] = {
    "userPoolId": text(required=True, replace=True),
    "username": text(required=True),
    "attributes": mapping(text()),
    "clientMetadata": mapping(text(), write_only=True),
    "desiredDeliveryMediums": listing(text("EMAIL", "SMS"), unordered=True, write_only=True),
    "enabled": boolean(default=True),
    "forceAliasCreation": boolean(write_only=True),
    "messageAction": text("RESEND", "SUPPRESS", write_only=True),
    "password": text(write_only=True),
    "temporaryPassword": text(write_only=True),
}

ON_CREATE = ("clientMetadata", "desiredDeliveryMediums", "forceAliasCreation", "messageAction", "temporaryPassword")


def create_group(ctx: Context, inputs: Inputs) -> str:
    """Make the group."""
    idp(ctx).create_group(**to_aws(inputs, GROUP, GROUP_NAMES))
    return f"{inputs['userPoolId']}/{inputs['name']}"


def read_group(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything is given back by AWS."""
    pool, name = part_place(id, {})
    found = idp(ctx).get_group(UserPoolId=pool, GroupName=name)["Group"]
    return Observed({**from_aws(found, GROUP, GROUP_NAMES), "userPoolId": pool})


def update_group(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """The emulator cannot change a group: it is made anew with the same name, and its members join again."""
    pool, name = part_place(id, {})
    pages = idp(ctx).get_paginator("list_users_in_group").paginate(UserPoolId=pool, GroupName=name)
    members = [each["Username"] for page in pages for each in page["Users"]]
    idp(ctx).delete_group(UserPoolId=pool, GroupName=name)
    idp(ctx).create_group(**to_aws(new, GROUP, GROUP_NAMES))
    for member in members:
        idp(ctx).admin_add_user_to_group(UserPoolId=pool, GroupName=name, Username=member)


def delete_group(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the group."""
    pool, name = part_place(id, {})
    idp(ctx).delete_group(UserPoolId=pool, GroupName=name)


def find_group(ctx: Context, inputs: Inputs) -> str | None:
    """A group of that name."""
    pool, name = inputs["userPoolId"], inputs["name"]
    return existing(ctx, lambda: idp(ctx).get_group(UserPoolId=pool, GroupName=name), f"{pool}/{name}")


def listed(attributes: dict[str, str]) -> list[dict[str, str]]:
    """Attributes for AWS: our own get the prefix AWS wants."""
    standard = {
        "address", "birthdate", "email", "email_verified", "family_name", "gender", "given_name", "locale", "middle_name", "name",
        "nickname", "phone_number", "phone_number_verified", "picture", "preferred_username", "profile", "website", "zoneinfo",
    }  # fmt: skip
    return [
        {"Name": key if key in standard or key.startswith(("custom:", "dev:")) else f"custom:{key}", "Value": value}
        for key, value in attributes.items()
    ]


def create_user(ctx: Context, inputs: Inputs) -> str:
    """Make the user; with `password` it is confirmed at once."""
    pool, name = inputs["userPoolId"], inputs["username"]
    sent = {key: inputs[key] for key in ON_CREATE if key in inputs}
    idp(ctx).admin_create_user(UserPoolId=pool, Username=name, UserAttributes=listed(inputs.get("attributes") or {}), **to_aws(sent, USER))
    if inputs.get("password"):
        idp(ctx).admin_set_user_password(UserPoolId=pool, Username=name, Password=inputs["password"], Permanent=True)
    if not inputs["enabled"]:
        idp(ctx).admin_disable_user(UserPoolId=pool, Username=name)
    return f"{pool}/{name}"


def read_user(ctx: Context, id: str, state: Inputs) -> Observed:
    """Of the attributes those asked for are compared, under the names they were asked with; passwords keep the state's value."""
    pool, name = part_place(id, {})
    found: dict[str, Any] = idp(ctx).admin_get_user(UserPoolId=pool, Username=name)
    told = {each["Name"]: each["Value"] for each in found.get("UserAttributes", [])}
    asked: dict[str, str] = state.get("attributes") or {}
    known = {key: told.get(sent["Name"]) for key, sent in zip(asked, listed(asked), strict=True)}
    attributes = {key: value for key, value in known.items() if value is not None}
    return Observed(
        {"userPoolId": pool, "username": name, "attributes": attributes or None, "enabled": found.get("Enabled", True)},
        {
            "sub": told.get("sub", ""),
            "status": found.get("UserStatus", ""),
            "creationDate": str(found.get("UserCreateDate", "")),
            "lastModifiedDate": str(found.get("UserLastModifiedDate", "")),
        },
    )


def update_user(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Attributes, password, enabled."""
    pool, name = part_place(id, {})
    before: dict[str, str] = old.get("attributes") or {}
    after: dict[str, str] = new.get("attributes") or {}
    if after:
        idp(ctx).admin_update_user_attributes(UserPoolId=pool, Username=name, UserAttributes=listed(after))
    removed = [each["Name"] for each in listed(dict.fromkeys(before.keys() - after.keys(), ""))]
    if removed:
        idp(ctx).admin_delete_user_attributes(UserPoolId=pool, Username=name, UserAttributeNames=removed)
    if new.get("password") and new["password"] != old.get("password"):
        idp(ctx).admin_set_user_password(UserPoolId=pool, Username=name, Password=new["password"], Permanent=True)
    if new["enabled"] != old.get("enabled", True):
        switch = idp(ctx).admin_enable_user if new["enabled"] else idp(ctx).admin_disable_user
        switch(UserPoolId=pool, Username=name)


def delete_user(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the user."""
    pool, name = part_place(id, {})
    idp(ctx).admin_delete_user(UserPoolId=pool, Username=name)


def find_user(ctx: Context, inputs: Inputs) -> str | None:
    """A user of that name."""
    pool, name = inputs["userPoolId"], inputs["username"]
    return existing(ctx, lambda: idp(ctx).admin_get_user(UserPoolId=pool, Username=name), f"{pool}/{name}")


RESOURCES = (
    Resource(
        token="aws:cognito/userGroup:UserGroup",
        name="name",
        inputs=GROUP,
        create=create_group,
        read=read_group,
        update=update_group,
        delete=delete_group,
        find=find_group,
    ),
    Resource(
        token="aws:cognito/user:User",
        name="username",
        inputs=USER,
        outputs=("sub", "status", "creationDate", "lastModifiedDate"),
        volatile=("status", "lastModifiedDate"),
        create=create_user,
        read=read_user,
        update=update_user,
        delete=delete_user,
        find=find_user,
    ),
)
