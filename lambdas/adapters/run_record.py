"""The run record of versions, from the log tables: what gates, rollbacks and post-mortems look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.domain.control import health
from lambdas.domain.control.desk import RunFigures
from lambdas.domain.fold import fold_runs
from lambdas.domain.model import LogTable
from lambdas.domain.timestamps import iso

MAX_RUNS = 200
"""Runs of a version that are looked at, newest first; each has about two rows."""
SNAPSHOT_RUNS = 50
SNAPSHOT_RULES_OF = 10
"""Runs whose rules a snapshot shows: two queries each, while a person waits for the rollback."""
_VALIDATIONS = (LogTable.PRE_VALIDATION, LogTable.POST_VALIDATION)


class DynamoRunRecord:
    """Implements `RunRecord` of lambdas.domain.control.desk."""

    def __init__(self, logs: DynamoRunLogs) -> None:
        self._logs = logs

    def figures(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str, since: datetime) -> RunFigures:
        """Runs of a version that started since a moment, and how many of them delivered no new, validated value."""
        return health.figures(self._runs(tenant_id, environment, kpi_id, contract_version, since=iso(since)))

    def healthy(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str) -> bool:
        """Whether the version's last runs were good enough to go back to it; False when the logs hold none."""
        return health.healthy(self._runs(tenant_id, environment, kpi_id, contract_version))

    def snapshot(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str) -> Mapping[str, JsonValue]:
        """Runs, failures and the rules that failed, newest first; at most 200 KB as JSON."""
        runs = self._runs(tenant_id, environment, kpi_id, contract_version)[:SNAPSHOT_RUNS]
        return health.post_mortem(runs, self._rules(tenant_id, runs))

    def _runs(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str, *, since: str = "0") -> list[dict[str, Any]]:
        rows = self._logs.of_versions(
            tenant_id, kpi_id, environment=environment, versions=(contract_version,), since=since, runs=MAX_RUNS, in_flight=False
        )
        # By id, which is by start: newest first.
        return fold_runs(rows)

    def _rules(self, tenant_id: str, runs: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        bad = [run for run in runs if run.get("status") != "success"] or runs[:1]
        for run in bad[:SNAPSHOT_RULES_OF]:
            for table in _VALIDATIONS:
                for rule in self._logs.of_run(tenant_id, int(run["run_id"]), table):
                    yield run, rule
