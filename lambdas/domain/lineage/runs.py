"""What runs really read, from the rows of the sourcing log, laid over what definitions declare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lambdas.domain.ids import run_id_text
from lambdas.domain.lineage.graph import Evidence, Graph, Link, LinkKind, Node, NodeKind, kpi_node, name_of, with_links
from lambdas.domain.lineage.walk import Lineage


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


def seen_in(found: Lineage, seen: Iterable[Observation], *, depth: int) -> Lineage:
    """A lineage with what runs read: links get their latest run, and what no definition declares any more is added as observed.

    Args:
        found: the part of a graph that is shown.
        seen: the latest reading of each source, of KPIs that are shown.
        depth: how many steps away from its root it goes; what lies further stays out.
    """
    runs = {(each.source, each.target): each for each in seen if each.target in found.distance}
    links = tuple(_with_run(link, runs.pop((link.source, link.target), None)) if _read(link) else link for link in found.links)
    added = [each for each in (runs[place] for place in sorted(runs)) if _shown(found, each, depth)]
    nodes = {node.id: node for node in found.nodes}
    distance = dict(found.distance)
    for each in added:
        if each.source not in nodes:
            nodes[each.source] = Node(each.source, NodeKind(each.source.partition(":")[0]), name_of(each.source))
            distance[each.source] = found.distance[each.target] - 1
    return replace(
        found,
        nodes=tuple(nodes[name] for name in sorted(nodes)),
        links=tuple(sorted((*links, *(_observed(each) for each in added)))),
        distance={name: distance[name] for name in sorted(distance)},
    )


def _read(link: Link) -> bool:
    return link.kind is LinkKind.READS


def _shown(found: Lineage, run: Observation, depth: int) -> bool:
    """Whether an undeclared reading is part of what is shown: between nodes that are there, or one step further up within the depth."""
    return run.source in found.distance or (-depth < found.distance[run.target] <= 0 and found.upwards)


def _with_run(link: Link, run: Observation | None) -> Link:
    if run is None:
        return link
    return replace(link, evidence=Evidence.BOTH, last_run=run_id_text(run.run_id), source_version=run.source_version)


def _observed(run: Observation) -> Link:
    return Link(
        run.source,
        run.target,
        LinkKind.READS,
        run.columns,
        evidence=Evidence.OBSERVED,
        last_run=run_id_text(run.run_id),
        source_version=run.source_version,
    )


def _merged(graph: Graph, seen: dict[tuple[str, str], Observation]) -> Iterator[Link]:
    declared: set[tuple[str, str]] = set()
    for link in graph.links:
        if _read(link):
            declared.add((link.source, link.target))
        yield _with_run(link, seen.get((link.source, link.target)) if _read(link) else None)
    yield from (_observed(seen[place]) for place in sorted(seen.keys() - declared))
