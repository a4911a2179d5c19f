"""What the reconciler keeps in the platform's own partition of the catalog.

Which tenants are registered stands in the list of `lambdas.adapters.tenant_list`; beside it are

| sort key | says |
| --- | --- |
| `bundle` | which dictionary was imported last |
| `kpi-dashboard` | what dashboards of single KPIs are made of |
| `registered` | tenants of stacks that were deployed before these rows existed were looked for |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.tenant_list import PLATFORM, REGISTERED, Place, place_of
from lambdas.domain.reconcile_dashboards import Stencil
from lambdas.reconciler.actions import BundleRef

_BUNDLE, _COMPLETE, _KPI_DASHBOARD = "bundle", "registered", "kpi-dashboard"


@dataclass(frozen=True)
class Registry:
    """Writes these rows."""

    catalog: DynamoCatalog

    def tenants(self) -> list[tuple[str, str]]:
        """Every tenant that is registered, with its environments, in order."""
        places = [place_of(str(row["sk"])) for row in self.catalog.rows(PLATFORM, REGISTERED, ("sk",), consistent=True)]
        return [(place.tenant_id, place.environment) for place in sorted(places)]

    def add(self, tenant_id: str, environment: str) -> None:
        """Note a tenant."""
        self.catalog.write(PLATFORM, [{"sk": Place(tenant_id, environment).registered}], [])

    def remove(self, tenant_id: str, environment: str) -> None:
        """Forget a tenant."""
        self.catalog.write(PLATFORM, [], [Place(tenant_id, environment).registered])

    def complete(self, candidates: Iterable[tuple[str, str]]) -> None:
        """Note those candidates that a stack registered before there were such rows; once."""
        if self.catalog.item(PLATFORM, _COMPLETE) is not None:
            return
        for tenant_id, environment in sorted(set(candidates)):
            if self.catalog.item(tenant_id, f"{environment}#tenant") is not None:
                self.add(tenant_id, environment)
        self.catalog.write(PLATFORM, [{"sk": _COMPLETE}], [])

    @property
    def is_complete(self) -> bool:
        """Whether `complete` has been done."""
        return self.catalog.item(PLATFORM, _COMPLETE) is not None

    def remember(self, bundle: BundleRef) -> None:
        """Note the bundle that was imported last."""
        self.catalog.write(PLATFORM, [{"sk": _BUNDLE, **bundle.model_dump()}], [])

    def last_bundle(self) -> BundleRef | None:
        """The bundle that was imported last."""
        row = self.catalog.item(PLATFORM, _BUNDLE)
        return BundleRef.model_validate(row) if row else None

    def keep_stencil(self, stencil: Stencil) -> None:
        """Note what dashboards of single KPIs are made of."""
        self.catalog.write(PLATFORM, [{"sk": _KPI_DASHBOARD, "stencil": stencil.model_dump_json()}], [])

    def stencil(self) -> Stencil | None:
        """What dashboards of single KPIs are made of."""
        row = self.catalog.item(PLATFORM, _KPI_DASHBOARD)
        return Stencil.model_validate_json(row["stencil"]) if row else None
