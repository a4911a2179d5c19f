"""The lineage of each definition in a bundle: what it declares, and what its runs of the period really read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kpis.schema import Kpi, Source
from lambdas.domain.control.catalog import Shelf, Version
from lambdas.domain.lineage import graph_of, lineage, observations, observed
from lambdas.domain.lineage.walk import MAX_DEPTH

Row = Mapping[str, Any]


def lineage_records(shelf: Shelf, versions: Sequence[Version], runs: Iterable[Row], sourcing: Sequence[Row]) -> list[Row]:
    """One record for each version of one KPI, in their order.

    The KPI itself is in each record as that version defines it; what is around it is as active now. Links that a run of the version
    read name the latest such run and the source's version.
    """
    if not versions:
        return []
    kpi_id = versions[0].kpi.id
    others, sources = _around(shelf, versions)
    used = {int(row["run_id"]): str(row["contract_version"]) for row in runs}
    records: list[Row] = []
    for version in versions:
        read = [row for row in sourcing if used[int(row["run_id"])] == version.number]
        graph = graph_of([version.kpi, *others], sources)
        seen = observed(graph, observations(read, shelf.tenant_id, shelf.environment))
        found = lineage(seen, kpi_id, depth=MAX_DEPTH).as_json()
        records.append({"kpi_id": kpi_id, "contract_version": version.number, "definition_hash": version.hash, **found})
    return records


def _around(shelf: Shelf, versions: Sequence[Version]) -> tuple[list[Kpi], list[Source]]:
    """What runs and is above or below the KPI, itself left out, and the tables that are read."""
    kpi_id = versions[0].kpi.id
    found = {kpi.id: kpi for kpi in shelf.around(kpi_id)}
    sources = {name: source for version in versions for name, source in version.sources.items()}
    waiting = [ref.kpi for version in versions for ref in version.kpi.kpi_sources]
    visited = {kpi_id}
    while waiting:
        name = waiting.pop()
        if name in visited:
            continue
        visited.add(name)
        active = shelf.active(name)
        if active is not None:
            found[name] = active.kpi
            sources = {**active.sources, **sources}
            waiting += [ref.kpi for ref in active.kpi.kpi_sources]
    found.pop(kpi_id, None)
    return [found[name] for name in sorted(found)], [sources[name] for name in sorted(sources)]
