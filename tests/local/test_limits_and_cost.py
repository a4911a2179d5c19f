"""The literal `pulumi` stops before the first resource when AWS would refuse; the commands answer beside the running stack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.local.conftest import Stack

pytestmark = pytest.mark.local


def run(stack: Stack, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=stack.settings.root, env=stack.settings.process_env(), capture_output=True, text=True, check=False)


def kpi(stack: Stack, *arguments: str) -> Any:
    done = run(stack, sys.executable, "-m", "cli", *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_preview_beyond_a_limit_stops_with_one_message_and_no_resource(stack: Stack, tmp_path: Path) -> None:
    source = stack.settings.root / "stacks" / "Pulumi.acme.prod.yaml"
    document = yaml.safe_load(source.read_text())
    document["config"]["kpi-observatory:monthlyBudgetUsd"] = "200"
    document["config"]["kpi-observatory:budgetEmails"] = [f"finops{number}@example.com" for number in range(11)]
    copy = tmp_path / source.name
    copy.write_text(yaml.safe_dump(document))
    command = ("pulumi", "preview", "-s", "acme.prod", "--config-file", str(copy), "--non-interactive", "--color", "never")
    done = run(stack, *command)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "budgets.subscribers: the budget of acme.prod takes 12 of 11 subscribers" in told
    assert "Traceback" not in told
    assert "to create" not in told


def test_the_deployed_stacks_are_counted_as_they_are(stack: Stack) -> None:
    found = {each["quota"]: each for each in kpi(stack, "limits", "--stack", "platform.local")["limits"]}
    paginator = stack.client("scheduler").get_paginator("list_schedules")
    prefix = stack.outputs["prefix"]
    names = [item["GroupName"] for page in paginator.paginate() for item in page["Schedules"] if item["GroupName"].startswith(f"{prefix}-")]
    assert found["scheduler.schedules"]["used"] == len(names)
    assert found["scheduler.groups"]["used"] == len(set(names))
    roles = [role for page in stack.client("iam").get_paginator("list_roles").paginate() for role in page["Roles"]]
    assert found["iam.roles"]["used"] == sum(role["RoleName"].startswith(f"{prefix}-") for role in roles)


def test_the_bill_counts_the_alarms_and_dashboards_that_are_deployed(stack: Stack) -> None:
    lines = kpi(stack, "cost", "--stack", "platform.local")["lines"]
    prefix = f"{stack.outputs['prefix']}-"
    boards = [each for page in stack.client("cloudwatch").get_paginator("list_dashboards").paginate() for each in page["DashboardEntries"]]
    counted = sum(line["quantity"] for line in lines if line["price"] == "cloudwatch.dashboard")
    assert counted == sum(each["DashboardName"].startswith(prefix) for each in boards)
