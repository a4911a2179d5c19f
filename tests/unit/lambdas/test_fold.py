"""A run is its open row, overlaid by close or the latest correction."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.entries import close_row, open_row
from lambdas.domain.fold import RUN_COLUMNS, fold_run, fold_runs
from lambdas.domain.model import Outcome, RunStatus
from tests.unit.lambdas.memory import NOW, kpi, make_run

OPENED: dict[str, Any] = {"run_id": 1, "entry": "open", "tenant_id": "a", "started_at": "t0", "pk": "a", "sk": "1#open"}
CLOSED: dict[str, Any] = OPENED | {"entry": "close", "status": "success", "rows_processed": 5}


def test_a_run_with_only_its_open_row_has_no_status() -> None:
    folded = fold_run([OPENED])
    assert folded is not None
    assert "status" not in folded


def test_no_rows_are_no_run() -> None:
    assert fold_run([]) is None


def test_the_fold_has_the_seeds_columns_and_no_keys() -> None:
    assert set(fold_run([OPENED, CLOSED]) or {}) <= set(RUN_COLUMNS)


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_latest_correction_wins_in_whatever_order_rows_arrive(corrections: int, shuffle: random.Random) -> None:
    rows = [OPENED, CLOSED]
    rows += [
        CLOSED | {"entry": f"correction#{number}", "status": "failed", "rows_processed": number} for number in range(1, corrections + 1)
    ]
    shuffle.shuffle(rows)
    folded = fold_run(rows)
    assert folded is not None
    assert (folded["status"], folded["rows_processed"]) == ("failed", corrections)


def test_what_a_correction_leaves_out_stays_as_closed() -> None:
    folded = fold_run([OPENED, CLOSED, {"run_id": 1, "entry": "correction#1", "status": "failed"}])
    assert folded is not None
    assert (folded["status"], folded["rows_processed"]) == ("failed", 5)


def test_runs_are_folded_apart_and_newest_first() -> None:
    assert [run["run_id"] for run in fold_runs([OPENED, OPENED | {"run_id": 2}, CLOSED])] == [2, 1]


def test_the_rows_a_run_writes_fold_to_every_column_of_the_seed() -> None:
    run = make_run(kpi(), variant_label="SaaS")
    outcome = Outcome(status=RunStatus.FAILED, error_code="SQL_ERROR", error_message="x")  # type: ignore[arg-type]
    rows = [open_row(run).attributes, close_row(run, outcome, NOW, sla_breached=True).attributes]
    assert set(fold_run(rows) or {}) == set(RUN_COLUMNS)
    assert rows[0]["expires_at"] - NOW.timestamp() > 24 * 28 * 86_400, "24 months hot"
