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


CANARY_RUN = "canary/"
"""What `triggered_by` of a canary's run begins with; canary and the baseline's run follow."""


def of_canary(run: Row) -> bool:
    """Whether a run computed a canary's candidate: it delivered to nobody, so it says nothing of the KPI's health."""
    return str(run.get("triggered_by") or "").startswith(CANARY_RUN)


DESPITE_PAUSE = "(despite pause "
"""What `triggered_by` of a run that overrode a pause holds; the pause follows."""


def despite_pause(run: Row) -> bool:
    """Whether a run went ahead in spite of a pause."""
    return DESPITE_PAUSE in str(run.get("triggered_by") or "")


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
