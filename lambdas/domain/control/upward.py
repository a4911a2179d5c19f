"""What a version reads and compares with is there, makes no circle, and stands before it in the order of layers (contract: Layers)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kpis.common import Layer
from kpis.rules import CrossKpi
from kpis.schema import Kpi
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import Shelf
from lambdas.domain.lineage.graph import LinkKind, NodeKind, Part, name_of, part_of
from lambdas.domain.lineage.parts import read_part

_ORDER = tuple(Layer)


@dataclass(frozen=True)
class _Running:
    """A KPI that runs: its layer and the KPIs it reads."""

    layer: Layer
    reads: tuple[str, ...]


def against_the_stream(shelf: Shelf, kpi: Kpi) -> Sequence[str]:
    """What keeps a version from its place below the KPIs it reads, as sentences. Reads the pointers on the way up, no others."""
    known: dict[str, _Running | None] = {}
    above = [ref.kpi for ref in kpi.kpi_sources]
    circle = _circle(shelf, kpi.id, above, known)
    found = [f"KPIs would read each other in a circle: {' -> '.join(circle)}"] if circle else []
    for name in sorted(set(above)):
        upstream = _running(shelf, name, known)
        if upstream is not None and _ORDER.index(upstream.layer) > _ORDER.index(kpi.layer):
            found.append(f"{kpi.id} is {kpi.layer} and reads {name}, which is {upstream.layer}; the graph runs the other way")
    return [*found, *_strangers(shelf, kpi)]


def _strangers(shelf: Shelf, kpi: Kpi) -> Iterator[str]:
    """KPIs that rules compare with and nobody ever wrote. They need not run: two that compare with each other go live one by one."""
    for rule in kpi.post_validation:
        if isinstance(rule, CrossKpi):
            for name in sorted(set(rule.kpis.values())):
                if next(iter(shelf.store.rows(shelf.tenant_id, keys.versions(shelf.environment, name))), None) is None:
                    yield f"its rule {rule.id} compares with {name}, which is not in the catalog of {shelf.environment}"


def _circle(shelf: Shelf, start: str, above: Sequence[str], known: dict[str, _Running | None]) -> list[str]:
    """A shortest way from a KPI through what it would read back to itself; none when there is no such way."""
    ways = deque([start, name] for name in above)
    seen: set[str] = set()
    while ways:
        way = ways.popleft()
        if way[-1] == start:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            upstream = _running(shelf, way[-1], known)
            ways.extend([*way, name] for name in (upstream.reads if upstream else ()))
    return []


def _running(shelf: Shelf, kpi_id: str, known: dict[str, _Running | None]) -> _Running | None:
    if kpi_id not in known:
        part = _part(shelf, kpi_id)
        known[kpi_id] = _Running(Layer(part.node.layer), tuple(_read(part))) if part else None
    return known[kpi_id]


def _part(shelf: Shelf, kpi_id: str) -> Part | None:
    pointer = shelf.active_row(kpi_id)
    if pointer is None:
        return None
    part = read_part(kpi_id, pointer.text("part"))
    if part is None:  # an older pointer does not say it
        version = shelf.find(kpi_id, pointer.text("contract_version"))
        part = part_of(version.kpi, version.sources) if version else None
    return part


def _read(part: Part) -> Iterator[str]:
    for link in part.links:
        if link.kind is LinkKind.READS and link.target == part.node.id and link.source.startswith(f"{NodeKind.KPI}:"):
            yield name_of(link.source)
