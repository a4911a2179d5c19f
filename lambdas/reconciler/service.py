"""What the reconciler is asked to do, each as one action."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from kpis.bundle import read_bundle
from kpis.schema import Dictionary
from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.items import to_attribute
from lambdas.adapters.scheduler import EventBridgeSchedules
from lambdas.adapters.settings import Settings
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import TenantSettings
from lambdas.domain.ports import Clock, Ids
from lambdas.domain.reconcile import CatalogImport, Changes, ImportScope, ScheduleTarget, desired_schedules, sync_schedules
from lambdas.domain.timestamps import iso


class BundleRef(BaseModel):
    """Where a dictionary bundle lies, and the digest its bytes must have."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    bucket: str
    key: str
    sha256: str


class ImportAction(BaseModel):
    """Bring every tenant's catalog to a bundle."""

    action: Literal["import"]
    bundle: BundleRef


class TenantAction(BaseModel):
    """Something about one tenant in one environment. `plan` reports drift and changes nothing."""

    model_config = ConfigDict(extra="ignore")

    action: Literal["onboard", "plan"]
    tenant_id: str
    environment: Literal["dev", "stg", "prod"]
    settings: dict[str, Any] | None = None
    bundle: BundleRef | None = None


class OffboardAction(BaseModel):
    """Stop a tenant: its schedules go, its catalog and logs stay."""

    model_config = ConfigDict(extra="ignore")

    action: Literal["offboard"]
    tenant_id: str
    environment: Literal["dev", "stg", "prod"]


Action = Annotated[ImportAction | TenantAction | OffboardAction, Field(discriminator="action")]
_ACTIONS: TypeAdapter[ImportAction | TenantAction | OffboardAction] = TypeAdapter(Action)
PLATFORM = "platform"


class Reconciler:
    """Carries out actions. Every one is idempotent: the second time it changes nothing."""

    def __init__(self, settings: Settings, clients: Clients, clock: Clock, ids: Ids) -> None:
        self._settings = settings
        self._clients = clients
        self._clock = clock
        self._ids = ids
        self._catalog = DynamoCatalog(clients, settings.catalog_table)
        self._target = ScheduleTarget(settings.state_machine_arn, settings.scheduler_role_arn)

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out an action and report what it did.

        Raises:
            pydantic.ValidationError: for an unknown or incomplete action.
            KpiError: NOT_FOUND or CONFLICT about the bundle or tenant; nothing is changed then.
        """
        action = _ACTIONS.validate_python(dict(event))
        if isinstance(action, ImportAction):
            return self._import(action)
        if isinstance(action, OffboardAction):
            return self._offboard(action)
        return self._plan(action) if action.action == "plan" else self._onboard(action)

    def _dictionary(self, ref: BundleRef) -> Dictionary:
        client = self._clients("s3")
        try:
            content: bytes = client.get_object(Bucket=ref.bucket, Key=ref.key)["Body"].read()
        except client.exceptions.NoSuchKey as error:
            raise KpiError(
                ErrorCode.NOT_FOUND, f"bundle s3://{ref.bucket}/{ref.key} does not exist; run `pulumi up` on the platform"
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != ref.sha256:
            message = f"bundle s3://{ref.bucket}/{ref.key} has digest {digest}, expected {ref.sha256}; it was changed after it was built"
            raise KpiError(ErrorCode.CONFLICT, message)
        return read_bundle(content)

    def _import(self, action: ImportAction) -> dict[str, Any]:
        dictionary = self._dictionary(action.bundle)
        self._remember(action.bundle)
        report: dict[str, Any] = {}
        for tenant_id, environment in sorted(
            {(tenant, env) for kpi in dictionary.kpis for tenant in kpi.tenants for env in kpi.environments}
        ):
            report[f"{tenant_id}.{environment}"] = self._reconcile(dictionary, action.bundle, tenant_id, environment, dry_run=False)
        return {"action": "import", "bundle": action.bundle.sha256, "tenants": report}

    def _onboard(self, action: TenantAction) -> dict[str, Any]:
        if action.settings is None:
            raise KpiError(ErrorCode.INVALID_INPUT, f"onboarding {action.tenant_id} needs settings; the tenant stack sends them")
        settings = {**action.settings, "tenant_id": action.tenant_id, "environment": action.environment}
        TenantSettings.model_validate(settings)
        bundle = action.bundle or self._last_bundle()
        dictionary = self._dictionary(bundle)
        changed = self._store_tenant(action.tenant_id, action.environment, settings)
        report = self._reconcile(dictionary, bundle, action.tenant_id, action.environment, dry_run=False)
        if changed:
            self._audit(action.tenant_id, "tenant.onboarded", {"environment": action.environment})
        return {"action": "onboard", "tenant": f"{action.tenant_id}.{action.environment}", "settings_changed": changed} | report

    def _plan(self, action: TenantAction) -> dict[str, Any]:
        bundle = action.bundle or self._last_bundle()
        report = self._reconcile(self._dictionary(bundle), bundle, action.tenant_id, action.environment, dry_run=True)
        return {"action": "plan", "tenant": f"{action.tenant_id}.{action.environment}"} | report

    def _offboard(self, action: OffboardAction) -> dict[str, Any]:
        tenant = self._catalog.tenant(action.tenant_id, action.environment)
        if tenant is None:
            return {"action": "offboard", "tenant": f"{action.tenant_id}.{action.environment}", "schedules": Changes().as_json()}
        changes = Changes()
        if tenant.schedule_group is not None:
            changes = sync_schedules(EventBridgeSchedules(self._clients), tenant.schedule_group, {})
        now = iso(self._clock.now())
        farewell = {"sk": f"{action.environment}#offboarded#{now}", "settings": tenant.model_dump_json()}
        self._catalog.write(action.tenant_id, [farewell], [f"{action.environment}#tenant"])
        self._audit(action.tenant_id, "tenant.offboarded", {"environment": action.environment, "schedules": changes.retired})
        return {"action": "offboard", "tenant": f"{action.tenant_id}.{action.environment}", "schedules": changes.as_json()}

    def _reconcile(self, dictionary: Dictionary, bundle: BundleRef, tenant_id: str, environment: str, *, dry_run: bool) -> dict[str, Any]:
        scope = ImportScope(tenant_id, environment, bundle.sha256, dry_run)
        catalog = CatalogImport(self._catalog, self._clock.now, scope).run(dictionary)
        report: dict[str, Any] = {"catalog": catalog.as_json()}
        schedules = Changes()
        tenant = self._catalog.tenant(tenant_id, environment)
        if tenant is not None and tenant.schedule_group is not None:
            wanted = desired_schedules(dictionary, tenant, self._target)
            schedules = sync_schedules(EventBridgeSchedules(self._clients), tenant.schedule_group, wanted, dry_run=dry_run)
            report["schedules"] = schedules.as_json()
        if not dry_run and (catalog.any or schedules.any):
            self._audit(tenant_id, "catalog.imported", {"environment": environment, "bundle": bundle.sha256} | report)
        return report

    def _store_tenant(self, tenant_id: str, environment: str, settings: Mapping[str, Any]) -> bool:
        text = json.dumps(settings, sort_keys=True)
        key = f"{environment}#tenant"
        known = self._catalog.item(tenant_id, key)
        if known is not None and known["settings"] == text:
            return False
        self._catalog.write(tenant_id, [{"sk": key, "settings": text, "updated_at": iso(self._clock.now())}], [])
        return True

    def _remember(self, bundle: BundleRef) -> None:
        self._catalog.write(PLATFORM, [{"sk": "bundle", **bundle.model_dump()}], [])

    def _last_bundle(self) -> BundleRef:
        row = self._catalog.item(PLATFORM, "bundle")
        if row is None:
            raise KpiError(ErrorCode.NOT_FOUND, "no dictionary was imported yet; run `pulumi up` on the platform first")
        return BundleRef.model_validate(row)

    def _audit(self, tenant_id: str, what: str, details: Mapping[str, Any]) -> None:
        now = self._clock.now()
        row = {
            "pk": tenant_id,
            "sk": f"{iso(now)}#{self._ids.run_id(now)}",
            "recorded_at": iso(now),
            "actor": "reconciler",
            "event": what,
            "reason": "the dictionary or a tenant stack was deployed",
            "details": json.dumps(details, sort_keys=True)[:100_000],
        }
        names = ", ".join(f"'{name}': ?" for name in row)
        self._clients("dynamodb").execute_statement(
            Statement=f'INSERT INTO "{self._settings.audit_table}" VALUE {{{names}}}',
            Parameters=[to_attribute(value) for value in row.values()],
        )
