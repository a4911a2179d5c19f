"""What a change would touch, before it is made: KPIs with the path that reaches them, readers, alerts, objectives and runs (K25, K28 A)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from kpis.common import Level, format_duration
from kpis.schema import Kpi
from kpis.slo import slo_of
from lambdas.domain.control.differences import differences
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.lineage import reach
from lambdas.domain.lineage.change import Change, ChangeKind
from lambdas.domain.lineage.graph import Graph, LinkKind, NodeKind, kpi_node, name_of, table_id
from lambdas.domain.lineage.reach import Effect, Reached
from lambdas.domain.lineage.report import LISTED, AffectedKpi, Alarm, AlarmKind, ImpactReport, Reader, Rerun, TouchedSlo, named
from lambdas.domain.lineage.timing import conflicts, followers, when

VALUE_FIELDS = frozenset({"expression", "sources", "unit", "grain", "entity_dimension", "parent"})
"""Fields of a definition that make its values, or what they mean to a formula; a change of others reaches no other KPI's values."""
DELIVERY_FIELDS = frozenset({"pre_validation", "post_validation", "schedule", "sla", "error_policy", "lane", "verdict"})
"""Fields that decide whether and when values are delivered."""


def impact(graph: Graph, tenant_id: str, change: Change, now: datetime) -> ImpactReport:
    """The report of a change, over one tenant's graph.

    Args:
        graph: the active definitions of one tenant and environment; nothing else can be in the report.
        tenant_id: whose graph that is.
        change: what somebody thinks of.
        now: decides for which period starting times are compared.

    Raises:
        KpiError: NOT_FOUND when the KPI or table is not in the graph.
    """
    if change.kind is ChangeKind.SOURCE:
        return _of_source(graph, tenant_id, change)
    kpi = graph.kpis.get(change.kpi_id or "")
    if kpi is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {change.kpi_id}")
    own = {kpi.id: Reached(kpi.id, Effect.OWN, (kpi_node(kpi.id),))}
    if change.kind is ChangeKind.DEPRECATION:
        return _of_deprecation(graph, tenant_id, change, kpi, reach.spread(graph, own, reach.losses(kpi.contract_version)))
    if change.kind is ChangeKind.DEFINITION:
        return _of_definition(graph, tenant_id, change, kpi, own)
    reached = reach.spread(graph, own, reach.deliveries)
    if change.kind is ChangeKind.SLA:
        return _report(graph, tenant_id, change, reached)
    reruns, warnings = _rescheduled(graph, kpi, change, now)
    return _report(graph, tenant_id, change, reached, reruns=reruns, warnings=warnings)


def _of_source(graph: Graph, tenant_id: str, change: Change) -> ImpactReport:
    source = change.source or ""
    if table_id(source) not in graph.nodes:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no table {source} that a KPI reads")
    table = graph.sources.get(source)
    if change.column is not None and table is not None and change.column.lower() not in {name.lower() for name in table.columns}:
        raise KpiError(ErrorCode.NOT_FOUND, f"table {source} has no column {change.column}; it has {', '.join(sorted(table.columns))}")
    reached = reach.spread(graph, reach.readers_of(graph, source, change.column), reach.values)
    return _report(graph, tenant_id, change, reached)


def _of_deprecation(graph: Graph, tenant_id: str, change: Change, kpi: Kpi, reached: Mapping[str, Reached]) -> ImpactReport:
    reruns = [Rerun(kpi_id=kpi.id, before=when(kpi.schedule), after=None)]
    direct = [each.kpi_id for each in reached.values() if each.effect is Effect.LOSES]
    warnings = [f"{kpi.id} cannot be retired while it is read by {named(sorted(direct), len(direct))}"] if direct else []
    return _report(graph, tenant_id, change, reached, reruns=reruns, warnings=warnings, variants=graph.variants.get(kpi.id, ()))


def _of_definition(graph: Graph, tenant_id: str, change: Change, kpi: Kpi, own: Mapping[str, Reached]) -> ImpactReport:
    """With the new definition only what differs counts; without it, everything may."""
    changed = _changed_fields(kpi, change.definition) if change.definition else VALUE_FIELDS
    if changed & VALUE_FIELDS:
        reached = reach.spread(graph, own, reach.new_version)
    else:
        reached = reach.spread(graph, own, reach.deliveries) if changed & DELIVERY_FIELDS else own
    pinned = [link for link in graph.after.get(kpi_node(kpi.id), ()) if link.pinned]
    warnings = [f"{name_of(link.target)} pins version {link.pinned} of {kpi.id} and keeps reading that" for link in pinned]
    variants = [name for name in graph.variants.get(kpi.id, ()) if not change.definition or _inherits(graph.kpis[name], kpi, changed)]
    return _report(graph, tenant_id, change, reached, warnings=warnings, variants=variants)


def _changed_fields(before: Kpi, after: Kpi) -> frozenset[str]:
    return frozenset(each.path.partition(".")[0].partition("[")[0].partition(" ")[0] for each in differences(before, after))


def _inherits(variant: Kpi, parent: Kpi, fields: Iterable[str]) -> bool:
    """Whether a variant has one of the fields as its parent has it, and so would get the new one."""
    return any(getattr(variant, name) == getattr(parent, name) for name in fields if name not in ("contract_version", "parent"))


def _rescheduled(graph: Graph, kpi: Kpi, change: Change, now: datetime) -> tuple[list[Rerun], list[str]]:
    planned = change.schedule
    after = when(planned) if planned else "at another time"
    reruns = [Rerun(kpi_id=kpi.id, before=when(kpi.schedule), after=after)]
    reruns += [Rerun(kpi_id=name, before=f"after {kpi.id}", after=f"after {kpi.id}, at its new time") for name in followers(graph, kpi.id)]
    return reruns, list(conflicts(graph, kpi, planned, now)) if planned else []


def _report(
    graph: Graph,
    tenant_id: str,
    change: Change,
    reached: Mapping[str, Reached],
    *,
    reruns: Sequence[Rerun] = (),
    warnings: Sequence[str] = (),
    variants: Sequence[str] = (),
) -> ImpactReport:
    ordered = sorted(reached.values(), key=lambda each: (reach.ORDER.index(each.effect), len(each.path), each.kpi_id))
    kpis = graph.definitions([each.kpi_id for each in ordered])
    consumers, reports = _readers(graph, kpis)
    effects = Counter(each.effect.value for each in ordered)
    totals = {
        "affected": len(kpis),
        "reached": len(kpis) - effects[Effect.OWN.value],
        "variants": len(variants),
        "consumers": len(consumers),
        "reports": len(reports),
        "alarms": sum(len(kpi.alerts) + (kpi.tier == 0) for kpi in kpis),
        "alarming": sum(1 for kpi in kpis if kpi.alerts or kpi.tier == 0),
        "slos": len(kpis),
        "reruns": len(reruns),
        "warnings": len(warnings),
    }
    return ImpactReport(
        change=change,
        title=change.title,
        highest_criticality=max((kpi.criticality for kpi in kpis), key=lambda level: level.rank, default=None),
        affected=tuple(_affected(each, kpi) for each, kpi in zip(ordered[:LISTED], kpis, strict=False)),
        variants=tuple(variants[:LISTED]),
        consumers=consumers[:LISTED],
        reports=reports[:LISTED],
        tenants=(tenant_id,),
        alarms=tuple(islice((alarm for kpi in kpis for alarm in _alarms(kpi)), LISTED)),
        slos=tuple(_slos(kpis[:LISTED])),
        reruns=tuple(reruns[:LISTED]),
        warnings=tuple(warnings[:LISTED]),
        totals=totals | dict(effects),
    )


def _affected(reached: Reached, kpi: Kpi) -> AffectedKpi:
    return AffectedKpi(
        kpi_id=kpi.id,
        name=kpi.name,
        layer=kpi.layer.value,
        criticality=kpi.criticality,
        effect=reached.effect,
        path=reached.path,
        uses=reached.uses,
    )


def _readers(graph: Graph, kpis: Iterable[Kpi]) -> tuple[tuple[Reader, ...], tuple[Reader, ...]]:
    """Consumers and reports, by name."""
    via: dict[str, list[str]] = {}
    for kpi in kpis:
        for link in graph.after.get(kpi_node(kpi.id), ()):
            if link.kind is LinkKind.SHOWN:
                via.setdefault(link.target, []).append(kpi.id)
    readers = [(node, Reader(name=node.replace(":", ": ", 1), via=tuple(sorted(ids)[:LISTED]))) for node, ids in sorted(via.items())]
    report = f"{NodeKind.REPORT}:"
    return tuple(each for node, each in readers if not node.startswith(report)), tuple(
        each for node, each in readers if node.startswith(report)
    )


def _alarms(kpi: Kpi) -> Iterator[Alarm]:
    if kpi.tier == 0:
        yield Alarm(kpi_id=kpi.id, kind=AlarmKind.TIER_0, target="CloudWatch alarm of its own", severity=Level.HIGH)
    for route in kpi.alerts:
        yield Alarm(kpi_id=kpi.id, kind=AlarmKind.ROUTE, target=f"{route.channel} {route.target}", severity=route.severity)


def _slos(kpis: Iterable[Kpi]) -> Iterator[TouchedSlo]:
    for kpi in kpis:
        slo = slo_of(kpi)
        yield TouchedSlo(kpi_id=kpi.id, objective=slo.objective, window=format_duration(slo.window))
