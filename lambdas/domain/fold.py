"""Reading the append-only run log: a run is its open row, overlaid by its close row or the latest correction (ADR 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]

OPEN = "open"
CLOSE = "close"
CORRECTION = "correction"

RUN_COLUMNS = (
    "run_id",
    "tenant_id",
    "environment",
    "region",
    "kpi_id",
    "contract_version",
    "variant_label",
    "trigger_type",
    "triggered_by",
    "schedule_cron",
    "started_at",
    "finished_at",
    "status",
    "rows_processed",
    "sla_breached",
    "retry_seq",
    "error_code",
    "error_message",
    "lineage_ref",
)  # fmt: skip
"""The columns of `kpi_log_run`, in the seed's order."""


def _rank(row: Row) -> tuple[int, int]:
    """How much a row says: open, then close, then corrections by number (a later one wins)."""
    entry = str(row["entry"])
    if entry == OPEN:
        return 0, 0
    if entry == CLOSE:
        return 1, 0
    return 2, int(entry.removeprefix(f"{CORRECTION}#"))


def fold_run(rows: Iterable[Row]) -> dict[str, Any] | None:
    """One run as the seed's single row; without `status` when it is in flight or lost, None without rows.

    The latest of close and corrections wins as a whole; columns it leaves out come from the rows before it.
    """
    ordered = sorted(rows, key=_rank)
    if not ordered:
        return None
    return {column: row[column] for row in ordered for column in RUN_COLUMNS if row.get(column) is not None}


def fold_runs(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Every run among the rows, folded, newest first."""
    by_run: dict[int, list[Row]] = {}
    for row in rows:
        by_run.setdefault(int(row["run_id"]), []).append(row)
    folded = (fold_run(by_run[run_id]) for run_id in sorted(by_run, reverse=True))
    return [run for run in folded if run is not None]
