from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import alerts
from alerts.simulator import State
from alerts.simulator.composite import evaluate_rule
from alerts.simulator.metric_math import evaluate, ids_in
from alerts.specs import AlarmSet, MissingData, Severity, Topic
from kpis.metric_names import NAMESPACE, Metric
from tests.unit.alerts.factory import many, row, summary

ROOT = Path(__file__).parents[3]
WHERE = {"deployment": "local", "region": "us-east-1", "account_id": "123456789012"}
HOSTILE = st.text(min_size=1, max_size=120) | st.sampled_from(
    [
        '"',
        "'",
        "\\",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "line\nbreak",
        "</script><script>alert(1)</script>",
        "${jndi:x}",
        "日本語",
        "مرحبا",
        "\u2028",
        "a|b",
    ]
)


def of(alarms: AlarmSet, key: str) -> alerts.MetricAlarm:
    return next(alarm for alarm in alarms.metrics if alarm.key == key)


def platform(*rows: object) -> AlarmSet:
    return alerts.platform_alarms(summary(*(rows or (row(),))), **WHERE)  # type: ignore[arg-type]


def tenant(dictionary: object = None) -> AlarmSet:
    return alerts.tenant_alarms(dictionary or summary(row()), tenant_id="acme", environment="prod", **WHERE)  # type: ignore[arg-type]


ALL = [*platform().metrics, *tenant().metrics]
COMPOSITES = [*platform().composites, *tenant().composites]


def test_a_platform_watches_runs_functions_queues_the_api_the_logs_and_their_archive():
    assert [alarm.key for alarm in platform().metrics] == [
        "run-failure-ratio",
        "run-duration",
        "function-errors",
        "function-throttles",
        "state-machine-failures",
        "dead-letters",
        "api-errors",
        "api-latency",
        "missing-runs",
        "log-tamper",
        "log-stream-lag",
        "archive-freshness",
    ]


def test_a_tenant_watches_breaches_stops_anomalies_failures_silence_and_freshness():
    assert [alarm.key for alarm in tenant(summary(row(tier=1))).metrics] == [
        "sla-breaches",
        "validation-hard-stops",
        "runtime-anomalies",
        "run-failure-ratio",
        "missing-runs",
        "freshness",
    ]


def test_every_dead_letter_queue_is_watched_by_one_alarm():
    alarm = of(platform(), "dead-letters")
    queues = {query.series.dimensions["QueueName"] for query in alarm.queries if query.series}
    assert queues == {f"kpi-local-{name}-dlq" for name in ("alerts", "events", "dispatcher", "log-stream")}
    assert {query.series.stat for query in alarm.queries if query.series} == {"Maximum"}


def test_the_number_of_alarms_does_not_depend_on_the_number_of_kpis():
    assert len(tenant(many(10, tier=2)).metrics) == len(tenant(many(10_000, tier=2)).metrics) == 6
    assert len(platform().metrics) == len(alerts.platform_alarms(many(10_000), **WHERE).metrics)


def test_at_most_six_tier_0_kpis_of_a_tenant_have_alarms():
    assert len(tenant(many(50, tier=0)).metrics) == 6 + 6


def test_the_most_critical_tier_0_kpis_get_the_alarms():
    rows = [row(id=f"CFO-L-{number:02d}", criticality="low") for number in range(10)]
    keys = [alarm.key for alarm in tenant(summary(*rows, row(id="CFO-Z-99", criticality="critical"))).metrics]
    assert keys[6] == "kpi-cfo-z-99"
    assert "kpi-cfo-l-09" not in keys


@pytest.mark.parametrize("changes", [{"status": "retired"}, {"environments": ("dev",)}, {"tenants": ("other",)}, {"tier": 1}])
def test_only_active_tier_0_kpis_of_the_tenant_and_environment_have_alarms(changes: dict[str, object]):
    assert not [alarm.key for alarm in tenant(summary(row(**changes))).metrics if alarm.key.startswith("kpi-")]


@pytest.mark.parametrize(
    ("key", "severity", "topics"),
    [
        ("sla-breaches", Severity.HIGH, {Topic.CFO_OFFICE, Topic.OPS}),
        ("validation-hard-stops", Severity.MEDIUM, {Topic.DATA_QUALITY}),
        ("runtime-anomalies", Severity.MEDIUM, {Topic.PLATFORM_ENGINEERING}),
    ],
)
def test_the_tenant_alarms_reach_whom_the_requirements_name(key: str, severity: Severity, topics: set[Topic]):
    alarm = next(each for each in tenant().metrics if each.key == key)
    assert (alarm.severity, set(alarm.topics)) == (severity, topics)


@pytest.mark.parametrize("alarm", [*ALL, *COMPOSITES], ids=lambda alarm: alarm.key)
def test_every_alarm_explains_itself(alarm: alerts.MetricAlarm | alerts.CompositeAlarm):
    assert len(alarm.description) <= 1024
    assert len(alarm.name) <= 255
    for text in (alarm.runbook, alarm.owner, alarm.dedupe_key, "https://us-east-1.console.aws.amazon.com/cloudwatch"):
        assert text in alarm.description


@pytest.mark.parametrize("alarm", [*ALL, *COMPOSITES], ids=lambda alarm: alarm.key)
def test_every_runbook_exists_and_is_about_its_alarm(alarm: alerts.MetricAlarm | alerts.CompositeAlarm):
    path = ROOT / alarm.runbook
    assert path.is_file(), f"{alarm.name} links {alarm.runbook}, which does not exist"
    if not alarm.key.startswith("kpi-cfo"):
        assert path.read_text().startswith(f"# {alarm.key} ")


def test_every_link_between_runbooks_leads_somewhere():
    for path in (ROOT / "docs" / "runbooks").glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+\.md)\)", path.read_text()):
            assert (path.parent / link).is_file(), f"{path.name} links {link}"


@pytest.mark.parametrize("alarm", ALL, ids=lambda alarm: alarm.key)
def test_an_alarm_has_one_series_or_one_expression_that_can_be_evaluated(alarm: alerts.MetricAlarm):
    if alarm.series is not None:
        assert not alarm.queries
        return
    returned = [query for query in alarm.queries if query.returns]
    assert len(returned) == 1
    assert len(alarm.queries) <= 10
    assert returned[0].expression is not None
    names = {query.id for query in alarm.queries if query.series}
    assert set(ids_in(returned[0].expression)) <= names
    assert evaluate(returned[0].expression, dict.fromkeys(names, (1.0,)), 1) != (None,)


@pytest.mark.parametrize("alarm", ALL, ids=lambda alarm: alarm.key)
def test_alarms_stay_within_the_quotas_of_cloudwatch(alarm: alerts.MetricAlarm):
    stats = [alarm.series] if alarm.series else [query.series for query in alarm.queries if query.series]
    assert all(stat.period % 60 == 0 for stat in stats)
    longest = max(stat.period for stat in stats)
    assert longest * alarm.periods <= (604_800 if longest >= 3600 else 86_400)
    assert 1 <= alarm.datapoints <= alarm.periods


@pytest.mark.parametrize("alarm", ALL, ids=lambda alarm: alarm.key)
def test_our_own_metrics_are_ones_that_functions_emit(alarm: alerts.MetricAlarm):
    stats = [alarm.series] if alarm.series else [query.series for query in alarm.queries if query.series]
    assert all(stat.metric in set(Metric) for stat in stats if stat.namespace == NAMESPACE)


def test_silence_is_an_alarm_and_its_length_follows_the_schedules():
    assert of(platform(), "missing-runs").missing_data is MissingData.BREACHING
    for frequency, hours in (("hourly", 3), ("daily", 26), ("weekly", 168)):
        assert of(platform(row(frequency=frequency)), "missing-runs").periods == hours
        for key in ("missing-runs", "freshness"):
            assert of(tenant(summary(row(frequency=frequency))), key).periods == hours


@pytest.mark.parametrize("changes", [{"frequency": "monthly"}, {"frequency": "period_close"}, {"trigger": "event"}, {"status": "retired"}])
def test_silence_that_says_nothing_is_no_alarm(changes: dict[str, object]):
    for alarms in (platform(row(**changes)), tenant(summary(row(**changes)))):
        assert not {"missing-runs", "freshness"} & {alarm.key for alarm in alarms.metrics}
        assert not any("missing-runs" in child or "freshness" in child for each in alarms.composites for child in each.children)


def test_a_schedule_of_another_environment_does_not_make_silence_an_alarm():
    assert "missing-runs" not in {alarm.key for alarm in tenant(summary(row(environments=("dev",)))).metrics}


@pytest.mark.parametrize(
    ("alarms", "key", "samples"),
    [
        (platform(), "run-failure-ratio", 5),
        (tenant(), "run-failure-ratio", 5),
        (platform(), "run-duration", 20),
        (platform(), "api-latency", 20),
    ],
)
def test_ratios_and_percentiles_count_only_with_enough_samples(alarms: AlarmSet, key: str, samples: int):
    alarm = of(alarms, key)
    expression = next(query.expression for query in alarm.queries if query.expression)
    worst = {query.id: (1e9, 1e9) for query in alarm.queries if query.series}
    few, enough = evaluate(expression, {**worst, "samples": (samples - 1.0, float(samples))}, 2)
    assert alarm.minimum_samples == samples
    assert few is not None
    assert enough is not None
    assert few <= alarm.threshold < enough


def test_a_third_of_six_runs_is_a_third():
    expression = next(query.expression for query in of(platform(), "run-failure-ratio").queries if query.expression)
    assert evaluate(expression, {"part": (2.0, None), "samples": (6.0, 6.0)}, 2) == (100 * 2 / 6, 0.0)


@pytest.mark.parametrize("composite", COMPOSITES, ids=lambda alarm: alarm.key)
def test_a_composite_names_alarms_of_its_stack_and_is_quiet_when_they_are(composite: alerts.CompositeAlarm):
    assert set(composite.children) <= {alarm.name for alarm in ALL}
    assert not evaluate_rule(composite.rule, dict.fromkeys(composite.children, State.OK))


def test_one_sick_kind_of_symptom_makes_a_tenants_kpis_unhealthy():
    composite = tenant().composites[0]
    for child in composite.children:
        assert evaluate_rule(composite.rule, {**dict.fromkeys(composite.children, State.OK), child: State.ALARM})


def fires(composite: alerts.CompositeAlarm, *keys: str) -> bool:
    stem = composite.name.removesuffix(f"-{composite.key}")
    return evaluate_rule(composite.rule, {**dict.fromkeys(composite.children, State.OK), **{f"{stem}-{key}": State.ALARM for key in keys}})


def test_the_page_is_for_what_is_critical_and_for_what_fails_as_a_whole():
    (page,) = platform().composites
    assert page.severity is Severity.CRITICAL
    critical = [alarm.key for alarm in platform().metrics if alarm.severity is Severity.CRITICAL]
    assert critical == ["missing-runs", "log-tamper"]
    assert all(fires(page, key) for key in critical)
    assert fires(page, "state-machine-failures", "run-failure-ratio")
    assert fires(page, "api-errors", "function-errors")
    for alone in ("state-machine-failures", "run-failure-ratio", "api-errors", "function-errors"):
        assert not fires(page, alone)


def test_a_tenant_escalates_when_its_readers_are_hit():
    escalation = tenant().composites[1]
    assert fires(escalation, "freshness")
    assert fires(escalation, "missing-runs")
    assert fires(escalation, "sla-breaches", "run-failure-ratio")
    assert fires(escalation, "sla-breaches", "validation-hard-stops")
    for alone in ("sla-breaches", "run-failure-ratio", "validation-hard-stops"):
        assert not fires(escalation, alone)


def test_a_tenants_escalation_is_silent_while_the_platform_pages():
    suppressor = tenant().composites[1].suppressor
    assert suppressor is not None
    assert suppressor.alarm == platform().composites[0].name


def test_names_and_keys_are_unique():
    for alarms in (platform(), tenant()):
        names = [alarm.name for alarm in (*alarms.metrics, *alarms.composites)]
        assert len(set(names)) == len(names)


def test_equal_dictionaries_give_equal_alarms():
    assert platform() == platform()
    assert tenant() == tenant()


@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_text_comes_out_as_it_went_in(name: str, purpose: str, owner: str):
    assume(owner.strip())
    alarm = tenant(summary(row(name=name, purpose=purpose, business_owner=owner))).metrics[-1]
    assert f"CFO-EF-02 {name} is Critical. {purpose}" in alarm.description
    assert alarm.owner == owner
    assert re.fullmatch(r"[\w\s.:/=+\-@]*", alarm.tags["kpi:owner"])


def test_an_alarm_of_a_kpi_carries_the_hash_of_its_definition():
    assert tenant().metrics[-1].tags["kpi:definition"] == "a" * 64
    assert all("kpi:definition" not in alarm.tags for alarm in platform().metrics)


def test_a_long_purpose_does_not_push_the_runbook_out_of_the_description():
    alarm = tenant(summary(row(purpose="long " * 700))).metrics[-1]
    assert "docs/runbooks/kpi-cfo.md" in alarm.description
    assert len(alarm.description) <= 1024


def test_the_api_is_named_once_it_exists():
    alarm = next(each for each in platform().metrics if each.key == "api-errors")
    assert alarm.series is not None
    assert alarm.series.dimensions == {"ApiId": alerts.Late.API_ID}
    assert isinstance(alarm.series.dimensions["ApiId"], alerts.Late)
