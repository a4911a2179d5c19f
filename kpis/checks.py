"""What must hold between the entries of a dictionary, beyond each being well formed."""

from __future__ import annotations

from collections.abc import Iterator

from kpis.diagnostics import Diagnostic, nearest
from kpis.graph import find_cycles, upstream_graph
from kpis.loader import Loaded


def check_dictionary(loaded: Loaded) -> tuple[Diagnostic, ...]:
    """Every problem between the entries that could be read, sorted by file and line."""
    return tuple(sorted({*_dangling(loaded), *_cycles(loaded)}))


def _dangling(loaded: Loaded) -> Iterator[Diagnostic]:
    ids = {kind: [key[1] for key in loaded.places if key[0] == kind] for kind in ("source", "kpi")}
    for kpi in loaded.dictionary.kpis:
        place = loaded.places["kpi", kpi.id]
        for index, source in enumerate(kpi.sources):
            kind, name = ("source", source.gdp) if hasattr(source, "gdp") else ("kpi", source.kpi)
            if (kind, name) not in loaded.places:
                yield place.problem("dangling-source", f"{kpi.id} reads {name}{nearest(name, ids[kind])}", "sources", index)


def _cycles(loaded: Loaded) -> Iterator[Diagnostic]:
    for circle in find_cycles(upstream_graph(loaded.dictionary.kpis)):
        place = loaded.places["kpi", circle[0]]
        yield place.problem("cycle", f"KPIs read each other in a circle: {' -> '.join(circle)}", "sources")
