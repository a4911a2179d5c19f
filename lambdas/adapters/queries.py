"""Reads of DynamoDB that take more calls than one.

AWS: a query answers up to 1 MB and says in `LastEvaluatedKey` where to go on; BatchGetItem takes up to 100 keys and gives back as
`UnprocessedKeys` those it did not get to (docs.aws.amazon.com, DynamoDB API reference, Query and BatchGetItem).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lambdas.adapters.items import from_item

BATCH = 100
FIRST_WAIT_SECONDS = 0.02
LAST_WAIT_SECONDS = 1.0
ByService = Callable[[str], Any]
"""The client of a service by its name; asked for at each call, since a tenant's session is renewed in between."""


def of_prefix(table: str, tenant_id: str, prefix: str) -> dict[str, Any]:
    """The arguments of a query for the rows of a tenant whose sort key starts with a prefix."""
    return {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
        "ExpressionAttributeValues": {":pk": {"S": tenant_id}, ":sk": {"S": prefix}},
    }


def pages(clients: ByService, arguments: Mapping[str, Any]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The items of a query, a page for each call; a page is asked for when it is needed."""
    asked = dict(arguments)
    while True:
        answer = clients("dynamodb").query(**asked)
        yield answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def every(clients: ByService, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All rows of a query, page by page as they are asked for."""
    for page in pages(clients, arguments):
        yield from map(from_item, page)


def newest(clients: ByService, arguments: Mapping[str, Any], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """At most `limit` rows of a query, the last in key order first, and whether these are all."""
    rows: list[dict[str, Any]] = []
    asked = dict(arguments) | {"ScanIndexForward": False}
    while True:
        answer = clients("dynamodb").query(**asked, Limit=limit - len(rows))
        rows += map(from_item, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return rows, True
        if len(rows) >= limit:
            return rows, False
        asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def batch(
    clients: ByService, table: str, keys: Sequence[Mapping[str, Any]], *, sleep: Callable[[float], None] = time.sleep, **more: Any
) -> Iterator[dict[str, Any]]:
    """Rows by their keys, in no order; keys without a row are passed over. `more` goes with every call, such as a projection.

    What a busy table gave back is asked for again after a wait that doubles; the caller's own time limit ends it.
    """
    for start in range(0, len(keys), BATCH):
        asked: dict[str, Any] = {table: {"Keys": list(keys[start : start + BATCH]), **more}}
        wait = FIRST_WAIT_SECONDS
        while asked:
            answer = clients("dynamodb").batch_get_item(RequestItems=asked)
            yield from map(from_item, answer["Responses"].get(table, []))
            asked = answer.get("UnprocessedKeys") or {}
            if asked:
                sleep(wait)
                wait = min(2 * wait, LAST_WAIT_SECONDS)
