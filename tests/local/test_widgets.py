"""Custom widgets on the running stack: CloudWatch's own call, with the rows of real runs."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from tests.local.conftest import Stack

pytestmark = pytest.mark.local


def ask(stack: Stack, **event: Any) -> str:
    """What CloudWatch would show: it invokes the function with the widget's parameters and its context."""
    now = int(time.time() * 1000)
    context = {
        "dashboardName": "kpi-local-executive",
        "widgetId": "widget-1",
        "accountId": "123456789012",
        "locale": "en",
        "timezone": {"label": "UTC", "offsetISO": "+00:00", "offsetInMinutes": 0},
        "period": 300,
        "isAutoPeriod": True,
        "timeRange": {"mode": "relative", "start": now - 7 * 86_400_000, "end": now, "relativeStart": 7 * 86_400_000},
        "theme": "light",
        "linkCharts": True,
        "title": "t",
        "forms": {"all": {}},
        "params": event,
        "width": 600,
        "height": 300,
    }
    name = f"{stack.outputs['prefix']}-widgets"
    answer = stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps({**event, "widgetContext": context}))
    assert "FunctionError" not in answer, answer["Payload"].read()
    shown: str = json.loads(answer["Payload"].read())
    return shown


def clicks(shown: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in re.findall(r"<cwdb-action[^>]*>(.*?)</cwdb-action>", shown)]


def test_the_function_describes_its_parameters(stack: Stack) -> None:
    answer = stack.client("lambda").invoke(FunctionName=f"{stack.outputs['prefix']}-widgets", Payload=json.dumps({"describe": True}))
    assert json.loads(answer["Payload"].read()).startswith("# KPI tables")


def test_a_click_on_a_listed_kpi_shows_its_definition_and_on_its_run_the_rows(stack: Stack) -> None:
    shown = ask(stack, widget="durations", tenant_id="skyway", environment="prod")
    run_id = next(click["run_id"] for click in clicks(shown) if click["widget"] == "run")
    definition = next(click for click in clicks(shown) if click["widget"] == "definition")
    run = ask(stack, **next(click for click in clicks(shown) if click["widget"] == "run"))
    assert f"Run {run_id}" in run
    assert "Checked before" in run
    assert "SELECT" in ask(stack, **definition) or "Definition" in ask(stack, **definition)


def test_every_table_answers_about_real_runs(stack: Stack) -> None:
    for name in ("top-failing", "error-codes", "sla-breaches", "rule-failures", "durations", "freshness", "sql-changes"):
        shown = ask(stack, widget=name, tenant_id="skyway", environment="prod")
        assert shown.startswith(("<table>", "<p>")), name
        assert "cannot be shown" not in shown, name


def test_a_tenant_sees_no_kpi_of_another(stack: Stack) -> None:
    for tenant, prefix in (("skyway", "SKY-"), ("discco", "COM-"), ("acme", "CFO-")):
        shown = ask(stack, widget="freshness", tenant_id=tenant, environment="prod", limit=100)
        named = {click["kpi_id"] for click in clicks(shown) if "kpi_id" in click}
        assert named
        assert all(kpi_id.startswith(prefix) for kpi_id in named)


def test_a_run_of_another_tenant_looks_like_one_that_does_not_exist(stack: Stack) -> None:
    theirs = str(int(stack.log_rows("run", "skyway")[0]["run_id"]))
    shown = ask(stack, widget="run", run_id=theirs, tenant_id="acme", environment="prod")
    assert shown == f"<p>There is no run {theirs} of acme in prod.</p>"


def test_the_declared_dashboards_call_a_function_that_is_there(stack: Stack) -> None:
    client = stack.client("cloudwatch")
    name = f"{stack.outputs['prefix']}-executive"
    body = json.loads(client.get_dashboard(DashboardName=name)["DashboardBody"])
    (endpoint,) = {each["properties"]["endpoint"] for each in body["widgets"] if each["type"] == "custom"}
    assert stack.client("lambda").get_function(FunctionName=endpoint)["Configuration"]["FunctionArn"] == endpoint
