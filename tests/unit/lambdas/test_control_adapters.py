"""What the emulator does not show of the control plane's adapters: pages, other refusals, answers that are late or break off."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ResponseStreamingError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from lambdas.adapters.audit_chain import AuditChains, TamperedError, event_key
from lambdas.adapters.checkpoints import CheckpointObjects, LockMode, Retention, object_key
from lambdas.adapters.index_objects import S3IndexObjects
from lambdas.adapters.index_objects import object_key as index_key
from lambdas.adapters.items import to_item
from lambdas.adapters.limit_rows import DynamoBuckets, DynamoRows
from lambdas.adapters.signing import KmsKey
from lambdas.domain.audit.checkpoint import SignedCheckpoint, make_checkpoint
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.audit.factory import chain, key

TENANT = "acme"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Aws:
    """One service that answers what the test says, in that order."""

    def __init__(self, service: str) -> None:
        self.client = boto3.client(service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
        self.stub = Stubber(self.client)

    def __call__(self, _service: str) -> Any:
        return self.client


@contextmanager
def aws(service: str) -> Iterator[Aws]:
    made = Aws(service)
    with made.stub:
        yield made
    made.stub.assert_no_pending_responses()


class _BrokenBody(io.RawIOBase):
    def read(self, _size: int = -1) -> bytes:
        raise ResponseStreamingError(error="connection reset")


class TestSearchIndexes:
    @pytest.mark.parametrize(
        ("code", "status"), [("ConditionalRequestConflict", 409), ("PreconditionFailed", 412), ("NoSuchKey", 404)], ids=str
    )
    def test_a_write_that_lost_to_another_is_a_conflict_whatever_s3_calls_it(self, code: str, status: int) -> None:
        with aws("s3") as s3:
            s3.stub.add_client_error("put_object", code, http_status_code=status)
            with pytest.raises(KpiError, match="read it again") as refused:
                S3IndexObjects(s3, "b").write(TENANT, b"x", '"etag"')
            assert refused.value.code is ErrorCode.CONFLICT

    @pytest.mark.parametrize("operation", ["put_object", "get_object", "head_object"])
    def test_a_refused_permission_is_an_error_and_not_an_empty_index(self, operation: str) -> None:
        with aws("s3") as s3:
            s3.stub.add_client_error(operation, "AccessDenied", http_status_code=403)
            objects = S3IndexObjects(s3, "b")
            call = {
                "put_object": lambda: objects.write(TENANT, b"x", None),
                "get_object": lambda: objects.read(TENANT),
                "head_object": lambda: objects.etag(TENANT),
            }[operation]
            with pytest.raises(KpiError, match=f"s3://b/{index_key(TENANT)}") as refused:
                call()
            assert refused.value.code is ErrorCode.INTERNAL

    def test_a_body_that_breaks_off_is_an_error_of_the_index(self) -> None:
        with aws("s3") as s3:
            s3.stub.add_response("get_object", {"Body": _BrokenBody(), "ETag": '"e"'})
            with pytest.raises(KpiError, match="cannot be read") as refused:
                S3IndexObjects(s3, "b").read(TENANT)
            assert refused.value.code is ErrorCode.INTERNAL


class TestRows:
    def test_a_read_is_strongly_consistent(self) -> None:
        asked = {"TableName": "catalog", "Key": to_item({"pk": TENANT, "sk": "idem#k"}), "ConsistentRead": True}
        with aws("dynamodb") as db:
            db.stub.add_response("get_item", {}, asked)
            assert DynamoRows(db, "catalog", str).read(TENANT, "idem#k") is None

    @pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException", "AccessDeniedException"])
    def test_a_store_that_does_not_answer_neither_refuses_nor_admits(self, code: str) -> None:
        with aws("dynamodb") as db:
            db.stub.add_client_error("update_item", code)
            db.stub.add_client_error("put_item", code)
            with pytest.raises(ClientError, match=code):
                DynamoBuckets(db, "catalog").push(TENANT, "limit#reads", 1, 0, 1)
            with pytest.raises(ClientError, match=code):
                DynamoRows(db, "catalog", str).swap(TENANT, "idem#k", {}, 0)


class TestSigning:
    @pytest.mark.parametrize("code", ["DisabledException", "KMSInvalidStateException", "AccessDeniedException"])
    def test_a_key_that_does_not_sign_is_named(self, code: str) -> None:
        with aws("kms") as kms:
            kms.stub.add_client_error("get_public_key", code)
            with pytest.raises(KpiError, match="KMS key alias/audit: get_public_key failed") as refused:
                KmsKey(kms, "alias/audit").sign(b"m")
            assert refused.value.code is ErrorCode.INTERNAL

    def test_only_the_digest_leaves_and_the_key_is_asked_about_once(self) -> None:
        described = {"KeyId": "arn:key", "PublicKey": b"der", "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
        digest = bytes.fromhex("2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")  # SHA-256 of "foo"
        how = {"KeyId": "arn:key", "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
        with aws("kms") as kms:
            kms.stub.add_response("get_public_key", described, {"KeyId": "alias/audit"})
            kms.stub.add_response("sign", {"Signature": b"s"}, how)
            kms.stub.add_response("verify", {"SignatureValid": True}, how | {"Signature": b"s"})
            kms.stub.add_client_error("verify", "KMSInvalidSignatureException")
            signing = KmsKey(kms, "alias/audit")
            assert signing.sign(b"foo") == b"s"
            assert signing.verify(b"foo", b"s") is True
            assert signing.verify(b"foo", b"t") is False

    @pytest.mark.parametrize("signature", [b"", b"s" * 73], ids=["empty", "too long"])
    def test_what_cannot_be_a_signature_is_wrong_without_asking(self, signature: bytes) -> None:
        with aws("kms") as kms:  # KMS would answer with an error about its parameter
            assert KmsKey(kms, "k").verify(b"foo", signature) is False

    def test_a_key_of_another_use_is_refused(self) -> None:
        described = {"KeyId": "arn:key", "PublicKey": b"der", "KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
        with aws("kms") as kms:
            kms.stub.add_response("get_public_key", described)
            with pytest.raises(KpiError, match="KEY_AGREEMENT"):
                KmsKey(kms, "k").public_key()


def head(events: list[AuditEvent]) -> dict[str, Any]:
    return {"Item": to_item({"seq": len(events), "hash": events[-1].hash})}


def page(events: list[AuditEvent], *, more: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = {"Items": [to_item({"sk": event_key(e.seq), "event": e.model_dump_json()}) for e in events]}
    return answer | ({"LastEvaluatedKey": to_item({"pk": TENANT, "sk": event_key(events[-1].seq)})} if more else {})


class TestChains:
    def test_a_chain_is_read_page_by_page_up_to_its_head(self) -> None:
        events = chain(7)
        with aws("dynamodb") as db:
            asked = dict.fromkeys(("TableName", "KeyConditionExpression", "ProjectionExpression", "ExpressionAttributeNames"), ANY)
            asked |= {"ConsistentRead": True}
            asked |= {"ExpressionAttributeValues": to_item({":pk": TENANT, ":first": event_key(0), ":last": event_key(7)})}
            db.stub.add_response("get_item", head(events))
            db.stub.add_response("query", page(events[:3], more=True), asked)
            after = {"ExclusiveStartKey": to_item({"pk": TENANT, "sk": event_key(3)})}
            db.stub.add_response("query", page(events[3:6], more=True), asked | after)
            after = {"ExclusiveStartKey": to_item({"pk": TENANT, "sk": event_key(6)})}
            db.stub.add_response("query", page(events[6:]), asked | after)
            assert AuditChains(db, "catalog", "audit").read(TENANT) == tuple(events)

    def test_an_event_that_appears_a_moment_after_its_head_is_waited_for_once(self) -> None:
        events, slept = chain(3), list[float]()
        with aws("dynamodb") as db:
            db.stub.add_response("get_item", head(events))
            db.stub.add_response("query", page(events[:2]))
            db.stub.add_response("query", page(events))
            assert AuditChains(db, "catalog", "audit", sleep=slept.append).read(TENANT) == tuple(events)
            assert slept == [1.0]
            db.stub.add_response("get_item", head(events))
            db.stub.add_response("query", page(events[:2]))
            db.stub.add_response("query", page(events[:2]))
            with pytest.raises(TamperedError, match="has 2 events") as refused:
                AuditChains(db, "catalog", "audit", sleep=slept.append).read(TENANT)
            assert refused.value.retryable is False

    def test_a_tenant_without_a_head_is_not_searched_for_events(self) -> None:
        with aws("dynamodb") as db:
            db.stub.add_response("get_item", {})
            assert AuditChains(db, "catalog", "audit").read(TENANT) == ()


def signed(count: int) -> SignedCheckpoint:
    made = make_checkpoint(chain(count), at="2026-03-01T12:00:00.000Z", previous=None, sign=key().sign, key_id="arn:key")
    assert made is not None
    return made


def objects(s3: Aws) -> CheckpointObjects:
    return CheckpointObjects(s3, "b", Retention(LockMode.COMPLIANCE, timedelta(days=2557)), key().verify, lambda: NOON)


def body(content: str) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(content.encode()), len(content.encode()))}


def listed(*entries: tuple[int, str], more: bool = False) -> dict[str, Any]:
    versions = [{"Key": object_key(TENANT, size), "VersionId": version} for size, version in entries]
    answer: dict[str, Any] = {"Versions": versions, "IsTruncated": more}
    return answer | ({"NextKeyMarker": versions[-1]["Key"], "NextVersionIdMarker": versions[-1]["VersionId"]} if more else {})


class TestCheckpoints:
    def test_the_last_one_is_found_over_pages_even_when_its_versions_are_on_two(self) -> None:
        genuine = signed(9)
        with aws("s3") as s3:
            s3.stub.add_response("list_object_versions", listed((3, "a"), (9, "laid over"), more=True))
            after = {"KeyMarker": object_key(TENANT, 9), "VersionIdMarker": "laid over"}
            asked = {"Bucket": "b", "Prefix": "checkpoints/acme/"} | after
            s3.stub.add_response("list_object_versions", listed((9, "first")), asked)
            s3.stub.add_response("get_object", body("{}"), {"Bucket": "b", "Key": object_key(TENANT, 9), "VersionId": "laid over"})
            s3.stub.add_response("get_object", body(genuine.model_dump_json()))
            assert objects(s3).last(TENANT) == genuine

    def test_a_checkpoint_is_put_once_with_a_checksum_and_the_lock(self) -> None:
        made = signed(2)
        asked = {
            "Bucket": "b",
            "Key": "checkpoints/acme/0000000000000000002.json",
            "Body": ANY,
            "ContentType": "application/json",
            "IfNoneMatch": "*",
            "ObjectLockMode": "COMPLIANCE",
            "ObjectLockRetainUntilDate": datetime(2033, 3, 1, 12, tzinfo=UTC),
            "ChecksumAlgorithm": "SHA256",
        }
        with aws("s3") as s3:
            s3.stub.add_response("put_object", {}, asked)
            assert objects(s3).write(made) == made

    def test_a_write_that_another_write_stopped_is_to_be_tried_again(self) -> None:
        with aws("s3") as s3:
            s3.stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
            s3.stub.add_response("list_object_versions", {"IsTruncated": False})
            with pytest.raises(KpiError, match="try again") as refused:
                objects(s3).write(signed(2))
            assert refused.value.code is ErrorCode.CONFLICT

    def test_an_earlier_one_of_the_same_events_stays_and_one_of_others_is_told(self) -> None:
        earlier, again = signed(2), signed(2)
        assert earlier.signature != again.signature
        with aws("s3") as s3:
            for _ in range(2):
                s3.stub.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
                s3.stub.add_response("list_object_versions", listed((2, "first")))
                s3.stub.add_response("get_object", body(earlier.model_dump_json()))
            assert objects(s3).write(again) == earlier
            other = again.model_copy(update={"checkpoint": again.checkpoint.model_copy(update={"root": "0" * 64})})
            with pytest.raises(TamperedError, match="is of other events"):
                objects(s3).write(other)
