"""Types the product uses on AWS whose calls the emulator does not have: a create fails at once and says so, never a false success."""

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import Property, boolean, integer, listing, record, text

EMPTY = record({})
TEXTS = listing(text())
LOGGING = {
    "resourceArn": text(required=True),
    "logDestinationConfigs": listing(text(), required=True),
    "loggingFilter": record(
        {
            "defaultBehavior": text(required=True),
            "filters": listing(
                record(
                    {
                        "behavior": text(required=True),
                        "requirement": text(required=True),
                        "conditions": listing(
                            record(
                                {
                                    "actionCondition": record({"action": text(required=True)}),
                                    "labelNameCondition": record({"labelName": text(required=True)}),
                                }
                            ),
                            required=True,
                        ),
                    }
                ),
                required=True,
            ),
        }
    ),
    "redactedFields": listing(
        record({"method": EMPTY, "queryString": EMPTY, "singleHeader": record({"name": text(required=True)}), "uriPath": EMPTY})
    ),
}
NAMESPACE = {
    "namespaceName": text(required=True),
    "adminPasswordSecretKmsKeyId": text(),
    "adminUserPassword": text(),
    "adminUsername": text(),
    "dbName": text(),
    "defaultIamRoleArn": text(),
    "iamRoles": TEXTS,
    "kmsKeyId": text(),
    "logExports": TEXTS,
    "manageAdminPassword": boolean(),
}
WORKGROUP = {
    "namespaceName": text(required=True),
    "workgroupName": text(required=True),
    "baseCapacity": integer(),
    "configParameters": listing(record({"parameterKey": text(required=True), "parameterValue": text(required=True)})),
    "enhancedVpcRouting": boolean(),
    "maxCapacity": integer(),
    "port": integer(),
    "pricePerformanceTarget": record({"enabled": boolean(required=True), "level": integer()}),
    "publiclyAccessible": boolean(),
    "securityGroupIds": TEXTS,
    "subnetIds": TEXTS,
    "trackName": text(),
}


NO_TAGS = Tags(read=lambda _ctx, _id, _state: {}, write=lambda _ctx, _id, _inputs, _changed, _removed: None)
"""For types that have tags: never called, because nothing is ever made."""


def absent(token: str, call: str, inputs: dict[str, Property], tags: Tags | None = None) -> Resource:
    """A type whose create always fails, naming the missing call."""

    def create(ctx: Context, _inputs: Inputs) -> str:
        raise ProviderError(
            f"embedded AWS has no {call}: leave '{ctx.name}' out of local stacks by config, or deploy the stack to an AWS account"
        )

    def read(_ctx: Context, _id: str, _state: Inputs) -> Observed | None:
        return None

    def delete(_ctx: Context, _id: str, _state: Inputs) -> None:
        """Nothing was ever made."""

    return Resource(token=token, inputs=inputs, create=create, read=read, delete=delete, tags=tags)


RESOURCES = (
    absent("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", "PutLoggingConfiguration (WAF)", LOGGING),
    absent("aws:redshiftserverless/namespace:Namespace", "Redshift Serverless", NAMESPACE, NO_TAGS),
    absent("aws:redshiftserverless/workgroup:Workgroup", "Redshift Serverless", WORKGROUP, NO_TAGS),
)
