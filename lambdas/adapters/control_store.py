"""The control plane's store on DynamoDB: one TransactWriteItems for the changes, the audit event, its id and the head of the chain.

| item | table | condition |
| --- | --- | --- |
| the changes | catalog | the `row_version` each expects |
| `audit#head` | catalog | it is still the event this one follows |
| `event#{seq}` | audit | not there: events are inserted, never overwritten |
| `id#{event_id}` | audit | not there: a repeated call finds the first event |

AWS: TransactWriteItems is all or nothing, with up to 100 actions on distinct items (docs.aws.amazon.com, DynamoDB developer guide,
"Amazon DynamoDB Transactions: How it works").
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kpis.hashing import canonical_json
from lambdas.adapters import queries
from lambdas.adapters.audit_chain import event_key
from lambdas.adapters.aws import Clients, code_of
from lambdas.adapters.items import from_item, to_item
from lambdas.domain.audit.event import AuditEvent, Facts, genesis, sealed
from lambdas.domain.control.unit import (
    HEAD,
    MAX_CHANGES,
    Change,
    Check,
    Delete,
    Put,
    Row,
    fitting,
    reused_id,
    same_call,
    stale,
    too_many,
    unique_keys,
)  # fmt: skip
from lambdas.domain.errors import ErrorCode, KpiError

ATTEMPTS = 14
"""Tries of one commit; with the pauses below they last about five seconds."""
_PAUSES = (0.01, 0.5)
"""Seconds: the first pause at most, and the longest; each is a random share of twice the one before (full jitter)."""
_CONTENTION = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_END = "~"
"""Sorts after every character of a key."""
_FAILED = "ConditionalCheckFailed"
_RETRIED_ERRORS = frozenset({"TransactionInProgressException", "ThrottlingException", "ProvisionedThroughputExceededException"})


@dataclass(frozen=True)
class _Planned:
    """A change with the row_version it is conditioned on and whether the caller named it."""

    change: Change
    expect: int
    named: bool


class DynamoControlStore:
    """Rows in the catalog table, events in the audit table; both have `pk` (the tenant) and `sk`."""

    def __init__(
        self,
        clients: Clients,
        catalog: str,
        audit: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clients = clients
        self._catalog = catalog
        self._audit = audit
        self._sleep = sleep
        self._jitter = jitter
        # Where this process left the chains. When another one went on from there, the condition on the head fails and it is read.
        self._heads: dict[str, tuple[int, str]] = {}

    def row(self, tenant_id: str, key: str) -> Row | None:
        """One row, strongly consistent."""
        item = self._item(self._catalog, tenant_id, key)
        return Row(key, item) if item is not None else None

    def rows(self, tenant_id: str, prefix: str, *, after: str = "") -> Iterator[Row]:
        """Rows by prefix, strongly consistent, page by page."""
        arguments = queries.of_prefix(self._catalog, tenant_id, prefix) | {"ConsistentRead": True}
        if after > prefix:
            # A sort key takes one condition, so the prefix becomes the upper end; keys are ASCII. DynamoDB refuses ends in the wrong order.
            end = f"{prefix}{_END}"
            if after >= end:
                return
            arguments["KeyConditionExpression"] = "pk = :pk AND sk BETWEEN :after AND :end"
            arguments["ExpressionAttributeValues"] = {":pk": {"S": tenant_id}, ":after": {"S": after}, ":end": {"S": end}}
        for item in queries.every(self._clients, arguments):
            if str(item["sk"]) > after:
                yield Row(str(item["sk"]), _values(item))

    def event(self, tenant_id: str, event_id: str) -> AuditEvent | None:
        """The event that was committed under an id."""
        marker = self._item(self._audit, tenant_id, f"id#{event_id}")
        if marker is None:
            return None
        item = self._item(self._audit, tenant_id, event_key(int(marker["seq"])))
        if item is None:
            raise KpiError(ErrorCode.INTERNAL, f"the audit table of {tenant_id} has no event {marker['seq']}, which id {event_id} names")
        return AuditEvent.model_validate_json(str(item["event"]))

    def commit(self, tenant_id: str, changes: Sequence[Change], facts: Facts) -> AuditEvent:
        """See `ControlStore.commit`.

        Raises:
            KpiError: CONFLICT, INVALID_INPUT, or TIMEOUT when contention did not end; then nothing was written.
        """
        unique_keys(changes)
        if len(changes) > MAX_CHANGES:
            raise too_many(len(changes))
        fitting(changes)
        if facts.tenant_id != tenant_id:
            raise ValueError(f"an event of {facts.tenant_id} cannot be committed for {tenant_id}")
        for attempt in range(ATTEMPTS):
            event = self._try(tenant_id, changes, facts)
            if event is not None:
                return event
            self._sleep(self._jitter() * min(_PAUSES[1], _PAUSES[0] * 2**attempt))
        raise KpiError(ErrorCode.TIMEOUT, f"other writers kept changing the records of {tenant_id}; nothing was written, try again")

    def _try(self, tenant_id: str, changes: Sequence[Change], facts: Facts) -> AuditEvent | None:
        """One attempt; None when others were faster and another attempt may succeed."""
        from botocore.exceptions import ClientError

        seq, previous = self._heads.pop(tenant_id, None) or self._head(tenant_id)
        event = sealed(facts, seq=seq + 1, previous=previous)
        planned = [self._planned(tenant_id, change) for change in changes]
        actions = [self._action(tenant_id, each) for each in planned] + self._record(tenant_id, event, previous)
        try:
            self._clients("dynamodb").transact_write_items(TransactItems=actions)
        except ClientError as error:
            code = code_of(error)
            if code in _RETRIED_ERRORS:
                return None
            if code != "TransactionCanceledException":
                raise
            reasons = [str(reason.get("Code", "None")) for reason in error.response.get("CancellationReasons", [])]
            return self._canceled(tenant_id, planned, reasons, facts, error)
        self._heads[tenant_id] = (event.seq, event.hash)
        return event

    def _head(self, tenant_id: str) -> tuple[int, str]:
        head = self._item(self._catalog, tenant_id, HEAD)
        return (int(head["seq"]), str(head["hash"])) if head else (0, genesis(tenant_id))

    def _canceled(
        self, tenant_id: str, planned: Sequence[_Planned], reasons: Sequence[str], facts: Facts, error: Exception
    ) -> AuditEvent | None:
        """What a canceled transaction means: it was done before, a row changed, or only that others were faster."""
        if len(reasons) != len(planned) + 3:
            raise error
        if reasons[-1] == _FAILED:
            first = self.event(tenant_id, facts.event_id)
            if first is None or not same_call(first, facts):
                raise reused_id(facts.event_id) from error
            return first
        for each, reason in zip(planned, reasons, strict=False):
            if reason == _FAILED and each.named:
                found = self.row(tenant_id, each.change.key)
                raise stale(each.change.key, each.expect, found.row_version if found else 0) from error
        # What is left to fail: the head or a row nobody cared about moved on, or another transaction held an item.
        if any(reason == _FAILED or reason in _CONTENTION for reason in reasons):
            return None
        raise error

    def _planned(self, tenant_id: str, change: Change) -> _Planned:
        if change.expect is not None:
            return _Planned(change, change.expect, named=True)
        found = self.row(tenant_id, change.key)
        return _Planned(change, found.row_version if found else 0, named=False)

    def _action(self, tenant_id: str, planned: _Planned) -> dict[str, Any]:
        change = planned.change
        at: dict[str, Any] = {"TableName": self._catalog, **_condition(planned.expect)}
        key = {"pk": tenant_id, "sk": change.key}
        match change:
            case Put():
                return {"Put": at | {"Item": to_item(dict(change.row) | key | {"row_version": planned.expect + 1})}}
            case Delete():
                return {"Delete": at | {"Key": to_item(key)}}
            case Check():
                return {"ConditionCheck": at | {"Key": to_item(key)}}

    def _record(self, tenant_id: str, event: AuditEvent, previous: str) -> list[dict[str, Any]]:
        """The head, the event and its id, in this order, after the changes."""
        first = event.seq == 1
        head = {
            "TableName": self._catalog,
            "Item": to_item({"pk": tenant_id, "sk": HEAD, "seq": event.seq, "hash": event.hash}),
            "ConditionExpression": "attribute_not_exists(sk)" if first else "seq = :seq AND #hash = :hash",
        }
        if not first:
            head["ExpressionAttributeNames"] = {"#hash": "hash"}
            head["ExpressionAttributeValues"] = {":seq": {"N": str(event.seq - 1)}, ":hash": {"S": previous}}
        # Beside the event itself, what lists are filtered by.
        row = {
            "pk": tenant_id,
            "sk": event_key(event.seq),
            "event": canonical_json(event),
            "at": event.at,
            "actor": event.actor.subject,
            "action": event.action,
            "object_type": event.object_type,
            "object_id": event.object_id,
            "environment": event.environment.value if event.environment else None,
        }
        marker = {"pk": tenant_id, "sk": f"id#{event.event_id}", "seq": event.seq}
        new = "attribute_not_exists(sk)"
        return [
            {"Put": head},
            {"Put": {"TableName": self._audit, "Item": to_item(row), "ConditionExpression": new}},
            {"Put": {"TableName": self._audit, "Item": to_item(marker), "ConditionExpression": new}},
        ]

    def _item(self, table: str, tenant_id: str, key: str) -> dict[str, Any] | None:
        answer = self._clients("dynamodb").get_item(TableName=table, Key=to_item({"pk": tenant_id, "sk": key}), ConsistentRead=True)
        return _values(from_item(answer["Item"])) if "Item" in answer else None


def _condition(expect: int) -> dict[str, Any]:
    """A row the catalog import wrote has no row_version and counts as 1."""
    if expect == 0:
        return {"ConditionExpression": "attribute_not_exists(sk)"}
    imported = " OR (attribute_exists(sk) AND attribute_not_exists(row_version))" if expect == 1 else ""
    return {"ConditionExpression": f"row_version = :expect{imported}", "ExpressionAttributeValues": {":expect": {"N": str(expect)}}}


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("pk", "sk")}
