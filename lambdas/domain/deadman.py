"""The dead-man check: scheduled runs that never started are found from outside, logged once and told (contract: SLA).

A missing run is a breach that no run can report. The check compares what the schedule demanded with what the run log holds.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from kpis.metric_names import Metric
from kpis.schema import Kpi, LatencySla, Schedule, Trigger
from lambdas.domain import entries, periods
from lambdas.domain.closing import events
from lambdas.domain.control.pauses import pause_of
from lambdas.domain.control.unit import Row as CatalogRow
from lambdas.domain.errors import DuplicateEntryError, ErrorCode
from lambdas.domain.ids import make_run_id
from lambdas.domain.model import Definition, Outcome, Run, RunRequest, RunStatus, TenantSettings, TriggerType, period_of_lineage
from lambdas.domain.ports import Bus, Clock, Metrics, Row, RunLogs
from lambdas.domain.sla import SlaResult, SlaState
from lambdas.domain.timestamps import iso, parse

PATIENCE = timedelta(minutes=15)
"""A run that starts this late is late, not missing: Scheduler invokes within a minute and retries what is throttled."""
LOOKBACK = timedelta(days=2)
"""How long after its time a missing run is still found, so that an outage of the check itself hides nothing shorter."""
SKEW = timedelta(minutes=1)
"""How much the clock of a function may be behind the schedule's."""
_SPREAD_MS = 60_000
PAGE = 500


class StartedRuns(RunLogs, Protocol):
    """The run log, as the check reads and writes it."""

    def by_kpi(
        self, tenant_id: str, kpi_id: str, *, rows: int, since: str = "0", before: str = "~"
    ) -> tuple[Sequence[Mapping[str, object]], bool]:
        """Rows of `log-run` with index keys from `since` to `before`, newest first, and whether there are more."""
        ...


@dataclass(frozen=True)
class Watched:
    """An active KPI of a tenant; nothing is expected of it before `since`, when this version went live."""

    definition: Definition
    tenant: TenantSettings
    region: str
    since: datetime

    @property
    def kpi(self) -> Kpi:
        """The definition itself."""
        return self.definition.kpi


@dataclass(frozen=True)
class Slot:
    """A scheduled moment. `latest` is later than `due` by an hour where clocks go back and the local time comes twice."""

    due: datetime
    latest: datetime


@dataclass(frozen=True)
class Missed:
    """A run that should have started and did not, as the close row, the event and the metrics will have it."""

    run: Run
    outcome: Outcome
    sla: tuple[SlaResult, ...]


def slots(schedule: Schedule, since: datetime, until: datetime) -> Iterator[Slot]:
    """The moments in [since, until] at which EventBridge Scheduler starts a time-triggered KPI, in UTC.

    A local time that does not exist is skipped, one that comes twice is one run (EventBridge Scheduler user guide, "Schedule types",
    daylight saving time).
    """
    if schedule.cron is None or schedule.trigger not in (Trigger.TIME, Trigger.BOTH):
        return
    from croniter import CroniterBadDateError, croniter  # brings dateutil along

    zone = ZoneInfo(schedule.timezone)
    # A day earlier, since local times repeat when clocks go back; what is before `since` is left out below.
    ticks = croniter(schedule.cron, (since - timedelta(days=1)).astimezone(zone).replace(tzinfo=None))
    while True:
        try:
            local: datetime = ticks.get_next(datetime)
        except CroniterBadDateError:  # a day that no year has, such as 30 February
            return
        due = local.replace(tzinfo=zone).astimezone(UTC)
        if due > until:
            return
        if due >= since and due.astimezone(zone).replace(tzinfo=None) == local:
            yield Slot(due, local.replace(tzinfo=zone, fold=1).astimezone(UTC))


def patience(kpi: Kpi) -> timedelta:
    """How late a run may start before it counts as missing: the shortest grace of its delivery SLAs, at least `PATIENCE`."""
    graces = [row.grace for row in kpi.sla if not isinstance(row, LatencySla)]
    return max(PATIENCE, min(graces, default=PATIENCE))


def looked_at_since(watched: Watched, at: datetime) -> datetime:
    """From when on the log matters at a moment."""
    return max(watched.since, at - patience(watched.kpi) - LOOKBACK)


def missed(watched: Watched, runs: Iterable[Row], pauses: Sequence[CatalogRow], at: datetime) -> list[Missed]:
    """The scheduled runs of a KPI that have not started and are overdue at a moment, oldest first.

    Args:
        watched: the KPI.
        runs: its rows of `log-run` since `looked_at_since` less a minute, in any order; what this check logged is among them, so
            that it is found once.
        pauses: the rows of pauses of the environment; nothing is missing that was not to run.
        at: the moment.
    """
    started = _starts(runs, watched)
    gone: list[Missed] = []
    for slot, begin, end in _windows([*slots(watched.kpi.schedule, looked_at_since(watched, at), at)]):
        if at < slot.latest + patience(watched.kpi) or pause_of(pauses, watched.kpi.id, None, slot.due):
            continue
        expected = _run(watched, slot)
        of_period = started.get(expected.period.text, [])
        first = bisect_left(of_period, begin)
        if first == len(of_period) or (end is not None and of_period[first] >= end):
            gone.append(_missed(watched, expected))
    return gone


def _starts(rows: Iterable[Row], watched: Watched) -> dict[str | None, list[datetime]]:
    """When first attempts that the schedule started did start, in order, by period. Manual runs prove nothing about the schedule."""
    found: dict[str | None, list[datetime]] = {}
    for row in rows:
        ours = row.get("environment") == watched.tenant.environment and row.get("trigger_type") == TriggerType.TIME.value
        if ours and int(str(row.get("retry_seq", 0))) == 0:
            found.setdefault(period_of_lineage(str(row.get("lineage_ref", ""))), []).append(parse(str(row["started_at"])))
    return {period: sorted(moments) for period, moments in found.items()}


def _windows(found: Sequence[Slot]) -> Iterator[tuple[Slot, datetime, datetime | None]]:
    """Each slot with the moments from and before which a run that starts is its own; a run of the last one may start at any time."""
    gaps = [later.due - earlier.due for earlier, later in pairwise(found)]
    # Where runs are a minute apart, a clock may be behind by less than that, or each run would be taken for the next one.
    begins = [slot.due - min(SKEW, gap / 2) for slot, gap in zip(found, [2 * SKEW, *gaps], strict=False)]
    yield from zip(found, begins, [*begins[1:], None], strict=False)


def _run(watched: Watched, slot: Slot) -> Run:
    """The run as it would have been, had it started in time."""
    kpi, tenant = watched.kpi, watched.tenant
    request = RunRequest(
        tenant_id=tenant.tenant_id,
        environment=tenant.environment,
        kpi_id=kpi.id,
        trigger_type=TriggerType.TIME,
        scheduled_at=iso(slot.due),
    )
    resolved = periods.resolve(request, kpi.grain, kpi.schedule, tenant, slot.due)
    return Run(
        run_id=run_id_of(tenant, kpi.id, slot.due),
        tenant_id=tenant.tenant_id,
        environment=tenant.environment,
        region=watched.region,
        kpi_id=kpi.id,
        contract_version=kpi.contract_version,
        definition_hash=watched.definition.definition_hash,
        variant_label=kpi.variant_label,
        trigger_type=TriggerType.TIME,
        triggered_by="dead-man check",
        schedule_cron=kpi.schedule.cron,
        started_at=slot.due,
        retry_seq=0,
        last_attempt=True,
        period=resolved.period,
        as_of=resolved.as_of,
        historical=resolved.historical,
        entities=None,
        scd_view=request.scd_view,
        role_arn=tenant.role_arn,
        warehouse_secret=tenant.warehouse_secret,
        execution_id=None,
    )


def run_id_of(tenant: TenantSettings, kpi_id: str, due: datetime) -> int:
    """The run id of a missing run: always the same, so that the log takes it once.

    It lies within a minute after `due`: hundreds of KPIs are due at the same moment, and 20 bits alone would let two of them collide.
    """
    digest = hashlib.sha256(f"{tenant.tenant_id}\0{tenant.environment}\0{kpi_id}\0{iso(due)}".encode()).digest()
    spread = timedelta(milliseconds=int.from_bytes(digest[8:16], "big") % _SPREAD_MS)
    return make_run_id(due + spread, int.from_bytes(digest[:8], "big"))


def _missed(watched: Watched, run: Run) -> Missed:
    kpi = watched.kpi
    minutes = patience(kpi).total_seconds() / 60
    message = (
        f"no run of {kpi.id} started within {minutes:g} minutes of {iso(run.started_at)} "
        f"(schedule '{kpi.schedule.cron}' {kpi.schedule.timezone}); look at its schedule and the state machine, then run the period by hand"
    )
    outcome = Outcome(status=RunStatus.SKIPPED, error_code=ErrorCode.SLA_BREACH, error_message=message)
    types = [row.type for row in kpi.sla if not isinstance(row, LatencySla)] or ["start"]
    return Missed(run, outcome, tuple(SlaResult(each, SlaState.BREACH, message) for each in types))


class DeadMan:
    """Logs and tells what is missing."""

    def __init__(self, logs: StartedRuns, bus: Bus, metrics: Metrics, clock: Clock) -> None:
        self._logs = logs
        self._bus = bus
        self._metrics = metrics
        self._clock = clock

    def check(self, watched: Watched, pauses: Sequence[CatalogRow]) -> list[Missed]:
        """Find, tell and log the missing runs of one KPI; those already logged are not told again.

        The bus hears of them before they are logged: a check that dies in between repeats itself instead of falling silent.
        """
        at = self._clock.now()
        reported: list[Missed] = []
        for each in missed(watched, self._runs(watched, at), pauses, at):
            self._bus.publish(events(each.run, watched.kpi, each.outcome, at, each.sla, (), retrying=False))
            try:
                self._logs.insert([entries.close_row(each.run, each.outcome, at, sla_breached=True)])
            except DuplicateEntryError:
                continue  # another check was faster
            self._count(each)
            reported.append(each)
        return reported

    def _runs(self, watched: Watched, at: datetime) -> Iterator[Mapping[str, object]]:
        tenant_id, before = watched.tenant.tenant_id, "~"
        since, more = iso(looked_at_since(watched, at) - SKEW), True
        while more:
            rows, more = self._logs.by_kpi(tenant_id, watched.kpi.id, rows=PAGE, since=since, before=before)
            yield from rows
            if not rows:
                return
            before = str(rows[-1]["gsi_sk"])  # both bounds are included; a row that comes twice says nothing new

    def _count(self, each: Missed) -> None:
        """The run as one that was skipped and late; it has no duration, so none is counted."""
        values: dict[str, float] = {
            Metric.RUNS_COMPLETED: 0.0,
            Metric.RUNS_FAILED: 0.0,
            Metric.RUNS_SKIPPED: 1.0,
            Metric.RUNS_PARTIAL: 0.0,
            Metric.SLA_BREACHES: 1.0,
        }
        properties = {
            "run_id": str(each.run.run_id),
            "kpi_id": each.run.kpi_id,
            "contract_version": each.run.contract_version,
            "trigger_type": each.run.trigger_type.value,
            "retry_seq": 0,
            "sla_breached": True,
            "status": each.outcome.status.value,
            "error_code": each.outcome.error_code,
            "error_message": each.outcome.error_message,
            "sla": [row.as_json() for row in each.sla],
        }
        self._metrics.emit(each.run.tenant_id, each.run.environment, values, properties)
