"""Definition rows as the catalog holds them, from the shipped packs and from a few words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from kpis.checks import check_packs
from kpis.hashing import canonical_json, definition_hash
from kpis.schema import Dictionary
from lambdas.domain.search import Document, DocumentKey, document_of, key_of


@cache
def dictionary() -> Dictionary:
    return check_packs(Path("kpis/packs"), root=Path()).dictionary


def catalog_rows(environment: str = "prod") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Tenant, key and attributes of every shipped KPI's row."""
    sources = {source.id: json.loads(canonical_json(source)) for source in dictionary().sources}
    for kpi in dictionary().kpis:
        for tenant in kpi.tenants:
            row = {
                "definition": canonical_json(kpi),
                "definition_hash": definition_hash(kpi),
                "sources": json.dumps([sources[ref.gdp] for ref in kpi.gdp_sources]),
                "status": kpi.status.value,
                "pack": kpi.pack,
                "layer": kpi.layer.value,
                "owner": kpi.owners.business,
                "criticality": kpi.criticality.value,
                "row_version": 1,
            }
            yield tenant, f"{environment}#kpi#{kpi.id}#{kpi.contract_version}", row


def shipped() -> list[Document]:
    """The documents of every shipped KPI."""
    found = []
    for tenant, sort_key, row in catalog_rows():
        key = key_of(tenant, sort_key)
        assert key is not None
        found.append(document_of(key, row))
    return found


def document(
    tenant: str = "acme",
    kpi_id: str = "SH-RV-01",
    *,
    version: str = "1.0.0",
    environment: str = "prod",
    row_version: int = 1,
    **fields: Any,
) -> Document:
    """A document from a small definition; `fields` are the definition's own, or the row's `status`."""
    status = fields.pop("status", "active")
    definition = {"name": "Revenue", "purpose": "What was sold", "pack": "shop", "layer": "primary", "criticality": "low"} | fields
    row = {"definition": json.dumps(definition), "status": status, "row_version": row_version}
    return document_of(DocumentKey(tenant, environment, kpi_id, version), row)
