"""What the run logs say about a version: how it did, whether it may be gone back to, and what a post-mortem should show (K20, K28 C)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from lambdas.domain.control.desk import RunFigures
from lambdas.domain.model import RunStatus, period_of_lineage

JUDGED_RUNS = 10
"""How many of a version's newest runs say whether it is healthy."""
HEALTHY_SHARE = 0.8
"""The share of these that must have delivered as they should."""
SNAPSHOT_BYTES = 200_000
_MESSAGE = 500
_RUN_FIELDS = ("run_id", "status", "started_at", "finished_at", "trigger_type", "retry_seq", "rows_processed", "sla_breached", "error_code")
_RULE_FIELDS = ("rule_id", "rule_type", "severity", "result")

Row = Mapping[str, Any]


def final_runs(runs: Sequence[Row]) -> list[Row]:
    """The runs that count for a version, newest first: no attempt that was made again, and none that was skipped.

    A skipped run says something of pauses and of data, not of the version.

    Args:
        runs: folded rows of the run log, newest first.
    """
    again = {(period_of_lineage(str(run.get("lineage_ref", ""))), run.get("triggered_by"), _attempt(run)) for run in runs}
    return [
        run
        for run in runs
        if run.get("status") in _COUNTED
        and (period_of_lineage(str(run.get("lineage_ref", ""))), run.get("triggered_by"), _attempt(run) + 1) not in again
    ]


_COUNTED = frozenset({RunStatus.SUCCESS.value, RunStatus.PARTIAL.value, RunStatus.FAILED.value})


def _attempt(run: Row) -> int:
    return int(run.get("retry_seq") or 0)


def figures(runs: Sequence[Row]) -> RunFigures:
    """How many runs there were, and how many did not deliver a new, validated value."""
    counted = final_runs(runs)
    return RunFigures(runs=len(counted), failed=sum(not _good(run) for run in counted))


def healthy(runs: Sequence[Row]) -> bool:
    """Whether a version did well the last time it ran: its newest run delivered, and so did nearly all of the last ones.

    A version without runs is not known to be healthy.
    """
    newest = final_runs(runs)[:JUDGED_RUNS]
    return bool(newest) and _good(newest[0]) and sum(map(_good, newest)) >= HEALTHY_SHARE * len(newest)


def _good(run: Row) -> bool:
    """A partial run delivered an old value, or one that nothing vouches for."""
    return run.get("status") == RunStatus.SUCCESS.value


def post_mortem(runs: Sequence[Row], rules: Iterable[tuple[Row, Row]]) -> dict[str, JsonValue]:
    """What was known of a version: its runs, those that went wrong, and the rules that were not kept; at most 200 KB as JSON.

    Args:
        runs: folded rows of the run log, newest first.
        rules: runs with rows of their validation logs, newest run first.
    """
    bad = [run for run in runs if run.get("status") and not _good(run)]
    found: dict[str, list[JsonValue]] = {
        "runs": [_run(run) for run in runs],
        "failures": [_run(run) | {"error_message": str(run.get("error_message", ""))[:_MESSAGE]} for run in bad],
        "rules": [
            {"run_id": str(run["run_id"]), **_plain(rule, _RULE_FIELDS), "details": str(rule.get("details", ""))[:_MESSAGE]}
            for run, rule in rules
            if rule.get("result") == "fail"
        ],
    }
    while len(json.dumps(found).encode()) > SNAPSHOT_BYTES:
        largest = max(found, key=lambda name: len(json.dumps(found[name])))
        found[largest] = found[largest][: len(found[largest]) // 2]
    return {**found}


def _run(run: Row) -> dict[str, JsonValue]:
    return _plain(run, _RUN_FIELDS) | {"run_id": str(run["run_id"]), "period": period_of_lineage(str(run.get("lineage_ref", "")))}


def _plain(row: Row, names: Sequence[str]) -> dict[str, JsonValue]:
    return {name: row[name] for name in names if row.get(name) is not None}
