"""The part of the graph around one KPI, as an answer: nodes, links and what was left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from kpis.common import KpiId
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.lineage.graph import Graph, Link, Node, NodeKind, kpi_node

MAX_DEPTH = 50
MAX_NODES = 500
"""Nodes an answer has at most; the nearest are kept."""


class Direction(StrEnum):
    """Where to look: what the KPI comes from, what depends on it, or both."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True)
class Lineage:
    """What is around a KPI. `distance`: steps from it, negative for what it comes from; `left_out`: nodes that did not fit.

    `upwards`: whether it shows what the KPI comes from.
    """

    root: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    distance: Mapping[str, int]
    left_out: int = 0
    upwards: bool = True

    @property
    def nearest_kpis(self) -> list[str]:
        """The ids of the KPIs in it, the nearest first."""
        kpis = (node for node in self.nodes if node.kind is NodeKind.KPI)
        return [node.id.partition(":")[2] for node in sorted(kpis, key=lambda node: (abs(self.distance[node.id]), node.id))]

    def as_json(self) -> dict[str, Any]:
        """The answer as a JSON document; attributes that say nothing are left out."""
        return {
            "root": self.root,
            "nodes": [_told(asdict(node)) | {"distance": self.distance[node.id]} for node in self.nodes],
            "links": [_told(asdict(link)) for link in self.links],
            "left_out": self.left_out,
        }


def lineage(graph: Graph, kpi_id: KpiId, depth: int = 3, direction: Direction = Direction.BOTH, *, limit: int = MAX_NODES) -> Lineage:
    """The lineage of a KPI.

    Args:
        graph: of one tenant and environment.
        kpi_id: the KPI in the middle.
        depth: how many steps away, 1 to 50.
        direction: up to what it comes from, down to what depends on it, or both.
        limit: nodes at most.

    Raises:
        KpiError: NOT_FOUND when the graph has no such KPI; INVALID_INPUT for a depth out of bounds.
    """
    root = kpi_node(kpi_id)
    if kpi_id not in graph.kpis:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {kpi_id}")
    if not 1 <= depth <= MAX_DEPTH:
        raise KpiError(ErrorCode.INVALID_INPUT, f"depth is {depth}; ask for 1 to {MAX_DEPTH}")
    distance = {root: 0}
    if direction is not Direction.DOWN:
        distance |= {node: -steps for node, steps in _reached(graph.before, root, depth, lambda link: link.source).items()}
    if direction is not Direction.UP:
        distance |= _reached(graph.after, root, depth, lambda link: link.target)
    kept = sorted(distance, key=lambda node: (abs(distance[node]), node))[:limit]
    inside = set(kept)
    links = sorted(link for node in kept for link in graph.after.get(node, ()) if link.target in inside)
    return Lineage(
        root=root,
        nodes=tuple(graph.nodes[node] for node in sorted(kept)),
        links=tuple(links),
        distance={node: distance[node] for node in sorted(kept)},
        left_out=len(distance) - len(kept),
        upwards=direction is not Direction.DOWN,
    )


def _reached(links: Mapping[str, Sequence[Link]], root: str, depth: int, far: Callable[[Link], str]) -> dict[str, int]:
    """Steps to every node within `depth`, the root's own circle left out."""
    found = {root: 0}
    waiting = deque([root])
    while waiting:
        node = waiting.popleft()
        if found[node] == depth:
            continue
        for link in links.get(node, ()):
            following = far(link)
            if following not in found:
                found[following] = found[node] + 1
                waiting.append(following)
    del found[root]
    return found


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", (), False)}
