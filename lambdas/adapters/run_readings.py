"""What the newest run of each KPI read, from the run log's index by KPI and the sourcing log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.domain.lineage import Observation, observations
from lambdas.domain.model import LogTable

ROWS = 40
"""Rows of a KPI's run log that are looked at, of all its environments; a run has two."""
RUNS = 3
"""Runs whose sources are asked for until one has any: one that was skipped read nothing."""
AT_ONCE = 8
"""Queries at a time; a connection pool of boto3 has ten."""
KEPT_SECONDS = 30.0
KEPT = 5_000


class DynamoRunReadings:
    """Two to four queries a KPI, several KPIs at a time. Answers are kept for half a minute while the process is warm."""

    def __init__(self, logs: DynamoRunLogs, clock: Callable[[], float] = time.monotonic) -> None:
        self._logs = logs
        self._clock = clock
        self._known: dict[tuple[str, str, str], tuple[float, tuple[Observation, ...]]] = {}

    def latest(self, tenant_id: str, environment: str, kpi_ids: Sequence[str]) -> Sequence[Observation]:
        """See `RunReadings.latest`."""
        now = self._clock()
        places = [(tenant_id, environment, kpi_id) for kpi_id in kpi_ids]
        missing = [place for place in places if place not in self._known or now - self._known[place][0] >= KEPT_SECONDS]
        if len(self._known) + len(missing) > KEPT:
            self._known.clear()
            missing = places
        if missing:
            # The first one alone: it makes the client that the others share.
            first = self._newest(missing[0])
            with ThreadPoolExecutor(AT_ONCE) as pool:
                found = [first, *pool.map(self._newest, missing[1:])]
            self._known.update({place: (now, each) for place, each in zip(missing, found, strict=True)})
        return [each for place in places for each in self._known[place][1]]

    def _newest(self, place: tuple[str, str, str]) -> tuple[Observation, ...]:
        tenant_id, environment, kpi_id = place
        rows, _ = self._logs.by_kpi(tenant_id, kpi_id, rows=ROWS)
        # A canary runs a version that may never go live.
        runs = dict.fromkeys(int(row["run_id"]) for row in rows if row.get("environment") == environment and "canary" not in row)
        for run_id in [*runs][:RUNS]:
            found = observations(self._logs.of_run(tenant_id, run_id, LogTable.SOURCING), tenant_id, environment)
            if found:
                return found
        return ()
