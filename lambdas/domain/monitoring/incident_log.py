"""Incidents of a tenant, read from its run logs as they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from kpis.common import Verdict
from lambdas.domain.control import keys
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.fold import fold_runs, of_canary
from lambdas.domain.incidents import Incident, KpiFacts, SeenRun, anchors, facts_of, incidents_of, parts_of
from lambdas.domain.model import LogTable
from lambdas.domain.timestamps import parse

MAX_ROWS = 20_000
"""Rows of the run log one answer looks at, each run has two; then the answer says that it is not complete."""
BEFORE_ROWS = 400
"""Rows of a KPI that are read at a time before the window, to find where an incident began that was under way when it opens."""
MAX_EARLIER = 10_000
"""Rows of a KPI that are read before the window at most: an incident of more runs begins with the oldest one read."""
PARALLEL = 8
"""KPIs whose earlier runs are read at the same time."""
_A_MOMENT = timedelta(milliseconds=1)
Row = Mapping[str, Any]


class IncidentReads(Protocol):
    """The logs and definitions of tenants."""

    def newest(self, tenant_id: str, since: datetime, kpi_id: str | None, rows: int) -> tuple[Sequence[Row], bool]:
        """Rows of `log-run` of runs that started at `since` or later, newest first, and whether these are all."""
        ...

    def before(self, tenant_id: str, kpi_id: str, until: datetime, rows: int) -> Sequence[Row]:
        """Rows of `log-run` of a KPI whose runs started before `until`, newest first."""
        ...

    def bad_verdicts(self, tenant_id: str, run_ids: Sequence[int]) -> Mapping[int, str]:
        """The verdicts of runs that delivered another one than Adequate."""
        ...

    def of_runs(self, tenant_id: str, run_ids: Sequence[int], table: LogTable) -> Mapping[int, Sequence[Row]]:
        """The rows of runs in one of the other tables, by run, in the order of their keys."""
        ...

    def definitions(self, tenant_id: str, sort_keys: Sequence[str]) -> Mapping[str, Row]:
        """Catalog rows by key; those that are not there are left out."""
        ...


@dataclass(frozen=True)
class Told:
    """An incident with what it says of the KPI."""

    incident: Incident
    facts: KpiFacts


@dataclass(frozen=True)
class Found:
    """Incidents, the newest first. `since`: what is older was not looked at; later than asked when there were too many runs."""

    items: Sequence[Told]
    since: datetime
    complete: bool


@dataclass(frozen=True)
class IncidentLog:
    """Finds incidents."""

    reads: IncidentReads

    def since(self, tenant_id: str, environment: str, since: datetime, kpi_id: str | None = None) -> Found:
        """Incidents that a run since a moment shows; one that began before has its true beginning."""
        rows, complete = self.reads.newest(tenant_id, since, kpi_id, MAX_ROWS)
        if not complete and rows:
            # The oldest run read may lack one of its rows.
            since = parse(str(rows[-1]["started_at"])) + _A_MOMENT
            rows = [row for row in rows if parse(str(row["started_at"])) >= since]
        runs: dict[str, list[SeenRun]] = {}
        for run in self._seen(tenant_id, environment, rows):
            runs.setdefault(str(run.row["kpi_id"]), []).append(run)
        facts = self._facts(tenant_id, environment, [run for own in runs.values() for run in own if run.suspicious])
        with ThreadPoolExecutor(PARALLEL) as pool:
            found_of = partial(self._incidents, tenant_id, environment, since)
            of_kpis = list(pool.map(found_of, [runs[kpi] for kpi in facts], facts.values()))
        found = [Told(incident, facts[incident.kpi_id]) for incidents in of_kpis for incident in incidents]
        found.sort(key=lambda each: (each.incident.last.run_id, each.incident.incident_id), reverse=True)
        return Found(found, since, complete)

    def one(self, tenant_id: str, environment: str, incident_id: str, shown: Row) -> Told:
        """One incident. `shown`: the folded run its id names, which is any run that shows it.

        Raises:
            KpiError: NOT_FOUND when there is no such incident in the environment.
        """
        kpi_id, since = str(shown["kpi_id"]), parse(str(shown["started_at"]))
        told = self.since(tenant_id, environment, since, kpi_id).items if shown["environment"] == environment else ()
        found = next((each for each in told if each.incident.shown_by(incident_id)), None)
        if found is None:
            raise no_incident(incident_id, environment)
        return found

    def _incidents(self, tenant_id: str, environment: str, since: datetime, runs: Sequence[SeenRun], facts: KpiFacts) -> list[Incident]:
        """Those of one KPI. Earlier runs are read until they tell since when each has been under way."""
        oldest = min((run.run_id for run in runs), default=0)
        known, found = list(runs), _shown(runs, facts, oldest)
        earlier = self._earlier(tenant_id, environment, runs, since) if found else ()
        for more in earlier:
            begun = anchors(known, facts)
            if all(each.cause in begun and begun[each.cause] < each.first.run_id for each in found):
                break
            known += more
            found = _shown(known, facts, oldest)
        return found

    def _earlier(self, tenant_id: str, environment: str, runs: Sequence[SeenRun], until: datetime) -> Iterator[list[SeenRun]]:
        """Runs of a KPI before a moment, some hundred at a time."""
        kpi_id = str(runs[0].row["kpi_id"])
        for _ in range(MAX_EARLIER // BEFORE_ROWS):
            rows = self.reads.before(tenant_id, kpi_id, until, BEFORE_ROWS)
            last = len(rows) < BEFORE_ROWS
            if not last:
                # The oldest run read may lack one of its rows.
                until = parse(str(rows[-1]["started_at"])) + _A_MOMENT
                rows = [row for row in rows if parse(str(row["started_at"])) >= until]
            yield self._seen(tenant_id, environment, rows)
            if last:
                return

    def _seen(self, tenant_id: str, environment: str, rows: Iterable[Row]) -> list[SeenRun]:
        ended = [run for run in fold_runs(rows) if run.get("status") and run["environment"] == environment and not of_canary(run)]
        delivered = [int(run["run_id"]) for run in ended if run["status"] in ("success", "partial")]
        verdicts = self.reads.bad_verdicts(tenant_id, delivered)
        return [SeenRun(run, _verdict(verdicts.get(int(run["run_id"])))) for run in ended]

    def _facts(self, tenant_id: str, environment: str, runs: Sequence[SeenRun]) -> dict[str, KpiFacts]:
        """Facts by KPI, of the version that ran last."""
        versions: dict[str, str] = {}
        for run in sorted(runs, key=lambda run: run.run_id):
            kpi_id = str(run.row["kpi_id"])
            versions[kpi_id] = keys.version(environment, kpi_id, str(run.row["contract_version"]))
        rows = self.reads.definitions(tenant_id, sorted(versions.values()))
        return {kpi_id: facts_of(rows.get(key, {})) for kpi_id, key in versions.items()}


def shown_run(incident_id: str, environment: str) -> int:
    """The run in an incident's id.

    Raises:
        KpiError: NOT_FOUND for what cannot be one.
    """
    try:
        return parts_of(incident_id)[1]
    except ValueError as error:
        raise no_incident(incident_id, environment) from error


def no_incident(incident_id: str, environment: str) -> KpiError:
    """The error for an incident that is not there."""
    return KpiError(ErrorCode.NOT_FOUND, f"there is no incident {incident_id} in {environment}")


def _shown(runs: Iterable[SeenRun], facts: KpiFacts, oldest: int) -> list[Incident]:
    """The incidents among runs that one from the oldest of the window on shows."""
    return [each for each in incidents_of(runs, facts) if each.last.run_id >= oldest]


def _verdict(text: str | None) -> Verdict | None:
    return next((verdict for verdict in Verdict if verdict.value == text), None)
