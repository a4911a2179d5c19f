"""Who people are: the Cognito user pool, its client, roles and scopes."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context

ROLES = {
    "platform-admin": "Runs the platform; may act for a tenant, and the audit says so",
    "client-admin": "Administers the KPIs of one tenant",
    "read-only": "CFO office, executives, auditors",
}


@dataclass(frozen=True)
class IdentityArgs:
    """`access_token_minutes`: how long a stolen token is worth anything."""

    access_token_minutes: int = 60


class Identity(Component):
    """User pool with an immutable `custom:tenant_id` and `custom:environments`; people are created by administrators, never by themselves.

    Attributes of a pool are only ever added: AWS can neither change nor remove one (AddCustomAttributes), and an addition is made in
    place. Each states its constraints, because AWS gives them to one that has none, which then looks changed.
    """

    def __init__(self, ctx: Context, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Identity", ctx, opts)
        self.pool = self._pool()
        self.client = self._client(args)
        for name, description in ROLES.items():
            aws.cognito.UserGroup(name, name=name, description=description, user_pool_id=self.pool.id, opts=self.child(parent=self.pool))
        aws.cognito.ResourceServer(
            "kpi-api",
            identifier="kpi-api",
            name="KPI control plane",
            user_pool_id=self.pool.id,
            scopes=[
                aws.cognito.ResourceServerScopeArgs(scope_name="read", scope_description="Read KPIs, runs and results"),
                aws.cognito.ResourceServerScopeArgs(scope_name="write", scope_description="Change KPIs"),
            ],
            opts=self.child(parent=self.pool),
        )
        self.issuer = self.pool.id.apply(lambda pool: f"https://cognito-idp.{ctx.names.region}.amazonaws.com/{pool}")
        self.register_outputs({"userPoolId": self.pool.id, "userPoolClientId": self.client.id})

    def _pool(self) -> aws.cognito.UserPool:
        return aws.cognito.UserPool(
            "people",
            name=self.ctx.names.prefix,
            deletion_protection="ACTIVE" if self.ctx.protect else "INACTIVE",
            mfa_configuration="OPTIONAL",
            software_token_mfa_configuration=aws.cognito.UserPoolSoftwareTokenMfaConfigurationArgs(enabled=True),
            admin_create_user_config=aws.cognito.UserPoolAdminCreateUserConfigArgs(allow_admin_create_user_only=True),
            password_policy=aws.cognito.UserPoolPasswordPolicyArgs(
                minimum_length=14,
                require_lowercase=True,
                require_uppercase=True,
                require_numbers=True,
                require_symbols=False,
                temporary_password_validity_days=3,
            ),
            schemas=[_text_attribute("tenant_id", 20, mutable=False), _text_attribute("environments", 20, mutable=True)],
            opts=self.record(),
        )

    def _client(self, args: IdentityArgs) -> aws.cognito.UserPoolClient:
        return aws.cognito.UserPoolClient(
            "portal",
            name=self.ctx.names.named("portal"),
            user_pool_id=self.pool.id,
            generate_secret=False,
            explicit_auth_flows=["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            access_token_validity=args.access_token_minutes,
            id_token_validity=args.access_token_minutes,
            token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(access_token="minutes", id_token="minutes"),  # noqa: S106
            # A person must not be able to move to another tenant or grant itself environments, so the client may read these and not
            # write them; administrators write `custom:environments` (such as `dev,stg`; none means all).
            read_attributes=["email", "name", "custom:tenant_id", "custom:environments"],
            write_attributes=["name"],
            opts=self.child(parent=self.pool),
        )


def _text_attribute(name: str, max_length: int, *, mutable: bool) -> aws.cognito.UserPoolSchemaArgs:
    return aws.cognito.UserPoolSchemaArgs(
        name=name,
        attribute_data_type="String",
        mutable=mutable,
        string_attribute_constraints=aws.cognito.UserPoolSchemaStringAttributeConstraintsArgs(min_length="0", max_length=str(max_length)),
    )
