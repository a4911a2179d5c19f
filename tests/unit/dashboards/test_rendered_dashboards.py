from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import alerts
import dashboards
from dashboards.validate import problems
from kpis.metric_names import NAMESPACE, Metric
from kpis.summary import DictionarySummary
from tests.unit.alerts.factory import many, row, summary

WHERE = {"deployment": "local", "region": "us-east-1", "account_id": "123456789012"}
DIGEST = "c0ffee" + "0" * 58
HOSTILE = st.text(min_size=1, max_size=120) | st.sampled_from(
    [
        '"',
        "'",
        "\\",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "line\nbreak",
        "</script><script>alert(1)</script>",
        "${x}",
        "日本語",
        "مرحبا",
        "\u2028",
        "a|b",
    ]
)


def platform(dictionary: DictionarySummary | None = None) -> tuple[dashboards.Dashboard, ...]:
    return dashboards.render_platform(dictionary or summary(row()), digest=DIGEST, **WHERE)


def tenant(dictionary: DictionarySummary | None = None) -> dashboards.Dashboard:
    (found,) = dashboards.render_tenant(dictionary or summary(row()), tenant_id="acme", environment="prod", digest=DIGEST, **WHERE)
    return found


def widgets(dashboard: dashboards.Dashboard, kind: str) -> list[dict[str, Any]]:
    return [each["properties"] for each in json.loads(dashboard.body)["widgets"] if each["type"] == kind]


ALL = [*platform(), tenant()]


def test_a_platform_has_one_dashboard_for_each_reader():
    assert [each.name for each in platform()] == ["kpi-local-executive", "kpi-local-ops", "kpi-local-dev", "kpi-local-data"]
    assert tenant().name == "kpi-local-acme-prod-overview"


@pytest.mark.parametrize("dashboard", ALL, ids=lambda each: each.key)
def test_cloudwatch_would_take_every_dashboard(dashboard: dashboards.Dashboard):
    assert problems(dashboard.body) == []


@pytest.mark.parametrize("dashboard", ALL, ids=lambda each: each.key)
def test_every_dashboard_carries_the_hash_of_its_dictionary(dashboard: dashboards.Dashboard):
    assert any(f"sha256:{DIGEST}" in text["markdown"] for text in widgets(dashboard, "text"))


@pytest.mark.parametrize("dashboard", platform(), ids=lambda each: each.key)
def test_platform_dashboards_can_be_narrowed_to_a_tenant_and_environment(dashboard: dashboards.Dashboard):
    variables = {each["id"]: each for each in json.loads(dashboard.body)["variables"]}
    assert variables["tenant"]["property"] == "tenant_id"
    assert variables["tenant"]["populateFrom"] == "tenant_id"
    assert variables["environment"]["property"] == "environment"


@pytest.mark.parametrize("dashboard", ALL, ids=lambda each: each.key)
def test_graphs_show_only_metrics_that_functions_emit(dashboard: dashboards.Dashboard):
    shown = {metric[1] for graph in widgets(dashboard, "metric") for metric in graph["metrics"] if metric[0] == NAMESPACE}
    assert shown <= set(Metric)


def test_alarm_widgets_name_alarms_that_exist():
    dictionary = summary(row())
    known = alerts.platform_alarms(dictionary, **WHERE), alerts.tenant_alarms(dictionary, tenant_id="acme", environment="prod", **WHERE)
    names = {
        f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{each.name}" for alarms in known for each in (*alarms.metrics, *alarms.composites)
    }
    shown = {arn for dashboard in ALL for widget in widgets(dashboard, "alarm") for arn in widget["alarms"]}
    assert shown
    assert shown <= names


def test_size_and_number_do_not_grow_with_the_dictionary():
    small, large = many(100), many(10_000)
    assert len(platform(small)) == len(platform(large))
    for before, after in zip((*platform(small), tenant(small)), (*platform(large), tenant(large)), strict=True):
        assert len(after.body) < len(before.body) * 1.05
        assert problems(after.body) == []


def test_the_most_important_kpis_are_listed():
    rows = [row(id=f"CFO-L-{number:02d}", tier=2, criticality="low") for number in range(30)]
    dashboard = tenant(summary(*rows, row(id="CFO-Z-99", tier=2, criticality="critical")))
    table = widgets(dashboard, "text")[-1]["markdown"]
    assert "CFO-Z-99 | " in table
    assert "CFO-L-29" not in table
    assert "20 of 31" in table


def test_an_empty_dictionary_still_has_its_dashboards():
    empty = DictionarySummary(packs=(), sources=0, signals=(), kpis_per_pack={}, kpis_per_layer={}, kpis_per_tenant={}, tier_0=(), rows=())
    for dashboard in (*platform(empty), tenant(empty)):
        assert problems(dashboard.body) == []


def test_equal_dictionaries_give_equal_bytes():
    assert platform() == platform()
    assert tenant() == tenant()


@given(HOSTILE)
def test_hostile_text_in_a_title_comes_out_as_it_went_in(name: str):
    titles = [graph["title"] for graph in widgets(tenant(summary(row(name=name))), "metric")]
    assert f"CFO-EF-02 {name}" in titles


@given(HOSTILE, HOSTILE)
def test_hostile_text_in_a_table_changes_neither_rows_nor_columns(name: str, owner: str):
    table = widgets(tenant(summary(row(name=name, business_owner=owner))), "text")[-1]["markdown"]
    line = table.splitlines()[-1]
    assert line.startswith("CFO-EF-02 | ")
    assert line.replace("\\\\", "").replace("\\|", "").count("|") == 6
    assert " ".join(name.split()).replace("\\", "\\\\").replace("|", "\\|") in line
