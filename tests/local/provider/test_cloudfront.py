"""Distributions, origin access controls, response headers policies and functions."""

from typing import Any

from tests.local.provider.rig import Rig, lives_a_full_life

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
ACCESS = "aws:cloudfront/originAccessControl:OriginAccessControl"
HEADERS = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
FUNCTION = "aws:cloudfront/function:Function"
CACHING = "658327ea-f89d-4fab-a63d-7e88639e58f6"
BEHAVIOR = {
    "targetOriginId": "portal",
    "viewerProtocolPolicy": "redirect-to-https",
    "allowedMethods": ["GET", "HEAD"],
    "cachedMethods": ["GET", "HEAD"],
    "compress": True,
    "cachePolicyId": CACHING,
}


def distribution(access: str) -> dict[str, Any]:
    return {
        "comment": "portal",
        "enabled": True,
        "isIpv6Enabled": True,
        "httpVersion": "http2and3",
        "priceClass": "PriceClass_100",
        "defaultRootObject": "index.html",
        "origins": [{"originId": "portal", "domainName": "portal.s3.us-east-1.amazonaws.com", "originAccessControlId": access}],
        "defaultCacheBehavior": BEHAVIOR,
        "orderedCacheBehaviors": [{**BEHAVIOR, "pathPattern": "/api/*"}],
        "customErrorResponses": [{"errorCode": 404, "responseCode": 200, "responsePagePath": "/index.html", "errorCachingMinTtl": 10}],
        "restrictions": {"geoRestriction": {"restrictionType": "whitelist", "locations": ["US", "DE"]}},
        "viewerCertificate": {"cloudfrontDefaultCertificate": True},
    }


def test_a_distribution_lives_a_full_life(rig: Rig) -> None:
    access = rig.create(ACCESS, "oac", name="oac", originAccessControlOriginType="s3", signingBehavior="always", signingProtocol="sigv4")
    it = rig.create(DISTRIBUTION, **distribution(access.id), tags={"team": "kpi"})
    assert it.state["domainName"].endswith(".cloudfront.net")
    assert it.imported()["origins"][0]["originAccessControlId"] == access.id

    def spoil() -> None:
        client = rig.aws("cloudfront")
        now = client.get_distribution_config(Id=it.id)
        config = {**now["DistributionConfig"], "DefaultRootObject": "other.html"}
        client.update_distribution(Id=it.id, IfMatch=now["ETag"], DistributionConfig=config)

    change = {"defaultCacheBehavior": {**BEHAVIOR, "compress": False}, "tags": {"team": "core"}, "customErrorResponses": None}
    lives_a_full_life(it, change=change, spoil=spoil, drifted="defaultRootObject")


def test_a_custom_origin_is_read_back_as_asked(rig: Rig) -> None:
    custom = {"httpPort": 80, "httpsPort": 443, "originProtocolPolicy": "https-only", "originSslProtocols": ["TLSv1.2"]}
    headers = [{"name": "X-Origin", "value": "kpi"}]
    origin = {"originId": "portal", "domainName": "example.com", "customOriginConfig": custom, "customHeaders": headers}
    plain = {key: value for key, value in distribution("").items() if key not in ("orderedCacheBehaviors", "customErrorResponses")}
    it = rig.create(
        DISTRIBUTION, "custom", **{**plain, "origins": [origin], "restrictions": {"geoRestriction": {"restrictionType": "none"}}}
    )
    assert it.drift() == []


def test_an_origin_access_control_lives_a_full_life(rig: Rig) -> None:
    it = rig.create(ACCESS, name="bucket", originAccessControlOriginType="s3", signingBehavior="always", signingProtocol="sigv4")

    def spoil() -> None:
        client = rig.aws("cloudfront")
        now = client.get_origin_access_control(Id=it.id)
        config = {**now["OriginAccessControl"]["OriginAccessControlConfig"], "SigningBehavior": "never"}
        client.update_origin_access_control(Id=it.id, IfMatch=now["ETag"], OriginAccessControlConfig=config)

    lives_a_full_life(it, change={"description": "portal bucket"}, spoil=spoil, drifted="signingBehavior")


def test_a_response_headers_policy_lives_a_full_life(rig: Rig) -> None:
    security = {
        "contentTypeOptions": {"override": True},
        "frameOptions": {"frameOption": "DENY", "override": True},
        "strictTransportSecurity": {"accessControlMaxAgeSec": 63072000, "override": True, "includeSubdomains": True},
    }
    custom = {"items": [{"header": "X-Kpi", "override": True, "value": "1"}]}
    it = rig.create(HEADERS, name="secure", comment="portal", securityHeadersConfig=security, customHeadersConfig=custom)

    def spoil() -> None:
        client = rig.aws("cloudfront")
        now = client.get_response_headers_policy_config(Id=it.id)
        config = {**now["ResponseHeadersPolicyConfig"], "Comment": "other"}
        client.update_response_headers_policy(Id=it.id, IfMatch=now["ETag"], ResponseHeadersPolicyConfig=config)

    lives_a_full_life(it, change={"customHeadersConfig": None}, spoil=spoil, drifted="comment")


def test_a_function_lives_a_full_life(rig: Rig) -> None:
    code = "function handler(event) { return event.request; }"
    it = rig.create(FUNCTION, name="rewrite", code=code, runtime="cloudfront-js-2.0", comment="rewrite", tags={"team": "kpi"})
    assert it.state["liveStageEtag"]

    def spoil() -> None:
        client = rig.aws("cloudfront")
        now = client.describe_function(Name="rewrite", Stage="DEVELOPMENT")
        config: Any = {"Comment": "rewrite", "Runtime": "cloudfront-js-2.0"}
        client.update_function(Name="rewrite", IfMatch=now["ETag"], FunctionConfig=config, FunctionCode=b"other")

    lives_a_full_life(it, change={"code": code + "\n", "tags": {"team": "core"}}, spoil=spoil, drifted="code")
