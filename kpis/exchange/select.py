"""One pack of a dictionary as a dictionary of its own."""

from __future__ import annotations

from kpis.diagnostics import nearest
from kpis.schema import Dictionary


class SelectionError(ValueError):
    """The pack is not there, or cannot stand alone."""


def select_pack(dictionary: Dictionary, pack: str) -> Dictionary:
    """The pack, its KPIs and signals, and the tables they read.

    Raises:
        SelectionError: when there is no such pack, or it reads KPIs or inherits from KPIs of others.
    """
    packs = tuple(each for each in dictionary.packs if each.id == pack)
    if not packs:
        known = [each.id for each in dictionary.packs]
        raise SelectionError(f"no pack has this id{nearest(pack, known)}; there are: {', '.join(sorted(known))}")
    kpis = tuple(each for each in dictionary.kpis if each.pack == pack)
    own = {kpi.id for kpi in kpis}
    needed = {ref.kpi for kpi in kpis for ref in kpi.kpi_sources} | {kpi.parent for kpi in kpis if kpi.parent}
    if needed - own:
        raise SelectionError(f"it needs KPIs of other packs: {', '.join(sorted(needed - own))}; export them together")
    tables = {ref.gdp for kpi in kpis for ref in kpi.gdp_sources}
    return Dictionary(
        packs=packs,
        sources=tuple(each for each in dictionary.sources if each.id in tables),
        signals=tuple(each for each in dictionary.signals if each.pack == pack),
        kpis=kpis,
    )
