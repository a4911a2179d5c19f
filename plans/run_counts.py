"""How often each KPI of a tenant runs in a month, and in how many hours and minutes something runs at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache

from kpis.schema import Trigger
from plans.assumptions import Assumptions
from plans.cadence import HOURS_A_MONTH, MINUTES_A_YEAR, MONTHS, firings
from plans.model import KpiLoad, StackPlan

_HOUR = 60


@dataclass(frozen=True)
class TenantRuns:
    """The runs of one tenant and environment. `loads` are the KPIs that run there."""

    stack: StackPlan
    loads: tuple[KpiLoad, ...]
    assumptions: Assumptions

    @cached_property
    def by_kpi(self) -> Mapping[str, Decimal]:
        """Runs a month by KPI, attempts after the first included."""
        more = 1 + self.assumptions.repeated_share
        return {kpi_id: runs * more for kpi_id, runs in self._first_attempts.items()}

    @cached_property
    def total(self) -> Decimal:
        """Runs a month."""
        return sum(self.by_kpi.values(), Decimal(0))

    @cached_property
    def scheduled(self) -> Decimal:
        """Runs a month that a schedule starts."""
        return sum((timed(load) for load in self.loads), Decimal(0))

    def hours(self, kpi_ids: Iterable[str] | None = None) -> Decimal:
        """Hours a month in which one of some KPIs (all of the tenant's by default) gets data; CloudWatch bills metrics by the hour."""
        if not self.assumptions.prorate_metrics:
            return Decimal(HOURS_A_MONTH)
        chosen = self.loads if kpi_ids is None else [self._by_id[kpi_id] for kpi_id in kpi_ids]
        # What no schedule names falls into hours of its own, at most one a run.
        unscheduled = sum((self._first_attempts[load.id] - timed(load) for load in chosen), Decimal(0))
        return min(Decimal(_busy(_schedules(chosen), _HOUR)) / MONTHS + unscheduled, Decimal(HOURS_A_MONTH))

    @cached_property
    def minutes(self) -> Decimal:
        """Minutes a month in which a run ends, at most one a run."""
        unscheduled = self.total - self.scheduled
        return min(Decimal(_busy(_schedules(self.loads), 1)) / MONTHS + unscheduled, Decimal(MINUTES_A_YEAR) / MONTHS)

    @cached_property
    def _by_id(self) -> Mapping[str, KpiLoad]:
        return {load.id: load for load in self.loads}

    @cached_property
    def _first_attempts(self) -> Mapping[str, Decimal]:
        found: dict[str, Decimal] = {}
        for load in self.loads:
            self._count(load, found, frozenset())
        return found

    def _count(self, load: KpiLoad, found: dict[str, Decimal], above: frozenset[str]) -> Decimal:
        """Runs of a KPI before any repetition; one that waits for KPIs runs as often as the rarest of them delivers."""
        if load.id in found:
            return found[load.id]
        runs = timed(load)
        if load.trigger is not Trigger.TIME:
            upstream = [self._by_id[each] for each in load.upstream if each in self._by_id and each not in above]
            counts = [self._count(each, found, above | {load.id}) for each in upstream]
            runs += min(counts) if counts else self.assumptions.signals_a_month
        found[load.id] = runs
        return runs


def has_cron(load: KpiLoad) -> bool:
    """Whether a schedule starts the KPI."""
    return load.cron is not None and load.trigger is not Trigger.EVENT


def timed(load: KpiLoad) -> Decimal:
    """Runs a month that the KPI's own schedule starts."""
    return Decimal(len(firings(load.cron or "", load.timezone))) / MONTHS if has_cron(load) else Decimal(0)


def _schedules(loads: Iterable[KpiLoad]) -> frozenset[tuple[str, str]]:
    return frozenset((load.cron or "", load.timezone) for load in loads if has_cron(load))


@lru_cache(maxsize=4096)
def _busy(schedules: frozenset[tuple[str, str]], minutes: int) -> int:
    """In how many spans of so many minutes of a year one of some schedules fires."""
    return len({minute // minutes for schedule in schedules for minute in firings(*schedule)})
