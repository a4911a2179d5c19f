"""Buckets of what is deployed (packages, dictionary bundles) and of what must never be deleted (audit checkpoints)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context
from infra.components.bucket import BucketArgs, Lock, private_bucket
from infra.config import AuditLock
from infra.packages import Package


@dataclass(frozen=True)
class ArtifactsArgs:
    """`packages` are uploaded under their digests, so a function changes exactly when its content does."""

    packages: Sequence[Package]
    lock: AuditLock
    data_key_arn: pulumi.Input[str]


class Artifacts(Component):
    """Artifacts bucket with the function packages, and the audit bucket with Object Lock."""

    def __init__(self, ctx: Context, args: ArtifactsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Artifacts", ctx, opts)
        names = ctx.names
        self.bucket = private_bucket(BucketArgs("artifacts", names.bucket("artifacts"), args.data_key_arn, ctx.protect), self)
        self.audit = private_bucket(
            BucketArgs("audit", names.bucket("audit"), args.data_key_arn, ctx.protect, lock=Lock(args.lock.mode, args.lock.days)), self
        )
        self.packages = {package.name: self._upload(package, args) for package in args.packages}
        self.register_outputs({"bucket": self.bucket.bucket, "auditBucket": self.audit.bucket})

    def _upload(self, package: Package, args: ArtifactsArgs) -> aws.s3.BucketObjectv2:
        return aws.s3.BucketObjectv2(
            package.name,
            bucket=self.bucket.bucket,
            key=f"packages/{package.name}/{package.sha256}.zip",
            source=pulumi.FileAsset(str(package.path)),
            content_type="application/zip",
            kms_key_id=args.data_key_arn,
            server_side_encryption="aws:kms",
            opts=self.child(),
        )
