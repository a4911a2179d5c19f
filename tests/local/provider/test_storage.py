"""S3 and DynamoDB through the provider: created as asked, drift found, updated, deleted, and strict where AWS is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.provider.framework import wire
from tests.local.provider.rig import Refused, Rig, lives_a_full_life

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"
LOG_TABLE: dict[str, Any] = {
    "billingMode": "PAY_PER_REQUEST",
    "hashKey": "pk",
    "rangeKey": "sk",
    "attributes": [{"name": name, "type": "S"} for name in ("pk", "sk", "gsi_pk")],
    "globalSecondaryIndexes": [{"name": "by_kpi", "hashKey": "gsi_pk", "rangeKey": "sk", "projectionType": "ALL"}],
    "pointInTimeRecovery": {"enabled": True},
    "streamEnabled": True,
    "streamViewType": "NEW_AND_OLD_IMAGES",
    "ttl": {"attributeName": "expires_at", "enabled": True},
    "serverSideEncryption": {"enabled": True},
}


def test_a_bucket_lives_a_full_life(rig: Rig) -> None:
    bucket = rig.create(BUCKET, bucket="life", tags={"a": "b"})
    s3 = rig.aws("s3")
    tagging = {"TagSet": [{"Key": "a", "Value": "c"}]}
    spoil = lambda: s3.put_bucket_tagging(Bucket="life", Tagging=tagging)  # noqa: E731
    lives_a_full_life(bucket, change={"tags": {"a": "b", "x": "y"}}, spoil=spoil, drifted="tags")


def test_a_bucket_name_that_exists_is_refused(rig: Rig) -> None:
    rig.aws("s3").create_bucket(Bucket="foreign")
    with pytest.raises(Refused, match="'foreign' already exists and it was not made by this stack"):
        rig.create(BUCKET, bucket="foreign")


def test_a_bucket_with_objects_is_deleted_only_with_force(rig: Rig) -> None:
    bucket = rig.create(BUCKET, bucket="full")
    rig.aws("s3").put_object(Bucket="full", Key="k", Body=b"x")
    with pytest.raises(Refused, match="bucket 'full' is not empty"):
        bucket.delete()
    bucket.update(forceDestroy=True)
    bucket.delete()
    assert bucket.gone()


KEY = "arn:aws:kms:us-east-1:123456789012:key/x"
READERS = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::it/*"}
SETTINGS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "bucketVersioning:BucketVersioning",
        {"versioningConfiguration": {"status": "Enabled"}},
        {"versioningConfiguration": {"status": "Suspended"}},
    ),
    (
        "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}}]},
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
    ),
    ("bucketPublicAccessBlock:BucketPublicAccessBlock", {"blockPublicAcls": True, "blockPublicPolicy": True}, {"ignorePublicAcls": True}),
    (
        "bucketOwnershipControls:BucketOwnershipControls",
        {"rule": {"objectOwnership": "ObjectWriter"}},
        {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
    ),
    (
        "bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {
            "rules": [
                {
                    "id": "cold", "status": "Enabled", "filter": {"prefix": "logs/"}, "expiration": {"days": 730},
                    "transitions": [{"days": 90, "storageClass": "GLACIER"}],
                    "noncurrentVersionExpiration": {"noncurrentDays": 30},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                }
            ]
        },
        {"rules": [{"id": "cold", "status": "Disabled", "filter": {"and": {"prefix": "a", "tags": {"x": "y"}}}}]},
    ),
    (
        "bucketPolicy:BucketPolicy",
        {"policy": json.dumps({"Version": "2012-10-17", "Statement": [READERS]})},
        {"policy": '{"Version":"2012-10-17","Statement":[]}'},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("token", "inputs", "change"), SETTINGS, ids=[each[0].split(":")[1] for each in SETTINGS])
def test_a_bucket_setting_lives_a_full_life(rig: Rig, token: str, inputs: dict[str, Any], change: dict[str, Any]) -> None:
    name = token.split(":", maxsplit=1)[0].lower()
    rig.create(BUCKET, name, bucket=name)
    setting = rig.create(f"aws:s3/{token}", bucket=name, **inputs)
    assert setting.id == name
    assert setting.drift() == []
    assert setting.update(**change)
    assert setting.drift() == []
    setting.delete()


def test_object_lock_keeps_what_it_was_told(rig: Rig) -> None:
    rig.create(BUCKET, "locked", bucket="locked", objectLockEnabled=True)
    lock = rig.create(
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        bucket="locked",
        rule={"defaultRetention": {"mode": "GOVERNANCE", "days": 5}},
    )
    assert lock.drift() == []
    rig.aws("s3").put_object_lock_configuration(
        Bucket="locked",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}},
    )
    assert lock.drift() == ["rule"]


def test_an_object_lives_a_full_life(rig: Rig) -> None:
    rig.create(BUCKET, "objects", bucket="objects")
    source = {wire.SIGNATURE: wire.ASSET, "text": "hello", "hash": "h1"}
    item = rig.create(
        "aws:s3/bucketObjectv2:BucketObjectv2", bucket="objects", key="a/b.txt", source=source, contentType="text/plain", tags={"a": "b"}
    )
    assert rig.aws("s3").get_object(Bucket="objects", Key="a/b.txt")["Body"].read() == b"hello"
    spoil = lambda: rig.aws("s3").put_object(Bucket="objects", Key="a/b.txt", Body=b"other", ContentType="text/html")  # noqa: E731
    lives_a_full_life(item, change={"source": {**source, "text": "bye", "hash": "h2"}}, spoil=spoil, drifted="contentType")


def test_a_table_lives_a_full_life(rig: Rig) -> None:
    table = rig.create(TABLE, name="life", tags={"a": "b"}, **LOG_TABLE)
    assert table.state["streamArn"].startswith("arn:aws:dynamodb:us-east-1:123456789012:table/life/stream/")
    spoil = lambda: rig.aws("dynamodb").update_time_to_live(  # noqa: E731
        TableName="life", TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"}
    )
    lives_a_full_life(table, change={"tags": {"x": "y"}, "pointInTimeRecovery": {"enabled": False}}, spoil=spoil, drifted="ttl")


def test_an_index_can_be_added_and_removed(rig: Rig) -> None:
    table = rig.create(TABLE, name="indexes", **LOG_TABLE)
    table.update(globalSecondaryIndexes=None, attributes=LOG_TABLE["attributes"][:2])
    assert table.drift() == []
    table.update(globalSecondaryIndexes=LOG_TABLE["globalSecondaryIndexes"], attributes=LOG_TABLE["attributes"])
    assert table.drift() == []


def test_deletion_protection_is_respected_and_can_be_lifted(rig: Rig) -> None:
    table = rig.create(TABLE, name="safe", deletionProtectionEnabled=True, **LOG_TABLE)
    with pytest.raises(Refused, match="DeleteTable"):
        table.delete()
    table.update(deletionProtectionEnabled=False)
    table.delete()
    assert table.gone()


def test_a_changed_key_needs_a_new_table(rig: Rig) -> None:
    table = rig.create(TABLE, name="keys", **LOG_TABLE)
    assert table.replaced_by(rangeKey="other") == ["rangeKey"]


def test_an_attribute_no_key_uses_is_refused_as_in_aws(rig: Rig) -> None:
    extra = {**LOG_TABLE, "attributes": [*LOG_TABLE["attributes"], {"name": "unused", "type": "S"}]}
    with pytest.raises(Refused, match="expected exactly the attributes used by keys and indexes"):
        rig.create(TABLE, name="unused", **extra)


def test_a_table_can_be_imported(rig: Rig) -> None:
    table = rig.create(TABLE, name="import", **LOG_TABLE)
    found = table.imported()
    assert (found["name"], found["hashKey"], found["billingMode"], found["ttl"]) == ("import", "pk", "PAY_PER_REQUEST", LOG_TABLE["ttl"])


def test_an_object_written_anew_keeps_its_tags(rig: Rig) -> None:
    rig.create("aws:s3/bucket:Bucket", "holder", bucket="holder")
    rig.create("aws:s3/bucketVersioning:BucketVersioning", "holder", bucket="holder", versioningConfiguration={"status": "Enabled"})
    held = rig.create("aws:s3/bucketObjectv2:BucketObjectv2", "page", bucket="holder", key="page", content="one", tags={"team": "kpi"})
    assert held.update(content="two") == ["content"]
    assert held.drift() == []
    tags = rig.aws("s3").get_object_tagging(Bucket="holder", Key="page")["TagSet"]
    assert tags == [{"Key": "team", "Value": "kpi"}]
