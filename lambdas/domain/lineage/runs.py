"""What runs really read, from the rows of the sourcing log, laid over what definitions declare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lambdas.domain.ids import run_id_text
from lambdas.domain.lineage.graph import Evidence, Graph, Link, LinkKind, NodeKind, kpi_node, with_links


@dataclass(frozen=True)
class Observation:
    """The latest run of a KPI that read a source, and what of it."""

    source: str
    target: str
    run_id: int
    source_version: str
    columns: tuple[str, ...]


def observations(rows: Iterable[Mapping[str, Any]], tenant_id: str, environment: str) -> tuple[Observation, ...]:
    """The latest reading of each source by each KPI. Rows of other tenants and environments are left out, whoever passed them."""
    found: dict[tuple[str, str], Observation] = {}
    for row in rows:
        if row.get("tenant_id") != tenant_id or row.get("environment") != environment:
            continue
        seen = _observation(row)
        place = (seen.source, seen.target)
        if place not in found or found[place].run_id < seen.run_id:
            found[place] = seen
    return tuple(found[place] for place in sorted(found))


def _observation(row: Mapping[str, Any]) -> Observation:
    kind = NodeKind.TABLE if row["source_type"] == "gdp" else NodeKind.KPI
    columns = json.loads(str(row.get("attributes") or "[]"))
    return Observation(
        source=f"{kind}:{row['source_object']}",
        target=kpi_node(str(row["kpi_id"])),
        run_id=int(row["run_id"]),
        source_version=str(row.get("source_version") or ""),
        columns=tuple(sorted(map(str, columns))),
    )


def observed(graph: Graph, seen: Iterable[Observation]) -> Graph:
    """The graph with what runs read: links get their latest run, and what no definition declares any more is added as observed."""
    return with_links(graph, _merged(graph, {(each.source, each.target): each for each in seen}))


def _merged(graph: Graph, seen: dict[tuple[str, str], Observation]) -> Iterator[Link]:
    declared: set[tuple[str, str]] = set()
    for link in graph.links:
        run = seen.get((link.source, link.target)) if link.kind is LinkKind.READS else None
        if link.kind is LinkKind.READS:
            declared.add((link.source, link.target))
        yield replace(link, evidence=Evidence.BOTH, last_run=run_id_text(run.run_id), source_version=run.source_version) if run else link
    for place in sorted(seen.keys() - declared):
        run = seen[place]
        yield Link(
            run.source,
            run.target,
            LinkKind.READS,
            run.columns,
            evidence=Evidence.OBSERVED,
            last_run=run_id_text(run.run_id),
            source_version=run.source_version,
        )
