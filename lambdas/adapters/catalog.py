"""The catalog on DynamoDB: definitions by version, which version is active, tenants, and what waits for signals."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from kpis.schema import Kpi, Source
from lambdas.adapters import queries
from lambdas.adapters.aws import Clients
from lambdas.adapters.items import from_item, projection, to_item
from lambdas.domain.control import keys
from lambdas.domain.control.canary import Canary
from lambdas.domain.control.pauses import EVERYTHING, Scope
from lambdas.domain.control.unit import Row
from lambdas.domain.model import Active, Definition, TenantSettings
from lambdas.domain.standing import Standing
from lambdas.domain.tenants import keys as tenant_keys
from lambdas.domain.tenants.runs import for_runs

# Settings change by a deployment or an administrator; a warm function notices within this many seconds.
TENANT_TTL_SECONDS = 30.0


class DynamoCatalog:
    """Reads the catalog. A definition is kept for the life of the process and used while its hash is the one asked for."""

    def __init__(self, clients: Clients, table: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._table = table
        self._monotonic = monotonic
        self._tenants: dict[tuple[str, str], tuple[float, TenantSettings]] = {}
        self._definitions: dict[tuple[str, str, str, str], Definition] = {}

    def tenant(self, tenant_id: str, environment: str) -> TenantSettings | None:
        known = self._tenants.get((tenant_id, environment))
        if known is not None and self._monotonic() - known[0] < TENANT_TTL_SECONDS:
            return known[1]
        item = self.item(tenant_id, tenant_keys.deployed(environment))
        if item is None:
            return None
        decided = self.item(tenant_id, tenant_keys.settings(environment))
        settings = for_runs(item["settings"], decided["settings"] if decided else None)
        self._tenants[tenant_id, environment] = (self._monotonic(), settings)
        return settings

    def active(self, tenant_id: str, environment: str, kpi_id: str) -> Active | None:
        item = self.item(tenant_id, f"{environment}#active#{kpi_id}")
        return Active(item["contract_version"], item["definition_hash"]) if item else None

    def standing(self, tenant_id: str, environment: str, kpi_id: str) -> Standing:
        """Version, canary and pauses of a KPI: one BatchGetItem, and a query for the entities of it that are paused."""
        active, canary = keys.active(environment, kpi_id), keys.canary(environment, kpi_id)
        everything, whole = keys.pause(environment, EVERYTHING), keys.pause(environment, Scope(kpi_id=kpi_id).key)
        found = self._items(tenant_id, (active, canary, everything, whole))
        of_entities = self.rows(tenant_id, keys.pause(environment, f"entity#{kpi_id}#"), consistent=True)
        pauses = [found[key] for key in (everything, whole) if key in found] + list(of_entities)
        pointer = found.get(active)
        return Standing(
            Active(pointer["contract_version"], pointer["definition_hash"]) if pointer else None,
            Canary.model_validate_json(found[canary]["canary"]) if canary in found else None,
            tuple(Row(str(row["sk"]), row) for row in pauses),
        )

    def _items(self, tenant_id: str, sort_keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Catalog rows by key, read consistently; what DynamoDB did not get to (UnprocessedKeys) is read on its own."""
        wanted = [{"pk": {"S": tenant_id}, "sk": {"S": key}} for key in sort_keys]
        answer = self._clients("dynamodb").batch_get_item(RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}})
        found = [from_item(item) for item in answer["Responses"].get(self._table, [])]
        for key in answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", []):
            item = self.item(tenant_id, key["sk"]["S"], consistent=True)
            found += [item] if item else []
        return {str(row["sk"]): row for row in found}

    def definition(
        self, tenant_id: str, environment: str, kpi_id: str, contract_version: str, definition_hash: str | None = None
    ) -> Definition | None:
        key = (tenant_id, environment, kpi_id, contract_version)
        known = self._definitions.get(key)
        if known is not None and known.definition_hash == definition_hash:
            return known
        item = self.item(tenant_id, f"{environment}#kpi#{kpi_id}#{contract_version}")
        if item is None:
            return None
        found = self._definitions[key] = read_definition(item)
        return found

    def item(self, tenant_id: str, sort_key: str, *, consistent: bool = False) -> dict[str, Any] | None:
        """One catalog row."""
        key = {"pk": {"S": tenant_id}, "sk": {"S": sort_key}}
        answer = self._clients("dynamodb").get_item(TableName=self._table, Key=key, ConsistentRead=consistent)
        return from_item(answer["Item"]) if "Item" in answer else None

    def rows(self, tenant_id: str, prefix: str, attributes: Sequence[str] = (), *, consistent: bool = False) -> Iterator[dict[str, Any]]:
        """Every row of a tenant whose sort key starts with a prefix; only some attributes of it when they are named."""
        asked = queries.of_prefix(self._table, tenant_id, prefix) | {"ConsistentRead": consistent} | projection(attributes)
        yield from queries.every(self._clients, asked)

    def page(self, tenant_id: str, prefix: str, *, after: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Rows in key order after a key, and the key to go on after."""
        low = after or prefix
        answer = self._clients("dynamodb").query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
            ExpressionAttributeValues={":pk": {"S": tenant_id}, ":low": {"S": low}, ":high": {"S": f"{prefix}~"}},
            Limit=limit + 1,
        )
        rows = [row for row in map(from_item, answer["Items"]) if row["sk"] != after]
        more = "LastEvaluatedKey" in answer or len(rows) > limit
        rows = rows[:limit]
        return rows, (str(rows[-1]["sk"]) if more and rows else None)

    def triggers(self, tenant_id: str, environment: str, signal: str) -> Iterator[dict[str, Any]]:
        """What waits for a signal."""
        return self.rows(tenant_id, f"{environment}#trigger#{signal}#")

    def canary(self, tenant_id: str, environment: str, kpi_id: str) -> Canary | None:
        """The last canary of a KPI. By a query, which is all that those who ask may do; other KPIs' keys may begin the same."""
        key = keys.canary(environment, kpi_id)
        found = next((row for row in self.rows(tenant_id, key, consistent=True) if row["sk"] == key), None)
        return Canary.model_validate_json(found["canary"]) if found else None

    def write(self, tenant_id: str, puts: Sequence[Mapping[str, Any]], deletes: Sequence[str]) -> None:
        """Write and remove rows of one tenant in one transaction: all or nothing."""
        self._tenants = {key: known for key, known in self._tenants.items() if key[0] != tenant_id}
        changes: list[dict[str, Any]] = [
            {"Put": {"TableName": self._table, "Item": to_item({"pk": tenant_id} | dict(row))}} for row in puts
        ]
        changes += [{"Delete": {"TableName": self._table, "Key": to_item({"pk": tenant_id, "sk": sort_key})}} for sort_key in deletes]
        if changes:
            self._clients("dynamodb").transact_write_items(TransactItems=changes)


def read_definition(item: Mapping[str, Any]) -> Definition:
    """The definition in a catalog row."""
    sources = cast("list[Any]", json.loads(str(item["sources"])))
    by_id = {source.id: source for source in map(Source.model_validate, sources)}
    return Definition(Kpi.model_validate_json(str(item["definition"])), by_id, str(item["definition_hash"]))
