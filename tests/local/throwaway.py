"""Tables, buckets and keys of a test's own on the running emulator, gone when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lambdas.adapters.limit_rows import DynamoRows

if TYPE_CHECKING:  # the fixtures of conftest are made with this module
    from tests.local.conftest import Stack


def new_id() -> str:
    return uuid4().hex


class Tables:
    """A catalog and an audit table of the test's own."""

    def __init__(self, stack: Stack) -> None:
        self.client = stack.client("dynamodb")
        self.catalog, self.audit = (f"test-adapters-{name}-{new_id()[:8]}" for name in ("catalog", "audit"))
        for name in (self.catalog, self.audit):
            self.client.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
                BillingMode="PAY_PER_REQUEST",
            )

    def __call__(self, _service: str) -> Any:
        return self.client

    def rows(self) -> DynamoRows:
        return DynamoRows(self, self.catalog, new_id)

    def drop(self) -> None:
        for name in (self.catalog, self.audit):
            self.client.delete_table(TableName=name)


@contextmanager
def own_tables(stack: Stack) -> Iterator[Tables]:
    made = Tables(stack)
    try:
        yield made
    finally:
        made.drop()


@contextmanager
def own_bucket(stack: Stack) -> Iterator[str]:
    """A bucket with Object Lock, emptied at the end with the permission that GOVERNANCE leaves open."""
    client, name = stack.client("s3"), f"test-adapters-{new_id()[:8]}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    try:
        yield name
    finally:
        listed = client.list_object_versions(Bucket=name)
        for each in [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]:
            client.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"], BypassGovernanceRetention=True)
        client.delete_bucket(Bucket=name)


@contextmanager
def own_key(stack: Stack, spec: str = "ECC_NIST_P256") -> Iterator[str]:
    """The ARN of a signing key."""
    client = stack.client("kms")
    made = client.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    try:
        yield made
    finally:
        client.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)
