"""Each mutation of a good set of alarms is found, by the alarm's name and in words; the good set has no problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import alerts
from alerts import AlarmError, AlarmSet, CompositeAlarm, MetricAlarm, MetricQuery, Suppressor, problems
from alerts.specs import Comparison, MissingData, Topic
from alerts.validate_math import referenced
from tests.unit.alerts.factory import row, summary

WHERE = {"deployment": "local", "region": "us-east-1", "account_id": "123456789012"}
PAGE = ("kpi-local-page",)
PLATFORM = alerts.platform_alarms(summary(row()), **WHERE)
TENANT = alerts.tenant_alarms(summary(row()), tenant_id="acme", environment="prod", **WHERE)


def of(alarms: AlarmSet, key: str) -> MetricAlarm:
    return next(alarm for alarm in alarms.metrics if alarm.key == key)


def with_metric(alarms: AlarmSet, key: str, **changes: Any) -> AlarmSet:
    return replace(alarms, metrics=tuple(replace(alarm, **changes) if alarm.key == key else alarm for alarm in alarms.metrics))


def with_series(alarms: AlarmSet, key: str, **changes: Any) -> AlarmSet:
    series = of(alarms, key).series
    assert series is not None
    return with_metric(alarms, key, series=replace(series, **changes))


def with_composite(alarms: AlarmSet, key: str, **changes: Any) -> AlarmSet:
    return replace(alarms, composites=tuple(replace(each, **changes) if each.key == key else each for each in alarms.composites))


def with_expression(alarms: AlarmSet, key: str, expression: str) -> AlarmSet:
    queries = tuple(replace(query, expression=expression) if query.returns else query for query in of(alarms, key).queries)
    return with_metric(alarms, key, queries=queries)


def more_series(count: int) -> AlarmSet:
    """An alarm over so many metrics."""
    alarm = of(PLATFORM, "function-errors")
    series = alarm.queries[0].series
    queries = [MetricQuery(f"m{number}", "errors", series) for number in range(count)]
    total = MetricQuery("total", "errors", None, " + ".join(query.id for query in queries), returns=True)
    return with_metric(PLATFORM, "function-errors", queries=(*queries, total))


def wide_rule(count: int) -> tuple[AlarmSet, tuple[str, ...]]:
    """A composite over so many alarms of other stacks."""
    names = tuple(f"other-{number}" for number in range(count))
    rule = " OR ".join(f'ALARM("{name}")' for name in names)
    return with_composite(PLATFORM, "page", rule=rule, children=names), names


def test_what_is_rendered_has_no_problem() -> None:
    assert problems(PLATFORM) == []
    assert problems(TENANT, elsewhere=PAGE) == []


MUTATIONS: list[tuple[str, Callable[[], AlarmSet], str, str]] = [
    (
        "a wrong dimension",
        lambda: with_series(TENANT, "sla-breaches", dimensions={"tenant": "acme", "environment": "prod"}),
        "kpi-local-acme-prod-sla-breaches",
        "KpiObservatory SlaBreaches has no series by environment + tenant; it has them by no dimension, or by environment + tenant_id",
    ),
    (
        "a metric without dimensions that has some",
        lambda: with_series(PLATFORM, "state-machine-failures", dimensions={}),
        "kpi-local-state-machine-failures",
        "AWS/States ExecutionsFailed has no series by no dimension; it has them by StateMachineArn",
    ),
    (
        "a dimension without a value",
        lambda: with_series(PLATFORM, "log-stream-lag", dimensions={"FunctionName": ""}),
        "kpi-local-log-stream-lag",
        "IteratorAge: dimension 'FunctionName' has no value",
    ),
    (
        "a metric that nobody emits",
        lambda: with_series(TENANT, "sla-breaches", metric="SlaBreach"),
        "kpi-local-acme-prod-sla-breaches",
        "metric 'SlaBreach' does not exist in KpiObservatory; did you mean 'SlaBreaches'?",
    ),
    (
        "a namespace that does not exist",
        lambda: with_series(PLATFORM, "log-stream-lag", namespace="AWS/Lamda"),
        "kpi-local-log-stream-lag",
        "namespace 'AWS/Lamda' is unknown; did you mean 'AWS/Lambda'?",
    ),
    (
        "a comparison the wrong way round",
        lambda: with_metric(PLATFORM, "state-machine-failures", comparison=Comparison.BELOW, threshold=1.0),
        "kpi-local-state-machine-failures",
        "LessThanThreshold 1 alarms when ExecutionsFailed is low, and high is what is wrong with it",
    ),
    (
        "a comparison the wrong way round of what should be high",
        lambda: with_metric(TENANT, "freshness", comparison=Comparison.AT_LEAST),
        "kpi-local-acme-prod-freshness",
        "GreaterThanOrEqualToThreshold 1 alarms when RunsCompleted is high, and low is what is wrong with it",
    ),
    (
        "a threshold that always alarms",
        lambda: with_metric(TENANT, "sla-breaches", comparison=Comparison.AT_LEAST),
        "kpi-local-acme-prod-sla-breaches",
        "GreaterThanOrEqualToThreshold 0 always alarms: SlaBreaches is never below zero",
    ),
    (
        "swapped bands",
        lambda: with_metric(TENANT, "kpi-cfo-ef-02", comparison=Comparison.AT_MOST),
        "kpi-local-acme-prod-kpi-cfo-ef-02",
        "LessThanOrEqualToThreshold 2 is no verdict; expected GreaterThanOrEqualToThreshold 1 or 2 (0 Adequate, 1 Low, 2 Critical)",
    ),
    (
        "a verdict beyond the last",
        lambda: with_metric(TENANT, "kpi-cfo-ef-02", threshold=3.0),
        "kpi-local-acme-prod-kpi-cfo-ef-02",
        "GreaterThanOrEqualToThreshold 3 is no verdict",
    ),
    (
        "a percentage beyond all of them",
        lambda: with_metric(PLATFORM, "run-failure-ratio", threshold=100.0),
        "kpi-local-run-failure-ratio",
        "a threshold of 100%; expected more than 0 and less than 100",
    ),
    (
        "silence that is no breach",
        lambda: with_metric(PLATFORM, "missing-runs", missing_data=MissingData.NOT_BREACHING),
        "kpi-local-missing-runs",
        "it never alarms: a period without samples is missing data, which is 'notBreaching'; expected 'breaching'",
    ),
    (
        "a minimum of samples that nothing enforces",
        lambda: with_expression(PLATFORM, "run-failure-ratio", "100 * FILL(part, 0) / samples"),
        "kpi-local-run-failure-ratio",
        "a minimum of 5 samples, but no expression of the form IF(samples >= n, value, 0) enforces it",
    ),
    (
        "another minimum than it says",
        lambda: with_metric(PLATFORM, "run-failure-ratio", minimum_samples=6),
        "kpi-local-run-failure-ratio",
        "a minimum of 6 samples, but the expression asks for 5",
    ),
    (
        "too few samples that alarm",
        lambda: with_expression(PLATFORM, "run-failure-ratio", "IF(samples >= 5, 100 * FILL(part, 0) / samples, 100)"),
        "kpi-local-run-failure-ratio",
        "fewer than 5 samples give 100, which alarms",
    ),
    (
        "a minimum held against what is no count",
        lambda: with_expression(PLATFORM, "run-failure-ratio", "IF(part >= 5, 100 * part / samples, 0)"),
        "kpi-local-run-failure-ratio",
        "the minimum of samples is held against 'part', which does not count samples",
    ),
    (
        "an unknown id",
        lambda: with_expression(PLATFORM, "dead-letters", "FILL(m0, 0) + m1 + m2 + m3 + m9"),
        "kpi-local-dead-letters",
        "expression 'total' names 'm9', which no query has; expected m0, m1, m2, m3, total",
    ),
    (
        "a forgotten metric",
        lambda: with_expression(PLATFORM, "dead-letters", "FILL(m0, 0) + m1 + m2"),
        "kpi-local-dead-letters",
        "nothing uses id 'm3'",
    ),
    (
        "an expression over itself",
        lambda: with_expression(PLATFORM, "dead-letters", "m0 + m1 + m2 + m3 + total"),
        "kpi-local-dead-letters",
        "its expressions refer to each other in a circle: total -> total",
    ),
    (
        "a search",
        lambda: with_expression(PLATFORM, "dead-letters", "SUM(SEARCH('{AWS/SQS}', 'Sum')) + m0 + m1 + m2 + m3"),
        "kpi-local-dead-letters",
        "expression 'total' uses SEARCH, which CloudWatch does not take in alarms",
    ),
    (
        "two results",
        lambda: with_metric(
            PLATFORM, "dead-letters", queries=tuple(replace(q, returns=True) for q in of(PLATFORM, "dead-letters").queries)
        ),
        "kpi-local-dead-letters",
        "5 queries return data (m0, m1, m2, m3, total); expected exactly one",
    ),
    (
        "eleven metrics",
        lambda: more_series(11),
        "kpi-local-function-errors",
        "metric math over 11 metrics; CloudWatch takes at most 10 in an alarm",
    ),
    (
        "neither series nor math",
        lambda: with_metric(PLATFORM, "log-tamper", series=None),
        "kpi-local-log-tamper",
        "it has neither a series nor metric math",
    ),
    (
        "a period that is none",
        lambda: with_series(PLATFORM, "log-tamper", period=90),
        "kpi-local-log-tamper",
        "LogTamperEvents: a period of 90 s; expected 10, 20, 30 or a multiple of 60",
    ),
    (
        "a statistic that is none",
        lambda: with_series(PLATFORM, "log-tamper", stat="p101"),
        "kpi-local-log-tamper",
        "LogTamperEvents: statistic 'p101' is unknown",
    ),
    (
        "a week and an hour",
        lambda: with_metric(PLATFORM, "missing-runs", periods=169),
        "kpi-local-missing-runs",
        "169 periods of 3600 s look back 608400 s; CloudWatch takes at most 604800",
    ),
    (
        "a day and a minute",
        lambda: with_metric(PLATFORM, "log-tamper", periods=1441),
        "kpi-local-log-tamper",
        "1441 periods of 60 s look back 86460 s; CloudWatch takes at most 86400",
    ),
    (
        "more datapoints than periods",
        lambda: with_metric(PLATFORM, "log-tamper", datapoints=2),
        "kpi-local-log-tamper",
        "2 of 1 datapoints can never breach; expected at most 1",
    ),
    (
        "a name that is too long",
        lambda: with_metric(PLATFORM, "log-tamper", name="n" * 256),
        "n" * 256,
        "a name of 256 characters; expected 1 to 255",
    ),
    (
        "a description that is too long",
        lambda: with_metric(PLATFORM, "log-tamper", description=of(PLATFORM, "log-tamper").description.ljust(1025, ".")),
        "kpi-local-log-tamper",
        "a description of 1025 characters; CloudWatch takes at most 1024",
    ),
    (
        "a description without the runbook",
        lambda: with_metric(PLATFORM, "log-tamper", description="Somebody did something."),
        "kpi-local-log-tamper",
        "its description does not name the runbook 'docs/runbooks/log-tamper.md'",
    ),
    (
        "a dead runbook",
        lambda: with_metric(
            PLATFORM,
            "log-tamper",
            runbook="docs/runbooks/gone.md",
            description="platform engineering kpi-local/log-tamper docs/runbooks/gone.md",
        ),
        "kpi-local-log-tamper",
        "runbook 'docs/runbooks/gone.md' does not exist; write it, or name one that does",
    ),
    (
        "a runbook outside the repository",
        lambda: with_metric(PLATFORM, "log-tamper", runbook="../../etc/hostname"),
        "kpi-local-log-tamper",
        "runbook '../../etc/hostname' does not exist",
    ),
    (
        "nobody to tell",
        lambda: with_metric(PLATFORM, "log-tamper", topics=()),
        "kpi-local-log-tamper",
        "it tells nobody; expected at least one topic",
    ),
    (
        "a topic that does not exist",
        lambda: with_metric(PLATFORM, "log-tamper", topics=("everybody",)),
        "kpi-local-log-tamper",
        "topic 'everybody' does not exist",
    ),
    (
        "six actions",
        lambda: with_metric(PLATFORM, "log-tamper", topics=(*Topic, Topic.OPS, Topic.OPS)),
        "kpi-local-log-tamper",
        "6 topics; CloudWatch takes at most 5 actions",
    ),
    (
        "a tag AWS refuses",
        lambda: with_metric(PLATFORM, "log-tamper", tags={"kpi:owner": "R&D"}),
        "kpi-local-log-tamper",
        "tag 'kpi:owner': the value has characters that AWS refuses, or more than 256",
    ),
    (
        "a tag of AWS's own",
        lambda: with_metric(PLATFORM, "log-tamper", tags={"aws:owner": "me"}),
        "kpi-local-log-tamper",
        "tag 'aws:owner': the key has characters or a length that AWS refuses",
    ),
    (
        "two alarms of one dedupe key",
        lambda: with_metric(PLATFORM, "log-tamper", dedupe_key="kpi-local/missing-runs"),
        "kpi-local/missing-runs",
        "2 alarms have this dedupe key; expected one",
    ),
    (
        "two alarms of one name",
        lambda: with_metric(PLATFORM, "log-tamper", name="kpi-local-missing-runs"),
        "kpi-local-missing-runs",
        "2 alarms have this name; expected one",
    ),
    (
        "a composite over nobody",
        lambda: with_composite(PLATFORM, "page", rule='ALARM("kpi-local-gone")', children=("kpi-local-gone",)),
        "kpi-local-page",
        "its rule names 'kpi-local-gone', an alarm that does not exist",
    ),
    (
        "children that the rule does not name",
        lambda: with_composite(PLATFORM, "page", children=("kpi-local-missing-runs",)),
        "kpi-local-page",
        "its children are not what its rule names: missing kpi-local-api-errors",
    ),
    (
        "a rule that cannot be read",
        lambda: with_composite(PLATFORM, "page", rule='ALARM("kpi-local-log-tamper") ALSO'),
        "kpi-local-page",
        "its rule cannot be read",
    ),
    (
        "a rule over itself",
        lambda: with_composite(PLATFORM, "page", rule='ALARM("kpi-local-page")', children=("kpi-local-page",)),
        "kpi-local-page",
        "its rule leads back to itself: kpi-local-page -> kpi-local-page",
    ),
    (
        "a rule that is true when all is well",
        lambda: with_composite(PLATFORM, "page", rule='OK("kpi-local-log-tamper")', children=("kpi-local-log-tamper",)),
        "kpi-local-page",
        "it is in ALARM when all of its alarms are OK",
    ),
    (
        "a suppressor that does not exist",
        lambda: with_composite(PLATFORM, "page", suppressor=Suppressor("kpi-local-gone", 60, 60)),
        "kpi-local-page",
        "its suppressor 'kpi-local-gone' is an alarm that does not exist",
    ),
    (
        "a suppressor of itself",
        lambda: with_composite(PLATFORM, "page", suppressor=Suppressor("kpi-local-page", 60, 60)),
        "kpi-local-page",
        "it suppresses itself",
    ),
]


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
