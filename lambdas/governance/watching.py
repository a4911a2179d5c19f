"""Missing runs of a tenant: which KPIs are looked at, and since when (contract: SLA, dead-man check)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from kpis.schema import Schedule
from lambdas.adapters.catalog import read_definition
from lambdas.adapters.tenant_list import Place
from lambdas.domain.control import keys
from lambdas.domain.control.unit import Row
from lambdas.domain.deadman import LOOKBACK, Missed, Watched, patience, slots
from lambdas.domain.model import TenantSettings
from lambdas.domain.ports import Clock
from lambdas.domain.timestamps import parse


class Catalog(Protocol):
    """What runs, for whom, since when."""

    def tenant(self, tenant_id: str, environment: str) -> TenantSettings | None: ...

    def rows(self, tenant_id: str, prefix: str, attributes: Sequence[str] = ()) -> Iterator[dict[str, Any]]: ...

    def item(self, tenant_id: str, sort_key: str) -> dict[str, Any] | None: ...


class Check(Protocol):
    """The check of one KPI."""

    def check(self, watched: Watched, pauses: Sequence[Row]) -> Sequence[Missed]: ...


class Marks(Protocol):
    """Until when a place was looked at."""

    def watched_until(self, tenant_id: str, environment: str) -> datetime | None: ...

    def mark_watched(self, tenant_id: str, environment: str, until: datetime) -> None: ...


@dataclass(frozen=True)
class Timing:
    """When a definition runs and how late it may start: all that is kept of it, since a worker meets every definition there is."""

    schedule: Schedule
    patience: timedelta


@dataclass(frozen=True)
class Watching:
    """The dead-man check of whole tenants. `timings` are by definition hash."""

    catalog: Catalog
    dead_man: Check
    marks: Marks
    clock: Clock
    region: str
    timings: dict[str, Timing] = field(default_factory=dict[str, Timing])

    def check(self, place: Place) -> tuple[int, int]:
        """Find and tell what is missing; answers how many KPIs were looked at, and how many runs were missing.

        A KPI is looked at when a run of it became overdue since the last check, so a check of a thousand daily KPIs is a thousand
        queries once a day and none at other times. When a check fails in between, the next one does its work again.
        """
        tenant = self.catalog.tenant(place.tenant_id, place.environment)
        if tenant is None:
            return 0, 0
        at = self.clock.now()
        last = self.marks.watched_until(place.tenant_id, place.environment) or at - LOOKBACK
        pauses = [Row(str(row["sk"]), row) for row in self.catalog.rows(place.tenant_id, keys.pauses(place.environment))]
        looked = missing = 0
        for row in self._came_due(place, max(last, at - LOOKBACK), at):
            looked += 1
            since = parse(str(row.get("published_at") or row["updated_at"]))
            watched = Watched(read_definition(row), tenant, self.region, since)
            missing += len(self.dead_man.check(watched, pauses))
        self.marks.mark_watched(place.tenant_id, place.environment, at)
        return looked, missing

    def _came_due(self, place: Place, after: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """The rows of the versions that run and of which a run became overdue in (after, until]."""
        # Thousands of KPIs share a handful of schedules.
        answers: dict[Timing, bool] = {}
        for pointer in self.catalog.rows(place.tenant_id, keys.all_active(place.environment)):
            key = keys.version(place.environment, str(pointer["kpi_id"]), str(pointer["contract_version"]))
            hashed, row = str(pointer["definition_hash"]), None
            if hashed not in self.timings:
                row = self.catalog.item(place.tenant_id, key)
                if row is None:
                    continue
                kpi = read_definition(row).kpi
                self.timings[hashed] = Timing(kpi.schedule, patience(kpi))
            timing = self.timings[hashed]
            if timing not in answers:
                answers[timing] = _became_overdue(timing, after, until)
            if answers[timing]:
                row = row or self.catalog.item(place.tenant_id, key)
                if row is not None:
                    yield row


def _became_overdue(timing: Timing, after: datetime, until: datetime) -> bool:
    late = timing.patience
    return any(after < slot.latest + late <= until for slot in slots(timing.schedule, after - late, until))
