"""Missing runs of a tenant: which KPIs are looked at, and since when (contract: SLA, dead-man check)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Protocol

from kpis.schema import Schedule
from lambdas.adapters.catalog import read_definition
from lambdas.adapters.tenant_list import Place
from lambdas.domain.control import keys
from lambdas.domain.control.unit import Row
from lambdas.domain.deadman import LOOKBACK, Missed, Watched, patience, slots
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import TenantSettings
from lambdas.domain.ports import Clock
from lambdas.domain.redact import message_of
from lambdas.domain.timestamps import parse

TOLERATED = 20
"""KPIs that may fail before a check gives up: then it is not the KPIs that are ill, and each failure may have taken seconds."""
REPEATED = timedelta(hours=2)
"""Longer than any clock is put back."""
_NAMED = 5


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

        Raises:
            KpiError: INTERNAL naming KPIs that could not be looked at; the others were.
        """
        tenant = self.catalog.tenant(place.tenant_id, place.environment)
        if tenant is None:
            return 0, 0
        at = self.clock.now()
        last = self.marks.watched_until(place.tenant_id, place.environment) or at - LOOKBACK
        pauses = [Row(str(row["sk"]), row) for row in self.catalog.rows(place.tenant_id, keys.pauses(place.environment))]
        # Thousands of KPIs share a handful of schedules.
        overdue = cache(partial(_became_overdue, after=max(last, at - LOOKBACK), until=at))
        looked = missing = 0
        failures: list[str] = []
        for pointer in self.catalog.rows(place.tenant_id, keys.all_active(place.environment)):
            try:
                row = self._came_due(place, pointer, overdue)
                if row is not None:
                    watched = Watched(read_definition(row), tenant, self.region, _live_since(row))
                    missing += len(self.dead_man.check(watched, pauses))
                    looked += 1
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one KPI, the others are looked at
                failures.append(f"{pointer.get('kpi_id')}: {message_of(error)}")
            if len(failures) == TOLERATED:
                break
        if failures:
            what = f"{len(failures)} {'KPI' if len(failures) == 1 else 'KPIs'} of {place} could not be looked at"
            raise KpiError(ErrorCode.INTERNAL, f"{what}: {'; '.join(failures[:_NAMED])}")
        self.marks.mark_watched(place.tenant_id, place.environment, at)
        return looked, missing

    def _came_due(self, place: Place, pointer: Mapping[str, Any], overdue: Callable[[Timing], bool]) -> dict[str, Any] | None:
        """The row of a version that runs, when a run of it became overdue."""
        key = keys.version(place.environment, str(pointer["kpi_id"]), str(pointer["contract_version"]))
        hashed, row = str(pointer["definition_hash"]), None
        if hashed not in self.timings:
            row = self.catalog.item(place.tenant_id, key)
            if row is None:
                return None
            kpi = read_definition(row).kpi
            self.timings[hashed] = Timing(kpi.schedule, patience(kpi))
        return (row or self.catalog.item(place.tenant_id, key)) if overdue(self.timings[hashed]) else None


def _live_since(row: Mapping[str, Any]) -> datetime:
    """When a version was published, or gone back to, the last time."""
    return parse(max(str(row.get("published_at") or ""), str(row.get("restored_at") or "")) or str(row["updated_at"]))


def _became_overdue(timing: Timing, after: datetime, until: datetime) -> bool:
    late = timing.patience
    # The second of two equal local times may be the one that counts, long after the moment the run was due first.
    return any(after < slot.latest + late <= until for slot in slots(timing.schedule, after - late - REPEATED, until))
