"""The parts of a definition in plain words: what pages, the portal and diffs say of rules, bands, schedules and SLAs."""

from __future__ import annotations

from kpis.common import format_duration
from kpis.rules import Rule
from kpis.schema import (
    AlertRoute,
    AvailabilitySla,
    Bands,
    Extension,
    ExtensionKind,
    FormulaExpression,
    Kpi,
    Schedule,
    Sla,
    SqlExpression,
)

_WINDOWED = frozenset({ExtensionKind.ROLLING, ExtensionKind.ZSCORE, ExtensionKind.PERCENTILE})


def describe_sla(sla: Sla) -> str:
    """One SLA as a phrase: `freshness 24h (+2h)`."""
    grace = f"(+{format_duration(sla.grace)})"
    if isinstance(sla, AvailabilitySla):
        return f"availability by {sla.by} {sla.timezone} {grace}"
    return f"{sla.type} {format_duration(sla.target)} {grace}"


def describe_bands(bands: Bands, unit: str) -> str:
    """`lower is better: Adequate from 4,000,000, Low from 5,000,000 USD`."""
    return f"{bands.direction.replace('_', ' ')}: Adequate from {bands.adequate:,.10g}, Low from {bands.low:,.10g} {unit}"


def describe_formula(kpi: Kpi) -> str:
    """The expression as its author wrote it; weights as a sum."""
    expression = kpi.expression
    if isinstance(expression, SqlExpression):
        return expression.sql
    if isinstance(expression, FormulaExpression):
        return expression.formula
    terms = (f"{term.weight:g} * {name} [{term.floor:g}..{term.ceiling:g}]" for name, term in expression.weights.items())
    return " + ".join(terms)


def describe_rule(rule: Rule) -> str:
    """One rule in a line: `source_present present (error): source=flights, min_rows=1`."""
    values = rule.model_dump(mode="json", exclude_none=True)
    known = {name: values.pop(name, "") for name in ("id", "check", "severity", "type", "description")}
    facts = ", ".join(f"{name}={value}" for name, value in values.items())
    return f"{known['check']} {known['id']} ({known['severity']})" + (f": {facts}" if facts else "")


def describe_schedule(schedule: Schedule) -> str:
    """`daily, cron 0 2 * * * UTC, on golden-data-loaded`."""
    parts = [str(schedule.frequency)]
    if schedule.cron:
        parts.append(f"cron {schedule.cron} {schedule.timezone}")
    if schedule.event:
        parts.append(f"on {schedule.event}")
    if schedule.window:
        parts.append(f"between {schedule.window.start} and {schedule.window.end}")
    return ", ".join(parts)


def describe_extension(extension: Extension) -> str:
    """`rolling over 7 periods`, `budget_vs_actual of 1,000`."""
    if extension.budget is not None:
        return f"{extension.kind} of {extension.budget:,.10g}"
    return f"{extension.kind} over {extension.periods} periods" if extension.kind in _WINDOWED else str(extension.kind)


def describe_route(route: AlertRoute) -> str:
    """`slack #finance from medium, escalated after 30m`."""
    later = f", escalated after {format_duration(route.escalate_after)}" if route.escalate_after else ""
    return f"{route.channel} {route.target} from {route.severity}{later}"
