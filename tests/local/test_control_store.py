"""The control plane's store against the emulator's DynamoDB: conditions, repetition, contention and the whole of a workflow."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from lambdas.adapters.control_store import DynamoControlStore
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import AuditEvent, Facts
from lambdas.domain.control.pauses import Scope
from lambdas.domain.control.unit import Change, Check, Delete, Put
from lambdas.domain.errors import ErrorCode, KpiError
from tests.local.conftest import Stack
from tests.unit.lambdas.control.office import Office, kpi, reader

pytestmark = pytest.mark.local
TENANT = "skyway"


class Tables:
    """A catalog and an audit table of the test's own."""

    def __init__(self, stack: Stack) -> None:
        self.client = stack.client("dynamodb")
        self.names = {name: f"test-control-{name}-{uuid4().hex[:8]}" for name in ("catalog", "audit")}
        for name in self.names.values():
            self.client.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
                BillingMode="PAY_PER_REQUEST",
            )

    def store(self) -> DynamoControlStore:
        return DynamoControlStore(lambda _service: self.client, self.names["catalog"], self.names["audit"])

    def put(self, key: str, **values: str) -> None:
        item = {"pk": TENANT, "sk": key} | values
        self.client.put_item(TableName=self.names["catalog"], Item={name: {"S": value} for name, value in item.items()})

    def audit(self, prefix: str) -> list[dict[str, Any]]:
        return self.client.query(
            TableName=self.names["audit"],
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": TENANT}, ":sk": {"S": prefix}},
        )["Items"]

    def chain(self) -> list[AuditEvent]:
        return [AuditEvent.model_validate_json(item["event"]["S"]) for item in self.audit("event#")]

    def drop(self) -> None:
        for name in self.names.values():
            self.client.delete_table(TableName=name)


@pytest.fixture
def tables(stack: Stack) -> Iterator[Tables]:
    made = Tables(stack)
    yield made
    made.drop()


def facts(event_id: str, **fields: object) -> Facts:
    base: dict[str, object] = {
        "tenant_id": TENANT,
        "event_id": event_id,
        "at": "2026-01-05T09:00:00.000Z",
        "actor": {"subject": "ada", "role": "client-admin"},
        "action": "kpi.pause",
        "object_type": "kpi",
        "object_id": "SKY-AD-01",
        "environment": "prod",
        "reason": "maintenance",
    }
    return Facts.model_validate(base | fields)


def conflict(tables: Tables, *changes: Change) -> str:
    """The message of a refused commit, which left no trace."""
    before = len(tables.chain())
    with pytest.raises(KpiError) as refused:
        tables.store().commit(TENANT, changes, facts(uuid4().hex))
    assert refused.value.code is ErrorCode.CONFLICT
    assert len(tables.chain()) == before
    return refused.value.message


def test_rows_and_their_event_are_written_together_and_versions_count_up(tables: Tables) -> None:
    store = tables.store()
    store.commit(TENANT, [Put("a", {"name": "one", "list": ["x"]}, 0), Put("b", {"name": "b"}, None)], facts("e1"))
    event = store.commit(
        TENANT, [Put("a", {"name": "two"}, 1), Delete("b", None), Check("c", 0)], facts("e2", at="2026-01-05T09:00:01.000Z")
    )
    row = store.row(TENANT, "a")
    assert row is not None
    assert (row.text("name"), row.row_version) == ("two", 2)
    assert store.row(TENANT, "b") is None
    assert [each.key for each in store.rows(TENANT, "a")] == ["a", "audit#head"]
    assert [each.event_id for each in tables.chain()] == ["e1", "e2"]
    assert first_break(tables.chain(), tenant_id=TENANT) is None
    assert store.event(TENANT, "e2") == event


def test_an_expectation_that_does_not_hold_names_the_row_and_writes_nothing(tables: Tables) -> None:
    tables.store().commit(TENANT, [Put("a", {"name": "one"}, 0)], facts("e1"))
    assert conflict(tables, Put("b", {}, 0), Put("a", {}, 7)).startswith(
        "a changed since it was read: expected version 7, but it has version 1"
    )
    assert "expected that it does not exist" in conflict(tables, Put("a", {}, 0))
    assert "expected version 2" in conflict(tables, Check("a", 2))
    assert "but it is gone" in conflict(tables, Delete("nowhere", 1))
    assert tables.store().row(TENANT, "b") is None


def test_a_row_of_the_catalog_import_counts_as_version_1(tables: Tables) -> None:
    tables.put("imported", name="old")
    store = tables.store()
    row = store.row(TENANT, "imported")
    assert row is not None
    store.commit(TENANT, [Put("imported", {"name": "new"}, row.row_version)], facts("e1"))
    after = store.row(TENANT, "imported")
    assert after is not None
    assert after.row_version == 2
    assert "expected version 1" in conflict(tables, Put("imported", {}, 1))


def test_a_repeated_event_id_returns_the_first_event_and_another_call_under_it_is_refused(tables: Tables) -> None:
    store = tables.store()
    first = store.commit(TENANT, [Put("a", {"name": "one"}, 0)], facts("e1"))
    again = store.commit(TENANT, [Put("a", {"name": "one"}, 0)], facts("e1", at="2026-01-05T10:00:00.000Z"))
    assert again == first
    with pytest.raises(KpiError, match="was used for another call"):
        store.commit(TENANT, [Put("b", {}, 0)], facts("e1", object_id="SKY-XX-01"))
    assert len(tables.chain()) == 1


def test_concurrent_writers_of_one_tenant_all_get_a_place_in_one_chain(tables: Tables) -> None:
    store = tables.store()
    with ThreadPoolExecutor(4) as pool:
        events = list(pool.map(lambda number: store.commit(TENANT, [Put(f"k{number}", {}, 0)], facts(f"e{number}")), range(16)))
    assert sorted(event.seq for event in events) == list(range(1, 17))
    assert first_break(tables.chain(), tenant_id=TENANT) is None


def test_of_concurrent_writers_of_one_row_exactly_one_wins(tables: Tables) -> None:
    store = tables.store()

    def write(number: int) -> bool:
        try:
            store.commit(TENANT, [Put("a", {"by": str(number)}, 0)], facts(f"e{number}"))
        except KpiError as error:
            return error.code is not ErrorCode.CONFLICT
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(8))) == 1
    assert len(tables.chain()) == 1


def test_a_publication_and_a_rollback_run_on_the_real_table(tables: Tables) -> None:
    office = Office()
    office.plane = type(office.plane)(tables.store(), office.clock, office._id, office.plane.policy, office.runs)
    office.store = tables.store()
    office.live(kpi("1.0.0"))
    office.live(reader())
    office.live(kpi("2.0.0", purpose="Another."))
    office.plane.recovery.rollback(office.call(reason="wrong numbers"), "SKY-AD-01")
    assert office.running() == "1.0.0"
    chain = tables.chain()
    assert [event.action for event in chain][-1] == "kpi.rollback"
    assert first_break(chain, tenant_id=TENANT) is None
    assert len(tables.audit("id#")) == len(chain)


def test_many_admins_at_once_leave_one_event_for_every_call_that_succeeded(tables: Tables) -> None:
    ids = [f"SKY-AD-{number:02d}" for number in range(1, 4)]
    for kpi_id in ids:
        tables.put(f"prod#active#{kpi_id}", kpi_id=kpi_id, contract_version="1.0.0")

    def admin(number: int) -> int:
        office = Office()
        office._id = lambda: uuid4().hex
        office.plane = type(office.plane)(tables.store(), office.clock, office._id, office.plane.policy, office.runs)
        done = 0
        for turn in range(12):
            scope = Scope(kpi_id=ids[(number + turn) % len(ids)])
            act = office.plane.pausing.pause if turn % 2 else office.plane.pausing.resume
            try:
                act(office.call(), scope)
                done += 1
            except KpiError as error:
                done += 0 if error.code is ErrorCode.CONFLICT else 1000
        return done

    with ThreadPoolExecutor(4) as pool:
        succeeded = sum(pool.map(admin, range(4)))
    chain = tables.chain()
    assert len(chain) == len(tables.audit("id#")) == succeeded > 0
    assert first_break(chain, tenant_id=TENANT) is None
    for kpi_id in ids:
        own = [event.action for event in chain if event.object_id == kpi_id]
        assert own == ["kpi.pause", "kpi.resume"] * (len(own) // 2) + ["kpi.pause"] * (len(own) % 2), "each pause is resumed once"
