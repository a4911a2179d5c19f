"""Which tenants there are, by environment: rows of the platform's own partition in the catalog table.

| sort key | says |
| --- | --- |
| `tenant#{tenant_id}#{environment}` | a stack registered the tenant (the reconciler writes it) |
| `audited#{tenant_id}#{environment}` | an audit event of the tenant was seen |

DynamoDB cannot list partition keys without reading the whole table, so whoever first hears of a tenant writes it down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lambdas.adapters import queries
from lambdas.adapters.aws import Clients
from lambdas.adapters.items import to_item

PLATFORM = "platform"
REGISTERED = "tenant#"
_AUDITED = "audited#"


@dataclass(frozen=True, order=True)
class Place:
    """A tenant in an environment."""

    tenant_id: str
    environment: str

    def __str__(self) -> str:
        return f"{self.tenant_id}.{self.environment}"

    @property
    def registered(self) -> str:
        """The key of the row that says a stack registered it."""
        return f"{REGISTERED}{self.tenant_id}#{self.environment}"

    @property
    def audited(self) -> str:
        """The key of the row that says there is an audit event of it."""
        return f"{_AUDITED}{self.tenant_id}#{self.environment}"


def place_of(key: str) -> Place:
    """The place that a row of the list is about."""
    _, tenant_id, environment = key.split("#")
    return Place(tenant_id, environment)


class TenantList:
    """The list. `add` writes once per process and place."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table
        self._known: set[Place] = set()

    def add(self, tenant_id: str, environment: str) -> None:
        """Put a tenant of whom there is an audit event on the list; one that is there stays."""
        place = Place(tenant_id, environment)
        if place not in self._known:
            self._clients("dynamodb").put_item(TableName=self._table, Item=to_item(_row(place)))
            self._known.add(place)

    def remove(self, place: Place) -> None:
        """Take a tenant off the list, unless a stack registered it."""
        self._known.discard(place)
        self._clients("dynamodb").delete_item(TableName=self._table, Key=to_item(_row(place)))

    def all(self) -> list[Place]:
        """Every tenant in every environment, sorted."""
        return sorted({place_of(str(row["sk"])) for prefix in (REGISTERED, _AUDITED) for row in self._rows(prefix)})

    def _rows(self, prefix: str) -> Iterator[dict[str, Any]]:
        return queries.every(self._clients, queries.of_prefix(self._table, PLATFORM, prefix) | {"ProjectionExpression": "sk"})


def _row(place: Place) -> dict[str, str]:
    return {"pk": PLATFORM, "sk": place.audited}
