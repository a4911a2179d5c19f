"""What the reconciler can be asked to do, each as one action."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Json, TypeAdapter

from lambdas.domain.reconcile_dashboards import Stencil

EnvironmentName = Literal["dev", "stg", "prod"]


class BundleRef(BaseModel):
    """Where a dictionary bundle lies, and the digest its bytes must have."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    bucket: str
    key: str
    sha256: str


class ImportAction(BaseModel):
    """Bring every tenant's catalog to a bundle. `kpi_dashboard` (a `Stencil` as JSON) is kept for the passes that follow."""

    action: Literal["import"]
    bundle: BundleRef
    kpi_dashboard: Json[Stencil] | None = None


class OnboardAction(BaseModel):
    """Register a tenant in one environment and give it what the packs have for it."""

    model_config = ConfigDict(extra="ignore")

    action: Literal["onboard"]
    tenant_id: str
    environment: EnvironmentName
    settings: dict[str, Any]
    bundle: BundleRef | None = None


class OffboardAction(BaseModel):
    """Stop a tenant: its schedules and mute rules go, its catalog and logs stay."""

    model_config = ConfigDict(extra="ignore")

    action: Literal["offboard"]
    tenant_id: str
    environment: EnvironmentName


class PlanAction(BaseModel):
    """Report a tenant's drift and what an import of the last bundle would do; nothing changes."""

    model_config = ConfigDict(extra="ignore")

    action: Literal["plan"]
    tenant_id: str
    environment: EnvironmentName
    bundle: BundleRef | None = None


class ReconcileAction(BaseModel):
    """Find and mend the drift of one tenant, or of all of them after `after` (`tenant.environment`), in order of their names."""

    model_config = ConfigDict(extra="ignore")

    action: Literal["reconcile"]
    tenant_id: str | None = None
    environment: EnvironmentName | None = None
    after: str = ""


Action = ImportAction | OnboardAction | OffboardAction | PlanAction | ReconcileAction
ACTIONS: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="action")])
