"""What the rendered dashboards show, for whom, and that no dictionary text can break them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import alerts
import dashboards
from dashboards.context import FUNCTIONS
from dashboards.validate import DashboardError, Known, problems
from infra.components.functions import SPECS
from kpis.metric_names import NAMESPACE, Metric
from kpis.summary import DictionarySummary
from tests.unit.alerts.factory import many, row, summary

ROOT = Path(__file__).resolve().parents[3]
WHERE = {"deployment": "local", "region": "us-east-1", "account_id": "123456789012"}
DIGEST = "c0ffee" + "0" * 58
LINKS = dashboards.Links(portal="https://kpi.example", api="https://api.example", docs="https://docs.example/kpi")
HOSTILE = st.text(min_size=1, max_size=120) | st.sampled_from(
    [
        '"',
        "'",
        "\\",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "line\nbreak",
        "</script><script>alert(1)</script>",
        "[free money](javascript:alert(1))",
        "![x](https://evil.example/pixel)",
        "`code` *bold* _under_ # heading",
        "${x}",
        "日本語",
        "مرحبا",
        "\u2028",
        "a|b",
        "x" * 4000,
    ]
)


def alarm_names(dictionary: DictionarySummary, **whom: str) -> tuple[str, ...]:
    """The names of a stack's alarms, as infra passes them."""
    found = alerts.tenant_alarms(dictionary, **whom, **WHERE) if whom else alerts.platform_alarms(dictionary, **WHERE)
    return tuple(each.name for each in (*found.composites, *found.metrics))


PLATFORM_ALARMS = alarm_names(summary(row()))
TENANT_ALARMS = alarm_names(summary(row()), tenant_id="acme", environment="prod")


def platform(dictionary: DictionarySummary | None = None, **more: Any) -> tuple[dashboards.Dashboard, ...]:
    known = dictionary or summary(row())
    around = {"digest": DIGEST, "alarms": PLATFORM_ALARMS, "links": LINKS} | more
    return dashboards.render_platform(known, **WHERE, **around)


def tenant(dictionary: DictionarySummary | None = None, **more: Any) -> dashboards.Dashboard:
    known = dictionary or summary(row())
    whom = {"tenant_id": "acme", "environment": "prod"}
    around = {"digest": DIGEST, "alarms": TENANT_ALARMS, "links": LINKS} | more
    return dashboards.render_tenant(known, **whom, **WHERE, **around)[0]


def tenant_views() -> tuple[dashboards.Dashboard, ...]:
    whom = {"tenant_id": "acme", "environment": "prod"}
    return dashboards.render_tenant(summary(row()), **whom, **WHERE, digest=DIGEST, every_view=True)


def widgets(dashboard: dashboards.Dashboard, kind: str) -> list[dict[str, Any]]:
    return [each["properties"] for each in json.loads(dashboard.body)["widgets"] if each["type"] == kind]


ALL = [*platform(packs=True), tenant(), *tenant_views()[1:]]


def test_a_platform_has_one_dashboard_for_each_reader():
    assert [each.name for each in platform()] == ["kpi-local-executive", "kpi-local-ops", "kpi-local-dev", "kpi-local-data"]
    assert tenant().name == "kpi-local-acme-prod-overview"


def test_a_dashboard_for_each_pack_is_a_choice():
    assert [each.key for each in platform(packs=True)] == ["executive", "ops", "dev", "data", "pack-cfo"]


def test_every_view_of_a_tenant_is_a_choice():
    assert [each.name.removeprefix("kpi-local-acme-prod-") for each in tenant_views()] == ["overview", "executive", "ops", "dev", "data"]


def test_the_views_of_a_tenant_show_no_other_tenants_series():
    for dashboard in tenant_views():
        for metric in (metric for graph in widgets(dashboard, "metric") for metric in graph["metrics"]):
            ours = metric[0] == NAMESPACE
            assert not ours or metric[2:6] == ["tenant_id", "acme", "environment", "prod"]
            searched = metric[0].get("expression", "") if isinstance(metric[0], dict) else ""
            assert "SEARCH" not in searched or 'tenant_id="acme" environment="prod"' in searched


@pytest.mark.parametrize("dashboard", ALL, ids=lambda each: each.name)
def test_cloudwatch_would_take_every_dashboard(dashboard: dashboards.Dashboard):
    assert problems(dashboard.body, Known(runbook=lambda path: (ROOT / path).is_file())) == []


@pytest.mark.parametrize("dashboard", ALL, ids=lambda each: each.name)
def test_every_dashboard_carries_the_hash_of_its_dictionary(dashboard: dashboards.Dashboard):
    assert any(f"sha256:{DIGEST}" in text["markdown"] for text in widgets(dashboard, "text"))


@pytest.mark.parametrize("dashboard", platform(), ids=lambda each: each.key)
def test_platform_dashboards_can_be_narrowed_to_tenant_environment_and_pack(dashboard: dashboards.Dashboard):
    variables = {each["id"]: each for each in json.loads(dashboard.body)["variables"]}
    assert variables["tenant"]["populateFrom"] == "tenant_id"
    assert [each["value"] for each in variables["environment"]["values"]] == ["prod", "stg", "dev"]
    assert [each["value"] for each in variables["pack"]["values"]] == ["all", "cfo"]
    chosen = dashboard.body.replace(variables["tenant"]["pattern"], "skyway")
    assert any(
        table["params"]["tenant_id"] == "skyway"
        for table in (each["properties"] for each in json.loads(chosen)["widgets"] if each["type"] == "custom")
    )


def test_a_kpi_can_be_typed_in_where_runs_are_looked_at():
    for dashboard in (tenant(), platform()[2]):
        variable = next(each for each in json.loads(dashboard.body)["variables"] if each["id"] == "kpi")
        assert variable["inputType"] == "input"
        assert variable["defaultValue"] == "CFO-EF-02"


@pytest.mark.parametrize("dashboard", ALL, ids=lambda each: each.name)
def test_graphs_show_only_metrics_that_functions_emit(dashboard: dashboards.Dashboard):
    shown = {metric[1] for graph in widgets(dashboard, "metric") for metric in graph["metrics"] if metric[0] == NAMESPACE}
    assert shown <= set(Metric)


def test_the_functions_shown_are_those_the_stack_has():
    assert sorted(FUNCTIONS) == sorted(spec.name for spec in SPECS)


def test_the_alarms_shown_are_those_of_the_stack_and_the_most_important_come_first():
    shown = [arn.split(":alarm:")[1] for arn in widgets(platform()[0], "alarm")[0]["alarms"]]
    assert shown == list(PLATFORM_ALARMS)
    assert [arn.split(":alarm:")[1] for arn in widgets(tenant(), "alarm")[0]["alarms"]] == list(TENANT_ALARMS)


def test_a_stack_without_alarms_says_so():
    assert "no alarms" in platform(alarms=())[0].body


def test_every_heading_leads_to_runs_views_dictionary_and_runbooks():
    for dashboard in ALL[:4]:
        heading = widgets(dashboard, "text")[0]["markdown"]
        for place in (
            "stateMachine:kpi-local-run",
            "databases/view/kpi_local",
            "table=kpi-local-log-run",
            "run-close",
            "https://kpi.example/",
        ):
            assert place in heading
        assert "(https://docs.example/kpi/docs/runbooks)" in heading
        assert "#dashboards/dashboard/kpi-local-ops)" in heading


def test_a_listed_kpi_leads_to_its_definition_and_its_runbook():
    table = widgets(tenant(), "text")[-1]["markdown"]
    assert "[CFO-EF-02](https://kpi.example/#CFO-EF-02)" in table
    assert "[runbook](https://docs.example/kpi/docs/runbooks/kpi-cfo.md)" in table


def test_without_a_place_for_documentation_the_runbook_is_named():
    assert "`docs/runbooks/kpi-cfo.md`" in widgets(tenant(links=dashboards.Links()), "text")[-1]["markdown"]


def test_a_dead_runbook_stops_the_rendering_and_is_named():
    with pytest.raises(DashboardError, match=r"kpi-local-acme-prod-overview[\s\S]*runbook 'docs/runbooks/gone.md' does not exist"):
        tenant(summary(row(runbook="docs/runbooks/gone.md")), runbook_exists=lambda path: (ROOT / path).is_file())


def test_size_and_number_do_not_grow_with_the_dictionary():
    small, large = many(100), many(10_000)
    assert len(platform(small, packs=True)) == len(platform(large, packs=True))
    for before, after in zip((*platform(small, packs=True), tenant(small)), (*platform(large, packs=True), tenant(large)), strict=True):
        assert len(after.body) < len(before.body) * 1.05
        assert problems(after.body) == []


def test_the_most_important_kpis_are_listed():
    rows = [row(id=f"CFO-L-{number:02d}", tier=2, criticality="low") for number in range(30)]
    dashboard = tenant(summary(*rows, row(id="CFO-Z-99", tier=2, criticality="critical")))
    table = widgets(dashboard, "text")[-1]["markdown"]
    assert "CFO-Z-99" in table
    assert "CFO-L-29" not in table
    assert "20 of 31" in table


def test_an_empty_dictionary_still_has_its_dashboards():
    empty = DictionarySummary(packs=(), sources=0, signals=(), kpis_per_pack={}, kpis_per_layer={}, kpis_per_tenant={}, tier_0=(), rows=())
    for dashboard in (*platform(empty, packs=True), tenant(empty)):
        assert problems(dashboard.body) == []


def test_equal_dictionaries_give_equal_bytes():
    assert platform(packs=True) == platform(packs=True)
    assert tenant() == tenant()
    rows = [row(id=f"CFO-L-{number:02d}") for number in range(5)]
    assert tenant(summary(*rows)).body == tenant(summary(*reversed(rows))).body


@settings(deadline=None)
@given(HOSTILE)
def test_hostile_text_in_a_title_comes_out_as_it_went_in(name: str):
    titles = [graph["title"] for graph in widgets(tenant(summary(row(name=name[:120]))), "metric")]
    assert f"CFO-EF-02 {name[:120]}" in titles


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_hostile_text_in_a_table_changes_neither_rows_nor_columns_and_makes_no_link(name: str, owner: str):
    table = widgets(tenant(summary(row(name=name, business_owner=owner))), "text")[-1]["markdown"]
    line = table.splitlines()[-1]
    assert line.startswith("[CFO-EF-02](https://kpi.example/#CFO-EF-02) | ")
    bare = re.sub(r"\\.", "", line)
    assert bare.count("|") == 7
    assert re.findall(r"\]\(([^)]*)", bare) == ["https://kpi.example/#CFO-EF-02", "https://docs.example/kpi/docs/runbooks/kpi-cfo.md"]
    assert re.sub(r"\\(.)", r"\1", line.split(" | ")[1] if "|" not in name else line).count(" ".join(name.split()) or "-") >= 1


@settings(deadline=None, max_examples=30)
@given(HOSTILE)
def test_hostile_runbooks_make_no_link_but_their_own(runbook: str):
    for links in (LINKS, dashboards.Links()):
        table = widgets(tenant(summary(row(runbook=runbook)), links=links), "text")[-1]["markdown"]
        found = re.findall(r"(?<!\\)\]\(([^)]*)\)", re.sub(r"\\.", "", table))
        assert all(link.startswith(("https://kpi.example/", "https://docs.example/kpi/")) for link in found)
