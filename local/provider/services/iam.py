"""IAM roles, their policies, managed policies and OIDC providers. Policy documents are compared by meaning."""

import json
from typing import Any
from urllib.parse import unquote

from local.provider.framework import wire
from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import boolean, integer, json_document, listing, record, text

MAX_POLICY_VERSIONS = 5


def as_text(document: Any) -> str:
    """A policy document of a response: boto3 has parsed or unquoted it, depending on the call."""
    return json.dumps(document) if isinstance(document, dict) else unquote(str(document))


def pairs(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """IAM's tag list as a map."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    """A map as IAM's tag list."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# Roles.


def create_role(ctx: Context, inputs: Inputs) -> str:
    """Make the role, then its inline and managed policies."""
    optional = {"Description": "description", "MaxSessionDuration": "maxSessionDuration", "PermissionsBoundary": "permissionsBoundary"}
    ctx.client("iam").create_role(
        RoleName=inputs["name"],
        Path=inputs["path"],
        AssumeRolePolicyDocument=wire.json_text(inputs["assumeRolePolicy"]),
        **{aws: inputs[name] for aws, name in optional.items() if inputs.get(name) is not None},
    )
    apply_role_policies(ctx, inputs["name"], inputs)
    return str(inputs["name"])


def apply_role_policies(ctx: Context, role: str, inputs: Inputs) -> None:
    """Bring inline and managed policies to what the inputs list; where they list none, others may manage them."""
    client = ctx.client("iam")
    if inputs.get("inlinePolicies") is not None:
        wanted = {each["name"]: each["policy"] for each in inputs["inlinePolicies"] if each.get("name")}
        for name in client.list_role_policies(RoleName=role)["PolicyNames"]:
            if name not in wanted:
                client.delete_role_policy(RoleName=role, PolicyName=name)
        for name, document in wanted.items():
            client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=wire.json_text(document))
    if inputs.get("managedPolicyArns") is not None:
        wanted_arns, now = set(inputs["managedPolicyArns"]), set(attached(ctx, role))
        for arn in sorted(now - wanted_arns):
            client.detach_role_policy(RoleName=role, PolicyArn=arn)
        for arn in sorted(wanted_arns - now):
            client.attach_role_policy(RoleName=role, PolicyArn=arn)


def attached(ctx: Context, role: str) -> list[str]:
    """ARNs of the managed policies of a role."""
    pages = ctx.client("iam").get_paginator("list_attached_role_policies").paginate(RoleName=role)
    return [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]]


def read_role(ctx: Context, id: str, state: Inputs) -> Observed:
    """Inline and managed policies are only looked at when the role itself manages them."""
    client = ctx.client("iam")
    role = client.get_role(RoleName=id)["Role"]
    inputs: Inputs = {
        "name": id,
        "path": role["Path"],
        "description": role.get("Description"),
        "assumeRolePolicy": as_text(role["AssumeRolePolicyDocument"]),
        "maxSessionDuration": role.get("MaxSessionDuration"),
        "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
    }
    if state.get("inlinePolicies") is not None:
        names = client.list_role_policies(RoleName=id)["PolicyNames"]
        documents = {name: client.get_role_policy(RoleName=id, PolicyName=name)["PolicyDocument"] for name in names}
        inputs["inlinePolicies"] = [{"name": name, "policy": as_text(document)} for name, document in documents.items()]
    if state.get("managedPolicyArns") is not None:
        inputs["managedPolicyArns"] = attached(ctx, id)
    return Observed(inputs, {"arn": role["Arn"], "uniqueId": role["RoleId"], "createDate": role["CreateDate"].isoformat()})


def update_role(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Write the role's settings whole."""
    client = ctx.client("iam")
    client.update_role(RoleName=id, Description=new.get("description") or "", MaxSessionDuration=new["maxSessionDuration"])
    client.update_assume_role_policy(RoleName=id, PolicyDocument=wire.json_text(new["assumeRolePolicy"]))
    if new.get("permissionsBoundary") != old.get("permissionsBoundary"):
        if new.get("permissionsBoundary"):
            client.put_role_permissions_boundary(RoleName=id, PermissionsBoundary=new["permissionsBoundary"])
        else:
            client.delete_role_permissions_boundary(RoleName=id)
    apply_role_policies(ctx, id, new)


def delete_role(ctx: Context, id: str, state: Inputs) -> None:
    """Remove what the role manages itself (all of it with forceDetachPolicies), then the role."""
    client = ctx.client("iam")
    force = bool(state.get("forceDetachPolicies"))
    if force or state.get("managedPolicyArns"):
        for arn in attached(ctx, id):
            client.detach_role_policy(RoleName=id, PolicyArn=arn)
    if force or state.get("inlinePolicies"):
        for name in client.list_role_policies(RoleName=id)["PolicyNames"]:
            client.delete_role_policy(RoleName=id, PolicyName=name)
    client.delete_role(RoleName=id)


# Inline policies and attachments: ids as in the official provider, `role:name` and `role/arn`.


def put_role_policy(ctx: Context, inputs: Inputs) -> str:
    """Write the inline policy."""
    ctx.client("iam").put_role_policy(RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=wire.json_text(inputs["policy"]))
    return f"{inputs['role']}:{inputs['name']}"


def rewrite_role_policy(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """A put replaces the document."""
    put_role_policy(ctx, new)


def read_role_policy(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything is given back by AWS."""
    role, _, name = id.partition(":")
    found = ctx.client("iam").get_role_policy(RoleName=role, PolicyName=name)
    return Observed({"role": role, "name": name, "policy": as_text(found["PolicyDocument"])})


def delete_role_policy(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the inline policy."""
    role, _, name = id.partition(":")
    ctx.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


def find_role_policy(ctx: Context, inputs: Inputs) -> str | None:
    """An inline policy of that name on that role (a put would overwrite it)."""
    client, role, name = ctx.client("iam"), inputs["role"], inputs["name"]
    return existing(ctx, lambda: client.get_role_policy(RoleName=role, PolicyName=name), f"{role}:{name}")


def attach(ctx: Context, inputs: Inputs) -> str:
    """Attach the policy."""
    ctx.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return f"{inputs['role']}/{inputs['policyArn']}"


def read_attachment(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """Gone when the policy is no longer attached."""
    role, _, arn = id.partition("/")
    return Observed({"role": role, "policyArn": arn}) if arn in attached(ctx, role) else None


def detach(ctx: Context, id: str, state: Inputs) -> None:
    """Detach the policy."""
    role, _, arn = id.partition("/")
    ctx.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn)


# Managed policies.


def create_policy(ctx: Context, inputs: Inputs) -> str:
    """Make the policy; its id is the ARN."""
    extra = {"Description": inputs["description"]} if inputs.get("description") else {}
    made = ctx.client("iam").create_policy(
        PolicyName=inputs["name"], Path=inputs["path"], PolicyDocument=wire.json_text(inputs["policy"]), **extra
    )
    return str(made["Policy"]["Arn"])


def read_policy(ctx: Context, id: str, state: Inputs) -> Observed:
    """The document is that of the default version."""
    client = ctx.client("iam")
    policy = client.get_policy(PolicyArn=id)["Policy"]
    version = client.get_policy_version(PolicyArn=id, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    inputs = {
        "name": policy["PolicyName"],
        "path": policy["Path"],
        "description": policy.get("Description"),
        "policy": as_text(version["Document"]),
    }
    return Observed(inputs, {"arn": id, "policyId": policy["PolicyId"], "attachmentCount": policy.get("AttachmentCount", 0)})


def update_policy(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """A new default version; the oldest goes when AWS's limit of five is reached."""
    if wire.json_meaning(old.get("policy")) == wire.json_meaning(new["policy"]):
        return
    client = ctx.client("iam")
    versions = client.list_policy_versions(PolicyArn=id)["Versions"]
    spare = sorted((each for each in versions if not each["IsDefaultVersion"]), key=lambda each: each["CreateDate"])
    if len(versions) >= MAX_POLICY_VERSIONS:
        client.delete_policy_version(PolicyArn=id, VersionId=spare[0]["VersionId"])
    client.create_policy_version(PolicyArn=id, PolicyDocument=wire.json_text(new["policy"]), SetAsDefault=True)


def delete_policy(ctx: Context, id: str, state: Inputs) -> None:
    """Its versions first."""
    client = ctx.client("iam")
    for each in client.list_policy_versions(PolicyArn=id)["Versions"]:
        if not each["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=id, VersionId=each["VersionId"])
    client.delete_policy(PolicyArn=id)


def find_policy(ctx: Context, inputs: Inputs) -> str | None:
    """A policy of that name and path."""
    arn = ctx.arn("iam", f"policy{inputs['path']}{inputs['name']}", region="")
    return existing(ctx, lambda: ctx.client("iam").get_policy(PolicyArn=arn), arn)


# OIDC providers. The emulator can only make, read and delete them: here every change but that of tags replaces, and tags stay as made.


def issuer(url: str) -> str:
    """AWS keeps the URL without its scheme."""
    return url.removeprefix("https://")


def create_oidc(ctx: Context, inputs: Inputs) -> str:
    """Make the provider, with its tags; its id is the ARN."""
    url = inputs["url"] if "://" in inputs["url"] else f"https://{inputs['url']}"
    made = ctx.client("iam").create_open_id_connect_provider(
        Url=url, ClientIDList=inputs["clientIdLists"], ThumbprintList=inputs.get("thumbprintLists") or [], Tags=listed(inputs["tagsAll"])
    )
    return str(made["OpenIDConnectProviderArn"])


def read_oidc(ctx: Context, id: str, state: Inputs) -> Observed:
    """The URL comes back without its scheme: it keeps the state's spelling when it means the same."""
    found = ctx.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=id)
    url = state.get("url") if issuer(str(state.get("url"))) == issuer(found["Url"]) else f"https://{issuer(found['Url'])}"
    return Observed({"url": url, "clientIdLists": found["ClientIDList"], "thumbprintLists": found.get("ThumbprintList")}, {"arn": id})


def read_oidc_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The tags it was made with."""
    return pairs(ctx.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=id).get("Tags"))


def keep_oidc_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Refuses a change the emulator could not keep. Raises ProviderError."""
    now = read_oidc_tags(ctx, id, inputs)
    if any(now.get(key) != value for key, value in changed.items()) or any(key in now for key in removed):
        raise ProviderError("the emulator cannot change the tags of an OIDC provider: replace it (`pulumi up --replace <urn>`)")


def find_oidc(ctx: Context, inputs: Inputs) -> str | None:
    """The provider of that URL."""
    arn = ctx.arn("iam", f"oidc-provider/{issuer(inputs['url'])}", region="")
    return existing(ctx, lambda: ctx.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn), arn)


def tags_of(noun: str, argument: str) -> Tags:
    """IAM names its tag calls by the kind of thing."""

    def read(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
        return pairs(getattr(ctx.client("iam"), f"list_{noun}_tags")(**{argument: id}).get("Tags"))

    def write(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
        if changed:
            getattr(ctx.client("iam"), f"tag_{noun}")(**{argument: id}, Tags=listed(changed))
        if removed:
            getattr(ctx.client("iam"), f"untag_{noun}")(**{argument: id}, TagKeys=removed)

    return Tags(read, write)


RESOURCES = (
    Resource(
        token="aws:iam/role:Role",
        name="name",
        inputs={
            "name": text(computed=True),
            "assumeRolePolicy": json_document(required=True),
            "description": text(),
            "forceDetachPolicies": boolean(default=False, write_only=True),
            "inlinePolicies": listing(record({"name": text(), "policy": json_document()}), unordered=True, computed=True),
            "managedPolicyArns": listing(text(), unordered=True, computed=True),
            "maxSessionDuration": integer(default=3600),
            "path": text(default="/", replace=True),
            "permissionsBoundary": text(),
        },
        outputs=("arn", "uniqueId", "createDate"),
        create=create_role,
        read=read_role,
        update=update_role,
        delete=delete_role,
        find=lambda ctx, inputs: existing(ctx, lambda: ctx.client("iam").get_role(RoleName=inputs["name"]), inputs["name"]),
        tags=tags_of("role", "RoleName"),
    ),
    Resource(
        token="aws:iam/rolePolicy:RolePolicy",
        name="name",
        inputs={"name": text(computed=True), "role": text(required=True, replace=True), "policy": json_document(required=True)},
        create=put_role_policy,
        read=read_role_policy,
        update=rewrite_role_policy,
        delete=delete_role_policy,
        find=find_role_policy,
    ),
    Resource(
        token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        inputs={"role": text(required=True), "policyArn": text(required=True)},
        create=attach,
        read=read_attachment,
        delete=detach,
        find=lambda ctx, inputs: (
            inputs["role"] + "/" + inputs["policyArn"] if inputs["policyArn"] in attached(ctx, inputs["role"]) else None
        ),
    ),
    Resource(
        token="aws:iam/policy:Policy",
        name="name",
        inputs={
            "name": text(computed=True),
            "policy": json_document(required=True),
            "description": text(replace=True),
            "path": text(default="/", replace=True),
        },
        outputs=("arn", "policyId", "attachmentCount"),
        create=create_policy,
        read=read_policy,
        update=update_policy,
        delete=delete_policy,
        find=find_policy,
        tags=tags_of("policy", "PolicyArn"),
    ),
    Resource(
        token="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        inputs={
            "url": text(required=True, replace=True),
            "clientIdLists": listing(text(), required=True, unordered=True),
            "thumbprintLists": listing(text(), computed=True),
        },
        outputs=("arn",),
        create=create_oidc,
        read=read_oidc,
        delete=lambda ctx, id, state: ctx.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=id),
        find=find_oidc,
        tags=Tags(read_oidc_tags, keep_oidc_tags),
    ),
)
