"""How much of CloudWatch's quotas the rendered dashboards, alarms and mute rules take."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import orjson

from alerts.specs import CompositeAlarm, MetricAlarm
from dashboards.model import Dashboard
from kpis.metric_names import KPI_DIMENSIONS, Metric
from plans.model import Measure, Plan, Rendering, StackKind, StackPlan

HOUR = 3600
_EMF_LINE_BYTES = 2048
_EMF_RULE_BYTES = 80
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_ELEMENT = re.compile(r"\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(|\b(?:AND|OR|NOT|TRUE|FALSE)\b")
_SELECT = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_URGENT = frozenset({"high", "critical"})


def measure_cloudwatch(plan: Plan) -> Iterator[Measure]:
    """Measures of everything rendered, in one account and Region."""
    tier_0 = sum(load.tier == 0 and load.runs_for(stack) for stack in plan.tenants for load in plan.loads)
    # One metric has a series of the platform, one a tenant and environment, and one a tier-0 KPI at most.
    series = 1 + len(plan.tenants) + tier_0
    insights = 0
    for stack in plan.stacks:
        rendering = plan.renderings.get(stack.name)
        if rendering is None:
            continue
        yield from _rendering(stack, rendering, series)
        insights += sum(_is_insights(alarm) for alarm in rendering.alarms.metrics)
    share = insights / len(plan.tenants) if plan.tenants else 0
    yield Measure("cloudwatch.insights.alarms", f"{insights} Metrics Insights alarms", insights, per_tenant=share)
    rules = max((load.pre_rules + load.post_rules for load in plan.loads), default=0)
    yield Measure("cloudwatch.emf.metrics", "the metrics line of a closed run", len(Metric))
    yield Measure("cloudwatch.emf.bytes", "the metrics line of a closed run", _EMF_LINE_BYTES + rules * _EMF_RULE_BYTES)
    yield Measure("cloudwatch.metric.dimensions", "the series of a tier-0 KPI", len(KPI_DIMENSIONS))


def _rendering(stack: StackPlan, rendering: Rendering, series: int) -> Iterator[Measure]:
    for board in rendering.dashboards:
        yield from _dashboard(board, series)
    parents: Counter[str] = Counter()
    for alarm in rendering.alarms.metrics:
        yield from _alarm(alarm, stack, series)
    for composite in rendering.alarms.composites:
        parents.update(set(composite.children))
        yield from _composite(composite, stack)
    for name, count in parents.items():
        yield Measure("cloudwatch.composite.parents", f"alarm {name}", count)
    for name, alarms in rendering.mute_rules.items():
        yield Measure("cloudwatch.mute.alarms", f"mute rule {name}", len(alarms))


def _dashboard(board: Dashboard, series: int) -> Iterator[Measure]:
    subject = f"dashboard {board.name}"
    body = cast("dict[str, Any]", orjson.loads(board.body))
    widgets: list[dict[str, Any]] = body["widgets"]
    # Explorer widgets name metrics in another form, and how many series they show depends on the resources.
    metrics = [cast("list[list[Any]]", widget["properties"].get("metrics", [])) for widget in widgets if widget["type"] == "metric"]
    yield Measure("cloudwatch.dashboard.name", subject, len(board.name))
    yield Measure("cloudwatch.dashboard.widgets", subject, len(widgets))
    yield Measure("cloudwatch.dashboard.metrics_per_widget", subject, max(map(len, metrics), default=0))
    yield Measure("cloudwatch.dashboard.metrics", subject, sum(map(len, metrics)))
    yield Measure("cloudwatch.dashboard.variables", subject, len(body.get("variables", [])))
    queries = [str(widget["properties"]["query"]) for widget in widgets if widget["type"] == "log"]
    for query in queries:
        yield Measure("logs.query.text", subject, len(query))
        yield Measure("logs.query.groups", subject, query.count("SOURCE "))
    expressions = [str(last["expression"]) for rows in metrics for row in rows if "expression" in (last := _options(row))]
    for expression in expressions:
        if _SELECT.match(expression):
            yield from _insights(subject, series)


def _options(row: list[Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", row[-1]) if row and isinstance(row[-1], dict) else {}


def _alarm(alarm: MetricAlarm, stack: StackPlan, series: int) -> Iterator[Measure]:
    subject = f"alarm {alarm.name}"
    own = [query.series for query in alarm.queries if query.series is not None]
    own += [alarm.series] if alarm.series is not None else []
    period = max((each.period for each in own), default=HOUR)
    yield from _texts(alarm, stack)
    yield Measure("cloudwatch.alarm.long_window" if period >= HOUR else "cloudwatch.alarm.window", subject, period * alarm.periods)
    if alarm.queries:
        yield Measure("cloudwatch.alarm.math_metrics", subject, len(own))
    for query in alarm.queries:
        if query.expression is not None:
            yield Measure("cloudwatch.alarm.expression", subject, len(query.expression))
    for each in own:
        yield Measure("cloudwatch.metric.dimensions", subject, len(each.dimensions))
    if _is_insights(alarm):
        yield Measure("cloudwatch.insights.window", subject, period * alarm.periods)
        yield from _insights(subject, series)


def _insights(subject: str, series: int) -> Iterator[Measure]:
    yield Measure("cloudwatch.insights.metrics", subject, series, per_tenant=1, per_kpi=1)
    yield Measure("cloudwatch.insights.series", subject, series, per_tenant=1, per_kpi=1)


def _is_insights(alarm: MetricAlarm) -> bool:
    return any(query.expression is not None and _SELECT.match(query.expression) for query in alarm.queries)


def _texts(alarm: MetricAlarm | CompositeAlarm, stack: StackPlan) -> Iterator[Measure]:
    subject = f"alarm {alarm.name}"
    tags = {**stack.tags, **alarm.tags}
    yield Measure("cloudwatch.alarm.name", subject, len(alarm.name))
    yield Measure("cloudwatch.alarm.description", subject, len(alarm.description))
    yield Measure("cloudwatch.alarm.actions", subject, _actions(alarm, stack))
    yield Measure("cloudwatch.alarm.tags", subject, len(tags))
    yield Measure("tags.key", f"tags of {subject}", max(map(len, tags), default=0))
    yield Measure("tags.value", f"tags of {subject}", max(map(len, tags.values()), default=0))


def _actions(alarm: MetricAlarm | CompositeAlarm, stack: StackPlan) -> int:
    """The topics an alarm tells: those it names, and in a tenant's stack the tenant's own one or two."""
    own = (2 if alarm.severity.value in _URGENT else 1) if stack.kind is StackKind.TENANT else 0
    return len(alarm.topics) + own


def _composite(alarm: CompositeAlarm, stack: StackPlan) -> Iterator[Measure]:
    subject = f"alarm {alarm.name}"
    yield from _texts(alarm, stack)
    yield Measure("cloudwatch.composite.children", subject, len(set(alarm.children)))
    yield Measure("cloudwatch.composite.elements", subject, len(_ELEMENT.findall(_QUOTED.sub('""', alarm.rule))))
    yield Measure("cloudwatch.composite.rule", subject, len(alarm.rule))
