"""Cognito user pools, their app clients and domains.

`schemas` is not read back: AWS answers all standard attributes with their defaults. Import ids of parts are `poolId/partId`.
"""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import Property, boolean, integer, listing, record, text
from local.provider.framework.translation import from_aws, omit, to_aws

TRIGGERS = (
    "createAuthChallenge", "customMessage", "defineAuthChallenge", "postAuthentication", "postConfirmation", "preAuthentication",
    "preSignUp", "preTokenGeneration", "userMigration", "verifyAuthChallengeResponse",
)  # fmt: skip
TEMPLATE = {
    name: text(computed=True) for name in ("emailMessage", "emailMessageByLink", "emailSubject", "emailSubjectByLink", "smsMessage")
}
POOL: dict[str, Property] = {
    "name": text(computed=True),
    "accountRecoverySetting": record(
        {
            "recoveryMechanisms": listing(
                record(
                    {
                        "name": text("verified_email", "verified_phone_number", "admin_only", required=True),
                        "priority": integer(required=True),
                    }
                ),
                unordered=True,
            )
        },
        computed=True,
    ),
    "adminCreateUserConfig": record(
        {
            "allowAdminCreateUserOnly": boolean(),
            "inviteMessageTemplate": record({"emailMessage": text(), "emailSubject": text(), "smsMessage": text()}),
        },
        computed=True,
    ),
    "aliasAttributes": listing(text("phone_number", "email", "preferred_username"), unordered=True, replace=True),
    "autoVerifiedAttributes": listing(text("phone_number", "email"), unordered=True),
    "deletionProtection": text("ACTIVE", "INACTIVE", default="INACTIVE"),
    "emailConfiguration": record(
        {
            "configurationSet": text(),
            "emailSendingAccount": text("COGNITO_DEFAULT", "DEVELOPER", computed=True),
            "fromEmailAddress": text(),
            "replyToEmailAddress": text(),
            "sourceArn": text(),
        },
        computed=True,
    ),
    "lambdaConfig": record(
        {
            **{name: text() for name in TRIGGERS},
            "preTokenGenerationConfig": record(
                {"lambdaArn": text(required=True), "lambdaVersion": text("V1_0", "V2_0", "V3_0", required=True)}
            ),
        }
    ),
    "mfaConfiguration": text("ON", "OFF", "OPTIONAL", default="OFF"),
    "passwordPolicy": record(
        {
            "minimumLength": integer(computed=True),
            "passwordHistorySize": integer(computed=True),
            "requireLowercase": boolean(computed=True),
            "requireNumbers": boolean(computed=True),
            "requireSymbols": boolean(computed=True),
            "requireUppercase": boolean(computed=True),
            "temporaryPasswordValidityDays": integer(computed=True),
        },
        computed=True,
    ),
    "schemas": listing(
        record(
            {
                "name": text(required=True),
                "attributeDataType": text("Boolean", "Number", "String", "DateTime", required=True),
                "developerOnlyAttribute": boolean(),
                "mutable": boolean(),
                "required": boolean(),
                "numberAttributeConstraints": record({"maxValue": text(), "minValue": text()}),
                "stringAttributeConstraints": record({"maxLength": text(), "minLength": text()}),
            }
        ),
        unordered=True,
        write_only=True,
    ),
    "softwareTokenMfaConfiguration": record({"enabled": boolean(required=True)}, write_only=True),
    "userAttributeUpdateSettings": record(
        {"attributesRequireVerificationBeforeUpdates": listing(text("phone_number", "email"), required=True, unordered=True)}
    ),
    "userPoolAddOns": record({"advancedSecurityMode": text("OFF", "AUDIT", "ENFORCED", required=True)}),
    "userPoolTier": text("LITE", "ESSENTIALS", "PLUS", computed=True),
    "usernameAttributes": listing(text("phone_number", "email"), unordered=True, replace=True),
    "usernameConfiguration": record({"caseSensitive": boolean()}, computed=True, replace=True),
    "verificationMessageTemplate": record(
        {"defaultEmailOption": text("CONFIRM_WITH_CODE", "CONFIRM_WITH_LINK", computed=True), **TEMPLATE}, computed=True
    ),
}
POOL_NAMES = {
    "name": "PoolName", "replyToEmailAddress": "ReplyToEmailAddress", "fromEmailAddress": "From", "smsMessage": "SmsMessage",
    "inviteMessageTemplate": "InviteMessageTemplate", "smsMessageTemplate": "SMSMessage",
}  # fmt: skip
FIXED = (
    "name",
    "aliasAttributes",
    "usernameAttributes",
    "usernameConfiguration",
    "schemas",
    "passwordPolicy",
    "softwareTokenMfaConfiguration",
)
CLIENT: dict[str, Property] = {
    "userPoolId": text(required=True, replace=True),
    "name": text(computed=True),
    "accessTokenValidity": integer(computed=True),
    "allowedOauthFlows": listing(text("code", "implicit", "client_credentials"), unordered=True),
    "allowedOauthFlowsUserPoolClient": boolean(),
    "allowedOauthScopes": listing(text(), unordered=True),
    "authSessionValidity": integer(computed=True),
    "callbackUrls": listing(text(), unordered=True),
    "defaultRedirectUri": text(),
    "enablePropagateAdditionalUserContextData": boolean(),
    "enableTokenRevocation": boolean(computed=True),
    "explicitAuthFlows": listing(text(), unordered=True, computed=True),
    "generateSecret": boolean(replace=True, write_only=True),
    "idTokenValidity": integer(computed=True),
    "logoutUrls": listing(text(), unordered=True),
    "preventUserExistenceErrors": text("LEGACY", "ENABLED", computed=True),
    "readAttributes": listing(text(), unordered=True, computed=True),
    "refreshTokenValidity": integer(computed=True),
    "supportedIdentityProviders": listing(text(), unordered=True, computed=True),
    "tokenValidityUnits": record(
        {name: text("seconds", "minutes", "hours", "days", computed=True) for name in ("accessToken", "idToken", "refreshToken")},
        computed=True,
    ),
    "writeAttributes": listing(text(), unordered=True, computed=True),
}
CLIENT_NAMES = {
    "name": "ClientName", "allowedOauthFlows": "AllowedOAuthFlows", "allowedOauthScopes": "AllowedOAuthScopes",
    "allowedOauthFlowsUserPoolClient": "AllowedOAuthFlowsUserPoolClient", "callbackUrls": "CallbackURLs", "logoutUrls": "LogoutURLs",
    "defaultRedirectUri": "DefaultRedirectURI",
}  # fmt: skip


def idp(ctx: Context) -> Any:
    """The client."""
    return ctx.client("cognito-idp")


def part_place(id: str, state: Inputs) -> tuple[str, str]:
    """Pool and part: from the state, or from an import id `poolId/partId`."""
    pool, separator, own = id.partition("/")
    if separator:
        return pool, own
    if not state.get("userPoolId"):
        raise ProviderError(f"id is '{id}': expected poolId/partId for an import")
    return str(state["userPoolId"]), id


def pool_request(inputs: Inputs) -> dict[str, Any]:
    """The settings that create and update share. The password policy sits inside Policies."""
    request = to_aws(inputs, omit(POOL, *FIXED), POOL_NAMES)
    if inputs.get("passwordPolicy"):
        request["Policies"] = {"PasswordPolicy": to_aws(inputs["passwordPolicy"], POOL["passwordPolicy"].fields)}
    return request


def create_pool(ctx: Context, inputs: Inputs) -> str:
    """Make the pool. MFA is set afterwards, because AWS wants its means named with it."""
    fixed = to_aws(inputs, {name: POOL[name] for name in ("aliasAttributes", "usernameAttributes", "usernameConfiguration")})
    schema = {"Schema": to_aws({"x": inputs["schemas"]}, {"x": POOL["schemas"]})["X"]} if inputs.get("schemas") else {}
    request = {key: value for key, value in pool_request(inputs).items() if key != "MfaConfiguration"}
    made = idp(ctx).create_user_pool(PoolName=inputs["name"], **request, **fixed, **schema)
    pool = str(made["UserPool"]["Id"])
    apply_mfa(ctx, pool, inputs)
    return pool


def apply_mfa(ctx: Context, pool: str, inputs: Inputs) -> None:
    """Set MFA and its means."""
    token = inputs.get("softwareTokenMfaConfiguration")
    if inputs["mfaConfiguration"] != "OFF" and not token:
        raise ProviderError("mfaConfiguration needs a means: expected softwareTokenMfaConfiguration (SMS is not supported locally)")
    means = {"SoftwareTokenMfaConfiguration": {"Enabled": token["enabled"]}} if token else {}
    if means:
        idp(ctx).set_user_pool_mfa_config(UserPoolId=pool, MfaConfiguration=inputs["mfaConfiguration"], **means)


def read_pool(ctx: Context, id: str, state: Inputs) -> Observed:
    """All but schemas and the means of MFA is read back."""
    pool: dict[str, Any] = idp(ctx).describe_user_pool(UserPoolId=id)["UserPool"]
    inputs = from_aws(pool, omit(POOL, "name", "passwordPolicy"), POOL_NAMES)
    policies: dict[str, Inputs] = pool.get("Policies") or {}
    policy = policies.get("PasswordPolicy")
    if policy is not None:
        inputs["passwordPolicy"] = {k: v for k, v in from_aws(policy, POOL["passwordPolicy"].fields).items() if v is not None}
    return Observed(
        {**inputs, "name": pool["Name"], "mfaConfiguration": pool.get("MfaConfiguration", "OFF")},
        {
            "arn": pool["Arn"],
            "endpoint": f"cognito-idp.{ctx.region}.amazonaws.com/{id}",
            "creationDate": str(pool.get("CreationDate", "")),
            "lastModifiedDate": str(pool.get("LastModifiedDate", "")),
            "domain": pool.get("Domain", ""),
            "customDomain": pool.get("CustomDomain", ""),
            "estimatedNumberOfUsers": pool.get("EstimatedNumberOfUsers", 0),
        },
    )


def schemas(inputs: Inputs) -> dict[str, Inputs]:
    """The declared attributes by name."""
    declared: list[Inputs] = inputs.get("schemas") or []
    return {each["name"]: each for each in declared}


def update_pool(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Write all settings (AWS resets what an update leaves out), then add new attributes. Attributes cannot be changed or removed."""
    before, after = schemas(old), schemas(new)
    if any(after.get(name) != each for name, each in before.items()):
        raise ProviderError(
            "schemas: AWS cannot change or remove an attribute of a pool: expected only additions; make a new pool otherwise"
        )
    request = {key: value for key, value in pool_request(new).items() if key != "MfaConfiguration"}
    idp(ctx).update_user_pool(UserPoolId=id, UserPoolTags=new["tagsAll"], **request)
    added = [each for name, each in after.items() if name not in before]
    if added:
        idp(ctx).add_custom_attributes(UserPoolId=id, CustomAttributes=to_aws({"x": added}, {"x": POOL["schemas"]})["X"])
    apply_mfa(ctx, id, new)


def pool_arn(ctx: Context, pool: str) -> str:
    """The ARN of a pool."""
    return ctx.arn("cognito-idp", f"userpool/{pool}")


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The pool's tags."""
    return dict(idp(ctx).list_tags_for_resource(ResourceArn=pool_arn(ctx, id)).get("Tags") or {})


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        idp(ctx).tag_resource(ResourceArn=pool_arn(ctx, id), Tags=changed)
    if removed:
        idp(ctx).untag_resource(ResourceArn=pool_arn(ctx, id), TagKeys=removed)


def create_client(ctx: Context, inputs: Inputs) -> str:
    """Make the app client."""
    return str(idp(ctx).create_user_pool_client(**to_aws(inputs, CLIENT, CLIENT_NAMES))["UserPoolClient"]["ClientId"])


def read_client(ctx: Context, id: str, state: Inputs) -> Observed:
    """The secret is an output; whether one was asked for keeps the state's value."""
    pool, own = part_place(id, state)
    client: dict[str, Any] = idp(ctx).describe_user_pool_client(UserPoolId=pool, ClientId=own)["UserPoolClient"]
    return Observed({**from_aws(client, CLIENT, CLIENT_NAMES), "userPoolId": pool}, {"clientSecret": client.get("ClientSecret", "")})


def update_client(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Write all settings: AWS resets what an update leaves out."""
    pool, own = part_place(id, new)
    request = to_aws(new, omit(CLIENT, "generateSecret", "userPoolId"), CLIENT_NAMES)
    idp(ctx).update_user_pool_client(UserPoolId=pool, ClientId=own, **request)


def delete_client(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the app client."""
    pool, own = part_place(id, state)
    idp(ctx).delete_user_pool_client(UserPoolId=pool, ClientId=own)


def domain(ctx: Context, name: str) -> dict[str, Any] | None:
    """AWS answers an empty description for a domain that is not there."""
    found: dict[str, Any] = idp(ctx).describe_user_pool_domain(Domain=name).get("DomainDescription") or {}
    return found if found.get("Domain") else None


def create_domain(ctx: Context, inputs: Inputs) -> str:
    """Claim the domain prefix."""
    idp(ctx).create_user_pool_domain(**to_aws(inputs, DOMAIN))
    return str(inputs["domain"])


def read_domain(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """Everything is given back by AWS."""
    found = domain(ctx, id)
    if found is None:
        return None
    outputs = {
        "awsAccountId": found.get("AWSAccountId", ctx.account),
        "cloudfrontDistribution": found.get("CloudFrontDistribution", ""),
        "cloudfrontDistributionArn": found.get("CloudFrontDistribution", ""),
        "s3Bucket": found.get("S3Bucket", ""),
        "version": found.get("Version", ""),
    }
    return Observed({"domain": id, "userPoolId": found["UserPoolId"], "managedLoginVersion": found.get("ManagedLoginVersion")}, outputs)


def delete_domain(ctx: Context, id: str, state: Inputs) -> None:
    """Release the domain prefix."""
    idp(ctx).delete_user_pool_domain(Domain=id, UserPoolId=state["userPoolId"])


DOMAIN: dict[str, Property] = {
    "domain": text(required=True),
    "userPoolId": text(required=True, replace=True),
    "managedLoginVersion": integer(computed=True, replace=True),
}
RESOURCES = (
    Resource(
        token="aws:cognito/userPool:UserPool",
        name="name",
        inputs=POOL,
        outputs=("arn", "endpoint", "creationDate", "lastModifiedDate", "domain", "customDomain", "estimatedNumberOfUsers"),
        volatile=("lastModifiedDate",),
        create=create_pool,
        read=read_pool,
        update=update_pool,
        delete=lambda ctx, id, state: idp(ctx).delete_user_pool(UserPoolId=id),
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:cognito/userPoolClient:UserPoolClient",
        name="name",
        inputs=CLIENT,
        outputs=("clientSecret",),
        create=create_client,
        read=read_client,
        update=update_client,
        delete=delete_client,
    ),
    Resource(
        token="aws:cognito/userPoolDomain:UserPoolDomain",
        name="domain",
        inputs=DOMAIN,
        outputs=("awsAccountId", "cloudfrontDistribution", "cloudfrontDistributionArn", "s3Bucket", "version"),
        create=create_domain,
        read=read_domain,
        delete=delete_domain,
        find=lambda ctx, inputs: inputs["domain"] if domain(ctx, inputs["domain"]) else None,
    ),
)
