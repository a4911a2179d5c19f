"""Audit events from the newest back, as `GET /audit` asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lambdas.adapters import queries
from lambdas.adapters.audit_chain import event_key
from lambdas.adapters.aws import Clients
from lambdas.domain.audit.event import AuditEvent

PAGE = 200
"""Events of one query; a page of the API is at most as long."""


class DynamoAuditLog:
    """Events in the audit table with `pk` (the tenant) and `sk`."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    def newest(self, tenant_id: str, before: int | None) -> Iterator[AuditEvent]:
        """Events with a `seq` below `before` (None: all), newest first, page by page as they are asked for."""
        if before is not None and before <= 1:
            return
        last = event_key(before - 1) if before is not None else "event#~"
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": PAGE,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": {"S": tenant_id}, ":first": {"S": event_key(1)}, ":last": {"S": last}},
        }
        for item in queries.every(self._clients, arguments):
            yield AuditEvent.model_validate_json(str(item["event"]))
