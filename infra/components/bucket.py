"""A private, encrypted, versioned bucket: the only kind of bucket here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import iam


@dataclass(frozen=True)
class Lock:
    """Object Lock's default retention."""

    mode: str
    days: int


@dataclass(frozen=True)
class BucketArgs:
    """One bucket. `key_arn` None means S3's own keys (CloudFront's origin); `archive_days` moves to cold storage, `expire_days` deletes."""

    purpose: str
    name: str
    key_arn: pulumi.Input[str] | None
    protect: bool
    lock: Lock | None = None
    archive_days: int | None = None
    expire_days: int | None = None
    statements: Sequence[Mapping[str, Any]] = ()


def private_bucket(args: BucketArgs, parent: pulumi.Resource) -> aws.s3.Bucket:
    """Declare a bucket and everything that makes it private."""
    bucket = aws.s3.Bucket(
        args.purpose,
        bucket=args.name,
        object_lock_enabled=True if args.lock else None,
        force_destroy=not args.protect,
        opts=pulumi.ResourceOptions(parent=parent, protect=args.protect),
    )
    opts = pulumi.ResourceOptions(parent=bucket)
    versioning = aws.s3.BucketVersioning(
        args.purpose,
        bucket=bucket.bucket,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=opts,
    )
    _encryption(args, bucket, opts)
    blocked = aws.s3.BucketPublicAccessBlock(
        args.purpose,
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    aws.s3.BucketPolicy(
        args.purpose,
        bucket=bucket.bucket,
        policy=iam.resource_document(_tls_only(args.name), *args.statements),
        # S3 answers a conflict when both change at once.
        opts=pulumi.ResourceOptions(parent=bucket, depends_on=[blocked]),
    )
    after = pulumi.ResourceOptions(parent=bucket, depends_on=[versioning])
    _lifecycle(args, bucket, after)
    if args.lock:
        retention = aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(mode=args.lock.mode, days=args.lock.days)
        rule = aws.s3.BucketObjectLockConfigurationRuleArgs(default_retention=retention)
        aws.s3.BucketObjectLockConfiguration(args.purpose, bucket=bucket.bucket, rule=rule, opts=after)
    return bucket


def _encryption(args: BucketArgs, bucket: aws.s3.Bucket, opts: pulumi.ResourceOptions) -> None:
    by_default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="aws:kms" if args.key_arn is not None else "AES256",
        kms_master_key_id=args.key_arn,
    )
    rule = aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=by_default,
        bucket_key_enabled=args.key_arn is not None,
    )
    aws.s3.BucketServerSideEncryptionConfiguration(args.purpose, bucket=bucket.bucket, rules=[rule], opts=opts)


def _lifecycle(args: BucketArgs, bucket: aws.s3.Bucket, opts: pulumi.ResourceOptions) -> None:
    days = (
        aws.s3.BucketLifecycleConfigurationRuleTransitionArgs(days=args.archive_days, storage_class="GLACIER")
        if args.archive_days
        else None
    )
    expiry = aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_days) if args.expire_days else None
    rule = aws.s3.BucketLifecycleConfigurationRuleArgs(
        id="keep",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        transitions=[days] if days else None,
        expiration=expiry,
        abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=7
        ),
    )
    aws.s3.BucketLifecycleConfiguration(args.purpose, bucket=bucket.bucket, rules=[rule], opts=opts)


def _tls_only(name: str) -> dict[str, Any]:
    return {
        "Sid": "OnlyByTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
