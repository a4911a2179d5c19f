"""What a change request touches, as its approvers see it: the lineage engine's report, cut down to what a request keeps (K25, K28 A)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from pydantic import Field

from kpis.common import Frozen
from kpis.schema import Kpi
from lambdas.domain.lineage import Change, ChangeKind, Graph, ImpactReport, graph_of, impact
from lambdas.domain.lineage.graph import kpi_node, with_links
from lambdas.domain.lineage.reach import Effect
from lambdas.domain.lineage.timing import conflicts

LISTED = 200
"""Names a list holds; the totals count all."""
EXPLAINED = 50
"""KPIs of which a request keeps what happens to them and by which path; `GET /kpis/{kpi_id}/impact` tells of more."""


class Touched(Frozen):
    """What the change does to a KPI, and a shortest path of lineage nodes that leads from the changed KPI to it."""

    kpi_id: str
    effect: Effect
    path: tuple[str, ...]


class Impact(Frozen):
    """Whom a change touches; totals may exceed the lists.

    `downstream`, `consumers` and `reports` are all that stand below the KPI; `touched` are those that this very change reaches, which
    may be fewer (another description reaches nobody); `sentences` say it in words. `tenants` is the tenant of the request, no other.
    """

    downstream: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    totals: dict[str, int] = Field(default_factory=dict)
    touched: tuple[Touched, ...] = ()
    sentences: tuple[str, ...] = ()


def impact_of(tenant_id: str, kpi: Kpi, active: Sequence[Kpi], now: datetime, *, ends: bool = False) -> Impact:
    """The report for a version.

    Args:
        tenant_id: whose KPI it is.
        kpi: the version that would go live or end.
        active: KPIs that run in its environment; all that read it, check against it or vary it are among them.
        now: decides for which period starting times are compared.
        ends: whether the version ends instead of going live.
    """
    running = next((other for other in active if other.id == kpi.id), None)
    planned = graph_of((*(other for other in active if other.id != kpi.id), kpi))
    if ends:
        superseded = running is not None and running.contract_version != kpi.contract_version
        exact = impact(_pins_only(planned, kpi) if superseded else planned, tenant_id, _change(ChangeKind.DEPRECATION, kpi), now)
        return _kept((exact,), exact)
    anything = _change(ChangeKind.DEFINITION, kpi)
    whole = impact(planned, tenant_id, anything, now)
    if running is None:
        return _kept((whole,), whole)
    present = graph_of(active)
    exact = impact(present, tenant_id, Change(kind=ChangeKind.DEFINITION, kpi_id=kpi.id, definition=kpi), now)
    late = [] if running.schedule == kpi.schedule else [f"{each}." for each in conflicts(present, running, kpi.schedule, now)]
    # A dashboard the new version leaves out is touched as much as one it adds.
    return _kept((whole, impact(present, tenant_id, anything, now)), exact, late)


def _change(kind: ChangeKind, kpi: Kpi) -> Change:
    return Change(kind=kind, kpi_id=kpi.id)


def _pins_only(graph: Graph, kpi: Kpi) -> Graph:
    """The graph in which a version that does not run any more is left only to those who pin it."""
    own = kpi_node(kpi.id)
    return with_links(graph, (link for link in graph.links if link.source != own or link.pinned == kpi.contract_version))


def _kept(wholes: Sequence[ImpactReport], exact: ImpactReport, more: Sequence[str] = ()) -> Impact:
    names = {
        "downstream": _all(_below(each) for each in wholes),
        "variants": _all(each.variants for each in wholes),
        "consumers": _all((reader.name for reader in each.consumers) for each in wholes),
        "reports": _all((reader.name for reader in each.reports) for each in wholes),
        "tenants": list(exact.tenants),
    }
    counted = {"downstream": "reached"}
    totals = {name: max(len(found), *(each.totals.get(counted.get(name, name), 0) for each in wholes)) for name, found in names.items()}
    touched = (each for each in exact.affected if each.effect is not Effect.OWN)
    return Impact(
        **{name: tuple(found[:LISTED]) for name, found in names.items()},
        totals=totals,
        touched=tuple(Touched(kpi_id=each.kpi_id, effect=each.effect, path=each.path) for each in touched)[:EXPLAINED],
        sentences=(*exact.sentences, *more),
    )


def _below(report: ImpactReport) -> Iterator[str]:
    return (each.kpi_id for each in report.affected if each.effect is not Effect.OWN)


def _all(groups: Iterable[Iterable[str]]) -> list[str]:
    return sorted({name for group in groups for name in group})
