"""What CloudFront distributions are made of: origin access controls, response headers policies, functions."""

from typing import Any, cast

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, listing, number, record, text
from local.provider.framework.translation import from_aws, tag_list, tag_map, to_aws

ACCESS = {
    "name": text(computed=True),
    "description": text(),
    "originAccessControlOriginType": text("lambda", "mediapackagev2", "mediastore", "s3", required=True),
    "signingBehavior": text("always", "never", "no-override", required=True),
    "signingProtocol": text("sigv4", required=True),
}
NAMES = record({"items": listing(text(), unordered=True)})
HEADERS = {
    "name": text(computed=True),
    "comment": text(),
    "corsConfig": record(
        {
            "accessControlAllowCredentials": boolean(required=True),
            "accessControlAllowHeaders": NAMES.must(),
            "accessControlAllowMethods": NAMES.must(),
            "accessControlAllowOrigins": NAMES.must(),
            "originOverride": boolean(required=True),
            "accessControlExposeHeaders": NAMES,
            "accessControlMaxAgeSec": integer(),
        }
    ),
    "customHeadersConfig": record(
        {
            "items": listing(
                record({"header": text(required=True), "override": boolean(required=True), "value": text(required=True)}), unordered=True
            )
        }
    ),
    "removeHeadersConfig": record({"items": listing(record({"header": text(required=True)}), unordered=True)}),
    "securityHeadersConfig": record(
        {
            "contentSecurityPolicy": record({"contentSecurityPolicy": text(required=True), "override": boolean(required=True)}),
            "contentTypeOptions": record({"override": boolean(required=True)}, presence=True),
            "frameOptions": record({"frameOption": text("DENY", "SAMEORIGIN", required=True), "override": boolean(required=True)}),
            "referrerPolicy": record({"override": boolean(required=True), "referrerPolicy": text(required=True)}),
            "strictTransportSecurity": record(
                {
                    "accessControlMaxAgeSec": integer(required=True),
                    "override": boolean(required=True),
                    "includeSubdomains": boolean(),
                    "preload": boolean(),
                }
            ),
            "xssProtection": record(
                {
                    "override": boolean(required=True),
                    "protection": boolean(required=True),
                    "modeBlock": boolean(),
                    "reportUri": text(),
                },
                presence=True,
            ),
        }
    ),
    "serverTimingHeadersConfig": record({"enabled": boolean(required=True), "samplingRate": number(required=True)}),
}
HEADERS_ALIASES = {"xssProtection": "XSSProtection"}
FUNCTION = {
    "name": text(computed=True),
    "code": text(required=True),
    "comment": text(),
    "publish": boolean(default=True, write_only=True),
    "runtime": text("cloudfront-js-1.0", "cloudfront-js-2.0", required=True),
}
FUNCTION_CONFIG = {key: FUNCTION[key] for key in ("comment", "runtime")}


def _counted(value: Any) -> Any:
    """Adds the lengths CloudFront wants next to each `Items`."""
    if isinstance(value, list):
        return [_counted(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = {key: _counted(each) for key, each in cast("dict[str, Any]", value).items()}
    return {"Quantity": len(fields["Items"]), **fields} if "Items" in fields else fields


def find_access(ctx: Context, inputs: Inputs) -> str | None:
    """The control of that name."""
    found = ctx.client("cloudfront").list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
    return next((str(each["Id"]) for each in found if each["Name"] == inputs["name"]), None)


def _access_config(inputs: Inputs) -> dict[str, Any]:
    return to_aws({"description": "", **inputs}, ACCESS)


def create_access(ctx: Context, inputs: Inputs) -> str:
    """Make the control."""
    answer = ctx.client("cloudfront").create_origin_access_control(OriginAccessControlConfig=_access_config(inputs))
    return str(answer["OriginAccessControl"]["Id"])


def read_access(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    answer = ctx.client("cloudfront").get_origin_access_control(Id=id)
    told = from_aws(answer["OriginAccessControl"]["OriginAccessControlConfig"], ACCESS)
    return Observed(inputs=told, outputs={"etag": answer["ETag"], "arn": ctx.arn("cloudfront", f"origin-access-control/{id}", region="")})


def update_access(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the configuration."""
    client = ctx.client("cloudfront")
    etag = client.get_origin_access_control(Id=id)["ETag"]
    client.update_origin_access_control(Id=id, IfMatch=etag, OriginAccessControlConfig=_access_config(new))


def delete_access(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the control."""
    client = ctx.client("cloudfront")
    client.delete_origin_access_control(Id=id, IfMatch=client.get_origin_access_control(Id=id)["ETag"])


def find_headers(ctx: Context, inputs: Inputs) -> str | None:
    """The policy of that name."""
    found = ctx.client("cloudfront").list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"].get("Items", [])
    policies = (each["ResponseHeadersPolicy"] for each in found)
    return next((str(each["Id"]) for each in policies if each["ResponseHeadersPolicyConfig"]["Name"] == inputs["name"]), None)


def _headers_config(inputs: Inputs) -> dict[str, Any]:
    return _counted(to_aws({"comment": "", **inputs}, HEADERS, HEADERS_ALIASES))


def create_headers(ctx: Context, inputs: Inputs) -> str:
    """Make the policy."""
    answer = ctx.client("cloudfront").create_response_headers_policy(ResponseHeadersPolicyConfig=_headers_config(inputs))
    return str(answer["ResponseHeadersPolicy"]["Id"])


def read_headers(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    answer = ctx.client("cloudfront").get_response_headers_policy(Id=id)
    told = from_aws(answer["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"], HEADERS, HEADERS_ALIASES)
    return Observed(inputs=told, outputs={"etag": answer["ETag"], "arn": ctx.arn("cloudfront", f"response-headers-policy/{id}", region="")})


def update_headers(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the configuration."""
    client = ctx.client("cloudfront")
    etag = client.get_response_headers_policy(Id=id)["ETag"]
    client.update_response_headers_policy(Id=id, IfMatch=etag, ResponseHeadersPolicyConfig=_headers_config(new))


def delete_headers(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the policy."""
    client = ctx.client("cloudfront")
    client.delete_response_headers_policy(Id=id, IfMatch=client.get_response_headers_policy(Id=id)["ETag"])


def find_function(ctx: Context, inputs: Inputs) -> str | None:
    """The function of that name."""
    found = ctx.optional(lambda: ctx.client("cloudfront").describe_function(Name=inputs["name"], Stage="DEVELOPMENT"))
    return inputs["name"] if found else None


def _function_config(inputs: Inputs) -> dict[str, Any]:
    return to_aws({"comment": "", **inputs}, FUNCTION_CONFIG)


def create_function(ctx: Context, inputs: Inputs) -> str:
    """Make the function and publish it."""
    client = ctx.client("cloudfront")
    code = str(inputs["code"]).encode()
    answer = client.create_function(Name=inputs["name"], FunctionConfig=_function_config(inputs), FunctionCode=code)
    if inputs["publish"]:
        client.publish_function(Name=inputs["name"], IfMatch=answer["ETag"])
    return str(inputs["name"])


def read_function(ctx: Context, id: str, _state: Inputs) -> Observed:
    """The function as it is in development; `publish` is an order."""
    client = ctx.client("cloudfront")
    described = client.describe_function(Name=id, Stage="DEVELOPMENT")
    summary = described["FunctionSummary"]
    live = ctx.optional(lambda: client.describe_function(Name=id, Stage="LIVE"))
    told = {
        **from_aws(summary["FunctionConfig"], FUNCTION_CONFIG),
        "name": id,
        "code": client.get_function(Name=id, Stage="DEVELOPMENT")["FunctionCode"].read().decode(),
    }
    outputs = {
        "arn": summary["FunctionMetadata"]["FunctionARN"],
        "etag": described["ETag"],
        "liveStageEtag": live["ETag"] if live else "",
        "status": summary.get("Status", ""),
    }
    return Observed(inputs=told, outputs=outputs)


def update_function(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Replace code and configuration, and publish."""
    client = ctx.client("cloudfront")
    etag = client.describe_function(Name=id, Stage="DEVELOPMENT")["ETag"]
    code = str(new["code"]).encode()
    client.update_function(Name=id, IfMatch=etag, FunctionConfig=_function_config(new), FunctionCode=code)
    if new["publish"]:
        client.publish_function(Name=id, IfMatch=client.describe_function(Name=id, Stage="DEVELOPMENT")["ETag"])


def delete_function(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the function."""
    client = ctx.client("cloudfront")
    client.delete_function(Name=id, IfMatch=client.describe_function(Name=id, Stage="DEVELOPMENT")["ETag"])


def _function_arn(ctx: Context, name: str) -> str:
    return ctx.arn("cloudfront", f"function/{name}", region="")


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The function's tags."""
    return tag_map(ctx.client("cloudfront").list_tags_for_resource(Resource=_function_arn(ctx, id))["Tags"].get("Items"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("cloudfront").tag_resource(Resource=_function_arn(ctx, id), Tags={"Items": tag_list(changed)})
    if removed:
        ctx.client("cloudfront").untag_resource(Resource=_function_arn(ctx, id), TagKeys={"Items": removed})


RESOURCES = (
    Resource(
        token="aws:cloudfront/originAccessControl:OriginAccessControl",
        name="name",
        inputs=ACCESS,
        outputs=("arn", "etag"),
        volatile=("etag",),
        find=find_access,
        create=create_access,
        read=read_access,
        update=update_access,
        delete=delete_access,
    ),
    Resource(
        token="aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        name="name",
        inputs=HEADERS,
        outputs=("arn", "etag"),
        volatile=("etag",),
        find=find_headers,
        create=create_headers,
        read=read_headers,
        update=update_headers,
        delete=delete_headers,
    ),
    Resource(
        token="aws:cloudfront/function:Function",
        name="name",
        inputs=FUNCTION,
        outputs=("arn", "etag", "liveStageEtag", "status"),
        volatile=("etag", "liveStageEtag", "status"),
        find=find_function,
        create=create_function,
        read=read_function,
        update=update_function,
        delete=delete_function,
        tags=Tags(read_tags, write_tags),
    ),
)
