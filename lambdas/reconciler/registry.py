"""Which tenants there are, in which environments: rows of the platform's own partition, since nobody may scan the catalog.

| sort key | says |
| --- | --- |
| `bundle` | which dictionary was imported last |
| `tenant#{tenant_id}#{environment}` | the tenant is registered in the environment |
| `registered` | tenants of stacks that were deployed before these rows existed were looked for |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lambdas.adapters.catalog import DynamoCatalog
from lambdas.reconciler.actions import BundleRef

PLATFORM = "platform"
_TENANT, _BUNDLE, _REGISTERED = "tenant#", "bundle", "registered"


def registered(catalog: DynamoCatalog) -> list[tuple[str, str]]:
    """Every tenant that is registered, with its environments, in order."""
    keys = [str(row["sk"]).split("#") for row in catalog.rows(PLATFORM, _TENANT, ("sk",), consistent=True)]
    return sorted((tenant_id, environment) for _, tenant_id, environment in keys)


@dataclass(frozen=True)
class Registry:
    """Writes these rows."""

    catalog: DynamoCatalog

    def tenants(self) -> list[tuple[str, str]]:
        """See `registered`."""
        return registered(self.catalog)

    def add(self, tenant_id: str, environment: str) -> None:
        """Note a tenant."""
        self.catalog.write(PLATFORM, [{"sk": f"{_TENANT}{tenant_id}#{environment}"}], [])

    def remove(self, tenant_id: str, environment: str) -> None:
        """Forget a tenant."""
        self.catalog.write(PLATFORM, [], [f"{_TENANT}{tenant_id}#{environment}"])

    def complete(self, candidates: Iterable[tuple[str, str]]) -> None:
        """Note those candidates that a stack registered before there were such rows; once."""
        if self.catalog.item(PLATFORM, _REGISTERED) is not None:
            return
        for tenant_id, environment in sorted(set(candidates)):
            if self.catalog.item(tenant_id, f"{environment}#tenant") is not None:
                self.add(tenant_id, environment)
        self.catalog.write(PLATFORM, [{"sk": _REGISTERED}], [])

    @property
    def is_complete(self) -> bool:
        """Whether `complete` has been done."""
        return self.catalog.item(PLATFORM, _REGISTERED) is not None

    def remember(self, bundle: BundleRef) -> None:
        """Note the bundle that was imported last."""
        self.catalog.write(PLATFORM, [{"sk": _BUNDLE, **bundle.model_dump()}], [])

    def last_bundle(self) -> BundleRef | None:
        """The bundle that was imported last."""
        row = self.catalog.item(PLATFORM, _BUNDLE)
        return BundleRef.model_validate(row) if row else None
