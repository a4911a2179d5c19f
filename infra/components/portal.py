"""The portal: static pages in a private bucket, served by CloudFront behind a firewall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context
from infra.components.bucket import BucketArgs, private_bucket

# AWS's own managed policies, the same in every account.
_CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
_SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"
_REQUESTS_PER_FIVE_MINUTES = 2_000
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_MANAGED_RULES = ("AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesAmazonIpReputationList")


@dataclass(frozen=True)
class PortalArgs:
    """`files`: what to serve, by path below the root, on disk."""

    files: Mapping[str, Path]


class Portal(Component):
    """Bucket, origin access control, distribution, web ACL and the pages."""

    def __init__(self, ctx: Context, args: PortalArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Portal", ctx, opts)
        self.firewall = self._firewall()
        self.bucket_name = ctx.names.bucket("portal")
        self.distribution = self._distribution()
        self.bucket = private_bucket(
            # CloudFront signs for S3's own encryption; the pages hold definitions, never values.
            BucketArgs("portal", self.bucket_name, None, protect=False, statements=[self._let_cloudfront_read()]),
            self,
        )
        for path, file in sorted(args.files.items()):
            self._page(path, file)
        self.url = self.distribution.domain_name.apply(lambda domain: f"https://{domain}")
        self.register_outputs({"url": self.url, "bucket": self.bucket.bucket})

    def _page(self, path: str, file: Path) -> None:
        aws.s3.BucketObjectv2(
            f"portal/{path}",
            bucket=self.bucket.bucket,
            key=path,
            source=pulumi.FileAsset(str(file)),
            content_type=_CONTENT_TYPES.get(file.suffix, "application/octet-stream"),
            cache_control="no-cache",
            opts=self.child(parent=self.bucket),
        )

    def _firewall(self) -> aws.wafv2.WebAcl:
        return aws.wafv2.WebAcl(
            "portal",
            name=self.ctx.names.named("portal"),
            description="Portal: managed rules and a limit for each address",
            scope="CLOUDFRONT",
            # CloudFront reads its firewalls in this region only.
            region="us-east-1",
            default_action=aws.wafv2.WebAclDefaultActionArgs(allow=aws.wafv2.WebAclDefaultActionAllowArgs()),
            rules=[_rate_limit(len(_MANAGED_RULES)), *(_managed(name, place) for place, name in enumerate(_MANAGED_RULES))],
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, metric_name=self.ctx.names.named("portal"), sampled_requests_enabled=False
            ),
            opts=self.child(),
        )

    def _distribution(self) -> aws.cloudfront.Distribution:
        access = aws.cloudfront.OriginAccessControl(
            "portal",
            name=self.bucket_name,
            description="Portal bucket",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self.child(),
        )
        origin = aws.cloudfront.DistributionOriginArgs(
            origin_id="portal",
            domain_name=f"{self.bucket_name}.s3.{self.ctx.names.region}.amazonaws.com",
            origin_access_control_id=access.id,
        )
        behavior = aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
            target_origin_id="portal",
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=["GET", "HEAD"],
            cached_methods=["GET", "HEAD"],
            compress=True,
            cache_policy_id=_CACHING_OPTIMIZED,
            response_headers_policy_id=_SECURITY_HEADERS,
        )
        return aws.cloudfront.Distribution(
            "portal",
            comment=self.ctx.names.named("portal"),
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            price_class="PriceClass_100",
            default_root_object="index.html",
            origins=[origin],
            default_cache_behavior=behavior,
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(
                geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
            ),
            viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True),
            web_acl_id=self.firewall.arn,
            opts=self.child(),
        )

    def _let_cloudfront_read(self) -> dict[str, object]:
        return {
            "Sid": "CloudFront",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"{self.ctx.names.bucket_arn('portal')}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": self.distribution.arn}},
        }


def _rate_limit(priority: int) -> aws.wafv2.WebAclRuleArgs:
    limit = aws.wafv2.WebAclRuleStatementRateBasedStatementArgs(limit=_REQUESTS_PER_FIVE_MINUTES, aggregate_key_type="IP")
    return aws.wafv2.WebAclRuleArgs(
        name="rate-limit",
        priority=priority,
        action=aws.wafv2.WebAclRuleActionArgs(block=aws.wafv2.WebAclRuleActionBlockArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(rate_based_statement=limit),
        visibility_config=_visible("rate-limit"),
    )


def _managed(name: str, priority: int) -> aws.wafv2.WebAclRuleArgs:
    group = aws.wafv2.WebAclRuleStatementManagedRuleGroupStatementArgs(name=name, vendor_name="AWS")
    return aws.wafv2.WebAclRuleArgs(
        name=name,
        priority=priority,
        override_action=aws.wafv2.WebAclRuleOverrideActionArgs(none=aws.wafv2.WebAclRuleOverrideActionNoneArgs()),
        statement=aws.wafv2.WebAclRuleStatementArgs(managed_rule_group_statement=group),
        visibility_config=_visible(name),
    )


def _visible(name: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgs:
    return aws.wafv2.WebAclRuleVisibilityConfigArgs(cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False)
