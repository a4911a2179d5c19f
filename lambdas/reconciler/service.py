"""Plans and applies: catalog and schedules follow the dictionary. Every pass is idempotent and says what it changed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from kpis.schema import Dictionary, Kpi
from lambdas.domain import registry
from lambdas.domain.timestamps import iso
from lambdas.reconciler.model import BundleRef, Import, Offboard, Onboard, Plan
from lambdas.reconciler.stores import CatalogTable, Schedules, fetch_dictionary

ENVIRONMENTS = ("dev", "stg", "prod")


@dataclass(frozen=True)
class Report:
    """What a pass over one tenant changed, or would change."""

    tenant_id: str
    environment: str
    kpis: int
    catalog_changed: int
    schedules_created: int
    schedules_updated: int
    schedules_removed: int

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return any((self.catalog_changed, self.schedules_created, self.schedules_updated, self.schedules_removed))


@dataclass(frozen=True)
class Reconciler:
    """Everything a pass needs. `schedules_of` gives the schedules of a group."""

    s3: Any
    catalog: CatalogTable
    schedules_of: Callable[[str], Schedules]
    insert_audit: Callable[[Mapping[str, Any]], None]
    now: Callable[[], datetime]

    def handle(self, request: Import | Onboard | Plan | Offboard) -> dict[str, Any]:
        """Do what is asked; the answer is JSON."""
        match request:
            case Onboard():
                return self._onboard(request)
            case Import():
                return self._import(request)
            case Plan():
                dictionary = fetch_dictionary(self.s3, request.bundle)
                report = self._reconcile(dictionary, request.bundle, request.tenant_id, request.environment, apply=False)
                return {"action": "plan", "drift": report.changed, **asdict(report)}
            case Offboard():
                return self._offboard(request)

    def _onboard(self, request: Onboard) -> dict[str, Any]:
        dictionary = fetch_dictionary(self.s3, request.bundle)
        settings = {"tenant_id": request.tenant_id, "environment": request.environment, **request.settings.model_dump(mode="json")}
        if self.catalog.settings(request.tenant_id, request.environment) != settings:
            self.catalog.register(request.tenant_id, request.environment, settings, iso(self.now()))
            self._audit("tenant.onboarded", request.tenant_id, request.environment, settings)
        report = self._reconcile(dictionary, request.bundle, request.tenant_id, request.environment, apply=True)
        return {"action": "onboard", **asdict(report)}

    def _import(self, request: Import) -> dict[str, Any]:
        dictionary = fetch_dictionary(self.s3, request.bundle)
        tenants = sorted({tenant for pack in dictionary.packs for tenant in pack.tenants})
        onboarded = [(tenant, env) for tenant in tenants for env in ENVIRONMENTS if self.catalog.settings(tenant, env) is not None]
        reports = [self._reconcile(dictionary, request.bundle, tenant, env, apply=True) for tenant, env in onboarded]
        return {"action": "import", "sha256": request.bundle.sha256, "tenants": [asdict(report) for report in reports]}

    def _offboard(self, request: Offboard) -> dict[str, Any]:
        settings = self.catalog.settings(request.tenant_id, request.environment)
        if settings is None:
            return {"action": "offboard", "schedules_removed": 0}
        schedules = self.schedules_of(settings["schedule_group"])
        names = schedules.names()
        schedules.remove(names)
        self._audit("tenant.offboarded", request.tenant_id, request.environment, {"schedules_removed": len(names)})
        return {"action": "offboard", "schedules_removed": len(names)}

    def _reconcile(self, dictionary: Dictionary, bundle: BundleRef, tenant_id: str, environment: str, *, apply: bool) -> Report:
        rows = self.catalog.rows(tenant_id, environment)
        present: dict[str, dict[str, registry.Row]] = {}
        for key, row in rows.items():
            if "kpi_id" in row:
                present.setdefault(row["kpi_id"], {})[key] = row
        changes = registry.catalog_changes(registry.catalog_rows(dictionary, tenant_id, environment), present, environment)
        own = registry.kpis_of(dictionary, tenant_id, environment)
        settings = self.catalog.settings(tenant_id, environment) or {}
        schedules = self.schedules_of(settings["schedule_group"])
        wanted = registry.schedules(own, tenant_id, environment, schedules.group)
        plan = registry.schedule_plan(wanted, *self._scheduled(own, rows, schedules, environment, deep=not apply))
        report = Report(
            tenant_id, environment, len(own), len(changes), len(plan.create), len(plan.update), len(plan.remove),
        )  # fmt: skip
        if apply and report.changed:
            self.catalog.apply(tenant_id, changes, bundle.sha256, iso(self.now()))
            schedules.create(plan.create)
            schedules.update(plan.update)
            schedules.remove(plan.remove)
            # A row written anew has lost the note of its schedule, also when the schedule stayed as it was.
            rewritten = {change.kpi_id for change in changes} | {each.name for each in (*plan.create, *plan.update)}
            self.catalog.remember_schedules(tenant_id, environment, [each for each in wanted if each.name in rewritten])
            self._audit("catalog.reconciled", tenant_id, environment, {"bundle": bundle.sha256, **asdict(report)})
        return report

    def _scheduled(
        self, own: list[Kpi], rows: Mapping[str, Any], schedules: Schedules, environment: str, *, deep: bool
    ) -> tuple[dict[str, str | None], frozenset[str]]:
        """What is scheduled, by name, and which names are ours; `deep` asks for every schedule instead of trusting the notes."""
        names = schedules.names()
        ours = frozenset({kpi.id for kpi in own} | {row["kpi_id"] for row in rows.values() if "kpi_id" in row})
        if deep:
            return schedules.digests([name for name in names if name in ours]), ours
        return {name: rows.get(f"{environment}#active#{name}", {}).get("schedule_hash") for name in names}, ours

    def _audit(self, action: str, tenant_id: str, environment: str, details: Mapping[str, Any]) -> None:
        recorded_at = iso(self.now())
        event_id = uuid.uuid4().hex
        self.insert_audit(
            {
                "pk": tenant_id,
                "sk": f"{recorded_at}#{event_id}",
                "event_id": event_id,
                "recorded_at": recorded_at,
                "tenant_id": tenant_id,
                "environment": environment,
                "actor": "deployment",
                "action": action,
                "details": json.dumps(dict(details), sort_keys=True),
            }
        )
