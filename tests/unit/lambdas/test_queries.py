"""Reads of several calls lose nothing: pages are followed, and keys that a batch left out are asked for again."""

from __future__ import annotations

from typing import Any

from lambdas.adapters import queries
from lambdas.adapters.items import to_item
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.domain.ids import run_id_text
from lambdas.domain.model import LogTable


class Dynamo:
    """Seven rows, of which a query answers three at a time and a batch two."""

    def __init__(self) -> None:
        self.rows = [{"sk": run_id_text(number), "run_id": number} for number in range(1, 8)]
        self.calls = 0

    def query(self, **asked: Any) -> dict[str, Any]:
        self.calls += 1
        rows = self.rows if asked.get("ScanIndexForward", True) else self.rows[::-1]
        start = asked.get("ExclusiveStartKey", 0)
        end = start + min(3, asked.get("Limit", 3))
        more = {"LastEvaluatedKey": end} if end < len(rows) else {}
        return {"Items": list(map(to_item, rows[start:end])), **more}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.calls += 1
        ((table, wanted),) = RequestItems.items()
        keys = [key["sk"]["S"] for key in wanted["Keys"][:2]]
        left = wanted["Keys"][2:]
        found = [to_item(row) for row in self.rows if row["sk"] in keys]
        return {"Responses": {table: found}, "UnprocessedKeys": {table: wanted | {"Keys": left}} if left else {}}


def test_every_page_is_followed_and_none_is_asked_for_before_it_is_needed() -> None:
    dynamo = Dynamo()
    rows = queries.every(lambda _service: dynamo, {})
    assert (next(rows)["run_id"], dynamo.calls) == (1, 1)
    assert ([row["run_id"] for row in rows], dynamo.calls) == ([2, 3, 4, 5, 6, 7], 3)


def test_the_newest_rows_come_with_whether_there_are_more() -> None:
    dynamo = Dynamo()
    found, complete = queries.newest(lambda _service: dynamo, {}, 4)
    assert ([row["run_id"] for row in found], complete) == ([7, 6, 5, 4], False)
    found, complete = queries.newest(lambda _service: dynamo, {}, 9)
    assert ([row["run_id"] for row in found], complete) == ([7, 6, 5, 4, 3, 2, 1], True)


def test_deliveries_that_a_batch_left_out_are_asked_for_again() -> None:
    logs = DynamoRunLogs(lambda _service: Dynamo(), {LogTable.DELIVERY: "log-delivery"})  # type: ignore[arg-type]
    assert sorted(logs.deliveries("skyway", [1, 2, 3, 5, 9])) == [1, 2, 3, 5]


def test_a_busy_table_is_given_longer_and_longer_before_it_is_asked_again() -> None:
    waits: list[float] = []
    keys = [{"sk": {"S": run_id_text(number)}} for number in range(1, 8)]
    rows = queries.batch(lambda _service: Dynamo(), "log-delivery", keys, sleep=waits.append)
    assert sorted(row["run_id"] for row in rows) == [1, 2, 3, 4, 5, 6, 7]
    assert waits == [0.02, 0.04, 0.08]
