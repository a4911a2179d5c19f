"""What runs read, as far as a lineage answer needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lambdas.domain.lineage import Observation


class RunReadings(Protocol):
    """The sourcing log of tenants."""

    def latest(self, tenant_id: str, environment: str, kpi_ids: Sequence[str]) -> Sequence[Observation]:
        """What the newest run of each KPI that recorded its sources read; a KPI that never ran has none."""
        ...
