"""What the reconciler is asked to do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from kpis.common import Frozen, Slug


class BundleRef(Frozen):
    """A dictionary bundle in the artifacts bucket; `sha256` of its bytes is checked after reading."""

    bucket: str
    key: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Settings(Frozen):
    """A tenant's settings as its stack states them (K26)."""

    display_name: str
    timezone: str = "UTC"
    currency: str = "USD"
    calendar: str = "gregorian"
    replay_year: int | None = None
    retention_months: int = 24
    warehouse_secret: str
    role_arn: str | None = None
    schedule_group: str
    log_group: str | None = None


class Import(Frozen):
    """Bring a new dictionary to every tenant that is onboarded."""

    action: Literal["import"]
    bundle: BundleRef


class Onboard(Frozen):
    """Register a tenant in an environment and give it its catalog and schedules. Safe to repeat."""

    action: Literal["onboard"]
    tenant_id: Slug
    environment: Literal["dev", "stg", "prod"]
    settings: Settings
    bundle: BundleRef


class Plan(Frozen):
    """Report drift between the dictionary, the catalog and the schedules; change nothing."""

    action: Literal["plan"]
    tenant_id: Slug
    environment: Literal["dev", "stg", "prod"]
    bundle: BundleRef


class Offboard(Frozen):
    """Remove a tenant's schedules; its records stay."""

    action: Literal["offboard"]
    tenant_id: Slug
    environment: Literal["dev", "stg", "prod"]


Request = Annotated[Import | Onboard | Plan | Offboard, Field(discriminator="action")]
REQUEST: TypeAdapter[Import | Onboard | Plan | Offboard] = TypeAdapter(Request)
