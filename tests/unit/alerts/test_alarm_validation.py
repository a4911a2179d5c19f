"""Each mutation of a good set of alarms is found, by the alarm's name and in words; the good set has no problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import alerts
from alerts import AlarmError, AlarmSet, CompositeAlarm, MetricQuery, problems
from alerts.validate_math import referenced
from tests.unit.alerts.alarm_mutations import MUTATIONS
from tests.unit.alerts.alarm_sets import PAGE, PLATFORM, TENANT, WHERE, more_series, wide_rule, with_composite, with_metric, with_series
from tests.unit.alerts.factory import row, summary


def test_what_is_rendered_has_no_problem() -> None:
    assert problems(PLATFORM) == []
    assert problems(TENANT, elsewhere=PAGE) == []


@pytest.mark.parametrize(("mutate", "name", "told"), [each[1:] for each in MUTATIONS], ids=[each[0] for each in MUTATIONS])
def test_a_mutation_is_found_by_name(mutate: Callable[[], AlarmSet], name: str, told: str) -> None:
    found = problems(mutate(), elsewhere=PAGE)
    assert any(each.startswith(f"{name}: ") and told in each for each in found), found


def test_a_circle_of_two_composites_is_found() -> None:
    one, other = TENANT.composites
    ring = (
        replace(one, rule=f'ALARM("{other.name}")', children=(other.name,)),
        replace(other, rule=f'ALARM("{one.name}")', children=(one.name,)),
    )
    found = problems(replace(TENANT, composites=ring), elsewhere=PAGE)
    assert f"{one.name}: its rule leads back to itself: {one.name} -> {other.name} -> {one.name}" in found


def test_a_circle_of_expressions_is_found() -> None:
    a, b = MetricQuery("a", "a", None, "b + 1", returns=True), MetricQuery("b", "b", None, "a + 1")
    found = problems(with_metric(PLATFORM, "log-tamper", series=None, queries=(a, b)))
    assert any("circle: a -> b -> a" in each for each in found)


@pytest.mark.parametrize(("count", "told"), [(100, False), (101, True)])
def test_a_composite_may_name_a_hundred_alarms(count: int, told: bool) -> None:
    alarms, names = wide_rule(count)
    found = [each for each in problems(alarms, elsewhere=names) if "a rule over" in each]
    assert bool(found) is told


@pytest.mark.parametrize(("constants", "told"), [(499, False), (500, True)])
def test_a_rule_may_have_five_hundred_elements(constants: int, told: bool) -> None:
    child = "kpi-local-log-tamper"
    rule = f'ALARM("{child}")' + " OR FALSE" * constants
    found = [each for each in problems(with_composite(PLATFORM, "page", rule=rule, children=(child,))) if "elements" in each]
    assert bool(found) is told


def test_ten_metrics_in_math_are_fine() -> None:
    assert not [each for each in problems(more_series(10)) if "metric math over" in each]


def test_a_runbook_about_something_else_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "runbooks"
    folder.mkdir(parents=True)
    for alarm in (*PLATFORM.metrics, *PLATFORM.composites):
        (tmp_path / alarm.runbook).write_text(f"# {alarm.key} (high, ops)\n")
    assert problems(PLATFORM, root=tmp_path) == []
    (folder / "page.md").write_text("# pages (high, ops)\n")
    (folder / "log-tamper.md").write_text("no heading\n")
    assert problems(PLATFORM, root=tmp_path) == [
        "kpi-local-log-tamper: runbook 'docs/runbooks/log-tamper.md' has no heading; expected a line that starts with '# '",
        "kpi-local-page: runbook 'docs/runbooks/page.md' is about 'pages (high, ops)'; expected a heading that starts with '# page '",
    ]


def test_rendering_refuses_a_dead_runbook_of_a_kpi_by_name() -> None:
    dead = summary(row(runbook="docs/runbooks/kpi-gone.md"))
    with pytest.raises(AlarmError, match=r"kpi-local-acme-prod-kpi-cfo-ef-02: runbook 'docs/runbooks/kpi-gone\.md' does not exist"):
        alerts.tenant_alarms(dead, tenant_id="acme", environment="prod", **WHERE)


def test_all_problems_are_told_at_once() -> None:
    broken = with_series(with_metric(TENANT, "freshness", datapoints=99), "sla-breaches", metric="Nothing")
    assert {each.split(":")[0] for each in problems(broken, elsewhere=PAGE)} == {
        "kpi-local-acme-prod-freshness",
        "kpi-local-acme-prod-sla-breaches",
    }


def test_ids_are_told_from_functions_texts_and_numbers() -> None:
    assert referenced("IF(samples >= 5, 1e3 * FILL(m_0, 0) / samples, MAX([a1, 'text b']))") == ("samples", "m_0", "a1")


def test_a_composite_may_name_alarms_of_another_stack() -> None:
    alarms: CompositeAlarm = TENANT.composites[1]
    assert problems(TENANT) == [f"{alarms.name}: its suppressor 'kpi-local-page' is an alarm that does not exist"]
