"""The reconciler: what the dictionary says against what the catalog and EventBridge Scheduler hold; plan, then apply."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from kpis.common import Status
from kpis.cron import to_scheduler
from kpis.hashing import canonical_json, definition_hash
from kpis.schema import Dictionary, Kpi, Source, Trigger
from lambdas.domain.dispatch import COMPLETED
from lambdas.domain.model import TenantSettings, TriggerType
from lambdas.domain.timestamps import iso

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
RUNNABLE = frozenset({Status.ACTIVE, Status.DEPRECATED})
"""A deprecated KPI runs until it is retired (K28 D)."""


class CatalogStore(Protocol):
    """Catalog rows of one tenant."""

    def rows(self, tenant_id: str, prefix: str, attributes: Sequence[str] = ()) -> Iterable[Mapping[str, Any]]: ...

    def write(self, tenant_id: str, puts: Sequence[Mapping[str, Any]], deletes: Sequence[str]) -> None: ...

    def merge(self, tenant_id: str, sort_key: str, changes: Mapping[str, Any]) -> None: ...


class Schedules(Protocol):
    """Schedules of one group, by name."""

    def all(self, group: str) -> Mapping[str, Mapping[str, Any]]: ...

    def create(self, group: str, name: str, schedule: Mapping[str, Any]) -> None: ...

    def update(self, group: str, name: str, schedule: Mapping[str, Any]) -> None: ...

    def delete(self, group: str, name: str) -> None: ...


@dataclass
class Changes:
    """What a reconciliation did, or would do; names by kind of change."""

    created: list[str] = field(default_factory=list[str])
    updated: list[str] = field(default_factory=list[str])
    retired: list[str] = field(default_factory=list[str])
    unchanged: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"created": self.created, "updated": self.updated, "retired": self.retired, "unchanged": self.unchanged}

    @property
    def any(self) -> bool:
        return bool(self.created or self.updated or self.retired)


def runnable(kpi: Kpi) -> bool:
    """Whether this version may run."""
    return kpi.status in RUNNABLE


def waits_for(kpi: Kpi) -> str | None:
    """What event starts the KPI: its signal, or for KPIs computed from KPIs that the upstreams have delivered."""
    if kpi.schedule.trigger not in (Trigger.EVENT, Trigger.BOTH) or not runnable(kpi):
        return None
    return COMPLETED if kpi.kpi_sources else kpi.schedule.event


def content_hash(kpi: Kpi, sources: str) -> str:
    """What makes a catalog row change: the definition, its status and the sources as they are declared."""
    return hashlib.sha256(f"{canonical_json(kpi)}\0{sources}".encode()).hexdigest()


def declared(sources: Iterable[Source]) -> str:
    """Golden data tables as they are declared, as JSON in a definition row."""
    return json.dumps([json.loads(canonical_json(source)) for source in sources], sort_keys=True)


def definition_attributes(kpi: Kpi, *, sources: str, hashed: str, environment: str, status: str, at: datetime) -> dict[str, Any]:
    """The attributes of a definition row, but for its key and who wrote it; `sources` are `declared`, `hashed` is the `content_hash`."""
    return {
        "environment": environment,
        "kpi_id": kpi.id,
        "contract_version": kpi.contract_version,
        "definition": canonical_json(kpi),
        "definition_hash": definition_hash(kpi),
        "content_hash": hashed,
        "sources": sources,
        "status": status,
        "pack": kpi.pack,
        "layer": kpi.layer.value,
        "name": kpi.name,
        "owner": kpi.owners.business,
        "criticality": kpi.criticality.value,
        "unit": kpi.unit,
        "grain": kpi.grain.value,
        "updated_at": iso(at),
    }


@dataclass(frozen=True)
class ImportScope:
    """Whose catalog, in which environment, from which bundle; `dry_run` only plans."""

    tenant_id: str
    environment: str
    bundle: str
    dry_run: bool = False


class CatalogImport:
    """Brings a tenant's catalog in one environment to what the dictionary says. Each KPI changes in one transaction."""

    def __init__(self, store: CatalogStore, now: Callable[[], datetime], scope: ImportScope) -> None:
        self._store = store
        self._now = now
        self._scope = scope
        self._versions: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._triggers: dict[str, set[str]] = {}
        self._changes = Changes()

    def run(self, dictionary: Dictionary) -> Changes:
        """Import; unchanged KPIs are left alone, missing ones retired, no version is ever deleted."""
        self._read()
        scope = self._scope
        by_id = {source.id: source for source in dictionary.sources}
        wanted = [kpi for kpi in dictionary.kpis if scope.tenant_id in kpi.tenants and scope.environment in kpi.environments]
        for kpi in wanted:
            self._import(kpi, declared(by_id[ref.gdp] for ref in kpi.gdp_sources))
        for kpi_id in sorted(set(self._versions) - {kpi.id for kpi in wanted}):
            self._retire(kpi_id)
        return self._changes

    def _read(self) -> None:
        tenant, environment = self._scope.tenant_id, self._scope.environment
        for row in self._store.rows(tenant, f"{environment}#kpi#", ("sk", "kpi_id", "contract_version", "content_hash", "status")):
            self._versions.setdefault(str(row["kpi_id"]), {})[str(row["contract_version"])] = row
        for row in self._store.rows(tenant, f"{environment}#trigger#", ("sk", "kpi_id")):
            self._triggers.setdefault(str(row["kpi_id"]), set()).add(str(row["sk"]))

    def _import(self, kpi: Kpi, sources: str) -> None:
        versions = self._versions.get(kpi.id, {})
        hashed = content_hash(kpi, sources)
        known = versions.get(kpi.contract_version)
        if known is not None and known.get("content_hash") == hashed and known.get("status") == kpi.status.value:
            self._changes.unchanged += 1
            return
        (self._changes.updated if versions else self._changes.created).append(f"{kpi.id} {kpi.contract_version}")
        if self._scope.dry_run:
            return
        pointers, deletes = self._pointers(kpi, known_before=bool(versions))
        self._store.write(self._scope.tenant_id, [self._row(kpi, sources, hashed), *pointers], deletes)
        superseded = [row for version, row in versions.items() if version != kpi.contract_version]
        self._mark([row for row in superseded if row.get("status") == Status.ACTIVE.value], Status.DEPRECATED)

    def _pointers(self, kpi: Kpi, *, known_before: bool) -> tuple[list[dict[str, Any]], list[str]]:
        """Rows that say which version is active and what starts it, and the keys of those that no longer hold."""
        environment = self._scope.environment
        puts: list[dict[str, Any]] = []
        deletes: list[str] = []
        active_key = f"{environment}#active#{kpi.id}"
        if runnable(kpi):
            puts.append(
                {
                    "sk": active_key,
                    "kpi_id": kpi.id,
                    "contract_version": kpi.contract_version,
                    "definition_hash": definition_hash(kpi),
                }
            )
        elif known_before:
            deletes.append(active_key)
        signal, triggers = waits_for(kpi), self._triggers.get(kpi.id, set())
        trigger_key = f"{environment}#trigger#{signal}#{kpi.id}"
        if signal is not None:
            puts.append({"sk": trigger_key, "kpi_id": kpi.id, "signal": signal, "upstreams": [ref.kpi for ref in kpi.kpi_sources]})
            triggers = triggers - {trigger_key}
        return puts, [*deletes, *sorted(triggers)]

    def _row(self, kpi: Kpi, sources: str, hashed: str) -> dict[str, Any]:
        environment = self._scope.environment
        attributes = definition_attributes(
            kpi, sources=sources, hashed=hashed, environment=environment, status=kpi.status.value, at=self._now()
        )
        return {"sk": f"{environment}#kpi#{kpi.id}#{kpi.contract_version}", **attributes, "bundle": self._scope.bundle}

    def _retire(self, kpi_id: str) -> None:
        live = [row for row in self._versions[kpi_id].values() if row.get("status") != Status.RETIRED.value]
        if not live:
            self._changes.unchanged += 1
            return
        self._changes.retired.append(kpi_id)
        if self._scope.dry_run:
            return
        keys = [f"{self._scope.environment}#active#{kpi_id}", *sorted(self._triggers.get(kpi_id, set()))]
        self._store.write(self._scope.tenant_id, [], keys)
        self._mark(live, Status.RETIRED)

    def _mark(self, rows: Sequence[Mapping[str, Any]], status: Status) -> None:
        for row in rows:
            self._store.merge(self._scope.tenant_id, str(row["sk"]), {"status": status.value, "updated_at": iso(self._now())})


@dataclass(frozen=True)
class ScheduleTarget:
    """What schedules start, and as whom."""

    state_machine_arn: str
    role_arn: str


def desired_schedule(kpi: Kpi, tenant: TenantSettings, target: ScheduleTarget) -> dict[str, Any]:
    """The schedule of a time-triggered KPI, as EventBridge Scheduler describes it."""
    if kpi.schedule.cron is None:
        raise ValueError(f"{kpi.id} has no cron")
    request = {
        "tenant_id": tenant.tenant_id,
        "environment": tenant.environment,
        "kpi_id": kpi.id,
        "trigger_type": TriggerType.TIME.value,
        "triggered_by": f"scheduler/{tenant.schedule_group}/{kpi.id}",
        "scheduled_at": SCHEDULED_TIME,
    }
    return {
        "ScheduleExpression": to_scheduler(kpi.schedule.cron),
        "ScheduleExpressionTimezone": kpi.schedule.timezone,
        "Description": f"{kpi.name} ({kpi.id})"[:512],
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {
            "Arn": target.state_machine_arn,
            "RoleArn": target.role_arn,
            "Input": json.dumps(request, sort_keys=True),
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10},
        },
    }


def desired_schedules(dictionary: Dictionary, tenant: TenantSettings, target: ScheduleTarget) -> dict[str, dict[str, Any]]:
    """One schedule for each runnable time-triggered KPI of the tenant, by name (the KPI's id)."""
    return {
        kpi.id: desired_schedule(kpi, tenant, target)
        for kpi in dictionary.kpis
        if tenant.tenant_id in kpi.tenants
        and tenant.environment in kpi.environments
        and runnable(kpi)
        and kpi.schedule.trigger in (Trigger.TIME, Trigger.BOTH)
    }


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Which settings of a schedule differ; what we do not set is not ours."""
    differing: list[str] = []
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


def sync_schedules(schedules: Schedules, group: str, wanted: Mapping[str, Mapping[str, Any]], *, dry_run: bool = False) -> Changes:
    """Bring a schedule group to what is wanted; `retired` are schedules nobody wants any more."""
    found = schedules.all(group)
    changes = Changes()
    for name, schedule in sorted(wanted.items()):
        if name not in found:
            changes.created.append(name)
            if not dry_run:
                schedules.create(group, name, schedule)
        elif differing := differences(schedule, found[name]):
            changes.updated.append(f"{name} ({', '.join(differing)})")
            if not dry_run:
                schedules.update(group, name, schedule)
        else:
            changes.unchanged += 1
    for name in sorted(set(found) - set(wanted)):
        changes.retired.append(name)
        if not dry_run:
            schedules.delete(group, name)
    return changes
