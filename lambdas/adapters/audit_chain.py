"""A tenant's whole audit chain from DynamoDB, in pages, as far as `audit#head` said when the reading began."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError

from lambdas.adapters import queries
from lambdas.adapters.aws import Clients
from lambdas.adapters.items import from_item, to_item
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.unit import HEAD
from lambdas.domain.errors import ErrorCode, KpiError

SEQ_DIGITS = 19
SETTLING_SECONDS = 1.0
"""A transaction becomes visible item by item: its event may be seen a moment after the head that names it."""


class TamperedError(KpiError):
    """What must never change did. Nothing is signed until a person has looked."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INTERNAL, message)

    @property
    def retryable(self) -> bool:
        """Never: what was changed stays changed."""
        return False


class AuditChains:
    """Reads chains: the head from the catalog table, the events from the audit table; both have `pk` (the tenant) and `sk`."""

    def __init__(self, clients: Clients, catalog: str, audit: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clients = clients
        self._catalog = catalog
        self._audit = audit
        self._sleep = sleep

    def read(self, tenant_id: str) -> tuple[AuditEvent, ...]:
        """All events from 1 to the head, checked to be one chain; none when the tenant has no head yet.

        Raises:
            TamperedError: an event is missing, unreadable or another one than what was written.
        """
        size, head = self._head(tenant_id)
        events = tuple(self._events(tenant_id, size))
        if len(events) < size:
            self._sleep(SETTLING_SECONDS)
            events = tuple(self._events(tenant_id, size))
        broken = first_break(events, tenant_id=tenant_id)
        if broken is not None:
            raise TamperedError(f"the audit chain of {tenant_id} is broken at {broken}")
        if len(events) != size:
            raise TamperedError(f"the audit chain of {tenant_id} has {len(events)} events, {HEAD} counts {size}: the last ones are missing")
        if events and events[-1].hash != head:
            raise TamperedError(f"the audit chain of {tenant_id} ends with another event than the one {HEAD} names")
        return events

    def _head(self, tenant_id: str) -> tuple[int, str]:
        key = to_item({"pk": tenant_id, "sk": HEAD})
        answer = self._clients("dynamodb").get_item(TableName=self._catalog, Key=key, ConsistentRead=True)
        head = from_item(answer.get("Item", {}))
        return int(head.get("seq", 0)), str(head.get("hash", ""))

    def _events(self, tenant_id: str, size: int) -> Iterator[AuditEvent]:
        arguments: dict[str, Any] = {
            "TableName": self._audit,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": to_item({":pk": tenant_id, ":first": event_key(0), ":last": event_key(size)}),
            "ProjectionExpression": "sk, #event",
            "ExpressionAttributeNames": {"#event": "event"},
        }
        if size:
            yield from (_event(tenant_id, item) for item in queries.every(self._clients, arguments))


def event_key(seq: int) -> str:
    """The sort key of an event."""
    return f"event#{seq:0{SEQ_DIGITS}d}"


def _event(tenant_id: str, item: dict[str, Any]) -> AuditEvent:
    try:
        return AuditEvent.model_validate_json(str(item.get("event", "")))
    except ValidationError as error:
        raise TamperedError(f"the audit chain of {tenant_id}: {item.get('sk')} is no event: {str(error).splitlines()[0]}") from error
