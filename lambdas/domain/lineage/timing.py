"""What another schedule does to the order of runs: who starts when for the same period, and which deadlines that misses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kpis.common import format_duration
from kpis.schema import AvailabilitySla, Kpi, Schedule
from lambdas.domain.dispatch import COMPLETED
from lambdas.domain.lineage.graph import Graph, LinkKind, NodeKind, kpi_node, name_of
from lambdas.domain.model import Period
from lambdas.domain.periods import as_of_for, last_complete
from lambdas.domain.reconcile import waits_for
from lambdas.domain.sla import deadline
from lambdas.domain.timestamps import iso


def when(schedule: Schedule) -> str:
    """A schedule in words, such as `0 2 * * * UTC` or `on gdp-ledger-updated`."""
    parts = [f"{schedule.cron} {schedule.timezone}"] if schedule.cron else []
    return " or ".join([*parts, *([f"on {schedule.event}"] if schedule.event else [])])


def followers(graph: Graph, kpi_id: str) -> list[str]:
    """The KPIs that start when this one has delivered, or when those have, by id."""
    found: set[str] = set()
    waiting = [kpi_id]
    while waiting:
        for link in graph.after.get(kpi_node(waiting.pop()), ()):
            reader = graph.kpis.get(name_of(link.target)) if link.kind is LinkKind.READS else None
            if reader is not None and reader.id not in found and waits_for(reader) == COMPLETED:
                found.add(reader.id)
                waiting.append(reader.id)
    return sorted(found)


def conflicts(graph: Graph, kpi: Kpi, schedule: Schedule, now: datetime) -> Iterator[str]:
    """What a schedule makes wrong that the present one does not, as sentences. `now` says which period is looked at."""
    period = last_complete(now, kpi.grain, schedule.timezone)
    planned, present = _first_at(schedule, kpi, period), _first_at(kpi.schedule, kpi, period)
    if planned is None or present is None:
        return
    for reader in _timed_readers(graph, kpi):
        start = _start(reader, period)
        if start is not None and planned >= start > present:
            yield (
                f"{reader.id} starts at {iso(start)} for the same period, before {kpi.id} would ({iso(planned)}): "
                f"move {reader.id} too, or start it when {kpi.id} has delivered"
            )
    for link in graph.before.get(kpi_node(kpi.id), ()):
        upstream = graph.kpis.get(name_of(link.source)) if link.source.startswith(f"{NodeKind.KPI}:") else None
        start = _start(upstream, period) if upstream is not None and link.kind is LinkKind.READS else None
        if upstream is not None and start is not None and present > start >= planned:
            yield f"{kpi.id} would start at {iso(planned)}, before its upstream {upstream.id} ({iso(start)})"
    for row in kpi.sla:
        if isinstance(row, AvailabilitySla) and planned > (until := deadline(row, period)) >= present:
            grace = f"beyond its grace of {format_duration(row.grace)}" if planned > until + row.grace else "within its grace"
            yield f"{kpi.id} would start at {iso(planned)}, after it must be there ({iso(until)}), {grace}"


def _timed_readers(graph: Graph, kpi: Kpi) -> Iterator[Kpi]:
    for link in graph.after.get(kpi_node(kpi.id), ()):
        reader = graph.kpis.get(name_of(link.target)) if link.kind is LinkKind.READS else None
        if reader is not None and reader.grain is kpi.grain:
            yield reader


def _start(kpi: Kpi, period: Period) -> datetime | None:
    """When a KPI starts for a period by its clock; None when only an event starts it, or nothing."""
    return _first_at(kpi.schedule, kpi, period) if kpi.schedule.cron else None


def _first_at(schedule: Schedule, kpi: Kpi, period: Period) -> datetime | None:
    """When a schedule starts a KPI for a period; None when it names a day that never comes."""
    from croniter import CroniterBadDateError

    try:
        return as_of_for(period, kpi.grain, schedule)
    except CroniterBadDateError:
        return None
