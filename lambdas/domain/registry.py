"""What the catalog and the scheduler must hold for a tenant, derived from the dictionary; and what has to change to get there.

Pure: the reconciler reads what is there, asks here for a plan, and applies it. A plan on a reconciled tenant is empty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kpis.common import Status, version_key
from kpis.cron import to_scheduler
from kpis.hashing import canonical_json, definition_hash
from kpis.schema import Dictionary, Kpi, Trigger

RUNNABLE = frozenset({Status.ACTIVE, Status.DEPRECATED})
SCHEDULED_AT = "<aws.scheduler.scheduled-time>"
VOLATILE = frozenset({"bundle", "updated_at", "schedule_hash"})
"""Attributes that say how a row came about, not what it means."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Schedule:
    """One EventBridge schedule. `name` is the KPI's id, `payload` the state machine's input as JSON."""

    name: str
    expression: str
    timezone: str
    payload: str

    @property
    def digest(self) -> str:
        """SHA-256 of everything in it: equal schedules need no update."""
        return hashlib.sha256(json.dumps([self.name, self.expression, self.timezone, self.payload]).encode()).hexdigest()


@dataclass(frozen=True)
class KpiChange:
    """Rows of one KPI to write and keys to remove, applied in one transaction."""

    kpi_id: str
    put: Mapping[str, Row]
    remove: tuple[str, ...]


@dataclass(frozen=True)
class SchedulePlan:
    """Schedules to create, to update, and names to remove."""

    create: tuple[Schedule, ...]
    update: tuple[Schedule, ...]
    remove: tuple[str, ...]


def kpis_of(dictionary: Dictionary, tenant_id: str, environment: str) -> list[Kpi]:
    """The KPI versions a tenant has in an environment."""
    return [kpi for kpi in dictionary.kpis if tenant_id in kpi.tenants and environment in kpi.environments]


def running(kpis: Iterable[Kpi]) -> dict[str, Kpi]:
    """The version of each KPI that runs: the highest one that is active or deprecated."""
    chosen: dict[str, Kpi] = {}
    for kpi in kpis:
        current = chosen.get(kpi.id)
        newer = current is None or version_key(kpi.contract_version) > version_key(current.contract_version)
        if kpi.status in RUNNABLE and newer:
            chosen[kpi.id] = kpi
    return chosen


def catalog_rows(dictionary: Dictionary, tenant_id: str, environment: str) -> dict[str, dict[str, dict[str, str]]]:
    """The catalog rows a tenant must have: by KPI id, then by sort key."""
    sources = {source.id: source for source in dictionary.sources}
    own = kpis_of(dictionary, tenant_id, environment)
    rows: dict[str, dict[str, dict[str, str]]] = {}
    for kpi in own:
        read = "[" + ",".join(canonical_json(sources[each.gdp]) for each in kpi.gdp_sources if each.gdp in sources) + "]"
        rows.setdefault(kpi.id, {})[f"{environment}#kpi#{kpi.id}#{kpi.contract_version}"] = {
            "kpi_id": kpi.id,
            "contract_version": kpi.contract_version,
            "definition": canonical_json(kpi),
            "sources": read,
            "definition_hash": definition_hash(kpi),
            "status": kpi.status.value,
            "pack": kpi.pack,
            "layer": kpi.layer.value,
            "name": kpi.name,
            "owner": kpi.owners.business,
        }
    for kpi in running(own).values():
        active = {"kpi_id": kpi.id, "contract_version": kpi.contract_version, "definition_hash": definition_hash(kpi)}
        rows[kpi.id][f"{environment}#active#{kpi.id}"] = active
        for name in triggers(kpi):
            rows[kpi.id][f"{environment}#trigger#{name}#{kpi.id}"] = active | {
                "upstreams": json.dumps([each.kpi for each in kpi.kpi_sources])
            }
    return rows


def triggers(kpi: Kpi) -> list[str]:
    """What starts an event-triggered KPI: its signal, and the completion of each KPI it reads (`kpi:ID`)."""
    if kpi.schedule.trigger is Trigger.TIME:
        return []
    signal = [kpi.schedule.event] if kpi.schedule.event else []
    return [*signal, *(f"kpi:{source.kpi}" for source in kpi.kpi_sources)]


def catalog_changes(wanted: Mapping[str, Mapping[str, Row]], present: Mapping[str, Mapping[str, Row]], environment: str) -> list[KpiChange]:
    """What to write and remove, KPI by KPI. Version rows that left the dictionary are retired and kept, never removed."""
    changes: list[KpiChange] = []
    for kpi_id in sorted(wanted.keys() | present.keys()):
        want, have = wanted.get(kpi_id, {}), present.get(kpi_id, {})
        put = {key: row for key, row in want.items() if key not in have or meaning(have[key]) != meaning(row)}
        gone = [key for key in have if key not in want]
        for key in gone:
            if key.startswith(f"{environment}#kpi#") and have[key].get("status") != Status.RETIRED:
                put[key] = {**meaning(have[key]), "status": Status.RETIRED.value}
        remove = tuple(key for key in gone if not key.startswith(f"{environment}#kpi#"))
        if put or remove:
            changes.append(KpiChange(kpi_id, put, remove))
    return changes


def meaning(row: Row) -> dict[str, str]:
    """A row without its keys and what is volatile."""
    return {name: value for name, value in row.items() if name not in VOLATILE and name not in ("pk", "sk")}


def schedules(kpis: Iterable[Kpi], tenant_id: str, environment: str, group: str) -> list[Schedule]:
    """The schedules a tenant must have: one for each running KPI that time triggers.

    Raises:
        CronError: when a cron expression has no form in EventBridge Scheduler.
    """
    wanted: list[Schedule] = []
    for kpi in running(kpis).values():
        cron = kpi.schedule.cron
        if kpi.schedule.trigger is Trigger.EVENT or cron is None:
            continue
        payload = {
            "tenant_id": tenant_id,
            "environment": environment,
            "kpi_id": kpi.id,
            "trigger_type": "time",
            "triggered_by": f"scheduler:{group}/{kpi.id}",
            "scheduled_at": SCHEDULED_AT,
        }
        wanted.append(Schedule(kpi.id, to_scheduler(cron), kpi.schedule.timezone, json.dumps(payload, sort_keys=True)))
    return wanted


def schedule_plan(wanted: Iterable[Schedule], present: Mapping[str, str | None], own: frozenset[str]) -> SchedulePlan:
    """`present`: digest by name of what is there (None when unknown). Only names in `own` are ever removed: others are not ours."""
    wanted_by_name = {schedule.name: schedule for schedule in wanted}
    create = [schedule for name, schedule in wanted_by_name.items() if name not in present]
    update = [schedule for name, schedule in wanted_by_name.items() if name in present and present[name] != schedule.digest]
    remove = [name for name in present if name in own and name not in wanted_by_name]
    return SchedulePlan(tuple(create), tuple(update), tuple(remove))
