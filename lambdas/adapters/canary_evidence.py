"""What both versions of a canary delivered, from the run log and the result store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kpis.common import ScdView, Verdict
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.domain.control.canary import Canary, Sample
from lambdas.domain.control.comparison import CompareRun, Value, samples_of
from lambdas.domain.fold import despite_pause, fold_run
from lambdas.domain.model import RunStatus, period_of_lineage
from lambdas.domain.ports import Clock, ResultReader
from lambdas.domain.timestamps import parse

MAX_RUNS = 400
"""Runs of both versions that are compared, newest first."""
MAX_VALUES = 50_000
"""Values of each version that are read, newest run first; periods beyond are not compared."""
_SQL = """
SELECT run_id, entity, value, verdict FROM {table}
WHERE tenant_id = %(tenant_id)s AND environment = %(environment)s AND kpi_id = %(kpi_id)s AND scd_view = %(scd_view)s
  AND run_id = ANY(%(run_ids)s) AND (%(entities)s::text[] IS NULL OR entity = ANY(%(entities)s))
  AND NOT flags @> '{{"fallback": true}}'
ORDER BY run_id DESC LIMIT %(limit)s
"""


class ResultCanaryEvidence:
    """Implements `CanaryEvidence` of lambdas.api.control.ports. `results` is asked for at the first comparison."""

    def __init__(self, logs: DynamoRunLogs, results: Callable[[], ResultReader], clock: Clock) -> None:
        self._logs = logs
        self._results = results
        self._clock = clock

    def samples(self, tenant_id: str, canary: Canary) -> Sequence[Sample]:
        """The samples since the canary began or was resumed, each entity and period once.

        Raises:
            KpiError: when the result store does not answer; then nothing is decided.
        """
        runs = self._runs(tenant_id, canary)
        values: list[Value] = []
        cut: set[str] = set()
        for table, candidate in (("kpi_result", False), ("kpi_result_canary", True)):
            mine = [run for run in runs if run.candidate is candidate]
            found = self._values(tenant_id, canary, table, [run.run_id for run in mine])
            values += found
            if len(found) == MAX_VALUES:
                # The limit may have cut through the oldest run it reached: what it left out is not missing, it was not looked at.
                reached = min(value.run_id for value in found)
                cut |= {run.period for run in mine if run.run_id <= reached}
        return samples_of(canary, [run for run in runs if run.period not in cut], values, self._clock.now())

    def _runs(self, tenant_id: str, canary: Canary) -> list[CompareRun]:
        rows = self._logs.of_versions(
            tenant_id,
            canary.kpi_id,
            environment=canary.environment,
            versions=(canary.baseline, canary.candidate),
            since=canary.since,
            runs=MAX_RUNS,
            in_flight=True,
        )
        by_run: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            # Runs of a version that no canary asked for, or another one, are no evidence for this one.
            mine = row.get("canary") == (canary.canary_id if row["contract_version"] == canary.candidate else None)
            # While a pause was overridden, the candidate stood still.
            if mine and not despite_pause(row):
                by_run.setdefault(int(row["run_id"]), []).append(row)
        return [_run(canary, rows) for rows in by_run.values()]

    def _values(self, tenant_id: str, canary: Canary, table: str, run_ids: Sequence[int]) -> Sequence[Value]:
        if not run_ids:
            return ()
        parameters: dict[str, Any] = {
            "tenant_id": tenant_id,
            "environment": canary.environment.value,
            "kpi_id": canary.kpi_id,
            "scd_view": ScdView.AS_REPORTED.value,
            "run_ids": list(run_ids),
            "entities": list(canary.subset.entities) or None,
            "limit": MAX_VALUES,
        }
        found = self._results().rows(tenant_id, _SQL.format(table=table), parameters)
        return [Value(int(row["run_id"]), str(row["entity"]), row["value"], Verdict(row["verdict"])) for row in found]


def _run(canary: Canary, rows: Sequence[Mapping[str, Any]]) -> CompareRun:
    run = fold_run(rows) or {}
    status, finished_at = run.get("status"), run.get("finished_at")
    return CompareRun(
        run_id=int(run["run_id"]),
        period=period_of_lineage(str(run["lineage_ref"])) or "",
        candidate=run["contract_version"] == canary.candidate,
        status=RunStatus(status) if status else None,
        started_at=parse(str(run["started_at"])),
        finished_at=parse(str(finished_at)) if finished_at else None,
    )
