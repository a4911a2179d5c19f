"""Checkpoints of audit chains against the emulator: signed, locked, in one line, and refused over a chain that was tampered with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from cli.audit import verifier_of
from lambdas.adapters.audit_chain import AuditChains, TamperedError, event_key
from lambdas.adapters.checkpoints import NOTED, Checkpointer, CheckpointObjects, LockMode, Retention, object_key
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.signing import KmsKey
from lambdas.domain.audit.checkpoint import SignedCheckpoint, checkpoint_problem
from lambdas.domain.control.unit import HEAD, Put
from lambdas.domain.errors import ErrorCode, KpiError
from tests.local.conftest import Stack
from tests.local.throwaway import Tables
from tests.unit.lambdas.audit.factory import facts

pytestmark = pytest.mark.local
TENANT, OTHER = "acme", "acme-two"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Notary:
    """Chains, checkpoints and a clock of the test's own."""

    stack: Stack
    tables: Tables
    bucket: str
    key: KmsKey
    now: datetime = NOON
    written: int = 0

    def objects(self) -> CheckpointObjects:
        retention = Retention(LockMode.GOVERNANCE, timedelta(days=1))
        # The lock counts from the real moment; what is signed names the test's.
        return CheckpointObjects(self.stack.client, self.bucket, retention, self.key.verify, lambda: datetime.now(UTC))

    def checkpointer(self) -> Checkpointer:
        return Checkpointer(self.chains(), self.objects(), self.tables.rows(), self.key, lambda: self.now)

    def chains(self) -> AuditChains:
        return AuditChains(self.tables, self.tables.catalog, self.tables.audit, sleep=lambda _: None)

    def next(self, tenant: str = TENANT) -> SignedCheckpoint | None:
        self.now += timedelta(hours=1)
        return self.checkpointer().next(tenant)

    def made(self) -> SignedCheckpoint:
        found = self.next()
        assert found is not None
        return found

    def write(self, count: int, tenant: str = TENANT) -> None:
        """Events as the control plane commits them."""
        store = DynamoControlStore(self.tables, self.tables.catalog, self.tables.audit)
        for _ in range(count):
            self.written += 1
            store.commit(tenant, [Put(f"row-{self.written}", {}, 0)], facts(self.written, tenant))

    def tamper(self, seq: int, update: str, **values: str) -> None:
        self.tables.client.update_item(
            TableName=self.tables.audit,
            Key={"pk": {"S": TENANT}, "sk": {"S": event_key(seq)}},
            UpdateExpression=update,
            ExpressionAttributeNames={"#event": "event"},
            ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
        )

    def remove(self, seq: int) -> None:
        self.tables.client.delete_item(TableName=self.tables.audit, Key={"pk": {"S": TENANT}, "sk": {"S": event_key(seq)}})

    def lay(self, key: str, body: bytes) -> None:
        self.stack.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def noted(self) -> int:
        """Of how many events the last checkpoint is said to be."""
        row = self.tables.rows().read(TENANT, NOTED)
        return SignedCheckpoint.model_validate_json(str(row.values["checkpoint"])).checkpoint.size if row else 0

    def stored(self) -> list[str]:
        return [each["Key"] for each in self.stack.client("s3").list_objects_v2(Bucket=self.bucket).get("Contents", ())]


@pytest.fixture
def notary(stack: Stack, tables: Tables, bucket: str, key_id: str) -> Notary:
    return Notary(stack, tables, bucket, KmsKey(stack.client, key_id))


class _Unwritten(CheckpointObjects):
    """The connection is gone by the time the checkpoint is written."""

    def __init__(self, objects: CheckpointObjects) -> None:
        vars(self).update(vars(objects))

    def write(self, signed: SignedCheckpoint) -> SignedCheckpoint:
        raise ConnectionError(signed.checkpoint.size)


def test_each_checkpoint_follows_the_one_before_and_verifies_with_the_public_key_alone(notary: Notary) -> None:
    assert notary.next() is None, "there is nothing to sign"
    notary.write(3)
    first = notary.made()
    assert notary.next() is None, "nothing came since"
    notary.write(4)
    second = notary.made()
    verify = verifier_of(notary.key.public_key())
    assert [first.checkpoint.size, second.checkpoint.size] == [3, 7]
    assert checkpoint_problem(first, verify) is None
    assert checkpoint_problem(second, verify, first.checkpoint) is None
    assert second.key_id == notary.key.arn
    assert notary.stored() == [object_key(TENANT, 3), object_key(TENANT, 7)]
    assert object_key(TENANT, 7) == "checkpoints/acme/0000000000000000007.json"
    assert (notary.objects().at(TENANT, 3), notary.objects().last(TENANT)) == (first, second)
    assert notary.objects().at(TENANT, 5) is None


def test_a_checkpoint_is_locked_until_its_retention_ends(notary: Notary) -> None:
    notary.write(1)
    notary.made()
    client, where = notary.stack.client("s3"), {"Bucket": notary.bucket, "Key": object_key(TENANT, 1)}
    head = client.head_object(**where)
    left = head["ObjectLockRetainUntilDate"] - datetime.now(UTC)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert timedelta(hours=23) < left <= timedelta(days=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(**where, VersionId=head["VersionId"])


def test_what_is_laid_over_a_checkpoint_or_hides_it_does_not_count(notary: Notary) -> None:
    notary.write(2)
    genuine = notary.made()
    forged = genuine.model_copy(update={"checkpoint": genuine.checkpoint.model_copy(update={"root": "0" * 64})})
    notary.lay(object_key(TENANT, 2), b"{}")
    notary.lay(object_key(TENANT, 2), forged.model_dump_json().encode())
    notary.stack.client("s3").delete_object(Bucket=notary.bucket, Key=object_key(TENANT, 2))
    assert notary.stored() == []
    assert notary.objects().last(TENANT) == genuine
    assert notary.next() is None


@pytest.mark.parametrize("what", ["rubbish", "of another size", "of another tenant"])
def test_a_planted_checkpoint_stops_the_signing(notary: Notary, what: str) -> None:
    notary.write(2)
    genuine = notary.made()
    notary.write(9, OTHER)
    other = notary.next(OTHER)
    assert other is not None
    planted = {"rubbish": b"[]", "of another size": genuine, "of another tenant": other}[what]
    notary.lay(object_key(TENANT, 9), planted if isinstance(planted, bytes) else planted.model_dump_json().encode())
    with pytest.raises(TamperedError, match=r"0000000000000000009\.json is"):
        notary.next()


def test_names_that_are_no_checkpoints_are_passed_over(notary: Notary) -> None:
    notary.write(1)
    genuine = notary.made()
    for name in ("99.json", "0000000000000000009.json.bak", "sub/0000000000000000009.json"):
        notary.lay(f"checkpoints/{TENANT}/{name}", b"{}")
    assert notary.objects().last(TENANT) == genuine


def test_a_tenant_whose_name_begins_with_anothers_has_its_own(notary: Notary) -> None:
    notary.write(1)
    notary.write(3, OTHER)
    sizes = [found.checkpoint.size for found in (notary.next(), notary.next(OTHER)) if found]
    assert sizes == [1, 3]
    assert notary.next() is None


def test_changed_removed_and_rolled_back_events_are_named_and_nothing_is_signed(notary: Notary) -> None:
    notary.write(5)
    chain = notary.chains().read(TENANT)
    text = chain[2].model_dump_json()
    for change, problem in (
        (
            lambda: notary.tamper(3, "SET #event = :event", event=text.replace("maintenance 3", "nothing to see")),
            "event 3.*changed after",
        ),
        (lambda: notary.tamper(3, "SET #event = :event", event="{}"), "event#0000000000000000003 is no event"),
        (lambda: notary.remove(3), "event 4: event 3 is missing"),
    ):
        change()
        with pytest.raises(TamperedError, match=problem):
            notary.next()
    notary.tamper(3, "SET #event = :event", event=text)
    assert notary.chains().read(TENANT) == chain
    notary.remove(5)
    with pytest.raises(TamperedError, match="has 4 events, audit#head counts 5"):
        notary.next()
    assert notary.stored() == []


def test_a_chain_that_was_cut_with_its_head_does_not_continue_its_checkpoint(notary: Notary) -> None:
    notary.write(3)
    notary.made()
    chain = notary.chains().read(TENANT)
    notary.remove(3)
    head = {"seq": {"N": "2"}, "hash": {"S": chain[1].hash}}
    notary.tables.client.put_item(TableName=notary.tables.catalog, Item={"pk": {"S": TENANT}, "sk": {"S": HEAD}} | head)
    with pytest.raises(TamperedError, match="does not continue its checkpoint of 3"):
        notary.next()
    head["hash"] = {"S": chain[0].hash}
    notary.tables.client.put_item(TableName=notary.tables.catalog, Item={"pk": {"S": TENANT}, "sk": {"S": HEAD}} | head)
    with pytest.raises(TamperedError, match="another event than the one audit#head names"):
        notary.next()


def test_a_checkpoint_that_was_noted_but_not_written_is_brought_before_the_next(notary: Notary) -> None:
    notary.write(2)
    first = notary.made()
    notary.write(2)
    made = notary.checkpointer()
    lost = replace(made, objects=_Unwritten(notary.objects()))
    with pytest.raises(ConnectionError):
        lost.next(TENANT)
    notary.write(2)
    third = notary.made()
    second = notary.objects().at(TENANT, 4)
    assert second is not None
    verify = verifier_of(notary.key.public_key())
    assert checkpoint_problem(second, verify, first.checkpoint) is None
    assert checkpoint_problem(third, verify, second.checkpoint) is None
    assert third.checkpoint.size == 6


def test_a_checkpoint_that_was_not_written_is_not_said_to_be_there_and_is_brought_though_nothing_new_came(notary: Notary) -> None:
    notary.write(2)
    notary.made()
    notary.write(2)
    with pytest.raises(ConnectionError):
        replace(notary.checkpointer(), objects=_Unwritten(notary.objects())).next(TENANT)
    assert notary.noted() == 2, "whoever looks whether something is to be signed must not be told that it is done"
    assert notary.next() is None, "no event came since"
    brought = notary.objects().last(TENANT)
    assert brought is not None
    assert (brought.checkpoint.size, notary.noted()) == (4, 4)


def test_a_note_that_was_changed_stops_the_signing(notary: Notary) -> None:
    notary.write(1)
    signed = notary.made()
    forged = signed.model_copy(update={"checkpoint": signed.checkpoint.model_copy(update={"size": 2})})
    assert notary.tables.rows().swap(TENANT, NOTED, {"checkpoint": forged.model_dump_json()}, 1)
    with pytest.raises(TamperedError, match="audit#checkpoint of acme: its signature is not one of the key"):
        notary.next()


def test_checkpointers_at_once_with_writers_leave_one_line_of_checkpoints(notary: Notary) -> None:
    notary.write(1)

    def work(number: int) -> None:
        if number % 4 == 0:
            store = DynamoControlStore(notary.tables, notary.tables.catalog, notary.tables.audit)
            store.commit(TENANT, [Put(f"more-{number}", {}, 0)], facts(1000 + number))
            return
        try:
            notary.checkpointer().next(TENANT)
        except KpiError as error:
            assert error.code is ErrorCode.CONFLICT, error.message  # noqa: PT017 - others may be faster

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(32)))
    notary.next()
    line = [notary.objects().at(TENANT, int(key[-24:-5])) for key in notary.stored()]
    verify = verifier_of(notary.key.public_key())
    previous = None
    for signed in line:
        assert signed is not None
        assert checkpoint_problem(signed, verify, previous) is None
        previous = signed.checkpoint
    assert previous is not None
    assert previous.size == 9
    assert len(line) > 1
