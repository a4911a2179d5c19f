"""Settings of S3 buckets that are resources of their own: versioning, encryption, access, lifecycle, policy, lock, ownership.

Each has the bucket's name as id and is written whole by one put, on create and on update.
"""

from collections.abc import Callable
from typing import Any

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, existing
from local.provider.framework.schema import Property, boolean, integer, json_document, listing, mapping, record, text
from local.provider.framework.translation import from_aws, to_aws

NAMES = {"sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyId": "KMSMasterKeyID", "id": "ID"}
BUCKET = text(required=True, replace=True)

ENCRYPTION: dict[str, Property] = {
    "rules": listing(
        record(
            {
                "applyServerSideEncryptionByDefault": record(
                    {"sseAlgorithm": text("AES256", "aws:kms", "aws:kms:dsse", required=True), "kmsMasterKeyId": text()}
                ),
                "bucketKeyEnabled": boolean(),
            }
        ),
        required=True,
        unordered=True,
    )
}
ACCESS: dict[str, Property] = {
    "blockPublicAcls": boolean(),
    "blockPublicPolicy": boolean(),
    "ignorePublicAcls": boolean(),
    "restrictPublicBuckets": boolean(),
}
EXPIRY = record({"date": text(), "days": integer(), "expiredObjectDeleteMarker": boolean()})
LIFECYCLE: dict[str, Property] = {
    "rules": listing(
        record(
            {
                "id": text(required=True),
                "status": text("Enabled", "Disabled", required=True),
                "abortIncompleteMultipartUpload": record({"daysAfterInitiation": integer()}),
                "expiration": EXPIRY,
                "filter": record(
                    {
                        "prefix": text(),
                        "objectSizeGreaterThan": integer(),
                        "objectSizeLessThan": integer(),
                        "tag": record({"key": text(required=True), "value": text(required=True)}),
                        "and": record(
                            {
                                "prefix": text(),
                                "objectSizeGreaterThan": integer(computed=True),
                                "objectSizeLessThan": integer(computed=True),
                                "tags": mapping(text()),
                            }
                        ),
                    }
                ),
                "noncurrentVersionExpiration": record({"noncurrentDays": integer(required=True), "newerNoncurrentVersions": integer()}),
                "noncurrentVersionTransitions": listing(
                    record(
                        {
                            "noncurrentDays": integer(required=True),
                            "storageClass": text(required=True),
                            "newerNoncurrentVersions": integer(),
                        }
                    ),
                    unordered=True,
                ),
                "transitions": listing(record({"date": text(), "days": integer(), "storageClass": text(required=True)}), unordered=True),
                "prefix": text(computed=True),
            }
        )
    )
}
LOCK: dict[str, Property] = {
    "objectLockEnabled": text("Enabled", default="Enabled", replace=True),
    "rule": record(
        {"defaultRetention": record({"mode": text("GOVERNANCE", "COMPLIANCE"), "days": integer(), "years": integer()}, required=True)}
    ),
}


def setting(
    token: str,
    fields: dict[str, Property],
    put: Callable[[Any, str, Inputs], None],
    get: Callable[[Any, str], Inputs | None],
    remove: Callable[[Any, str], None],
    *,
    exclusive: bool = False,
) -> Resource:
    """One setting. `exclusive`: a second resource for the same bucket is an error, because the put would overwrite the first."""

    def create(ctx: Context, inputs: Inputs) -> str:
        put(ctx.client("s3"), inputs["bucket"], inputs)
        return str(inputs["bucket"])

    def read(ctx: Context, id: str, _state: Inputs) -> Observed | None:
        told = get(ctx.client("s3"), id)
        return None if told is None else Observed(inputs={"bucket": id, **told})

    def update(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
        put(ctx.client("s3"), id, new)

    def delete(ctx: Context, id: str, _state: Inputs) -> None:
        remove(ctx.client("s3"), id)

    def find(ctx: Context, inputs: Inputs) -> str | None:
        return existing(ctx, lambda: get(ctx.client("s3"), inputs["bucket"]), inputs["bucket"])

    return Resource(
        token=token, inputs={"bucket": BUCKET, **fields}, create=create, read=read, update=update, delete=delete,
        find=find if exclusive else None,
    )  # fmt: skip


def put_versioning(client: Any, bucket: str, inputs: Inputs) -> None:
    """Set the status."""
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": inputs["versioningConfiguration"]["status"]})


def get_versioning(client: Any, bucket: str) -> Inputs | None:
    """None while versioning was never set."""
    status = client.get_bucket_versioning(Bucket=bucket).get("Status")
    return {"versioningConfiguration": {"status": status}} if status else None


def remove_versioning(client: Any, bucket: str) -> None:
    """Versioning cannot be unset: it is suspended, unless Object Lock needs it."""
    try:
        client.get_object_lock_configuration(Bucket=bucket)
    except client.exceptions.ClientError:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def put_encryption(client: Any, bucket: str, inputs: Inputs) -> None:
    """Set the default encryption."""
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=to_aws(inputs, ENCRYPTION, NAMES))


def get_encryption(client: Any, bucket: str) -> Inputs:
    """The default encryption."""
    return from_aws(client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"], ENCRYPTION, NAMES)


def put_access(client: Any, bucket: str, inputs: Inputs) -> None:
    """Set the four switches; those not given are off."""
    wanted = {name: bool(inputs.get(name)) for name in ACCESS}
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=to_aws(wanted, ACCESS))


def get_access(client: Any, bucket: str) -> Inputs:
    """The four switches."""
    return from_aws(client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"], ACCESS)


def put_lifecycle(client: Any, bucket: str, inputs: Inputs) -> None:
    """Write all rules. Tags of an `and` filter are a list in AWS and a map here; a rule without filter or prefix covers everything."""
    rules = to_aws(inputs, LIFECYCLE, NAMES).get("Rules", [])
    for rule in rules:
        both = rule.get("Filter", {}).get("And")
        if both and "Tags" in both:
            both["Tags"] = [{"Key": key, "Value": value} for key, value in both["Tags"].items()]
        if "Prefix" not in rule and not rule.get("Filter"):
            rule["Filter"] = {"Prefix": ""}
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def get_lifecycle(client: Any, bucket: str) -> Inputs:
    """All rules."""
    answer = client.get_bucket_lifecycle_configuration(Bucket=bucket)
    for rule in answer["Rules"]:
        both = rule.get("Filter", {}).get("And")
        if both and "Tags" in both:
            both["Tags"] = {tag["Key"]: tag["Value"] for tag in both["Tags"]}
    return from_aws(answer, LIFECYCLE, NAMES)


def put_lock(client: Any, bucket: str, inputs: Inputs) -> None:
    """Set the default retention."""
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=to_aws(inputs, LOCK))


def get_lock(client: Any, bucket: str) -> Inputs:
    """The default retention."""
    return from_aws(client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"], LOCK)


def remove_lock(client: Any, bucket: str) -> None:
    """Object Lock itself cannot be switched off: only the default retention goes."""
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})


RESOURCES = (
    setting(
        "aws:s3/bucketVersioning:BucketVersioning",
        {"versioningConfiguration": record({"status": text("Enabled", "Suspended", "Disabled", required=True)}, required=True)},
        put_versioning,
        get_versioning,
        remove_versioning,
    ),
    setting(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        ENCRYPTION,
        put_encryption,
        get_encryption,
        lambda client, bucket: client.delete_bucket_encryption(Bucket=bucket),
    ),
    setting(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        ACCESS,
        put_access,
        get_access,
        lambda client, bucket: client.delete_public_access_block(Bucket=bucket),
    ),
    setting(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        LIFECYCLE,
        put_lifecycle,
        get_lifecycle,
        lambda client, bucket: client.delete_bucket_lifecycle(Bucket=bucket),
        exclusive=True,
    ),
    setting(
        "aws:s3/bucketPolicy:BucketPolicy",
        {"policy": json_document(required=True)},
        lambda client, bucket, inputs: client.put_bucket_policy(Bucket=bucket, **to_aws(inputs, {"policy": json_document()})),
        lambda client, bucket: {"policy": client.get_bucket_policy(Bucket=bucket)["Policy"]},
        lambda client, bucket: client.delete_bucket_policy(Bucket=bucket),
        exclusive=True,
    ),
    setting("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", LOCK, put_lock, get_lock, remove_lock),
    setting(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        {
            "rule": record(
                {"objectOwnership": text("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced", required=True)}, required=True
            )
        },
        lambda client, bucket, inputs: client.put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]}
        ),
        lambda client, bucket: {
            "rule": {
                "objectOwnership": client.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"][0]["ObjectOwnership"]
            }
        },
        lambda client, bucket: client.delete_bucket_ownership_controls(Bucket=bucket),
    ),
)
