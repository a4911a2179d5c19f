"""Definition rows of the catalog: their attributes, what makes them change, and what starts the KPI they define."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kpis.common import Status
from kpis.hashing import canonical_json, definition_hash
from kpis.schema import Kpi, Source, Trigger
from lambdas.domain.dispatch import COMPLETED
from lambdas.domain.timestamps import iso

RUNNABLE = frozenset({Status.ACTIVE, Status.DEPRECATED})
"""A deprecated KPI runs until it is retired (K28 D)."""


def runnable(kpi: Kpi) -> bool:
    """Whether this version may run."""
    return kpi.status in RUNNABLE


def waits_for(kpi: Kpi) -> str | None:
    """What event starts the KPI: its signal, or for KPIs computed from KPIs that the upstreams have delivered."""
    if kpi.schedule.trigger not in (Trigger.EVENT, Trigger.BOTH) or not runnable(kpi):
        return None
    return COMPLETED if kpi.kpi_sources else kpi.schedule.event


def content_hash(kpi: Kpi, sources: str) -> str:
    """What makes a catalog row change: the definition, its status and the sources as they are declared."""
    return hashlib.sha256(f"{canonical_json(kpi)}\0{sources}".encode()).hexdigest()


def declared(sources: Iterable[Source]) -> str:
    """Golden data tables as they are declared, as JSON in a definition row."""
    return json.dumps([json.loads(canonical_json(source)) for source in sources], sort_keys=True)


def definition_attributes(kpi: Kpi, *, sources: str, hashed: str, environment: str, status: str, at: datetime) -> dict[str, Any]:
    """The attributes of a definition row, but for its key and who wrote it; `sources` are `declared`, `hashed` is the `content_hash`."""
    return {
        "environment": environment,
        "kpi_id": kpi.id,
        "contract_version": kpi.contract_version,
        "definition": canonical_json(kpi),
        "definition_hash": definition_hash(kpi),
        "content_hash": hashed,
        "sources": sources,
        "status": status,
        "pack": kpi.pack,
        "layer": kpi.layer.value,
        "name": kpi.name,
        "owner": kpi.owners.business,
        "criticality": kpi.criticality.value,
        "unit": kpi.unit,
        "grain": kpi.grain.value,
        "updated_at": iso(at),
    }
