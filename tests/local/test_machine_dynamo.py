"""The lifecycle machine on the emulator's DynamoDB, whose client is throttled, conflicts, loses calls and answers, and repeats itself.

Every read and every commit is compared with the store in memory: both say the same, refuse the same and hold the same chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from lambdas.adapters.control_store import DynamoControlStore
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import AuditEvent, Facts
from lambdas.domain.control.unit import Change, Put, Row
from lambdas.domain.errors import ErrorCode, KpiError
from tests.local.conftest import Stack
from tests.local.test_control_store import TENANT, Tables, facts
from tests.unit.lambdas.control.test_machine import Lifecycle
from tests.unit.lambdas.control.watched import Watched

pytestmark = pytest.mark.local
LOST = ReadTimeoutError(endpoint_url="http://dynamodb")
CONFLICT = "TransactionConflict"


def refused(code: str, reasons: int = 0) -> ClientError:
    """What DynamoDB answers; AWS: "Error handling with DynamoDB", and the reasons of a canceled transaction one by one."""
    answer: Any = {"Error": {"Code": code, "Message": code}, "CancellationReasons": [{"Code": CONFLICT}] * reasons}
    return ClientError(answer, "TransactWriteItems")


class Faulty:
    """A DynamoDB client whose next transaction suffers a fault."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.fault = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **asked: Any) -> Any:
        fault, self.fault = self.fault, ""
        match fault:
            case "throttled":
                raise refused("ThrottlingException")
            case "in progress":
                raise refused("TransactionInProgressException")
            case "conflict":
                raise refused("TransactionCanceledException", len(asked["TransactItems"]))
            case "before":
                raise LOST
            case "after":
                self._client.transact_write_items(**asked)
                raise LOST
            case "again":
                # The answer got lost on the way, and the client of the SDK sends the same once more.
                self._client.transact_write_items(**asked)
            case _:
                pass
        return self._client.transact_write_items(**asked)


class Mirrored(Watched):
    """A store in memory beside one in DynamoDB: whoever asks gets the answer of DynamoDB, which must be that of the memory."""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self.memory = Watched()
        self.tables, self.events, self.problems = self.memory.tables, self.memory.events, self.memory.problems
        self.client = Faulty(tables.client)
        names = tables.names
        self.dynamo = DynamoControlStore(lambda _service: self.client, names["catalog"], names["audit"], sleep=lambda _seconds: None)

    def row(self, tenant_id: str, key: str) -> Row | None:
        found, known = self.dynamo.row(tenant_id, key), self.memory.row(tenant_id, key)
        assert (found and found.row_version) == (known and known.row_version), key
        return found

    def rows(self, tenant_id: str, prefix: str) -> Iterator[Row]:
        found = list(self.dynamo.rows(tenant_id, prefix))
        assert [row.key for row in found] == [row.key for row in self.memory.rows(tenant_id, prefix)]
        return iter(found)

    def event(self, tenant_id: str, event_id: str) -> AuditEvent | None:
        found = self.dynamo.event(tenant_id, event_id)
        assert found == self.memory.event(tenant_id, event_id)
        return found

    def commit(self, tenant_id: str, changes: Sequence[Change], facts: Facts) -> AuditEvent:
        fault = self.faults.pop(0) if self.faults else ""
        rival, self.rival = self.rival, None
        if rival is not None:
            rival()
        self.client.fault = fault
        try:
            event = self.dynamo.commit(tenant_id, changes, facts)
        except ReadTimeoutError as error:
            if fault == "after":
                self._remember(tenant_id, changes, facts)
            raise TimeoutError from error
        except KpiError as error:
            with pytest.raises(KpiError, match=str(error.code.value)):
                self._remember(tenant_id, changes, facts)
            raise
        finally:
            self.client.fault = ""
        assert event == self._remember(tenant_id, changes, facts)
        return event

    def _remember(self, tenant_id: str, changes: Sequence[Change], facts: Facts) -> AuditEvent:
        event = self.memory.commit(tenant_id, changes, facts)
        self.commits = self.memory.commits
        return event


@pytest.fixture
def made(stack: Stack) -> Iterator[Callable[[], Tables]]:
    """Makes tables, which are gone when the test ends."""
    found: list[Tables] = []

    def make() -> Tables:
        found.append(Tables(stack))
        return found[-1]

    yield make
    for each in found:
        each.drop()


def test_the_lifecycle_on_dynamodb_is_the_one_in_memory(made: Callable[[], Tables]) -> None:
    opened: list[Tables] = []

    class OnDynamo(Lifecycle):
        faults = ("", "", "before", "after", "again", "throttled", "conflict", "in progress")

        def opened(self) -> Watched:
            opened.append(made())
            return Mirrored(opened[-1])

        def teardown(self) -> None:
            chain = opened[-1].chain()
            assert first_break(chain, tenant_id=self.office.tenant) is None
            assert chain == self.office.events
            assert len(opened[-1].audit("id#")) == len(chain)

    search = settings(
        max_examples=4,
        stateful_step_count=8,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(OnDynamo, settings=search)
    assert len(opened) >= 4


@pytest.mark.parametrize("fault", ["before", "after", "again", "throttled", "conflict", "in progress"])
def test_a_commit_that_suffers_is_done_once_when_it_is_repeated(made: Callable[[], Tables], fault: str) -> None:
    tables = made()
    store = Mirrored(tables)
    store.faults = [fault]
    try:
        store.commit(TENANT, [Put("a", {"name": "one"}, 0)], facts("e1"))
    except TimeoutError:
        assert fault in ("before", "after")
    store.commit(TENANT, [Put("a", {"name": "one"}, 0)], facts("e1"))
    assert [event.event_id for event in tables.chain()] == ["e1"]
    assert len(tables.audit("id#")) == 1


def test_writers_that_suffer_at_the_same_time_lose_and_double_nothing(made: Callable[[], Tables]) -> None:
    tables = made()
    names = tables.names
    kinds = ("", "after", "again", "before", "conflict")

    def write(number: int) -> str:
        client = Faulty(tables.client)
        store = DynamoControlStore(lambda _service: client, names["catalog"], names["audit"])
        for attempt in range(20):
            client.fault = kinds[number % len(kinds)] if attempt == 0 else ""
            try:
                return store.commit(TENANT, [Put(f"row{number}", {"n": number}, 0)], facts(f"e{number}")).event_id
            except ReadTimeoutError:
                continue
            except KpiError as error:
                if error.code is not ErrorCode.TIMEOUT:  # contention that did not end in time: nothing was written
                    raise
        raise AssertionError(f"writer {number} never came through")

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(write, range(15)))
    chain = tables.chain()
    assert sorted(event.event_id for event in chain) == sorted(done)
    assert [event.seq for event in chain] == list(range(1, 16))
    assert first_break(chain, tenant_id=TENANT) is None
