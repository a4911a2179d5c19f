"""Every expression of the rule template, parsed by Prometheus's own grammar: once a process, not once a KPI.

What differs between two KPIs is a quoted label value, a number or a window, so one sample of each shape stands for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import yaml
from promql_parser import parse

from alerts.prometheus.facts import Scope, Shape, Texts
from alerts.prometheus.rules import render_rules
from alerts.prometheus.slo import objective_of
from kpis.common import Level
from kpis.slo import Slo

_HASH = "0" * 64


class TemplateExpressionError(ValueError):
    """The rule template holds an expression that Prometheus would refuse."""


@cache
def verify_templates() -> None:
    """Parse every expression of the rule template, for an SLO window within the standard ones, one beyond and one without burn alerts.

    Raises:
        TemplateExpressionError: naming the rule, the expression and what the parser says.
    """
    for slo in (
        Slo(objective=99.9),
        Slo.model_validate({"objective": 99.9, "window": "1d"}),
        Slo.model_validate({"objective": 50, "window": "365d"}),
    ):
        for name, expression in expressions_of(render_rules(*_sample(slo))):
            if problem := expression_problem(expression):
                raise TemplateExpressionError(f"alerts/templates/prometheus/rules.yaml.j2: {name}: `{expression}` is not PromQL: {problem}")


def expression_problem(expression: str) -> str | None:
    """What Prometheus's grammar says against an expression; None when it accepts it."""
    try:
        parse(expression)
    except ValueError as error:
        return str(error)
    return None


def expressions_of(rules: bytes) -> Iterator[tuple[str, str]]:
    """The rules of a file: the name and expression of each, in order."""
    document = cast("dict[str, Any]", yaml.load(rules, Loader=yaml.CSafeLoader))
    for group in document["groups"]:
        for rule in group["rules"]:
            yield str(rule.get("record") or rule["alert"]), str(rule["expr"])


def _sample(slo: Slo) -> tuple[Shape, Texts]:
    shape = Shape("0", Level.CRITICAL, Level.HIGH, (Scope("sample", "prod"),), objective_of(slo), result_limit=90_000, data_limit=90_000)
    texts = Texts(
        id="KPI-SAMPLE",
        name="Sample",
        pack="sample",
        purpose="Stands for every KPI.",
        owner="Nobody",
        business_owner="Nobody",
        contract_version="1.0.0",
        definition_hash=_HASH,
        runbook_url="sample.md",
        dashboard_url="/sample",
    )
    return shape, texts
