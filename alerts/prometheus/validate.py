"""What must hold in the rules of one KPI, checked without promtool: every problem by name.

promtool knows whether rules are well formed and its tests what they do; this knows what a KPI's rules must have, also where no promtool is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

import yaml
from promql_parser import Expr, MatchOp, VectorSelector, parse, walk

from alerts.prometheus.slo import Objective, objective_of
from kpis import prometheus_names as names
from kpis.schema import Kpi
from kpis.slo import slo_of

LABELS = ("severity", "urgency", "tier", "owner")
ANNOTATIONS = ("summary", "description", "runbook_url", "dashboard_url", "business_owner", "contract_version", "definition_hash")
ALERTS = ("KpiErrorBudgetBurn", "KpiDataAbsent", "KpiVerdictCritical", "KpiSlaBreached", "KpiResultStale", "KpiDataStale")
_EMITTED = frozenset((*names.GAUGES, *names.COUNTERS))


def rule_problems(kpi: Kpi, rules: bytes) -> tuple[str, ...]:
    """Every problem of a KPI's rule file; each begins with the rule's name.

    Covered: what is recorded, the alerts there must be (burn tiers of the SLO, absent data for every tenant and environment), their
    labels and annotations, and that every expression parses and reads only known series of this KPI.
    """
    try:
        document: Any = yaml.load(rules, Loader=yaml.CSafeLoader)
        found = [cast("Mapping[str, Any]", rule) for group in document["groups"] for rule in group["rules"]]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        return (f"rules/{kpi.id}.yaml: not a rule file: {error}",)
    objective = objective_of(slo_of(kpi))
    return (
        *_record_problems(objective, found),
        *_burn_problems(objective, found),
        *_absent_problems(kpi, found),
        *(problem for rule in found for problem in _rule_problems(kpi, objective, rule)),
    )


def _record_problems(objective: Objective, rules: list[Mapping[str, Any]]) -> Iterator[str]:
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for name in _recorded(objective):
        if name not in recorded:
            yield f"{name}: is not recorded"
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    for name in ALERTS:
        if name not in alerts and (name != "KpiErrorBudgetBurn" or objective.burns):
            yield f"{name}: there is no such alert"


def _burn_problems(objective: Objective, rules: list[Mapping[str, Any]]) -> Iterator[str]:
    burning = {str(_labels(rule).get("burn_tier")): str(rule["expr"]) for rule in rules if rule.get("alert") == "KpiErrorBudgetBurn"}
    for burn in objective.burns:
        expression = burning.get(burn.tier)
        if expression is None:
            yield f"KpiErrorBudgetBurn: no alert with burn_tier {burn.tier}"
            continue
        wanted = f"> ({burn.factor:.9g} * {objective.budget:.9g})"
        if expression.count(wanted) != 2:  # noqa: PLR2004 - the long window and the short one
            yield f"KpiErrorBudgetBurn: {burn.tier}: expected `{wanted}` over {burn.long} and {burn.short}, found `{expression}`"
        for window in (burn.long, burn.short):
            if f"{names.error_ratio(window)}{{" not in expression:
                yield f"KpiErrorBudgetBurn: {burn.tier}: does not look at {window}"


def _absent_problems(kpi: Kpi, rules: list[Mapping[str, Any]]) -> Iterator[str]:
    watched = [str(rule["expr"]) for rule in rules if rule.get("alert") == "KpiDataAbsent"]
    for tenant in kpi.tenants:
        for environment in kpi.environments:
            parts = (f"{names.TENANT_ID}={names.label_value(tenant)}", f"{names.ENVIRONMENT}={names.label_value(environment)}")
            if not any(all(part in expression for part in parts) for expression in watched):
                yield f"KpiDataAbsent: nothing watches for absent data of {tenant}/{environment}"


def _rule_problems(kpi: Kpi, objective: Objective, rule: Mapping[str, Any]) -> Iterator[str]:
    name = str(rule.get("record") or rule.get("alert"))
    if "alert" in rule:
        annotations: Mapping[str, Any] = rule.get("annotations") or {}
        yield from (f"{name}: label {label} is missing" for label in LABELS if not _labels(rule).get(label))
        yield from (f"{name}: annotation {each} is missing" for each in ANNOTATIONS if not annotations.get(each))
        if _labels(rule).get("severity") not in ("low", "medium", "high", "critical"):
            yield f"{name}: severity {_labels(rule).get('severity')!r} is none that a route knows; expected low, medium, high or critical"
    try:
        selectors = _selectors(str(rule["expr"]))
    except ValueError as error:
        yield f"{name}: `{rule['expr']}` is not PromQL: {error}"
        return
    known = _EMITTED | _recorded(objective)
    for metric, matchers in selectors:
        if metric not in known:
            yield f"{name}: reads {metric}, which nobody emits or records"
        for label, value in ((names.KPI_ID, kpi.id), (names.PACK, kpi.pack)):
            if matchers.get(label) != value:
                yield f"{name}: {metric} is matched by {label}={matchers.get(label)!r}, expected {value!r}"


def _labels(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return rule.get("labels") or {}


@cache
def _recorded(objective: Objective) -> frozenset[str]:
    ratios = {names.error_ratio(window) for window in objective.windows}
    rates = {names.CURRENT_BURN_RATE, names.PERIOD_BURN_RATE, names.BUDGET_REMAINING}
    return frozenset(ratios | rates | {names.OBJECTIVE, names.ERROR_BUDGET, names.SLO_WINDOW, names.INFO})


def _selectors(expression: str) -> list[tuple[str, dict[str, str]]]:
    """The series an expression reads, each with its equality matchers."""
    found: list[tuple[str, dict[str, str]]] = []

    def visit(node: Expr) -> bool:
        if isinstance(node, VectorSelector):
            found.append((node.name or "", {each.name: each.value for each in node.matchers.matchers if each.op == MatchOp.Equal}))
        return True

    walk(parse(expression), visit)
    return found
