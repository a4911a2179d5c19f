"""Our own validator of a KPI's rules: what it accepts and what it catches by name, without promtool."""

from __future__ import annotations

import re

import pytest

from alerts.prometheus import render_kpi
from alerts.prometheus.validate import rule_problems
from tests.unit.alerts.prometheus.definitions import around, dictionary, kpi


def rules() -> str:
    return next(render_kpi(kpi(), around(kpi()))).content.decode()


def test_what_is_rendered_has_no_problem() -> None:
    for each in dictionary().kpis:
        assert rule_problems(each, next(render_kpi(each, around(each))).content) == (), each.id


@pytest.mark.parametrize(
    ("pattern", "replacement", "problem"),
    [
        (r"\(13\.44 \*", "(14.4 *", "KpiErrorBudgetBurn: fast: expected `> (13.44 * 0.001)`"),
        (r"ratio_avg5m(\{[^}]*\} > )", r"ratio_avg30m\1", "KpiErrorBudgetBurn: fast: does not look at 5m"),
        (r"burn_tier: fast", "burn_tier: quick", "KpiErrorBudgetBurn: no alert with burn_tier fast"),
        (r"      - alert: KpiDataAbsent(?:.|\n)*?(?=      - alert: KpiVerdict)", "", "KpiDataAbsent: there is no such alert"),
        (r'absent\(kpi_sla_ok\{tenant_id="acme"', 'absent(kpi_sla_ok{tenant_id="x"', "KpiDataAbsent: nothing watches"),
        (r'severity: "critical"', 'severity: "sev1"', "KpiErrorBudgetBurn: severity 'sev1' is none that a route knows"),
        (r'          owner: "[^"]*"\n          burn', "          burn", "KpiErrorBudgetBurn: label owner is missing"),
        (r'          runbook_url: "[^"]*"\n', "", "KpiErrorBudgetBurn: annotation runbook_url is missing"),
        (r'kpi_verdict\{kpi_id="CFO-HX-01"', 'kpi_verdict{kpi_id="CFO-HX-02"', "kpi_verdict is matched by kpi_id='CFO-HX-02'"),
        (r'kpi_verdict\{kpi_id="', 'kpi_verdict{kpi_id!="', "KpiVerdictCritical: kpi_verdict is matched by kpi_id=None"),
        (r"kpi_verdict\{", "kpi_judgement{", "KpiVerdictCritical: reads kpi_judgement, which nobody emits or records"),
        (r"record: kpi:slo:info", "record: kpi:slo:facts", "kpi:slo:info: is not recorded"),
        (r"== 2", "=== 2", "KpiVerdictCritical: `max by"),
        (r"groups:", "groups: [", "not a rule file"),
    ],
)  # fmt: skip
def test_the_validator_names(pattern: str, replacement: str, problem: str) -> None:
    changed, count = re.subn(pattern, replacement, rules(), count=1)
    assert count == 1
    assert problem in "\n".join(rule_problems(kpi(), changed.encode()))
