"""Reads over all of a tenant's catalog rows: what runs as a lineage graph, and the tables definitions may name."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from kpis.schema import Kpi, Source
from lambdas.domain.control import keys
from lambdas.domain.control.unit import ControlStore
from lambdas.domain.lineage import Graph, graph_of

KEPT = 20_000
"""Parsed definitions that are kept; they are found by tenant, KPI and hash, so that a changed one is another one."""


class CatalogReads:
    """Reads rows on every call and parses only the definitions it does not know yet."""

    def __init__(self, store: ControlStore) -> None:
        self._store = store
        self._parsed: OrderedDict[tuple[str, str, str], Kpi] = OrderedDict()

    def graph(self, tenant_id: str, environment: str) -> Graph:
        """What runs of a tenant in an environment."""
        running = {
            keys.version(environment, row.text("kpi_id"), row.text("contract_version"))
            for row in self._store.rows(tenant_id, keys.all_active(environment))
        }
        kpis: list[Kpi] = []
        sources: dict[str, Source] = {}
        for row in self._store.rows(tenant_id, f"{environment}#kpi#"):
            if row.key in running:
                kpis.append(self._kpi((tenant_id, row.text("kpi_id"), row.text("definition_hash")), row.text("definition")))
                sources |= _declared(row.text("sources"))
        return graph_of(kpis, [sources[name] for name in sorted(sources)])

    def sources(self, tenant_id: str) -> dict[str, Source]:
        """The tables that definitions of the tenant read already, in any environment."""
        found: dict[str, Source] = {}
        for environment in ("dev", "stg", "prod"):
            for row in self._store.rows(tenant_id, f"{environment}#kpi#"):
                found |= _declared(row.text("sources"))
        return found

    def _kpi(self, key: tuple[str, str, str], text: str) -> Kpi:
        known = self._parsed.get(key)
        if known is None:
            known = self._parsed[key] = Kpi.model_validate_json(text)
            if len(self._parsed) > KEPT:
                self._parsed.popitem(last=False)
        return known


def _declared(text: str) -> dict[str, Source]:
    declared: list[Any] = json.loads(text or "[]")
    return {source.id: source for source in map(Source.model_validate, declared)}
