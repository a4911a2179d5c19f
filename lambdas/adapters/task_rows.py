"""Rows of work in progress in the catalog table, beside the audit chain and without meaning for it: everything under `task#`.

| item | what |
| --- | --- |
| `task#{request_id}` | the token with which the waiting execution of a change request goes on |
| `task#told#{event_id}` | where an audit event has been told already |
| `task#watched#{environment}` | until when missing runs have been looked for |
| `task#reported#{environment}#{subscription_id}` | the last report of a subscription |

The first two expire (`expires_at`, the table's TTL attribute).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.adapters.items import from_item, to_item
from lambdas.domain.timestamps import iso, parse

KEPT = timedelta(days=7)
"""How long it is remembered that an event was told; a stream delivers its records again for at most a day."""
TOKEN_KEPT = timedelta(days=366)
"""An execution lasts a year at most (Step Functions quotas)."""


class TaskRows:
    """Plain writes: the last one wins, because each row is only ever a hint."""

    def __init__(self, clients: Clients, table: str, now: Callable[[], datetime]) -> None:
        self._clients = clients
        self._table = table
        self._now = now

    def token(self, tenant_id: str, request_id: str) -> str | None:
        """The token of the execution that waits for a request."""
        row = self._read(tenant_id, f"task#{request_id}")
        return str(row["token"]) if row else None

    def keep_token(self, tenant_id: str, request_id: str, token: str) -> None:
        """Remember it; the one before is worth nothing any more."""
        self._write(tenant_id, f"task#{request_id}", TOKEN_KEPT, token=token)

    def told(self, tenant_id: str, event_id: str) -> frozenset[str]:
        """Where an event has been told."""
        row = self._read(tenant_id, f"task#told#{event_id}")
        return frozenset(row["channels"]) if row else frozenset()

    def mark_told(self, tenant_id: str, event_id: str, channels: Iterable[str]) -> None:
        """Remember where it has been told."""
        self._write(tenant_id, f"task#told#{event_id}", KEPT, channels=sorted(channels))

    def watched_until(self, tenant_id: str, environment: str) -> datetime | None:
        """Until when missing runs have been looked for; None: never."""
        row = self._read(tenant_id, f"task#watched#{environment}")
        return parse(str(row["until"])) if row else None

    def mark_watched(self, tenant_id: str, environment: str, until: datetime) -> None:
        """Remember that all missing runs until then were found."""
        self._write(tenant_id, f"task#watched#{environment}", None, until=iso(until))

    def reported(self, tenant_id: str, environment: str, subscription_id: str) -> str | None:
        """The label of the last report of a subscription; None: nobody has looked at it yet."""
        row = self._read(tenant_id, f"task#reported#{environment}#{subscription_id}")
        return str(row["label"]) if row else None

    def mark_reported(self, tenant_id: str, environment: str, subscription_id: str, label: str) -> None:
        """Remember it."""
        self._write(tenant_id, f"task#reported#{environment}#{subscription_id}", None, label=label)

    def _read(self, tenant_id: str, key: str) -> dict[str, Any] | None:
        answer = self._clients("dynamodb").get_item(TableName=self._table, Key=to_item({"pk": tenant_id, "sk": key}), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None

    def _write(self, tenant_id: str, key: str, keep: timedelta | None, **values: object) -> None:
        expires_at = int((self._now() + keep).timestamp()) if keep else None
        item = {"pk": tenant_id, "sk": key, "updated_at": iso(self._now()), "expires_at": expires_at} | values
        self._clients("dynamodb").put_item(TableName=self._table, Item=to_item(item))
