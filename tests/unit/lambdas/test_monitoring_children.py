"""The rows that runs of a page have in other tables: in a query or two where the runs lie together, and never by reading a whole tenant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.adapters import monitoring_reads
from lambdas.adapters.items import to_item
from lambdas.adapters.monitoring_reads import DynamoIncidentReads
from lambdas.domain.ids import run_id_text
from lambdas.domain.model import LogTable

PAGE = 50


@dataclass
class Dynamo:
    """A log table with some rows for each run; answers a page at a time and counts what it was asked."""

    rows: list[dict[str, Any]]
    queries: int = 0
    read: int = 0
    asked: list[str] = field(default_factory=list)

    def __call__(self, service: str) -> Dynamo:
        assert service == "dynamodb"
        return self

    def query(self, **asked: Any) -> dict[str, Any]:
        self.queries += 1
        values = {name: value["S"] for name, value in asked["ExpressionAttributeValues"].items()}
        low, high = (values[":low"], values[":high"]) if ":low" in values else (values[":sk"], f"{values[':sk']}~")
        after = asked.get("ExclusiveStartKey", {}).get("sk", {}).get("S", "")
        found = [row for row in self.rows if row["pk"] == values[":pk"] and low <= row["sk"] <= high and row["sk"] > after]
        page = found[:PAGE]
        self.read += len(page)
        more = {"LastEvaluatedKey": to_item({"sk": page[-1]["sk"]})} if len(found) > PAGE else {}
        return {"Items": [to_item(row) for row in page], **more}


def logged(runs: int, each: int = 3) -> Dynamo:
    rows = [
        {"pk": "acme", "sk": f"{run_id_text(run_id)}#rule-{number}", "run_id": run_id, "result": "pass"}
        for run_id in range(1, runs + 1)
        for number in range(each)
    ]
    return Dynamo(rows)


def of(dynamo: Dynamo, run_ids: list[int]) -> dict[int, list[str]]:
    reads = DynamoIncidentReads(dynamo, "catalog", dict.fromkeys(LogTable, "table"))
    found = reads.of_runs("acme", run_ids, LogTable.PRE_VALIDATION)
    return {run_id: [row["sk"] for row in rows] for run_id, rows in found.items()}


def expected(run_ids: list[int], each: int = 3) -> dict[int, list[str]]:
    return {run_id: [f"{run_id_text(run_id)}#rule-{number}" for number in range(each)] for run_id in run_ids}


def test_runs_side_by_side_take_a_query_for_each_page_and_none_for_each_run() -> None:
    dynamo, runs = logged(300), list(range(250, 50, -1))
    assert of(dynamo, runs) == expected(runs)
    assert dynamo.queries <= 200 * 3 // PAGE + 1


def test_runs_far_apart_are_asked_for_one_by_one_before_much_is_read_in_vain() -> None:
    dynamo, runs = logged(5000), [5000, 2500, 1]
    assert of(dynamo, runs) == expected(runs)
    assert dynamo.read <= monitoring_reads.IN_VAIN + 2 * PAGE + 3 * len(runs)


def test_no_runs_and_runs_without_rows_are_no_question() -> None:
    dynamo = logged(10)
    assert of(dynamo, []) == {}
    assert dynamo.queries == 0
    assert of(dynamo, [77]) == {77: []}


@given(st.sets(st.integers(1, 60), min_size=1), st.integers(0, 40))
@settings(deadline=None)
def test_whichever_way_they_are_read_the_rows_are_the_same(runs: set[int], in_vain: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitoring_reads, "IN_VAIN", in_vain)
        assert of(logged(60), sorted(runs, reverse=True)) == expected(sorted(runs))
