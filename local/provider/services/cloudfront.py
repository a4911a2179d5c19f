"""CloudFront distributions. Ids are CloudFront's own. Caching is by policies only: the legacy `forwardedValues` is not accepted."""

import copy
import uuid
from typing import Any, cast

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, listing, record, text
from local.provider.framework.translation import from_aws, rows, tag_list, tag_map, to_aws

HOSTED_ZONE = "Z2FDTNDATAQYW2"
BEHAVIOR = {
    "allowedMethods": listing(text(), required=True, unordered=True),
    "cachedMethods": listing(text(), required=True, unordered=True),
    "targetOriginId": text(required=True),
    "viewerProtocolPolicy": text("allow-all", "https-only", "redirect-to-https", required=True),
    "cachePolicyId": text(required=True),
    "compress": boolean(default=False),
    "functionAssociations": listing(
        record({"eventType": text("viewer-request", "viewer-response", required=True), "functionArn": text(required=True)}), unordered=True
    ),
    "originRequestPolicyId": text(),
    "responseHeadersPolicyId": text(),
}
CUSTOM_ORIGIN = record(
    {
        "httpPort": integer(required=True),
        "httpsPort": integer(required=True),
        "originProtocolPolicy": text("http-only", "https-only", "match-viewer", required=True),
        "originSslProtocols": listing(text(), required=True, unordered=True),
        "originKeepaliveTimeout": integer(default=5),
        "originReadTimeout": integer(default=30),
    }
)
ORIGIN = record(
    {
        "originId": text(required=True),
        "domainName": text(required=True),
        "connectionAttempts": integer(default=3),
        "connectionTimeout": integer(default=10),
        "customHeaders": listing(record({"name": text(required=True), "value": text(required=True)}), unordered=True),
        "customOriginConfig": CUSTOM_ORIGIN,
        "originAccessControlId": text(),
        "originPath": text(),
    }
)
CONFIG = {
    "enabled": boolean(required=True),
    "aliases": listing(text(), unordered=True),
    "comment": text(),
    "customErrorResponses": listing(
        record(
            {
                "errorCode": integer(required=True),
                "errorCachingMinTtl": integer(),
                "responseCode": integer(),
                "responsePagePath": text(),
            }
        ),
        unordered=True,
    ),
    "defaultCacheBehavior": record(BEHAVIOR, required=True),
    "defaultRootObject": text(),
    "httpVersion": text("http1.1", "http2", "http3", "http2and3", default="http2"),
    "isIpv6Enabled": boolean(default=False),
    "loggingConfig": record({"bucket": text(), "includeCookies": boolean(default=False), "prefix": text()}),
    "orderedCacheBehaviors": listing(record({**BEHAVIOR, "pathPattern": text(required=True)})),
    "origins": listing(ORIGIN, required=True, unordered=True),
    "priceClass": text("PriceClass_100", "PriceClass_200", "PriceClass_All", default="PriceClass_All"),
    "restrictions": record(
        {
            "geoRestriction": record(
                {"restrictionType": text("none", "whitelist", "blacklist", required=True), "locations": listing(text(), unordered=True)},
                required=True,
            )
        },
        required=True,
    ),
    "viewerCertificate": record(
        {
            "acmCertificateArn": text(),
            "cloudfrontDefaultCertificate": boolean(),
            "iamCertificateId": text(),
            "minimumProtocolVersion": text(computed=True),
            "sslSupportMethod": text("sni-only", "vip", "static-ip"),
        },
        required=True,
    ),
    "webAclId": text(),
}
DISTRIBUTION = {**CONFIG, "retainOnDelete": boolean(write_only=True), "waitForDeployment": boolean(write_only=True)}
ALIASES = {
    "functionArn": "FunctionARN", "errorCachingMinTtl": "ErrorCachingMinTTL", "isIpv6Enabled": "IsIPV6Enabled",
    "loggingConfig": "Logging", "orderedCacheBehaviors": "CacheBehaviors", "webAclId": "WebACLId", "originId": "Id",
    "name": "HeaderName", "value": "HeaderValue", "httpPort": "HTTPPort", "httpsPort": "HTTPSPort",
    "acmCertificateArn": "ACMCertificateArn", "cloudfrontDefaultCertificate": "CloudFrontDefaultCertificate",
    "iamCertificateId": "IAMCertificateId", "sslSupportMethod": "SSLSupportMethod",
}  # fmt: skip


def wrapped(value: Any) -> Any:
    """Lists as CloudFront takes them: with their length."""
    if isinstance(value, dict):
        return {key: wrapped(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        items = [wrapped(each) for each in cast("list[Any]", value)]
        return {"Quantity": len(items), "Items": items} if items else {"Quantity": 0}
    return value


def unwrapped(value: Any) -> Any:
    """The reverse of `wrapped`; objects that hold more than a list keep their other fields."""
    if isinstance(value, list):
        return [unwrapped(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if fields.keys() <= {"Quantity", "Items"} and "Quantity" in fields:
        return [unwrapped(each) for each in cast("list[Any]", fields.get("Items") or [])]
    return {key: unwrapped(each) for key, each in fields.items()}


def config_of(inputs: Inputs, reference: str) -> dict[str, Any]:
    """The distribution's configuration as CloudFront takes it."""
    config = cast("dict[str, Any]", wrapped(to_aws({"comment": "", **inputs}, CONFIG, ALIASES)))
    for behavior in (config["DefaultCacheBehavior"], *rows(config.get("CacheBehaviors"), "Items")):
        behavior["AllowedMethods"]["CachedMethods"] = behavior.pop("CachedMethods")
    geo = config["Restrictions"]["GeoRestriction"]
    geo |= geo.pop("Locations", {"Quantity": 0})
    for origin in config["Origins"]["Items"]:
        if "CustomOriginConfig" not in origin:
            origin["S3OriginConfig"] = {"OriginAccessIdentity": ""}
    for error in rows(config.get("CustomErrorResponses"), "Items"):
        if "ResponseCode" in error:
            error["ResponseCode"] = str(error["ResponseCode"])
    if logging := config.get("Logging"):
        config["Logging"] = {"Enabled": True, "Bucket": "", "Prefix": "", **logging}
    return {**config, "CallerReference": reference}


def inputs_of(config: dict[str, Any]) -> Inputs:
    """A distribution's configuration as the SDK's inputs."""
    config = copy.deepcopy(config)
    for behavior in (config["DefaultCacheBehavior"], *rows(config.get("CacheBehaviors"), "Items")):
        behavior["CachedMethods"] = behavior["AllowedMethods"].pop("CachedMethods", None)
    geo = config.get("Restrictions", {}).get("GeoRestriction", {})
    if "Quantity" in geo:
        geo["Locations"] = {"Quantity": geo.pop("Quantity"), "Items": geo.pop("Items", [])}
    plain = cast("dict[str, Any]", unwrapped(config))
    for error in rows(plain, "CustomErrorResponses"):
        if error.get("ResponseCode"):
            error["ResponseCode"] = int(error["ResponseCode"])
    if not (plain.get("Logging") or {}).get("Enabled"):
        plain["Logging"] = None
    return from_aws(plain, CONFIG, ALIASES)


def create(ctx: Context, inputs: Inputs) -> str:
    """Make the distribution."""
    answer = ctx.client("cloudfront").create_distribution(DistributionConfig=config_of(inputs, str(uuid.uuid4())))
    return str(answer["Distribution"]["Id"])


def read(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything but how to wait and delete."""
    answer = ctx.client("cloudfront").get_distribution(Id=id)
    distribution = answer["Distribution"]
    outputs = {
        "arn": distribution["ARN"],
        "callerReference": distribution["DistributionConfig"]["CallerReference"],
        "domainName": distribution["DomainName"],
        "etag": answer["ETag"],
        "hostedZoneId": HOSTED_ZONE,
        "lastModifiedTime": str(distribution["LastModifiedTime"]),
        "status": distribution["Status"],
    }
    return Observed(inputs=inputs_of(distribution["DistributionConfig"]), outputs=outputs)


def update(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the configuration."""
    client = ctx.client("cloudfront")
    now = client.get_distribution_config(Id=id)
    reference = now["DistributionConfig"]["CallerReference"]
    client.update_distribution(Id=id, IfMatch=now["ETag"], DistributionConfig=config_of(new, reference))


def delete(ctx: Context, id: str, state: Inputs) -> None:
    """Disable, wait, delete; with `retainOnDelete` only disable."""
    client = ctx.client("cloudfront")
    now = client.get_distribution_config(Id=id)
    if now["DistributionConfig"]["Enabled"]:
        client.update_distribution(Id=id, IfMatch=now["ETag"], DistributionConfig={**now["DistributionConfig"], "Enabled": False})
    if state.get("retainOnDelete"):
        return
    ctx.wait(lambda: client.get_distribution(Id=id)["Distribution"]["Status"] == "Deployed", f"distribution {id} becoming disabled")
    client.delete_distribution(Id=id, IfMatch=client.get_distribution_config(Id=id)["ETag"])


def _arn(ctx: Context, id: str) -> str:
    return ctx.arn("cloudfront", f"distribution/{id}", region="")


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The distribution's tags."""
    return tag_map(ctx.client("cloudfront").list_tags_for_resource(Resource=_arn(ctx, id))["Tags"].get("Items"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("cloudfront").tag_resource(Resource=_arn(ctx, id), Tags={"Items": tag_list(changed)})
    if removed:
        ctx.client("cloudfront").untag_resource(Resource=_arn(ctx, id), TagKeys={"Items": removed})


RESOURCES = (
    Resource(
        token="aws:cloudfront/distribution:Distribution",
        inputs=DISTRIBUTION,
        outputs=("arn", "callerReference", "domainName", "etag", "hostedZoneId", "lastModifiedTime", "status"),
        volatile=("etag", "lastModifiedTime", "status"),
        create=create,
        read=read,
        update=update,
        delete=delete,
        tags=Tags(read_tags, write_tags),
    ),
)
