"""IAM, KMS and Cognito through the provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.provider.rig import Refused, Rig, lives_a_full_life

ROLE = "aws:iam/role:Role"
POOL = "aws:cognito/userPool:UserPool"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


def policy(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


def test_a_role_lives_a_full_life(rig: Rig) -> None:
    role = rig.create(ROLE, name="life", assumeRolePolicy=TRUST, description="d", tags={"a": "b"})
    assert role.state["arn"] == "arn:aws:iam::123456789012:role/life"
    spoil = lambda: rig.aws("iam").update_assume_role_policy(RoleName="life", PolicyDocument=policy("sts:AssumeRole"))  # noqa: E731
    lives_a_full_life(role, change={"description": "e", "maxSessionDuration": 7200}, spoil=spoil, drifted="assumeRolePolicy")


def test_a_role_name_that_exists_is_refused(rig: Rig) -> None:
    rig.aws("iam").create_role(RoleName="foreign", AssumeRolePolicyDocument=TRUST)
    with pytest.raises(Refused, match="'foreign' already exists"):
        rig.create(ROLE, name="foreign", assumeRolePolicy=TRUST)


def test_an_inline_policy_lives_a_full_life(rig: Rig) -> None:
    rig.create(ROLE, "inline", name="inline", assumeRolePolicy=TRUST)
    inline = rig.create("aws:iam/rolePolicy:RolePolicy", name="p", role="inline", policy=policy("s3:GetObject", "s3:PutObject"))
    spoil = lambda: rig.aws("iam").put_role_policy(RoleName="inline", PolicyName="p", PolicyDocument=policy("s3:*"))  # noqa: E731
    lives_a_full_life(inline, change={"policy": policy("s3:ListBucket")}, spoil=spoil, drifted="policy")


def test_a_managed_policy_lives_a_full_life_attached_to_a_role(rig: Rig) -> None:
    rig.create(ROLE, "holder", name="holder", assumeRolePolicy=TRUST)
    managed = rig.create("aws:iam/policy:Policy", name="managed", policy=policy("s3:GetObject"), tags={"a": "b"})
    attachment = rig.create("aws:iam/rolePolicyAttachment:RolePolicyAttachment", role="holder", policyArn=managed.id)
    assert attachment.drift() == []
    for count in range(7):
        managed.update(policy=policy(f"s3:Get{count}"))
    assert managed.drift() == []
    attachment.delete()
    assert attachment.gone()
    managed.delete()
    assert managed.gone()


def test_an_oidc_provider_lives_a_full_life(rig: Rig) -> None:
    oidc = rig.create(
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider", url="https://issuer.example", clientIdLists=["a"], thumbprintLists=["0" * 40]
    )
    assert oidc.drift() == []
    assert oidc.replaced_by(clientIdLists=["b"]) == ["clientIdLists"]
    oidc.delete()
    assert oidc.gone()


def test_a_key_and_its_alias_live_a_full_life(rig: Rig) -> None:
    key = rig.create("aws:kms/key:Key", enableKeyRotation=True, description="d", deletionWindowInDays=7, tags={"a": "b"})
    alias = rig.create("aws:kms/alias:Alias", name="alias/it", targetKeyId=key.state["keyId"])
    assert alias.state["targetKeyArn"] == key.state["arn"]
    assert alias.drift() == []
    alias.delete()
    assert alias.gone()
    spoil = lambda: rig.aws("kms").disable_key_rotation(KeyId=key.id)  # noqa: E731
    lives_a_full_life(key, change={"description": "e"}, spoil=spoil, drifted="enableKeyRotation")


def test_a_pool_lives_a_full_life(rig: Rig) -> None:
    pool = rig.create(
        POOL, name="life", tags={"a": "b"}, usernameAttributes=["email"], autoVerifiedAttributes=["email"],
        passwordPolicy={"minimumLength": 14, "requireLowercase": True},
        adminCreateUserConfig={"allowAdminCreateUserOnly": True},
        schemas=[{"name": "tenant", "attributeDataType": "String", "mutable": False, "stringAttributeConstraints": {"maxLength": "64"}}],
    )  # fmt: skip
    assert pool.state["arn"].endswith(f"userpool/{pool.id}")
    assert pool.drift() == []
    change: dict[str, Any] = {"passwordPolicy": {"minimumLength": 16, "requireLowercase": True}}
    lives_a_full_life(pool, change=change, spoil=None, drifted="")


def test_clients_groups_servers_domains_and_users_live_in_a_pool(rig: Rig) -> None:
    pool = rig.create(POOL, "parts", name="parts", schemas=[{"name": "tenant", "attributeDataType": "String"}])
    client = rig.create(
        "aws:cognito/userPoolClient:UserPoolClient", userPoolId=pool.id, name="c", generateSecret=True,
        explicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], accessTokenValidity=1,
        tokenValidityUnits={"accessToken": "hours"}, callbackUrls=["https://a.example"],
    )  # fmt: skip
    assert client.state["clientSecret"]
    group = rig.create("aws:cognito/userGroup:UserGroup", userPoolId=pool.id, name="admins", description="d", precedence=1)
    assert rig.create("aws:cognito/userGroup:UserGroup", "plain", userPoolId=pool.id, name="plain").drift() == []
    server = rig.create(
        "aws:cognito/resourceServer:ResourceServer", userPoolId=pool.id, identifier="kpi", name="k",
        scopes=[{"scopeName": "read", "scopeDescription": "r"}],
    )  # fmt: skip
    assert server.state["scopeIdentifiers"] == ["kpi/read"]
    domain = rig.create("aws:cognito/userPoolDomain:UserPoolDomain", userPoolId=pool.id, domain="kpi-parts")
    user = rig.create(
        "aws:cognito/user:User", userPoolId=pool.id, username="ada", password="Str0ng!password",
        attributes={"email": "a@example.com", "tenant": "acme"}, messageAction="SUPPRESS",
    )  # fmt: skip
    assert user.state["status"] == "CONFIRMED"
    assert domain.drift() == []
    domain.delete()
    assert domain.gone()
    spoil_user = lambda: rig.aws("cognito-idp").admin_disable_user(UserPoolId=pool.id, Username="ada")  # noqa: E731
    lives_a_full_life(user, change={"attributes": {"email": "b@example.com", "tenant": "acme"}}, spoil=spoil_user, drifted="enabled")
    rig.aws("cognito-idp").admin_create_user(UserPoolId=pool.id, Username="eve")
    rig.aws("cognito-idp").admin_add_user_to_group(UserPoolId=pool.id, GroupName="admins", Username="eve")
    assert group.update(precedence=2) == ["precedence"]
    members = rig.aws("cognito-idp").list_users_in_group(UserPoolId=pool.id, GroupName="admins")["Users"]
    assert [each["Username"] for each in members] == ["eve"]
    lives_a_full_life(group, change={"description": "e"}, spoil=None, drifted="")
    lives_a_full_life(server, change={"scopes": [{"scopeName": "write", "scopeDescription": "w"}]}, spoil=None, drifted="")
    lives_a_full_life(client, change={"callbackUrls": ["https://b.example"]}, spoil=None, drifted="")
