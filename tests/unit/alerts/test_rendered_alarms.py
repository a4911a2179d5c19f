from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import alerts
from alerts.composite_rule import evaluate_rule
from alerts.metric_math import evaluate, ids_in
from alerts.simulator import State
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


def platform(*rows: object) -> AlarmSet:
    return alerts.platform_alarms(summary(*(rows or (row(),))), **WHERE)  # type: ignore[arg-type]


def tenant(dictionary: object = None) -> AlarmSet:
    return alerts.tenant_alarms(dictionary or summary(row()), tenant_id="acme", environment="prod", **WHERE)  # type: ignore[arg-type]


ALL = [*platform().metrics, *tenant().metrics]


def test_a_platform_watches_runs_functions_queues_the_api_and_the_logs():
    assert [alarm.key for alarm in platform().metrics] == [
        "run-failure-ratio",
        "function-errors",
        "function-throttles",
        "state-machine-failures",
        "dead-letters",
        "api-errors",
        "missing-runs",
        "log-tamper",
    ]


def test_the_number_of_alarms_does_not_depend_on_the_number_of_kpis():
    assert len(tenant(many(10, tier=2)).metrics) == len(tenant(many(10_000, tier=2)).metrics) == 3
    assert len(platform().metrics) == len(alerts.platform_alarms(many(10_000), **WHERE).metrics)


def test_at_most_ten_tier_0_kpis_of_a_tenant_have_alarms():
    assert len(tenant(many(50, tier=0)).metrics) == 13


def test_the_most_critical_tier_0_kpis_get_the_alarms():
    rows = [row(id=f"CFO-L-{number:02d}", criticality="low") for number in range(10)]
    keys = [alarm.key for alarm in tenant(summary(*rows, row(id="CFO-Z-99", criticality="critical"))).metrics]
    assert keys[3] == "kpi-cfo-z-99"
    assert "kpi-cfo-l-09" not in keys


@pytest.mark.parametrize("changes", [{"status": "retired"}, {"environments": ("dev",)}, {"tenants": ("other",)}, {"tier": 1}])
def test_only_active_tier_0_kpis_of_the_tenant_and_environment_have_alarms(changes: dict[str, object]):
    assert len(tenant(summary(row(**changes))).metrics) == 3


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


@pytest.mark.parametrize("alarm", [*ALL, *tenant().composites], ids=lambda alarm: alarm.key)
def test_every_alarm_explains_itself(alarm: alerts.MetricAlarm | alerts.CompositeAlarm):
    assert len(alarm.description) <= 1024
    assert len(alarm.name) <= 255
    for text in (alarm.runbook, alarm.owner, alarm.dedupe_key, "https://us-east-1.console.aws.amazon.com/cloudwatch"):
        assert text in alarm.description


@pytest.mark.parametrize("alarm", [*ALL, *tenant().composites], ids=lambda alarm: alarm.key)
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
    def missing_runs(**changes: object) -> alerts.MetricAlarm:
        return next(alarm for alarm in platform(row(**changes)).metrics if alarm.key == "missing-runs")

    assert missing_runs().missing_data is MissingData.BREACHING
    assert missing_runs(frequency="hourly").periods == 3
    assert missing_runs(frequency="daily").periods == 26
    assert missing_runs(frequency="monthly").periods == 168


def test_the_failure_ratio_needs_five_runs():
    alarm = platform().metrics[0]
    expression = next(query.expression for query in alarm.queries if query.expression)
    assert alarm.minimum_samples == 5
    assert evaluate(expression, {"failed": (4.0, 4.0), "runs": (4.0, 8.0)}, 2) == (0.0, 50.0)


def test_the_composite_names_the_alarms_of_its_tenant():
    composite = tenant().composites[0]
    assert set(composite.children) <= {alarm.name for alarm in tenant().metrics}
    assert not evaluate_rule(composite.rule, dict.fromkeys(composite.children, State.OK))
    for child in composite.children:
        assert evaluate_rule(composite.rule, {**dict.fromkeys(composite.children, State.OK), child: State.ALARM})


def test_names_and_keys_are_unique():
    for alarms in (platform(), tenant()):
        names = [alarm.name for alarm in (*alarms.metrics, *alarms.composites)]
        assert len(set(names)) == len(names)


def test_equal_dictionaries_give_equal_alarms():
    assert platform() == platform()
    assert tenant() == tenant()


@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_text_comes_out_as_it_went_in(name: str, purpose: str, owner: str):
    alarm = tenant(summary(row(name=name, purpose=purpose, business_owner=owner))).metrics[-1]
    assert f"CFO-EF-02 {name} is Critical. {purpose}" in alarm.description
    assert alarm.owner == owner
    assert re.fullmatch(r"[\w\s.:/=+\-@]*", alarm.tags["kpi:owner"])


def test_a_long_purpose_does_not_push_the_runbook_out_of_the_description():
    alarm = tenant(summary(row(purpose="long " * 700))).metrics[-1]
    assert "docs/runbooks/kpi-cfo.md" in alarm.description
    assert len(alarm.description) <= 1024


def test_the_api_is_named_once_it_exists():
    alarm = next(each for each in platform().metrics if each.key == "api-errors")
    assert alarm.series is not None
    assert alarm.series.dimensions == {"ApiId": alerts.Late.API_ID}
    assert isinstance(alarm.series.dimensions["ApiId"], alerts.Late)
