"""What is wrong with a definition in itself: its SQL, formula, weights, rules, names, layer and schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kpis.hashing import canonical_json
from kpis.rules import CrossKpi
from kpis.schema import Dictionary, GdpRef, Kpi, Source

if TYPE_CHECKING:
    from kpis.diagnostics import Diagnostic
    from kpis.documents import Place


def unsound(kpi: Kpi, sources: Mapping[str, Source]) -> Sequence[str]:
    """The problems that `kpi check` finds in a definition of the packs, for one that came through the API, as sentences."""
    # The SQL parser takes a fifth of a second to load, and most calls do not need it.
    from kpis.check_expressions import problems_of
    from kpis.check_policy import schedule_problems
    from kpis.documents import Layer, Place
    from kpis.yaml_nodes import read_nodes

    # JSON is YAML, so the checks find every field at its place.
    nodes, _ = read_nodes(kpi.id, canonical_json(kpi).encode())
    place = Place((Layer(kpi.id, nodes[0]),))
    # Whether the KPIs it names exist is what the guardrails ask of the catalog.
    known = {kpi.id, *(ref.kpi for ref in kpi.kpi_sources)}
    known |= {name for rule in kpi.post_validation if isinstance(rule, CrossKpi) for name in rule.kpis.values()}
    # Signals are the dictionary's; what nobody sends starts nothing, and the dead-man check finds that.
    events = {kpi.schedule.event} if kpi.schedule.event is not None else set[str]()
    found = (*_link_problems(kpi, place), *problems_of(kpi, place, sources, known), *schedule_problems(kpi, place, events, events))
    return [f"{problem.code}: {problem.message}" for problem in found]


def _link_problems(kpi: Kpi, place: Place) -> Iterator[Diagnostic]:
    """Names that come twice, and what its layer does not allow. What it names is taken as there: the guardrails ask the catalog."""
    from kpis.check_links import link_problems
    from kpis.loader import Loaded

    named = {("source", ref.gdp) if isinstance(ref, GdpRef) else ("kpi", ref.kpi) for ref in kpi.sources}
    places = dict.fromkeys({*named, ("kpi", kpi.id)}, place)
    return link_problems(Loaded(Dictionary(packs=(), sources=(), signals=(), kpis=(kpi,)), places, ()))
