"""What the DynamoDB store makes of AWS's answers: whose fault a canceled transaction is, and what is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.adapters.control_store import ATTEMPTS, DynamoControlStore
from lambdas.adapters.items import to_item
from lambdas.domain.audit.event import Facts, genesis
from lambdas.domain.control.unit import Change, Delete, Put
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.audit.factory import chain, facts

Answer = Callable[[], None]


def canceled(*codes: str) -> Answer:
    def answer() -> None:
        reasons = [{"Code": code} for code in codes]
        error: Any = {"Error": {"Code": "TransactionCanceledException", "Message": "canceled"}, "CancellationReasons": reasons}
        raise ClientError(error, "TransactWriteItems")

    return answer


def failed(code: str) -> Answer:
    def answer() -> None:
        raise ClientError({"Error": {"Code": code, "Message": "m"}}, "TransactWriteItems")

    return answer


def done() -> None:
    return


class Dynamo:
    """A client that answers transactions as told and reads what `items` holds."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.items: dict[str, dict[str, Any]] = {}
        self.transactions: list[list[dict[str, Any]]] = []
        self.slept: list[float] = []

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        assert arguments["ConsistentRead"] is True
        found = self.items.get(arguments["Key"]["sk"]["S"])
        return {"Item": to_item(found)} if found is not None else {}

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803 - AWS's name
        self.transactions.append(TransactItems)
        (self.answers.pop(0) if self.answers else done)()

    def store(self) -> DynamoControlStore:
        return DynamoControlStore(lambda _service: self, "catalog", "audit", sleep=self.slept.append, jitter=lambda: 1.0)

    def commit(self, *changes: Change, said: Facts | None = None) -> Any:
        return self.store().commit("acme", changes or [Put("a", {"x": "y"}, 3)], said or facts(1))


FAILED, FINE, BUSY = "ConditionalCheckFailed", "None", "TransactionConflict"


def test_the_first_event_follows_the_genesis_and_the_next_one_the_head() -> None:
    dynamo = Dynamo()
    first = dynamo.commit()
    assert (first.seq, first.previous) == (1, genesis("acme"))
    dynamo.items["audit#head"] = {"seq": 1, "hash": first.hash}
    second = dynamo.commit(said=facts(2))
    assert (second.seq, second.previous) == (2, first.hash)
    change, head, event, marker = dynamo.transactions[1]
    assert change["Put"]["Item"]["row_version"] == {"N": "4"}
    assert change["Put"]["ConditionExpression"] == "row_version = :expect"
    assert head["Put"]["ConditionExpression"] == "seq = :seq AND #hash = :hash"
    assert event["Put"]["TableName"] == marker["Put"]["TableName"] == "audit"
    assert event["Put"]["ConditionExpression"] == marker["Put"]["ConditionExpression"] == "attribute_not_exists(sk)"
    assert event["Put"]["Item"]["sk"] == {"S": "event#0000000000000000002"}


@pytest.mark.parametrize(
    "trouble",
    [
        canceled(FINE, FAILED, FINE, FINE),
        canceled(FINE, FAILED, FAILED, FINE),
        canceled(BUSY, FINE, FINE, FINE),
        canceled(FINE, FINE, FINE, "ThrottlingError"),
        failed("TransactionInProgressException"),
        failed("ThrottlingException"),
    ],
    ids=["head moved", "head and event", "row is held", "throttled", "in progress", "throttled at once"],
)  # fmt: skip
def test_contention_is_tried_again_with_the_head_as_it_is_then(trouble: Answer) -> None:
    dynamo = Dynamo(trouble)
    dynamo.items["audit#head"] = {"seq": 1, "hash": chain(1)[0].hash}
    assert dynamo.commit().seq == 2
    assert len(dynamo.transactions) == 2
    assert dynamo.slept == [0.01]


def test_contention_without_end_is_given_up_with_nothing_written() -> None:
    dynamo = Dynamo(*[canceled(FINE, FAILED, FINE, FINE)] * 50)
    with pytest.raises(KpiError, match="nothing was written") as refused:
        dynamo.commit()
    assert refused.value.code is ErrorCode.TIMEOUT
    assert len(dynamo.transactions) == ATTEMPTS
    assert max(dynamo.slept) <= 0.5
    assert sum(dynamo.slept) < 6


@pytest.mark.parametrize("codes", [(FAILED, FINE, FINE, FINE), (FAILED, FAILED, FAILED, FINE)])
def test_a_row_that_changed_is_a_conflict_even_when_the_head_moved_too(codes: tuple[str, ...]) -> None:
    dynamo = Dynamo(canceled(*codes))
    dynamo.items["a"] = {"row_version": 5}
    with pytest.raises(KpiError, match="a changed since it was read: expected version 3, but it has version 5") as refused:
        dynamo.commit()
    assert refused.value.code is ErrorCode.CONFLICT


def test_a_row_nobody_cared_about_is_read_again() -> None:
    dynamo = Dynamo(canceled(FAILED, FINE, FINE, FINE))
    dynamo.items["a"] = {"row_version": 5}
    dynamo.commit(Delete("a", None))
    assert [each[0]["Delete"]["ExpressionAttributeValues"][":expect"]["N"] for each in dynamo.transactions] == ["5", "5"]


def test_an_event_that_was_written_before_is_returned_though_its_rows_have_moved_on() -> None:
    first = chain(1)[0]
    dynamo = Dynamo(canceled(FAILED, FAILED, FINE, FAILED))
    dynamo.items |= {f"id#{first.event_id}": {"seq": 1}, "event#0000000000000000001": {"event": first.model_dump_json()}}
    assert dynamo.commit(said=facts(1, at="2026-02-02T00:00:00.000Z")) == first
    dynamo.answers = [canceled(FAILED, FINE, FINE, FAILED)]
    with pytest.raises(KpiError, match="'event-1' was used for another call"):
        dynamo.commit(said=facts(1, reason="another"))


@pytest.mark.parametrize(
    "trouble",
    [failed("AccessDeniedException"), failed("ValidationException"), canceled("ItemCollectionSizeLimitExceeded", FINE, FINE, FINE)],
)
def test_what_another_attempt_cannot_cure_is_not_tried_again(trouble: Answer) -> None:
    dynamo = Dynamo(trouble)
    with pytest.raises(ClientError):
        dynamo.commit()
    assert len(dynamo.transactions) == 1


def test_a_connection_that_breaks_is_the_callers_to_repeat_under_the_same_id() -> None:
    def broken() -> None:
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    dynamo = Dynamo(broken)
    with pytest.raises(ReadTimeoutError):
        dynamo.commit()
    assert len(dynamo.transactions) == 1


def test_what_cannot_be_one_transaction_is_refused_before_anything_is_sent() -> None:
    dynamo = Dynamo()
    with pytest.raises(KpiError, match="touches 97 rows, one transaction takes 96"):
        dynamo.commit(*[Put(f"k{number}", {}, 0) for number in range(97)])
    for changes in ([Put("a", {}, 0), Delete("a", 1)], [Put("audit#head", {}, None)]):
        with pytest.raises(ValueError, match="would change twice"):
            dynamo.commit(*changes)
    with pytest.raises(ValueError, match="cannot be committed for acme"):
        dynamo.commit(said=facts(1, tenant="other"))
    assert dynamo.transactions == []


def test_the_head_is_read_once_as_long_as_nobody_else_writes() -> None:
    dynamo = Dynamo()
    dynamo.items["audit#head"] = {"seq": 4, "hash": "a" * 64}
    store = dynamo.store()
    first = store.commit("acme", [], facts(1))
    dynamo.items["audit#head"] = {"seq": 7, "hash": "b" * 64}
    dynamo.answers = [canceled(FAILED, FINE, FINE)]
    second = store.commit("acme", [], facts(2))
    assert (first.seq, second.seq, second.previous) == (5, 8, "b" * 64)
    assert dynamo.transactions[1][0]["Put"]["ExpressionAttributeValues"][":seq"] == {"N": "5"}
    assert store.commit("acme", [], facts(3)).previous == second.hash
