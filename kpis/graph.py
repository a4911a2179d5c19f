"""Who reads whom: order, circles and everything downstream of a KPI."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from kpis.schema import Kpi

Graph = Mapping[str, tuple[str, ...]]


def upstream_graph(kpis: Iterable[Kpi]) -> dict[str, tuple[str, ...]]:
    """Each KPI's id and the ids of the KPIs it reads."""
    return {kpi.id: tuple(source.kpi for source in kpi.kpi_sources) for kpi in kpis}


def topological_order(kpis: Iterable[Kpi]) -> list[str]:
    """The ids in an order in which every KPI comes after those it reads; ties in alphabetical order.

    Raises:
        ValueError: when the graph has a circle; the message prints it.
    """
    graph = {kpi_id: tuple(sorted(upstream)) for kpi_id, upstream in sorted(upstream_graph(kpis).items())}
    sorter = TopologicalSorter({kpi_id: [name for name in upstream if name in graph] for kpi_id, upstream in graph.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circles = "; ".join(" -> ".join(circle) for circle in find_cycles(graph))
        raise ValueError(f"KPIs read each other in a circle: {circles}") from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(ready)
        sorter.done(*ready)
    return order


def find_cycles(graph: Graph) -> list[list[str]]:
    """Circles as closed paths, such as [A, B, A]: a shortest one through every id that is on a circle and on none found before."""
    found: list[list[str]] = []
    seen: set[str] = set()
    for start in sorted(_without_ends(graph)):
        if start not in seen and (circle := _shortest_circle(graph, start)):
            found.append(circle)
            seen.update(circle)
    return found


def _without_ends(graph: Graph) -> set[str]:
    """The ids left when those that read nothing left are taken away again and again: only circles and what reads them."""
    waiting = {kpi_id: {name for name in upstream if name in graph} for kpi_id, upstream in graph.items()}
    readers: dict[str, list[str]] = {}
    for kpi_id, upstream in waiting.items():
        for name in upstream:
            readers.setdefault(name, []).append(kpi_id)
    ready = [kpi_id for kpi_id, upstream in waiting.items() if not upstream]
    while ready:
        done = ready.pop()
        del waiting[done]
        for reader in readers.get(done, ()):
            waiting[reader].discard(done)
            if not waiting[reader]:
                ready.append(reader)
    return set(waiting)


def _shortest_circle(graph: Graph, start: str) -> list[str] | None:
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        current = waiting.popleft()
        for following in sorted(graph.get(current, ())):
            if following == start:
                path = [start]
                while current != start:
                    path.append(current)
                    current = came_from[current]
                return [start, *reversed(path)]
            if following not in came_from:
                came_from[following] = current
                waiting.append(following)
    return None


def downstream(kpis: Iterable[Kpi], kpi_id: str) -> list[str]:
    """Every KPI that reads this one, directly or through others, sorted."""
    readers: dict[str, set[str]] = {}
    for reader, upstream in upstream_graph(kpis).items():
        for name in upstream:
            readers.setdefault(name, set()).add(reader)
    found: set[str] = set()
    waiting = [kpi_id]
    while waiting:
        for reader in readers.get(waiting.pop(), set()) - found:
            found.add(reader)
            waiting.append(reader)
    return sorted(found - {kpi_id})
