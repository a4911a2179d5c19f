"""PromQL of a dashboard: parsed by Prometheus's own grammar, and only of metrics and labels that exist. Each expression once a process."""

from __future__ import annotations

import re
from functools import lru_cache

import promql_parser

from kpis.prometheus_names import BUDGET_REMAINING, COUNTERS, CURRENT_BURN_RATE, GAUGES, IDENTITY, OWN_LABELS, PERIOD_BURN_RATE

_DURATION = re.compile(r"\$\{?__(?:rate_interval|interval|range)\}?")
_LEGEND = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
ALERTS = "ALERTS"
_ALERT_LABELS = ("alertname", "alertstate", "severity", "urgency", "burn_tier", "owner", "tier")
_RECORDED = (BUDGET_REMAINING, CURRENT_BURN_RATE, PERIOD_BURN_RATE)
_LABELS: dict[str, frozenset[str]] = {name: frozenset((*IDENTITY, *OWN_LABELS.get(name, ()))) for name in (*GAUGES, *COUNTERS, *_RECORDED)}
_LABELS[ALERTS] = frozenset((*IDENTITY, *_ALERT_LABELS))


@lru_cache(maxsize=4096)
def expression_problems(expression: str, legend: str = "") -> tuple[str, ...]:
    """What is wrong with an expression and its legend, in words; Grafana's own interval variables are durations."""
    plain = _DURATION.sub("5m", expression)
    try:
        tree = promql_parser.parse(plain)
    except ValueError as error:
        return (f"`{expression}` is not PromQL: {error}",)
    selectors: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            selectors.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            selectors.append(node.vector_selector)

    promql_parser.walk(tree, visit)
    found = [problem for selector in selectors for problem in _selector_problems(selector)]
    known = frozenset[str]().union(*(_LABELS.get(selector.name or "", frozenset()) for selector in selectors))
    found += [
        f"legend names the label {label}, which no metric of `{expression}` has" for label in _LEGEND.findall(legend) if label not in known
    ]
    return tuple(dict.fromkeys(found))


def _selector_problems(selector: promql_parser.VectorSelector) -> list[str]:
    name = selector.name or ""
    labels = _LABELS.get(name)
    if labels is None:
        return [f"metric {name or '(none)'} is not one of kpis/prometheus_names.py"]
    used = [matcher.name for matcher in selector.matchers.matchers]
    return [f"metric {name} has no label {label}" for label in used if label not in labels]
