"""HTTP and WebSocket APIs (API Gateway v2): Api, Authorizer, Integration, Route, Stage.

Import ids of the parts are `apiId/partId`. A fixed API id in the emulator comes from the tag `ms-custom-id`, which must be there at birth.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import Property, boolean, integer, listing, mapping, number, record, text
from local.provider.framework.translation import from_aws, omit, to_aws

API: dict[str, Property] = {
    "name": text(computed=True),
    "protocolType": text("HTTP", "WEBSOCKET", required=True, replace=True),
    "apiKeySelectionExpression": text(computed=True),
    "corsConfiguration": record(
        {
            "allowCredentials": boolean(),
            "allowHeaders": listing(text(), unordered=True),
            "allowMethods": listing(text(), unordered=True),
            "allowOrigins": listing(text(), unordered=True),
            "exposeHeaders": listing(text(), unordered=True),
            "maxAge": integer(),
        }
    ),
    "description": text(),
    "disableExecuteApiEndpoint": boolean(),
    "routeSelectionExpression": text(computed=True),
    "version": text(),
}
API_ID = text(required=True, replace=True)
AUTHORIZER: dict[str, Property] = {
    "apiId": API_ID,
    "name": text(computed=True),
    "authorizerType": text("JWT", "REQUEST", required=True),
    "authorizerCredentialsArn": text(),
    "authorizerPayloadFormatVersion": text("1.0", "2.0", computed=True),
    "authorizerResultTtlInSeconds": integer(computed=True),
    "authorizerUri": text(),
    "enableSimpleResponses": boolean(),
    "identitySources": listing(text(), unordered=True),
    "jwtConfiguration": record({"audiences": listing(text(), unordered=True), "issuer": text()}),
}
INTEGRATION: dict[str, Property] = {
    "apiId": API_ID,
    "integrationType": text("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK", required=True, replace=True),
    "connectionId": text(),
    "connectionType": text("INTERNET", "VPC_LINK", default="INTERNET"),
    "credentialsArn": text(),
    "description": text(),
    "integrationMethod": text(computed=True),
    "integrationSubtype": text(replace=True),
    "integrationUri": text(),
    "payloadFormatVersion": text("1.0", "2.0", default="1.0"),
    "requestParameters": mapping(text()),
    "timeoutMilliseconds": integer(computed=True),
}
ROUTE: dict[str, Property] = {
    "apiId": API_ID,
    "routeKey": text(required=True),
    "apiKeyRequired": boolean(),
    "authorizationScopes": listing(text(), unordered=True),
    "authorizationType": text("NONE", "AWS_IAM", "CUSTOM", "JWT", default="NONE"),
    "authorizerId": text(),
    "operationName": text(),
    "target": text(),
}
SWITCHES: dict[str, Property] = {
    "dataTraceEnabled": boolean(),
    "detailedMetricsEnabled": boolean(),
    "loggingLevel": text("ERROR", "INFO", "OFF", computed=True),
    "throttlingBurstLimit": integer(computed=True),
    "throttlingRateLimit": number(computed=True),
}
STAGE: dict[str, Property] = {
    "apiId": API_ID,
    "name": text(computed=True),
    "accessLogSettings": record({"destinationArn": text(required=True), "format": text(required=True)}),
    "autoDeploy": boolean(),
    "defaultRouteSettings": record(SWITCHES, computed=True),
    "deploymentId": text(computed=True),
    "description": text(),
    "routeSettings": listing(record({"routeKey": text(required=True), **SWITCHES}), unordered=True),
    "stageVariables": mapping(text()),
}
NAMES = {"identitySources": "IdentitySource", "audiences": "Audience", "timeoutMilliseconds": "TimeoutInMillis"}


def place(id: str, state: Inputs) -> tuple[str, str]:
    """The API and the part's own id: from the state, or from an import id."""
    if state.get("apiId"):
        return str(state["apiId"]), id.rsplit("/", 1)[-1]
    api, _, own = id.partition("/")
    if not own:
        raise ProviderError(f"id is '{id}': expected apiId/partId for an import")
    return api, own


def part(
    token: str,
    noun: str,
    fields: Mapping[str, Property],
    find: Callable[[Context, Inputs], str | None] | None = None,
    name: str | None = None,
) -> Resource:
    """A part of an API whose calls follow one pattern: `create_route(ApiId=...)` answering `RouteId`."""
    key = f"{noun.capitalize()}Id"

    def create(ctx: Context, inputs: Inputs) -> str:
        return str(getattr(ctx.client("apigatewayv2"), f"create_{noun}")(**to_aws(inputs, fields, NAMES))[key])

    def read(ctx: Context, id: str, state: Inputs) -> Observed:
        api, own = place(id, state)
        answer = getattr(ctx.client("apigatewayv2"), f"get_{noun}")(ApiId=api, **{key: own})
        return Observed({**from_aws(answer, fields, NAMES), "apiId": api})

    def update(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
        cleared = {
            field: "" for field in ("description", "authorizerId", "target") if old.get(field) and not new.get(field) and field in fields
        }
        call = getattr(ctx.client("apigatewayv2"), f"update_{noun}")
        call(**{key: place(id, new)[1]}, **to_aws({**new, **cleared}, fields, NAMES))

    def delete(ctx: Context, id: str, state: Inputs) -> None:
        api, own = place(id, state)
        getattr(ctx.client("apigatewayv2"), f"delete_{noun}")(ApiId=api, **{key: own})

    return Resource(token=token, inputs=fields, create=create, read=read, update=update, delete=delete, find=find, name=name)


def create_api(ctx: Context, inputs: Inputs) -> str:
    """Make the API; tags go along because the emulator reads its fixed id from one."""
    return str(ctx.client("apigatewayv2").create_api(**to_aws(inputs, API), Tags=inputs["tagsAll"])["ApiId"])


def read_api(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything is given back by AWS. The endpoint is the emulator's own where it answers one."""
    answer: dict[str, Any] = ctx.client("apigatewayv2").get_api(ApiId=id)
    return Observed(
        from_aws(answer, API),
        {
            "arn": ctx.arn("apigateway", f"/apis/{id}", account=""),
            "executionArn": ctx.arn("execute-api", id),
            "apiEndpoint": answer.get("ApiEndpoint", ""),
        },
    )


def update_api(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Write the settings; CORS that is no longer wanted has a call of its own."""
    client = ctx.client("apigatewayv2")
    if old.get("corsConfiguration") and not new.get("corsConfiguration"):
        client.delete_cors_configuration(ApiId=id)
    cleared = {field: "" for field in ("description", "version") if old.get(field) and not new.get(field)}
    client.update_api(ApiId=id, **to_aws({**new, **cleared}, omit(API, "protocolType")))


def find_route(ctx: Context, inputs: Inputs) -> str | None:
    """A route with the same key: AWS allows one."""
    pages = ctx.client("apigatewayv2").get_paginator("get_routes").paginate(ApiId=inputs["apiId"])
    return next((str(each["RouteId"]) for page in pages for each in page["Items"] if each["RouteKey"] == inputs["routeKey"]), None)


STAGE_NAMES = {"name": "StageName"}


def create_stage(ctx: Context, inputs: Inputs) -> str:
    """Make the stage; its id is its name. Route settings are a map in AWS."""
    ctx.client("apigatewayv2").create_stage(**stage_request(inputs))
    return str(inputs["name"])


def stage_request(inputs: Inputs) -> dict[str, Any]:
    """A stage for AWS."""
    sent = to_aws(inputs, STAGE, STAGE_NAMES)
    if "RouteSettings" in sent:
        sent["RouteSettings"] = {each.pop("RouteKey"): each for each in sent["RouteSettings"]}
    return sent


def read_stage(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything is given back by AWS."""
    api, name = place(id, state)
    answer: dict[str, Any] = ctx.client("apigatewayv2").get_stage(ApiId=api, StageName=name)
    settings: dict[str, Any] = answer.get("RouteSettings") or {}
    answer["RouteSettings"] = [{"RouteKey": key, **each} for key, each in settings.items()]
    # The emulator's host name needs a resolver that knows *.localhost; its path form answers everywhere.
    url = f"{ctx.aws.endpoint}/_aws/execute-api/{api}/{name}"
    return Observed(
        {**from_aws(answer, STAGE, STAGE_NAMES), "apiId": api},
        {
            "arn": ctx.arn("apigateway", f"/apis/{api}/stages/{name}", account=""),
            "executionArn": ctx.arn("execute-api", f"{api}/{name}"),
            "invokeUrl": url,
        },
    )


def update_stage(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Write all settings."""
    sent = stage_request(new)
    sent.pop("DeploymentId", None)
    ctx.client("apigatewayv2").update_stage(**sent)


def delete_stage(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the stage."""
    api, name = place(id, state)
    ctx.client("apigatewayv2").delete_stage(ApiId=api, StageName=name)


def find_stage(ctx: Context, inputs: Inputs) -> str | None:
    """A stage of that name."""
    found = ctx.optional(lambda: ctx.client("apigatewayv2").get_stage(ApiId=inputs["apiId"], StageName=inputs["name"]))
    return str(inputs["name"]) if found else None


def tags_at(arn: Callable[[Context, str, Inputs], str]) -> Tags:
    """Tags of whatever has this ARN."""

    def read(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
        return dict(ctx.client("apigatewayv2").get_tags(ResourceArn=arn(ctx, id, state)).get("Tags") or {})

    def write(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
        if changed:
            ctx.client("apigatewayv2").tag_resource(ResourceArn=arn(ctx, id, inputs), Tags=changed)
        if removed:
            ctx.client("apigatewayv2").untag_resource(ResourceArn=arn(ctx, id, inputs), TagKeys=removed)

    return Tags(read, write)


RESOURCES = (
    Resource(
        token="aws:apigatewayv2/api:Api",
        name="name",
        inputs=API,
        outputs=("arn", "executionArn", "apiEndpoint"),
        create=create_api,
        read=read_api,
        update=update_api,
        delete=lambda ctx, id, state: ctx.client("apigatewayv2").delete_api(ApiId=id),
        tags=tags_at(lambda ctx, id, state: ctx.arn("apigateway", f"/apis/{id}", account="")),
    ),
    part("aws:apigatewayv2/authorizer:Authorizer", "authorizer", AUTHORIZER, name="name"),
    part("aws:apigatewayv2/integration:Integration", "integration", INTEGRATION),
    part("aws:apigatewayv2/route:Route", "route", ROUTE, find_route),
    Resource(
        token="aws:apigatewayv2/stage:Stage",
        name="name",
        inputs=STAGE,
        outputs=("arn", "executionArn", "invokeUrl"),
        create=create_stage,
        read=read_stage,
        update=update_stage,
        delete=delete_stage,
        find=find_stage,
        tags=tags_at(lambda ctx, id, state: ctx.arn("apigateway", f"/apis/{'/stages/'.join(place(id, state))}", account="")),
    ),
)
