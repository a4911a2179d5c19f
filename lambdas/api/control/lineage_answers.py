"""What a KPI comes from and what a change of it would touch (K25)."""

from __future__ import annotations

import json
from typing import Any

from lambdas.api.control import requests as ask
from lambdas.api.control import responses as tell
from lambdas.api.control.asked import Asked, Reply
from lambdas.api.control.ports import Ports
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.lineage import Lineage, inputs_of, mermaid, parse_change, seen_in, svg
from lambdas.domain.lineage import impact as impact_of
from lambdas.domain.lineage import lineage as lineage_of

RUNS_OF = 40
"""KPIs of an answer whose runs are looked at, the nearest; each takes two queries."""


def lineage(ports: Ports, asked: Asked[ask.Nothing, ask.LineageQuery]) -> Reply:
    """What a KPI comes from and what depends on it, as declared and as runs read it."""
    where, query = asked.where, asked.where.query
    graph = ports.graph(where.tenant_id, where.environment)
    found, left_out = _with_runs(ports, asked, lineage_of(graph, where.kpi_id, query.depth, query.direction))
    if query.format == "mermaid":
        return Reply(mermaid(found), content_type="text/plain; charset=utf-8")
    if query.format == "svg":
        return Reply(svg(found), content_type="image/svg+xml")
    columns = [
        {"source": each.source, "column": each.column, "uses": each.uses} for each in inputs_of(graph.kpis[where.kpi_id], graph.sources)
    ]
    told = {**found.as_json(), "columns": columns, "runs_left_out": left_out}
    return Reply(tell.LineageAnswer.model_validate_json(json.dumps(told)))


def _with_runs(ports: Ports, asked: Asked[Any, ask.LineageQuery], found: Lineage) -> tuple[Lineage, int]:
    where, query = asked.where, asked.where.query
    if not query.runs:
        return found, len(found.nearest_kpis)
    kpis = found.nearest_kpis
    seen = ports.readings.latest(where.tenant_id, where.environment, kpis[:RUNS_OF])
    return seen_in(found, seen, depth=query.depth), len(kpis[RUNS_OF:])


def impact(ports: Ports, asked: Asked[ask.Nothing, ask.ImpactQuery]) -> Reply:
    """What a change would touch."""
    where = asked.where
    graph = ports.graph(where.tenant_id, where.environment)
    kpi = graph.kpis.get(where.kpi_id)
    if kpi is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {where.kpi_id}")
    report = impact_of(graph, where.tenant_id, parse_change(kpi, where.query.change), ports.plane.clock.now())
    return Reply(tell.ImpactAnswer(report=report, sentences=report.sentences))
