"""Schedules follow what runs: the catalog's pointers say which version, its definition says when (K20, K22)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from kpis.common import Level
from kpis.cron import to_scheduler
from kpis.schema import Schedule, Trigger
from lambdas.domain.control import keys
from lambdas.domain.control.unit import OneRow
from lambdas.domain.drift import Difference, Finding, Grade, Part
from lambdas.domain.model import TenantSettings, TriggerType

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
PARALLEL = 8
"""Schedules written at the same time."""
_POINTER = ("sk", "kpi_id", "contract_version")
_DEFINITION = ("sk", "definition")
_ONCE = "DELETE"
"""`ActionAfterCompletion` of a schedule that fires once and removes itself: a person's own, not drift."""
_HARMLESS = frozenset({"Description"})
_BOUNDS = ("StartDate", "EndDate")
"""Outside of these moments an enabled schedule does not fire. Ours have none, and an update that does not name them removes them
(UpdateSchedule, EventBridge Scheduler API reference)."""


class CatalogRows(Protocol):
    """Catalog rows of one tenant by the beginning of their keys, each with `sk`."""

    def rows(
        self, tenant_id: str, prefix: str, attributes: Sequence[str] = (), *, consistent: bool = False
    ) -> Iterable[Mapping[str, Any]]: ...


class Schedules(Protocol):
    """Schedules of one group, by name. Throttling is retried behind it."""

    def all(self, group: str) -> Mapping[str, Mapping[str, Any]]:
        """Every schedule, complete."""
        ...

    def get(self, group: str, name: str) -> Mapping[str, Any] | None:
        """One schedule, complete."""
        ...

    def put(self, group: str, name: str, schedule: Mapping[str, Any], *, new: bool) -> None:
        """Create it, or make it what is given; `new`: it was not there a moment ago."""
        ...

    def delete(self, group: str, name: str) -> None:
        """Remove it; one that is gone is what was wanted."""
        ...


@dataclass(frozen=True)
class ScheduleTarget:
    """What schedules start, and as whom."""

    state_machine_arn: str
    role_arn: str


@dataclass(frozen=True)
class Timed:
    """What a schedule is made of."""

    kpi_id: str
    name: str
    criticality: Level
    schedule: Schedule


class UnschedulableError(ValueError):
    """A definition from which no schedule can be made; it stays so until somebody changes the definition."""


def timed(kpi_id: str, definition: str) -> Timed | None:
    """What a definition (canonical JSON) says about its schedule; None when no clock starts it.

    Only these fields are read: to parse 10,000 whole definitions takes ten seconds.

    Raises:
        UnschedulableError: when it says nothing that EventBridge Scheduler takes.
    """
    try:
        document: dict[str, Any] = json.loads(definition)
        schedule = Schedule.model_validate(document["schedule"])
        if schedule.trigger not in (Trigger.TIME, Trigger.BOTH):
            return None
        of = Timed(kpi_id, str(document["name"]), Level(document["criticality"]), schedule)
        to_scheduler(schedule.cron or "")
    except (ValueError, KeyError) as error:
        raise UnschedulableError(f"no schedule can be made of {kpi_id}: {error}") from error
    return of


def desired_schedule(of: Timed, tenant: TenantSettings, target: ScheduleTarget) -> dict[str, Any]:
    """The schedule of a time-triggered KPI, as EventBridge Scheduler describes it.

    Raises:
        ValueError: when it has no cron.
    """
    if of.schedule.cron is None:
        raise ValueError(f"{of.kpi_id} has no cron")
    request = {
        "tenant_id": tenant.tenant_id,
        "environment": tenant.environment,
        "kpi_id": of.kpi_id,
        "trigger_type": TriggerType.TIME.value,
        "triggered_by": f"scheduler/{tenant.schedule_group}/{of.kpi_id}",
        "scheduled_at": SCHEDULED_TIME,
    }
    return {
        "ScheduleExpression": to_scheduler(of.schedule.cron),
        "ScheduleExpressionTimezone": of.schedule.timezone,
        "Description": f"{of.name} ({of.kpi_id})"[:512],
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {
            "Arn": target.state_machine_arn,
            "RoleArn": target.role_arn,
            "Input": json.dumps(request, sort_keys=True),
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10},
        },
    }


def all_timed(rows: CatalogRows, tenant_id: str, environment: str) -> dict[str, Timed | UnschedulableError]:
    """Every KPI of an environment that runs and that a clock starts, by id; deprecated ones run on, retired ones have no pointer.

    Those of which no schedule can be made are there with the reason.
    """
    pointers = {
        keys.version(environment, str(row["kpi_id"]), str(row["contract_version"])): str(row["kpi_id"])
        for row in rows.rows(tenant_id, keys.all_active(environment), _POINTER, consistent=True)
    }
    found: dict[str, Timed | UnschedulableError] = {}
    for row in rows.rows(tenant_id, f"{environment}#kpi#", _DEFINITION, consistent=True):
        kpi_id = pointers.get(str(row["sk"]))
        if kpi_id is None:
            continue
        try:
            of = timed(kpi_id, str(row["definition"]))
        except UnschedulableError as error:
            of = error
        if of is not None:
            found[kpi_id] = of
    return found


def one_timed(rows: OneRow, tenant_id: str, environment: str, kpi_id: str) -> Timed | None:
    """The same of one KPI, as it is at this moment.

    Raises:
        UnschedulableError: when no schedule can be made of it.
    """
    pointer = rows.row(tenant_id, keys.active(environment, kpi_id))
    row = rows.row(tenant_id, keys.version(environment, kpi_id, pointer.text("contract_version"))) if pointer else None
    return timed(kpi_id, row.text("definition")) if row else None


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Which settings of a schedule differ; what we do not set is not ours, but for what keeps the whole schedule from firing."""
    differing = [bound for bound in _BOUNDS if "ScheduleExpression" in wanted and found.get(bound) is not None]
    for key, value in wanted.items():
        other = found.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            differing += [f"{key}.{name}" for name in differences(value, other)]  # pyright: ignore[reportUnknownArgumentType]
        elif key == "Input":
            differing += [] if _same_json(value, other) else [key]
        elif value != other:
            differing.append(key)
    return differing


def _same_json(left: Any, right: Any) -> bool:
    try:
        return json.loads(str(left)) == json.loads(str(right))
    except ValueError:
        return left == right


def drifted(
    found: Mapping[str, Mapping[str, Any]],
    wanted: Mapping[str, Timed | UnschedulableError],
    tenant: TenantSettings,
    target: ScheduleTarget,
) -> list[Finding]:
    """What a group holds beside what it should, by name."""
    findings = [finding for name, of in sorted(wanted.items()) if (finding := _wanting(name, of, found.get(name), tenant, target))]
    for name in sorted(set(found) - set(wanted)):
        if found[name].get("ActionAfterCompletion") != _ONCE:
            why = "it starts what does not run, or no clock starts"
            findings.append(Finding(Part.SCHEDULE, name, Difference.EXTRA, Grade.MEDIUM, why))
    return findings


def _wanting(
    name: str, of: Timed | UnschedulableError, found: Mapping[str, Any] | None, tenant: TenantSettings, target: ScheduleTarget
) -> Finding | None:
    """What is wrong with the schedule of a KPI that a clock starts."""
    if isinstance(of, UnschedulableError):
        return Finding(Part.SCHEDULE, name, Difference.DIFFERENT if found else Difference.MISSING, Grade.CRITICAL, str(of))
    urgent = Grade.CRITICAL if of.criticality.rank >= Level.HIGH.rank else Grade.HIGH
    if found is None:
        return Finding(Part.SCHEDULE, name, Difference.MISSING, urgent, "the KPI runs and nothing starts it")
    differing = differences(desired_schedule(of, tenant, target), found)
    grade = Grade.LOW if set(differing) <= _HARMLESS else urgent
    return Finding(Part.SCHEDULE, name, Difference.DIFFERENT, grade, ", ".join(differing)) if differing else None


@dataclass(frozen=True)
class _Change:
    """A schedule as it must become; None: it must go. `new`: there is none of this name."""

    wanted: Mapping[str, Any] | None
    new: bool = False


@dataclass(frozen=True)
class ScheduleKeeper:
    """Keeps the schedules of tenants in step with the catalog.

    Whatever is written was read a moment before, KPI by KPI: a pass over thousands of schedules takes minutes, and must not undo what
    an administrator did in between.
    """

    rows: CatalogRows
    store: OneRow
    schedules: Schedules
    target: ScheduleTarget
    parallel: int = PARALLEL

    def plan(self, tenant: TenantSettings) -> list[Finding]:
        """What differs; nothing for a tenant without a schedule group."""
        if tenant.schedule_group is None:
            return []
        # The group first: what was published after that is missing at worst, and never taken for something extra.
        found = self.schedules.all(tenant.schedule_group)
        wanted = all_timed(self.rows, tenant.tenant_id, tenant.environment)
        return drifted(found, wanted, tenant, self.target)

    def confirmed(self, tenant: TenantSettings, names: Iterable[str]) -> set[str]:
        """Those of these schedules that are out of step at this moment."""

        def lasts(name: str) -> bool:
            try:
                return self._change(tenant, name) is not None
            except UnschedulableError:
                return True

        listed = sorted(set(names))
        with ThreadPoolExecutor(self.parallel) as pool:
            return {name for name, lasting in zip(listed, pool.map(lasts, listed), strict=True) if lasting}

    def apply(self, tenant: TenantSettings, names: Iterable[str], failed: Callable[[str, Exception], None]) -> list[str]:
        """Bring these schedules in step; answers the names of those that changed. One that fails holds up no other.

        Args:
            tenant: whose.
            names: KPI ids, or whatever else a schedule is called.
            failed: is told the name and what went wrong.
        """

        def one(name: str) -> str | None:
            try:
                return name if self.one(tenant, name) else None
            except Exception as error:  # noqa: BLE001 - told, counted and retried by the next pass
                failed(name, error)
                return None

        with ThreadPoolExecutor(self.parallel) as pool:
            return [name for name in pool.map(one, sorted(set(names))) if name]

    def one(self, tenant: TenantSettings, name: str) -> bool:
        """Bring one schedule in step; whether it changed."""
        change = self._change(tenant, name)
        if change is None or tenant.schedule_group is None:
            return False
        if change.wanted is None:
            self.schedules.delete(tenant.schedule_group, name)
        else:
            self.schedules.put(tenant.schedule_group, name, change.wanted, new=change.new)
        return True

    def remove_all(self, tenant: TenantSettings) -> list[str]:
        """Remove every schedule of a tenant, a person's own too; answers their names."""
        if tenant.schedule_group is None:
            return []
        names = sorted(self.schedules.all(tenant.schedule_group))
        for name in names:
            self.schedules.delete(tenant.schedule_group, name)
        return names

    def _change(self, tenant: TenantSettings, name: str) -> _Change | None:
        """What brings a schedule in step; None when it is."""
        if tenant.schedule_group is None:
            return None
        of = one_timed(self.store, tenant.tenant_id, tenant.environment, name)
        found = self.schedules.get(tenant.schedule_group, name)
        if of is None:
            there = found is not None and found.get("ActionAfterCompletion") != _ONCE
            return _Change(None) if there else None
        wanted = desired_schedule(of, tenant, self.target)
        return None if found is not None and not differences(wanted, found) else _Change(wanted, new=found is None)
