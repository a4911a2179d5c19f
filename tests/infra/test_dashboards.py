"""The dashboards the stacks declare, and the function that makes their tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dashboards.model import API, PORTAL
from dashboards.validate import Known, problems
from tests.infra.harness import PLATFORM, TENANT, Recording, declare
from tests.infra.test_iam import statements

BOARD = "aws:cloudwatch/dashboard:Dashboard"
ALARMS = ("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm")


def bodies(recording: Recording) -> dict[str, str]:
    return {each.inputs["dashboardName"]: each.inputs["dashboardBody"] for each in recording.of(BOARD)}


def widgets(body: str, kind: str) -> list[dict[str, Any]]:
    return [each["properties"] for each in json.loads(body)["widgets"] if each["type"] == kind]


@pytest.mark.parametrize("stack", ["platform", "tenant"])
def test_every_declared_dashboard_is_valid_and_points_at_what_the_stack_declares(stack: str, request: pytest.FixtureRequest) -> None:
    recording: Recording = request.getfixturevalue(stack)
    alarms = {each.inputs.get("name") or each.inputs.get("alarmName") for kind in ALARMS for each in recording.of(kind)}
    functions = {f"kpi-local-{name}" for name in ("widgets",)}
    known = Known(alarms=alarms, functions=functions)
    assert {name: problems(body, known) for name, body in bodies(recording).items() if problems(body, known)} == {}


def test_all_alarms_of_a_stack_are_on_its_first_dashboard(platform: Recording) -> None:
    alarms = {each.inputs.get("name") or each.inputs.get("alarmName") for kind in ALARMS for each in platform.of(kind)}
    shown = {arn.split(":alarm:")[1] for widget in widgets(bodies(platform)["kpi-local-executive"], "alarm") for arn in widget["alarms"]}
    assert shown == alarms


@pytest.mark.parametrize("stack", ["platform", "tenant"])
def test_links_lead_to_the_real_portal_and_api(stack: str, request: pytest.FixtureRequest) -> None:
    for name, body in bodies(request.getfixturevalue(stack)).items():
        assert PORTAL not in body, name
        assert API not in body, name
        assert "https://d111.cloudfront.net" in body or "https://portal.example" in body, name


def test_dashboards_of_packs_are_a_choice_of_the_platform(checkout: Path, platform: Recording) -> None:
    chosen = declare("platform.local", PLATFORM | {"kpi-observatory:packDashboards": "true"}, checkout)
    assert bodies(chosen).keys() - bodies(platform).keys() == {"kpi-local-pack-generated"}
    assert len(chosen.resources) < 250


def test_every_view_of_a_tenant_is_a_choice_of_the_tenant(checkout: Path, tenant: Recording) -> None:
    chosen = declare("acme.prod", TENANT | {"kpi-observatory:everyDashboard": "true"}, checkout)
    new = bodies(chosen).keys() - bodies(tenant).keys()
    assert new == {f"kpi-local-acme-prod-{view}" for view in ("executive", "ops", "dev", "data")}


def test_runbooks_are_links_where_documentation_is_published(checkout: Path) -> None:
    docs = "https://git.example/kpi/blob/main"
    chosen = declare("acme.prod", TENANT | {"kpi-observatory:docsUrl": docs}, checkout)
    assert f"[runbook]({docs}/" in bodies(chosen)["kpi-local-acme-prod-overview"]


def test_the_tables_are_made_by_a_function_that_may_only_become_a_tenant(platform: Recording) -> None:
    mine = [each for each in statements(platform) if each.role == "widgets" and each.sid not in ("Logs", "DecryptEnvironment")]
    assert [each.actions for each in mine] == [("sts:AssumeRole", "sts:TagSession")]
    assert mine[0].resources == ("arn:aws:iam::123456789012:role/kpi-local-*-run",)


def test_a_tenant_lets_the_tables_function_read_in_its_name(tenant: Recording) -> None:
    (role,) = tenant.of("aws:iam/role:Role")
    (trust,) = role.document("assumeRolePolicy")["Statement"]
    assert "arn:aws:iam::123456789012:role/kpi-local-widgets" in trust["Principal"]["AWS"]
