"""Names of jobs and datasets in lineage events, by OpenLineage's naming conventions (spec/Naming.md).

The dictionary knows no hosts, so its own events name datasets logically: namespace `kpi-observatory`, names `gdp.<source>` and
`kpi.<KPI>`. A run knows its warehouse: then a source is the physical table, with the logical name as a symlink that ties both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from kpis.lineage.model import GDP, KPI

NAMESPACE = "kpi-observatory"
PRODUCER = "urn:kpi-observatory:kpis.lineage"


@dataclass(frozen=True)
class Warehouse:
    """Where a tenant's golden data tables are: a PostgreSQL database, or one that speaks its protocol."""

    host: str
    port: int
    database: str
    schema: str = "public"

    @property
    def namespace(self) -> str:
        return f"postgres://{self.host}:{self.port}"

    def table(self, name: str) -> str:
        return f"{self.database}.{self.schema}.{name}"


@dataclass(frozen=True, order=True)
class Identity:
    """A dataset's namespace and name."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Naming:
    """How events name things: the namespace of jobs and logical datasets, and the warehouse where it is known."""

    namespace: str = NAMESPACE
    warehouse: Warehouse | None = None

    @classmethod
    def of_tenant(cls, tenant_id: str, environment: str, warehouse: Warehouse | None = None) -> Self:
        """The namespace of one tenant's environment, so that lineage of tenants never mixes."""
        return cls(f"{NAMESPACE}.{environment}.{tenant_id}", warehouse)

    def logical(self, dataset: str) -> Identity:
        """The name of a dataset of the dictionary, such as `gdp:GDP_Sales` or `kpi:CFO-EF-02`."""
        kind = GDP if dataset.startswith(GDP) else KPI
        return Identity(self.namespace, f"{kind.removesuffix(':')}.{dataset.removeprefix(kind)}")

    def physical(self, dataset: str, table: str) -> Identity:
        """The name of a golden data table: where it is, or its logical name while nobody said where."""
        if self.warehouse is None:
            return self.logical(dataset)
        return Identity(self.warehouse.namespace, self.warehouse.table(table))
