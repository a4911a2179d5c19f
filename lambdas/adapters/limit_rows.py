"""The rows of limits and idempotency keys on DynamoDB: one conditional write each, which tells what it met.

| item | attributes | condition |
| --- | --- | --- |
| `limit#{traffic}` | `full_at` | what `Buckets` says |
| `idem#{key}` | the values, `row_version`, `written_by` | the `row_version` expected |

A client that lost an answer sends its write again. A whole row carries an id of the write, so that the second one is known by its own
row. A bucket does not: then the call is counted twice, or refused although there was one token left; it is never admitted uncounted.

AWS: with `ReturnValuesOnConditionCheckFailure=ALL_OLD` the error of a failed condition has the item as it stood, without another read
(docs.aws.amazon.com, DynamoDB API reference, UpdateItem and PutItem). No item in it means that there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambdas.adapters.aws import Clients, code_of
from lambdas.adapters.items import from_item, to_item
from lambdas.domain.limits.rows import Mark, Row

_OWN = frozenset({"pk", "sk", "row_version", "written_by"})
_FULL_AT = "full_at"
_SEEN = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


class DynamoBuckets:
    """`Buckets` in a table with `pk` (the tenant) and `sk`."""

    def __init__(self, clients: Clients, table: str) -> None:
        self._clients = clients
        self._table = table

    def push(self, tenant_id: str, key: str, by: int, at_least: int, at_most: int) -> Mark:
        """See `Buckets.push`."""
        return self._update(
            tenant_id,
            key,
            "SET full_at = full_at + :by",
            "full_at BETWEEN :at_least AND :at_most",
            {":by": by, ":at_least": at_least, ":at_most": at_most},
        )

    def restart(self, tenant_id: str, key: str, full_at: int, before: int) -> Mark:
        """See `Buckets.restart`."""
        return self._update(
            tenant_id,
            key,
            "SET full_at = :full_at",
            "attribute_not_exists(full_at) OR full_at < :before",
            {":full_at": full_at, ":before": before},
        )

    def _update(self, tenant_id: str, key: str, update: str, condition: str, values: Mapping[str, int]) -> Mark:
        from botocore.exceptions import ClientError

        try:
            answer = self._clients("dynamodb").update_item(
                TableName=self._table,
                Key=to_item({"pk": tenant_id, "sk": key}),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_item(values),
                ReturnValues="UPDATED_NEW",
                **_SEEN,
            )
        except ClientError as error:
            found = _met(error)
            return Mark(done=False, full_at=int(found[_FULL_AT]) if _FULL_AT in found else None)
        return Mark(done=True, full_at=int(answer["Attributes"][_FULL_AT]["N"]))


class DynamoRows:
    """`Rows` in a table with `pk` (the tenant) and `sk`, whose TTL attribute is `expires_at`. `new_id` names each write."""

    def __init__(self, clients: Clients, table: str, new_id: Callable[[], str]) -> None:
        self._clients = clients
        self._table = table
        self._new_id = new_id

    def read(self, tenant_id: str, key: str) -> Row | None:
        """One row, strongly consistent."""
        answer = self._clients("dynamodb").get_item(TableName=self._table, Key=to_item({"pk": tenant_id, "sk": key}), ConsistentRead=True)
        if "Item" not in answer:
            return None
        item = from_item(answer["Item"])
        return Row({name: value for name, value in item.items() if name not in _OWN}, int(item["row_version"]))

    def swap(self, tenant_id: str, key: str, values: Mapping[str, Any], expect: int) -> bool:
        """See `Rows.swap`.

        Raises:
            ValueError: when a value has the name of a key or of the row's own bookkeeping.
        """
        from botocore.exceptions import ClientError

        taken = sorted(_OWN & set(values))
        if taken:
            raise ValueError(f"{key}: values cannot be called {', '.join(taken)}; the row has attributes of that name")
        own = {"pk": tenant_id, "sk": key, "row_version": expect + 1, "written_by": self._new_id()}
        try:
            self._clients("dynamodb").put_item(TableName=self._table, Item=to_item({**values, **own}), **_condition(expect), **_SEEN)
        except ClientError as error:
            return _met(error).get("written_by") == own["written_by"]
        return True


def _condition(expect: int) -> dict[str, Any]:
    if expect == 0:
        return {"ConditionExpression": "attribute_not_exists(sk)"}
    return {"ConditionExpression": "row_version = :expect", "ExpressionAttributeValues": {":expect": {"N": str(expect)}}}


def _met(error: Any) -> dict[str, Any]:
    """The item that a failed condition met, empty when there was none; any other error is raised again."""
    if code_of(error) != "ConditionalCheckFailedException":
        raise error
    return from_item(error.response.get("Item", {}))
