"""What incidents are found in, read from the tables of the running stack in small pages and in large ones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kpis.common import Verdict
from lambdas.adapters import monitoring_reads
from lambdas.adapters.monitoring_reads import DynamoIncidentReads
from lambdas.domain.fold import fold_runs
from lambdas.domain.model import LogTable
from lambdas.domain.timestamps import parse
from tests.local.conftest import Stack

pytestmark = pytest.mark.local
TENANT = "skyway"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def reads(stack: Stack) -> DynamoIncidentReads:
    tables = stack.outputs["tables"]
    return DynamoIncidentReads(stack.client, tables["catalog"], {table: tables[table.value] for table in LogTable})


def test_all_runs_are_read_newest_first_or_as_many_as_asked_for(stack: Stack, reads: DynamoIncidentReads) -> None:
    logged = [(str(row["run_id"]), row["entry"]) for row in reversed(stack.log_rows("run", TENANT))]
    found, complete = reads.newest(TENANT, LONG_AGO, None, 100_000)
    assert complete
    # Runs that start meanwhile are newer than all that were there before.
    assert [(str(row["run_id"]), row["entry"]) for row in found][-len(logged) :] == logged
    some, complete = reads.newest(TENANT, LONG_AGO, None, 5)
    assert (len(some), complete) == (5, False)


def test_the_runs_of_a_kpi_are_split_at_a_moment_without_loss_or_repeat(reads: DynamoIncidentReads) -> None:
    kpi_id = str(reads.newest(TENANT, LONG_AGO, None, 2)[0][0]["kpi_id"])
    whole, _ = reads.newest(TENANT, LONG_AGO, kpi_id, 100_000)
    middle = parse(str(whole[len(whole) // 2]["started_at"]))
    later, _ = reads.newest(TENANT, middle, kpi_id, 100_000)
    earlier = reads.before(TENANT, kpi_id, middle, 100_000)
    assert earlier
    assert [*later, *earlier] == list(whole)


def test_bad_verdicts_are_the_same_by_key_and_by_time(stack: Stack, reads: DynamoIncidentReads, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = reads.newest(TENANT, LONG_AGO, None, 100_000)
    run_ids = [int(run["run_id"]) for run in fold_runs(rows)]
    logged = {int(row["run_id"]): row["verdict"] for row in stack.log_rows("delivery", TENANT) if row["verdict"] != Verdict.ADEQUATE}
    monkeypatch.setattr(monitoring_reads, "_FEW", len(run_ids))
    by_key = reads.bad_verdicts(TENANT, run_ids)
    monkeypatch.setattr(monitoring_reads, "_FEW", 0)
    by_time = reads.bad_verdicts(TENANT, run_ids)
    assert by_key == by_time == {run_id: verdict for run_id, verdict in logged.items() if run_id in set(run_ids)} != {}


def test_definitions_are_found_by_key_and_unknown_ones_left_out(reads: DynamoIncidentReads) -> None:
    newest = reads.newest(TENANT, LONG_AGO, None, 2)[0][0]
    key = f"prod#kpi#{newest['kpi_id']}#{newest['contract_version']}"
    found = reads.definitions(TENANT, [key, "prod#kpi#SKY-NO-99#1.0.0"])
    assert [row["kpi_id"] for row in found.values()] == [newest["kpi_id"]]
    assert reads.definitions(TENANT, []) == {}


@pytest.mark.parametrize("in_vain", [0, 100_000])
def test_the_rows_of_runs_are_those_of_each_run_whichever_way_they_are_read(
    stack: Stack, reads: DynamoIncidentReads, monkeypatch: pytest.MonkeyPatch, in_vain: int
) -> None:
    monkeypatch.setattr(monitoring_reads, "IN_VAIN", in_vain)
    rows, _ = reads.newest(TENANT, LONG_AGO, None, 300)
    run_ids = [int(run["run_id"]) for run in fold_runs(rows)][::7]
    logged = [row for row in stack.log_rows("pre-validation", TENANT) if int(row["run_id"]) in run_ids]
    found = reads.of_runs(TENANT, run_ids, LogTable.PRE_VALIDATION)
    assert set(found) == set(run_ids)
    assert sorted(row["sk"] for rows in found.values() for row in rows) == sorted(row["sk"] for row in logged) != []
    assert all(int(row["run_id"]) == run_id for run_id, rows in found.items() for row in rows)
