"""What the control plane keeps on AWS, against the emulator: limits, idempotency keys, search indexes and signatures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from cli.audit import verifier_of
from lambdas.adapters.index_objects import S3IndexObjects
from lambdas.adapters.limit_rows import DynamoBuckets, DynamoRows
from lambdas.adapters.signing import KmsKey
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.errors import RetryLaterError
from lambdas.domain.limits.idempotency import Answer, Call, Idempotency
from lambdas.domain.limits.limiter import Limiter, Limits, Traffic
from lambdas.domain.limits.rows import Mark, Row
from lambdas.domain.search import Loader, Query, build, rebuild, update
from tests.local.conftest import Stack
from tests.local.throwaway import Tables, new_id, own_key
from tests.unit.lambdas.search.factory import document

pytestmark = pytest.mark.local
TENANT, OTHER = "acme", "acme-two"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestLimits:
    LIMITS = Limits(writes=5)

    def test_a_bucket_gives_what_it_holds_then_refuses_with_the_wait_and_gives_again_after_it(self, tables: Tables) -> None:
        limiter = Limiter(DynamoBuckets(tables, tables.catalog))
        left = [limiter.admit(TENANT, Traffic.WRITES, self.LIMITS, NOON).remaining for _ in range(5)]
        assert left == [4, 3, 2, 1, 0]
        with pytest.raises(RetryLaterError) as refused:
            limiter.admit(TENANT, Traffic.WRITES, self.LIMITS, NOON)
        assert refused.value.retry_after == 12
        assert limiter.admit(OTHER, Traffic.WRITES, self.LIMITS, NOON).remaining == 4
        assert limiter.take(TENANT, Traffic.WRITES, self.LIMITS, NOON + timedelta(seconds=11)).admitted is False
        assert limiter.take(TENANT, Traffic.WRITES, self.LIMITS, NOON + timedelta(seconds=12)).admitted is True
        assert limiter.admit(TENANT, Traffic.WRITES, self.LIMITS, NOON + timedelta(hours=1)).remaining == 4

    def test_callers_at_once_get_as_many_as_the_bucket_holds(self, tables: Tables) -> None:
        limiter = Limiter(DynamoBuckets(tables, tables.catalog))
        with ThreadPoolExecutor(4) as pool:
            taken = list(pool.map(lambda _: limiter.take(TENANT, Traffic.WRITES, self.LIMITS, NOON), range(24)))
        assert sum(each.admitted for each in taken) == 5
        assert sorted(each.remaining for each in taken if each.admitted) == [0, 1, 2, 3, 4]

    def test_a_write_that_does_not_happen_tells_what_it_met(self, tables: Tables) -> None:
        buckets = DynamoBuckets(tables, tables.catalog)
        assert buckets.push(TENANT, "limit#writes", 5, 0, 100) == Mark(done=False, full_at=None)
        assert buckets.restart(TENANT, "limit#writes", 50, 50) == Mark(done=True, full_at=50)
        assert buckets.restart(TENANT, "limit#writes", 70, 50) == Mark(done=False, full_at=50)
        assert buckets.restart(TENANT, "limit#writes", 70, 51) == Mark(done=True, full_at=70)
        assert buckets.push(TENANT, "limit#writes", 5, 70, 70) == Mark(done=True, full_at=75)
        assert buckets.push(TENANT, "limit#writes", 5, 70, 74) == Mark(done=False, full_at=75)
        assert buckets.push(TENANT, "limit#writes", 5, 76, 90) == Mark(done=False, full_at=75)

    def test_a_store_that_fails_is_an_error_and_not_a_free_pass(self, tables: Tables) -> None:
        with pytest.raises(ClientError, match="ResourceNotFound"):
            DynamoBuckets(tables, "no-such-table").push(TENANT, "limit#writes", 1, 0, 1)
        with pytest.raises(ClientError, match="ResourceNotFound"):
            DynamoRows(tables, "no-such-table", new_id).swap(TENANT, "idem#k", {}, 0)


class Twice:
    """A client whose first answer is lost, so that each write is sent again."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def put_item(self, **arguments: Any) -> Any:
        self.client.put_item(**arguments)
        return self.client.put_item(**arguments)


class TestIdempotencyRows:
    def test_a_row_is_swapped_only_by_who_expects_its_version(self, tables: Tables) -> None:
        rows = tables.rows()
        assert rows.read(TENANT, "idem#k") is None
        assert rows.swap(TENANT, "idem#k", {"state": "started"}, 1) is False
        assert rows.swap(TENANT, "idem#k", {"state": "started", "expires_at": 1_900_000_000}, 0) is True
        assert rows.swap(TENANT, "idem#k", {"state": "other"}, 0) is False
        assert rows.swap(TENANT, "idem#k", {"state": "other"}, 2) is False
        assert rows.read(TENANT, "idem#k") == Row({"state": "started", "expires_at": 1_900_000_000}, 1)
        assert rows.read(OTHER, "idem#k") is None
        item = tables.client.get_item(TableName=tables.catalog, Key={"pk": {"S": TENANT}, "sk": {"S": "idem#k"}})["Item"]
        assert item["expires_at"] == {"N": "1900000000"}, "TTL reads a number of seconds"
        assert rows.swap(TENANT, "idem#k", {"state": "done"}, 1) is True
        assert rows.read(TENANT, "idem#k") == Row({"state": "done"}, 2)

    def test_a_write_that_is_sent_again_knows_its_own_row(self, tables: Tables) -> None:
        rows = DynamoRows(lambda _service: Twice(tables.client), tables.catalog, new_id)
        assert rows.swap(TENANT, "idem#k", {"state": "started"}, 0) is True
        assert rows.swap(TENANT, "idem#k", {"state": "started"}, 0) is False, "an equal row of another write is not ours"
        assert rows.swap(TENANT, "idem#k", {"state": "done"}, 1) is True

    def test_a_value_cannot_take_the_place_of_the_rows_key(self, tables: Tables) -> None:
        with pytest.raises(ValueError, match="pk, row_version"):
            tables.rows().swap(TENANT, "idem#k", {"pk": OTHER, "row_version": 9}, 0)

    def test_of_calls_at_once_with_one_key_one_works_and_all_get_its_answer_or_come_back(self, tables: Tables) -> None:
        once = Idempotency(tables.rows(), lambda: NOON)
        call = Call("ada", "POST", "/kpis", body=b'{"id": 1}')
        worked: list[str] = []

        def work() -> Answer:
            worked.append("x")
            return Answer(201, '{"id":"Ünïcode \\u0000"}')

        def one(_number: int) -> Answer | RetryLaterError:
            try:
                return once.once(TENANT, "key-1", call, work)
            except RetryLaterError as error:
                return error

        with ThreadPoolExecutor(4) as pool:
            got = list(pool.map(one, range(12)))
        assert len(worked) == 1
        assert {each.body for each in got if isinstance(each, Answer)} == {'{"id":"Ünïcode \\u0000"}'}
        assert one(0) == Answer(201, '{"id":"Ünïcode \\u0000"}', repeated=True)
        with pytest.raises(KpiError, match="was used for another call"):
            once.once(TENANT, "key-1", replace(call, body=b"{}"), work)


class TestSearchIndexes:
    def test_an_index_is_written_only_over_the_one_that_was_read(self, stack: Stack, bucket: str) -> None:
        objects = S3IndexObjects(stack.client, bucket)
        assert (objects.etag(TENANT), objects.read(TENANT)) == (None, None)
        first = objects.write(TENANT, b"one", None)
        assert objects.etag(TENANT) == first
        for expect in (None, '"0123456789abcdef"'):
            with pytest.raises(KpiError) as refused:
                objects.write(TENANT, b"two", expect)
            assert refused.value.code is ErrorCode.CONFLICT
        with pytest.raises(KpiError) as refused:
            objects.write(OTHER, b"two", first)
        assert refused.value.code is ErrorCode.CONFLICT, "it was there when it was read and is gone now"
        second = objects.write(TENANT, b"two", first)
        stored = objects.read(TENANT)
        assert stored is not None
        assert (stored.data, stored.etag) == (b"two", second)
        assert second != first
        assert objects.read(OTHER) is None

    def test_writers_at_once_lose_no_change(self, stack: Stack, bucket: str) -> None:
        objects = S3IndexObjects(stack.client, bucket)
        names = [f"Name{number}" for number in range(8)]

        def add(number: int) -> None:
            for _ in range(10):  # the stream sends a batch again that lost five times
                try:
                    update(objects, TENANT, [document(TENANT, f"SKY-AD-{number:02d}", name=names[number])])
                except KpiError as error:
                    assert error.code is ErrorCode.CONFLICT  # noqa: PT017 - the loop goes on
                else:
                    return

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, range(8)))
        found = Loader(objects, lambda: 0.0, print).index(TENANT).search(TENANT, Query(limit=50))
        assert sorted(hit.name for hit in found.hits) == names

    def test_a_loader_follows_the_object(self, stack: Stack, bucket: str) -> None:
        objects, clock = S3IndexObjects(stack.client, bucket), [0.0]
        loader = Loader(objects, lambda: clock[0], print)
        assert loader.index(TENANT).size(TENANT) == 0
        rebuild(objects, TENANT, lambda: [document(TENANT)])
        clock[0] = 60.0
        assert loader.index(TENANT).size(TENANT) == 1

    def test_a_bucket_that_is_not_there_is_an_error_that_names_the_object(self, stack: Stack) -> None:
        objects = S3IndexObjects(stack.client, "test-adapters-no-such-bucket")
        with pytest.raises(KpiError, match=r"s3://test-adapters-no-such-bucket/search/acme/index\.sqlite cannot be written") as refused:
            objects.write(TENANT, build(()), None)
        assert refused.value.code is ErrorCode.INTERNAL
        with pytest.raises(KpiError, match="cannot be read"):
            objects.read(TENANT)


class TestSignatures:
    @pytest.mark.parametrize("message", [b"", b"m", b"m" * 10_000], ids=["empty", "short", "longer than KMS takes"])
    def test_a_signature_verifies_by_the_public_key_alone(self, stack: Stack, key_id: str, message: bytes) -> None:
        key = KmsKey(stack.client, key_id)
        signature, verify = key.sign(message), verifier_of(key.public_key())
        assert verify(message, signature)
        assert key.verify(message, signature)
        for wrong in (message + b"x", b"other"):
            assert not verify(wrong, signature)
            assert not key.verify(wrong, signature)
        for forged in (b"", b"no signature", signature[:-1] + bytes([signature[-1] ^ 1]), signature * 9):
            assert not key.verify(message, forged)

    def test_the_public_key_is_the_file_that_others_write_for_it(self, stack: Stack, key_id: str) -> None:
        pem = KmsKey(stack.client, key_id).public_key()
        assert load_pem_public_key(pem).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) == pem

    def test_an_alias_is_resolved_to_the_key_that_signs(self, stack: Stack, key_id: str) -> None:
        alias = f"alias/test-adapters-{new_id()[:8]}"
        stack.client("kms").create_alias(AliasName=alias, TargetKeyId=key_id)
        try:
            key = KmsKey(stack.client, alias)
            assert key.arn == key_id
        finally:
            stack.client("kms").delete_alias(AliasName=alias)
        assert verifier_of(key.public_key())(b"m", key.sign(b"m")), "it stays with the key when the alias goes"

    def test_another_kind_of_key_and_no_key_are_refused_by_name(self, stack: Stack) -> None:
        with own_key(stack, "RSA_2048") as rsa:
            with pytest.raises(KpiError, match=r"RSA_2048.*expected.*ECC_NIST_P256") as refused:
                KmsKey(stack.client, rsa).sign(b"m")
            assert refused.value.code is ErrorCode.INVALID_INPUT
        with pytest.raises(KpiError, match="alias/none: get_public_key failed"):
            KmsKey(stack.client, "alias/none").public_key()
