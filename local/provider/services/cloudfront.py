"""CloudFront: `aws:cloudfront/originAccessControl:OriginAccessControl` and `aws:cloudfront/distribution:Distribution`; ids are AWS's ids.

The API wraps every list as `{Quantity, Items}` and wants the whole configuration with its ETag on every change.
"""

import uuid
from typing import Any, cast

from botocore.exceptions import ClientError

from local.provider.framework.context import Context, error_code
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, listing, record, text
from local.provider.framework.translation import many, tag_list, tag_map

CONTROL = {
    "name": text(computed=True),
    "description": text(default="Managed by Pulumi"),
    "originAccessControlOriginType": text("s3", "lambda", "mediastore", "mediapackagev2", required=True),
    "signingBehavior": text("always", "never", "no-override", required=True),
    "signingProtocol": text("sigv4", required=True),
}
BEHAVIOR = {
    "targetOriginId": text(required=True),
    "viewerProtocolPolicy": text("allow-all", "https-only", "redirect-to-https", required=True),
    "allowedMethods": listing(text(), required=True, unordered=True),
    "cachedMethods": listing(text(), required=True, unordered=True),
    "cachePolicyId": text(),
    "originRequestPolicyId": text(),
    "responseHeadersPolicyId": text(),
    "compress": boolean(default=False),
}
ORIGIN = {
    "originId": text(required=True),
    "domainName": text(required=True),
    "originPath": text(),
    "originAccessControlId": text(),
    "connectionAttempts": integer(default=3),
    "connectionTimeout": integer(default=10),
}
CERTIFICATE = {
    "cloudfrontDefaultCertificate": boolean(),
    "acmCertificateArn": text(),
    "minimumProtocolVersion": text(computed=True),
    "sslSupportMethod": text("sni-only", "vip", "static-ip"),
}
ERROR_PAGE = {
    "errorCode": integer(required=True),
    "errorCachingMinTtl": integer(),
    "responseCode": integer(),
    "responsePagePath": text(),
}
DISTRIBUTION = {
    "enabled": boolean(required=True),
    "comment": text(),
    "aliases": listing(text(), unordered=True),
    "defaultRootObject": text(),
    "httpVersion": text("http1.1", "http2", "http3", "http2and3", default="http2"),
    "isIpv6Enabled": boolean(default=False),
    "priceClass": text("PriceClass_All", "PriceClass_200", "PriceClass_100", default="PriceClass_All"),
    "webAclId": text(),
    "defaultCacheBehavior": record(BEHAVIOR, required=True),
    "orderedCacheBehaviors": listing(record({"pathPattern": text(required=True), **BEHAVIOR})),
    "origins": listing(record(ORIGIN), required=True, unordered=True),
    "customErrorResponses": listing(record(ERROR_PAGE), unordered=True),
    "restrictions": record(
        {
            "geoRestriction": record(
                {"restrictionType": text("none", "whitelist", "blacklist", required=True), "locations": listing(text(), unordered=True)},
                required=True,
            )
        },
        required=True,
    ),
    "viewerCertificate": record(CERTIFICATE, required=True),
    "retainOnDelete": boolean(write_only=True),
    "waitForDeployment": boolean(write_only=True),
}
Document = dict[str, Any]


def _wrapped(items: list[Any] | None) -> Document:
    found = items or []
    return {"Quantity": len(found), "Items": found} if found else {"Quantity": 0}


def _items(document: Document, name: str) -> list[Any]:
    return many(cast("Document", document.get(name) or {}), "Items")


def _set(document: Document) -> Document:
    """Without what is absent."""
    return {key: value for key, value in document.items() if value is not None}


def _behavior(inputs: Inputs) -> Document:
    methods = {**_wrapped(inputs["allowedMethods"]), "CachedMethods": _wrapped(inputs["cachedMethods"])}
    return _set(
        {
            "PathPattern": inputs.get("pathPattern"),
            "TargetOriginId": inputs["targetOriginId"],
            "ViewerProtocolPolicy": inputs["viewerProtocolPolicy"],
            "AllowedMethods": methods,
            "CachePolicyId": inputs.get("cachePolicyId"),
            "OriginRequestPolicyId": inputs.get("originRequestPolicyId"),
            "ResponseHeadersPolicyId": inputs.get("responseHeadersPolicyId"),
            "Compress": bool(inputs.get("compress")),
        }
    )


def _told_behavior(document: Document) -> Inputs:
    methods = cast("Document", document.get("AllowedMethods") or {})
    return _set(
        {
            "pathPattern": document.get("PathPattern"),
            "targetOriginId": document["TargetOriginId"],
            "viewerProtocolPolicy": document["ViewerProtocolPolicy"],
            "allowedMethods": list(methods.get("Items") or []),
            "cachedMethods": _items(methods, "CachedMethods"),
            "cachePolicyId": document.get("CachePolicyId") or None,
            "originRequestPolicyId": document.get("OriginRequestPolicyId") or None,
            "responseHeadersPolicyId": document.get("ResponseHeadersPolicyId") or None,
            "compress": bool(document.get("Compress")),
        }
    )


def _origin(inputs: Inputs) -> Document:
    return {
        "Id": inputs["originId"],
        "DomainName": inputs["domainName"],
        "OriginPath": inputs.get("originPath") or "",
        "OriginAccessControlId": inputs.get("originAccessControlId") or "",
        "ConnectionAttempts": inputs["connectionAttempts"],
        "ConnectionTimeout": inputs["connectionTimeout"],
        "CustomHeaders": {"Quantity": 0},
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }


def _told_origin(document: Document) -> Inputs:
    return _set(
        {
            "originId": document["Id"],
            "domainName": document["DomainName"],
            "originPath": document.get("OriginPath") or None,
            "originAccessControlId": document.get("OriginAccessControlId") or None,
            "connectionAttempts": int(document.get("ConnectionAttempts") or 3),
            "connectionTimeout": int(document.get("ConnectionTimeout") or 10),
        }
    )


def _error_page(inputs: Inputs) -> Document:
    page = _set({"ErrorCode": inputs["errorCode"], "ErrorCachingMinTTL": inputs.get("errorCachingMinTtl")})
    if inputs.get("responsePagePath"):
        page |= {"ResponsePagePath": inputs["responsePagePath"], "ResponseCode": str(inputs.get("responseCode") or inputs["errorCode"])}
    return page


def _told_error_page(document: Document) -> Inputs:
    code = document.get("ResponseCode")
    return _set(
        {
            "errorCode": int(document["ErrorCode"]),
            "errorCachingMinTtl": document.get("ErrorCachingMinTTL"),
            "responseCode": int(code) if code else None,
            "responsePagePath": document.get("ResponsePagePath") or None,
        }
    )


def _certificate(inputs: Inputs) -> Document:
    return _set(
        {
            "CloudFrontDefaultCertificate": inputs.get("cloudfrontDefaultCertificate"),
            "ACMCertificateArn": inputs.get("acmCertificateArn"),
            "MinimumProtocolVersion": inputs.get("minimumProtocolVersion"),
            "SSLSupportMethod": inputs.get("sslSupportMethod"),
        }
    )


def _told_certificate(document: Document) -> Inputs:
    default = bool(document.get("CloudFrontDefaultCertificate"))
    return _set(
        {
            "cloudfrontDefaultCertificate": default or None,
            "acmCertificateArn": document.get("ACMCertificateArn") or None,
            "minimumProtocolVersion": document.get("MinimumProtocolVersion") or None,
            "sslSupportMethod": None if default else document.get("SSLSupportMethod") or None,
        }
    )


def _configuration(inputs: Inputs, reference: str) -> Document:
    geo = inputs["restrictions"]["geoRestriction"]
    return {
        "CallerReference": reference,
        "Enabled": inputs["enabled"],
        "Comment": inputs.get("comment") or "",
        "Aliases": _wrapped(inputs.get("aliases")),
        "DefaultRootObject": inputs.get("defaultRootObject") or "",
        "HttpVersion": inputs["httpVersion"],
        "IsIPV6Enabled": inputs["isIpv6Enabled"],
        "PriceClass": inputs["priceClass"],
        "WebACLId": inputs.get("webAclId") or "",
        "DefaultCacheBehavior": _behavior(inputs["defaultCacheBehavior"]),
        "CacheBehaviors": _wrapped([_behavior(each) for each in many(inputs, "orderedCacheBehaviors")]),
        "Origins": _wrapped([_origin(each) for each in inputs["origins"]]),
        "CustomErrorResponses": _wrapped([_error_page(each) for each in many(inputs, "customErrorResponses")]),
        "Restrictions": {"GeoRestriction": {"RestrictionType": geo["restrictionType"], **_wrapped(geo.get("locations"))}},
        "ViewerCertificate": _certificate(inputs["viewerCertificate"]),
    }


def _told(config: Document) -> Inputs:
    geo = config.get("Restrictions", {}).get("GeoRestriction", {})
    restriction = _set({"restrictionType": geo.get("RestrictionType", "none"), "locations": list(geo.get("Items") or []) or None})
    return {
        "enabled": config["Enabled"],
        "comment": config.get("Comment") or None,
        "aliases": _items(config, "Aliases") or None,
        "defaultRootObject": config.get("DefaultRootObject") or None,
        "httpVersion": str(config.get("HttpVersion") or "http2").lower(),
        "isIpv6Enabled": bool(config.get("IsIPV6Enabled")),
        "priceClass": config.get("PriceClass") or "PriceClass_All",
        "webAclId": config.get("WebACLId") or None,
        "defaultCacheBehavior": _told_behavior(config["DefaultCacheBehavior"]),
        "orderedCacheBehaviors": [_told_behavior(each) for each in _items(config, "CacheBehaviors")] or None,
        "origins": [_told_origin(each) for each in _items(config, "Origins")],
        "customErrorResponses": [_told_error_page(each) for each in _items(config, "CustomErrorResponses")] or None,
        "restrictions": {"geoRestriction": restriction},
        "viewerCertificate": _told_certificate(config.get("ViewerCertificate") or {}),
    }


def create_distribution(ctx: Context, inputs: Inputs) -> str:
    """Make the distribution."""
    config = _configuration(inputs, str(uuid.uuid5(uuid.NAMESPACE_URL, ctx.urn)))
    return str(ctx.client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]["Id"])


def read_distribution(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The whole configuration is told."""
    answer = ctx.optional(lambda: ctx.client("cloudfront").get_distribution(Id=id))
    if not answer:
        return None
    found = answer["Distribution"]
    outputs = {
        "arn": found["ARN"],
        "domainName": found["DomainName"],
        "etag": answer["ETag"],
        "status": found["Status"],
        "hostedZoneId": "Z2FDTNDATAQYW2",
    }
    return Observed(inputs=_told(found["DistributionConfig"]), outputs=outputs)


def update_distribution(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the configuration under its current ETag."""
    client = ctx.client("cloudfront")
    current = client.get_distribution_config(Id=id)
    config = _configuration(new, current["DistributionConfig"]["CallerReference"])
    client.update_distribution(Id=id, DistributionConfig=config, IfMatch=current["ETag"])


def delete_distribution(ctx: Context, id: str, state: Inputs) -> None:
    """AWS deletes only what is disabled and deployed; `retainOnDelete` leaves it disabled."""
    client = ctx.client("cloudfront")
    current = client.get_distribution_config(Id=id)
    if current["DistributionConfig"]["Enabled"]:
        config = {**current["DistributionConfig"], "Enabled": False}
        client.update_distribution(Id=id, DistributionConfig=config, IfMatch=current["ETag"])
        ctx.wait(lambda: client.get_distribution(Id=id)["Distribution"]["Status"] == "Deployed", f"deployment of distribution {id}", 900)
        current = client.get_distribution_config(Id=id)
    if not state.get("retainOnDelete"):
        client.delete_distribution(Id=id, IfMatch=current["ETag"])


def _distribution_arn(ctx: Context, id: str) -> str:
    return ctx.arn("cloudfront", f"distribution/{id}", region="")


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The distribution's tags."""
    return tag_map(ctx.client("cloudfront").list_tags_for_resource(Resource=_distribution_arn(ctx, id))["Tags"].get("Items"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = _distribution_arn(ctx, id)
    if changed:
        ctx.client("cloudfront").tag_resource(Resource=arn, Tags={"Items": tag_list(changed)})
    if removed:
        ctx.client("cloudfront").untag_resource(Resource=arn, TagKeys={"Items": removed})


def _control(inputs: Inputs) -> Document:
    return {
        "Name": inputs["name"],
        "Description": inputs.get("description") or "",
        "OriginAccessControlOriginType": inputs["originAccessControlOriginType"],
        "SigningBehavior": inputs["signingBehavior"],
        "SigningProtocol": inputs["signingProtocol"],
    }


def find_control(ctx: Context, inputs: Inputs) -> str | None:
    """The origin access control of that name."""
    listed = ctx.client("cloudfront").list_origin_access_controls().get("OriginAccessControlList", {})
    return next((str(each["Id"]) for each in many(listed, "Items") if each["Name"] == inputs["name"]), None)


def create_control(ctx: Context, inputs: Inputs) -> str:
    """Make the origin access control."""
    answer = ctx.client("cloudfront").create_origin_access_control(OriginAccessControlConfig=_control(inputs))
    return str(answer["OriginAccessControl"]["Id"])


def read_control(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Everything is told."""
    try:
        answer = ctx.client("cloudfront").get_origin_access_control(Id=id)
    except ClientError as error:
        if error_code(error).startswith("NoSuch"):
            return None
        raise
    config = answer["OriginAccessControl"]["OriginAccessControlConfig"]
    told = {name: config.get(name[0].upper() + name[1:]) for name in CONTROL}
    return Observed(inputs=told, outputs={"etag": answer["ETag"], "arn": ctx.arn("cloudfront", f"origin-access-control/{id}", region="")})


def update_control(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the configuration under its current ETag."""
    client = ctx.client("cloudfront")
    etag = client.get_origin_access_control(Id=id)["ETag"]
    client.update_origin_access_control(Id=id, OriginAccessControlConfig=_control(new), IfMatch=etag)


def delete_control(ctx: Context, id: str, _state: Inputs) -> None:
    """AWS refuses while a distribution uses it."""
    client = ctx.client("cloudfront")
    client.delete_origin_access_control(Id=id, IfMatch=client.get_origin_access_control(Id=id)["ETag"])


RESOURCES = (
    Resource(
        token="aws:cloudfront/originAccessControl:OriginAccessControl",
        name="name",
        inputs=CONTROL,
        outputs=("etag", "arn"),
        volatile=("etag",),
        find=find_control,
        create=create_control,
        read=read_control,
        update=update_control,
        delete=delete_control,
    ),
    Resource(
        token="aws:cloudfront/distribution:Distribution",
        inputs=DISTRIBUTION,
        outputs=("arn", "domainName", "etag", "status", "hostedZoneId"),
        volatile=("etag", "status"),
        create=create_distribution,
        read=read_distribution,
        update=update_distribution,
        delete=delete_distribution,
        tags=Tags(read_tags, write_tags),
    ),
)
