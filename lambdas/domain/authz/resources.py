"""The objects policies are about, with only what policies ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from kpis.common import Environment


class Kind(StrEnum):
    """Entity types of the schema."""

    KPI = "Kpi"
    CATALOG = "Catalog"
    REQUEST = "Request"
    SETTINGS = "Settings"
    CONNECTION = "Connection"
    WHOLE = "Whole"


@dataclass(frozen=True)
class KpiObject:
    """One KPI. `approved`: a change request for exactly this action on this content is signed off."""

    kind: ClassVar[Kind] = Kind.KPI
    tenant_id: str
    environment: Environment
    kpi_id: str
    approved: bool = False

    @property
    def identifier(self) -> str:
        """Its name among objects of the tenant."""
        return self.kpi_id


@dataclass(frozen=True)
class CatalogObject:
    """All KPIs of a tenant in an environment, with their runs and results."""

    kind: ClassVar[Kind] = Kind.CATALOG
    tenant_id: str
    environment: Environment

    @property
    def identifier(self) -> str:
        """There is one of each environment."""
        return self.environment.value


@dataclass(frozen=True)
class RequestObject:
    """A change request. `signed_by` are the signatures for its content as it is now."""

    kind: ClassVar[Kind] = Kind.REQUEST
    tenant_id: str
    environment: Environment
    request_id: str
    requested_by: str
    authors: frozenset[str] = frozenset()
    signed_by: frozenset[str] = frozenset()

    @property
    def identifier(self) -> str:
        """Its name among objects of the tenant."""
        return self.request_id


@dataclass(frozen=True)
class SettingsObject:
    """Settings of a tenant in an environment: time zone, currency, calendars, limits, rules of change."""

    kind: ClassVar[Kind] = Kind.SETTINGS
    tenant_id: str
    environment: Environment

    @property
    def identifier(self) -> str:
        """There is one of each environment."""
        return self.environment.value


@dataclass(frozen=True)
class ConnectionObject:
    """A data connection of a tenant."""

    kind: ClassVar[Kind] = Kind.CONNECTION
    tenant_id: str
    environment: Environment
    name: str

    @property
    def identifier(self) -> str:
        """Its name among objects of the tenant."""
        return self.name


@dataclass(frozen=True)
class WholeTenant:
    """What spans all environments of a tenant: its whole audit log, its policies, its end."""

    kind: ClassVar[Kind] = Kind.WHOLE
    tenant_id: str

    @property
    def identifier(self) -> str:
        """There is one."""
        return "whole"


Resource = KpiObject | CatalogObject | RequestObject | SettingsObject | ConnectionObject | WholeTenant


def best_case(resource: Resource) -> Resource:
    """The object as if it stood in nobody's way: approved, and asked for, written and signed by no one.

    When even this is denied, the answer depends on the caller alone. Ask so before anything is read, then a refusal cannot tell
    whether the object exists; ask again with what was read.
    """
    if isinstance(resource, KpiObject):
        return KpiObject(resource.tenant_id, resource.environment, resource.kpi_id, approved=True)
    if isinstance(resource, RequestObject):
        return RequestObject(resource.tenant_id, resource.environment, resource.request_id, requested_by="")
    return resource
