"""The lineage of one tenant's catalog: golden data -> KPIs -> derived KPIs -> dashboards, reports and other consumers (K25).

A graph is made from the definitions it is given and from nothing else, so it can show only what its caller may read: pass the
definitions of one tenant in one environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from kpis.rules import CrossKpi, UpstreamDelivered
from kpis.schema import Kpi, KpiRef, Source


class NodeKind(StrEnum):
    """What a node is; the word before the colon of its id."""

    TABLE = "gdp"
    KPI = "kpi"
    DASHBOARD = "dashboard"
    REPORT = "report"
    APPLICATION = "application"
    TEAM = "team"


class LinkKind(StrEnum):
    """Why one thing stands before another."""

    READS = "reads"
    CHECKS = "checks"
    SHOWN = "shown"


class Evidence(StrEnum):
    """Where a link is known from. `declared` alone: no run read it yet; `observed` alone: only a run of another definition did."""

    DECLARED = "declared"
    OBSERVED = "observed"
    BOTH = "both"


@dataclass(frozen=True, order=True)
class Node:
    """A table, a KPI or a consumer; `id` is `<kind>:<name>`. What a node of its kind does not have is empty."""

    id: str
    kind: NodeKind
    name: str
    layer: str = ""
    criticality: str = ""
    version: str = ""


@dataclass(frozen=True, order=True)
class Link:
    """`target` depends on `source`.

    `columns`: the columns of a table; `alias`: how a formula calls an upstream KPI; `pinned`: the contract version of it that is read
    whatever is active; `gates`: the target does not run while the upstream KPI was not delivered or breached its SLA. `last_run` and
    `source_version` are those of the latest run that read it.
    """

    source: str
    target: str
    kind: LinkKind
    columns: tuple[str, ...] = ()
    alias: str = ""
    pinned: str = ""
    gates: bool = False
    evidence: Evidence = Evidence.DECLARED
    last_run: str = ""
    source_version: str = ""


@dataclass(frozen=True)
class Part:
    """What one definition puts into a graph, without the definition itself.

    `tables` are the tables it reads, as far as they are described; `parent` is empty where it varies none.
    """

    kpi_id: str
    node: Node
    links: tuple[Link, ...]
    tables: tuple[Node, ...] = ()
    parent: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes by id and links, both sorted, with the definitions they come from and which of these vary which parent."""

    nodes: Mapping[str, Node]
    links: tuple[Link, ...]
    kpis: Mapping[str, Kpi]
    sources: Mapping[str, Source]
    parents: Mapping[str, str]
    fetch: Callable[[Iterable[str]], None] = lambda _kpi_ids: None
    """Reads definitions at once where `kpis` reads each when it is asked for."""

    def definitions(self, kpi_ids: Sequence[str]) -> list[Kpi]:
        """The definitions of KPIs, in their order."""
        self.fetch(kpi_ids)
        return [self.kpis[kpi_id] for kpi_id in kpi_ids]

    @cached_property
    def after(self) -> Mapping[str, Sequence[Link]]:
        """The links that leave each node, sorted."""
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.source, []).append(link)
        return found

    @cached_property
    def before(self) -> Mapping[str, Sequence[Link]]:
        """The links that reach each node, sorted."""
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.target, []).append(link)
        return found

    @cached_property
    def variants(self) -> Mapping[str, Sequence[str]]:
        """The ids of each KPI's direct variants, sorted."""
        found: dict[str, list[str]] = {}
        for kpi_id in sorted(self.parents):
            found.setdefault(self.parents[kpi_id], []).append(kpi_id)
        return found


def table_id(source: str) -> str:
    """The node of a golden data table."""
    return f"{NodeKind.TABLE}:{source}"


def kpi_node(kpi_id: str) -> str:
    """The node of a KPI."""
    return f"{NodeKind.KPI}:{kpi_id}"


def name_of(node_id: str) -> str:
    """What comes after the kind in a node's id."""
    return node_id.partition(":")[2]


def graph_of(kpis: Iterable[Kpi], sources: Iterable[Source] = ()) -> Graph:
    """The graph of definitions. What they name and nobody gave (a table, a KPI that is not active) is a node with its name alone."""
    by_id = {kpi.id: kpi for kpi in kpis}
    tables = {source.id: source for source in sources}
    return assembled((part_of(kpi, tables) for kpi in by_id.values()), by_id, tables)


def part_of(kpi: Kpi, sources: Mapping[str, Source]) -> Part:
    """What a definition puts into a graph. `sources`: the tables that are known, by id."""
    node = Node(kpi_node(kpi.id), NodeKind.KPI, kpi.name, kpi.layer.value, kpi.criticality.value, kpi.contract_version)
    read = [sources[name] for name in sorted({ref.gdp for ref in kpi.gdp_sources}) if name in sources]
    tables = (Node(table_id(source.id), NodeKind.TABLE, source.description, version=source.version) for source in read)
    return Part(kpi.id, node, tuple(_links(kpi)), tuple(tables), kpi.parent or "")


def assembled(parts: Iterable[Part], kpis: Mapping[str, Kpi], sources: Mapping[str, Source]) -> Graph:
    """The graph of parts, one a KPI. `kpis` and `sources` hold what they are of and may read it only when it is asked for."""
    own = {part.kpi_id: part for part in parts}
    links = sorted((link for part in own.values() for link in part.links), key=_order)
    nodes = {table.id: table for name in sorted(own) for table in own[name].tables}
    nodes |= {part.node.id: part.node for part in own.values()}
    for end in {each for link in links for each in (link.source, link.target)} - nodes.keys():
        nodes[end] = Node(end, NodeKind(end.partition(":")[0]), name_of(end))
    parents = {part.kpi_id: part.parent for part in own.values() if part.parent}
    return Graph(dict(sorted(nodes.items())), tuple(links), kpis, sources, parents)


def _order(link: Link) -> tuple[str, str, str, tuple[str, ...], str, str]:
    """Where a link stands; comparing these is far cheaper than comparing links, and no definition has two links that agree in all."""
    return link.source, link.target, link.kind, link.columns, link.alias, link.pinned


def _links(kpi: Kpi) -> Iterator[Link]:
    own = kpi_node(kpi.id)
    gated = {rule.source for rule in kpi.pre_validation if isinstance(rule, UpstreamDelivered)}
    for ref in kpi.sources:
        if isinstance(ref, KpiRef):
            gates = ref.alias in gated or ref.kpi in gated
            yield Link(kpi_node(ref.kpi), own, LinkKind.READS, ("value",), ref.alias, ref.version or "", gates=gates)
        else:
            yield Link(table_id(ref.gdp), own, LinkKind.READS, tuple(sorted(ref.attributes)))
    read = {ref.kpi for ref in kpi.kpi_sources}
    checked = {other for rule in kpi.post_validation if isinstance(rule, CrossKpi) for other in rule.kpis.values()}
    for other in sorted(checked - read - {kpi.id}):
        yield Link(kpi_node(other), own, LinkKind.CHECKS, ("value",))
    for consumer in set(kpi.consumers):
        yield Link(own, f"{consumer.type}:{consumer.name}", LinkKind.SHOWN)
    for report in set(kpi.reports):
        yield Link(own, f"{NodeKind.REPORT}:{report.frequency} mail to {', '.join(report.recipients)}", LinkKind.SHOWN)


def with_links(graph: Graph, links: Iterable[Link]) -> Graph:
    """The graph with other links; ends that are not nodes yet become nodes with their name alone."""
    kept = tuple(sorted(links))
    ends = {each for link in kept for each in (link.source, link.target)} - graph.nodes.keys()
    added = {end: Node(end, NodeKind(end.partition(":")[0]), name_of(end)) for end in ends}
    return replace(graph, nodes=dict(sorted((dict(graph.nodes) | added).items())), links=kept)
