"""`kpi limits` and `kpi cost` on the committed stacks and on ones made for a test."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli import cost, limits
from cli.errors import ExitCode, KpiError
from cli.plan import Planned
from kpis.generate import write_packs
from plans.assumptions import Assumptions
from plans.quotas import QUOTAS
from tests.unit.plans import build


def kpi(module: ModuleType, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(module.command)
    return CliRunner().invoke(app, list(arguments))


def document(module: ModuleType, *arguments: str) -> dict[str, Any]:
    result = kpi(module, *arguments, "--json")
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def test_the_committed_stacks_fit_into_aws() -> None:
    result = kpi(limits)
    assert result.exit_code == 0, result.output
    assert "0 over" in result.stdout


def test_every_limit_is_shown_or_named_as_not_measured() -> None:
    found = document(limits)
    assert sorted([each["quota"] for each in found["limits"]] + found["not_measured"]) == sorted(quota.key for quota in QUOTAS)
    shown = kpi(limits, "--all").stdout
    for key in found["not_measured"]:
        assert f"not measured: {key} " in shown


def test_headroom_names_the_limit_that_runs_out_first() -> None:
    shown = kpi(limits, "--headroom", "--stack", "platform.local").stdout
    first = document(limits, "--stack", "platform.local")["headroom"][0]
    assert first["more"] == "tenants"
    assert f"{first['fits']:,}" in shown
    assert first["until"] in shown


def test_what_is_over_is_told_and_the_exit_code_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many KPIs of one tenant at two in the morning that one partition cannot take their rows."""
    crowded = Planned(build.demo(), build.plan(kpis=build.loads(8000)), ())
    monkeypatch.setattr(limits, "read_plan", lambda *_: crowded)
    result = kpi(limits)
    assert result.exit_code == ExitCode.FAILED
    assert "AWS would slow this down: dynamodb.partition_writes: acme at 02:00 UTC" in result.stdout
    found = document(limits)
    assert (found["ok"], found["blocks"]) == (False, False)


def test_what_aws_has_granted_counts() -> None:
    found = document(limits, "--grant", "iam.roles=2000")
    assert {each["limit"] for each in found["limits"] if each["quota"] == "iam.roles"} == {2000}


@pytest.mark.parametrize(
    ("module", "arguments", "name"),
    [
        (limits, ("--grant", "iam.roles"), "--grant iam.roles"),
        (limits, ("--grant", "iam.rolls=9"), "--grant"),
        (limits, ("--stack", "acme.dev"), "--stack acme.dev"),
        (limits, ("--packs", "nowhere"), "nowhere"),
        (cost, ("--assume", "users"), "--assume users"),
        (cost, ("--assume", "userz=3"), "--assume"),
        (cost, ("--stack", "platform.nowhere"), "--stack platform.nowhere"),
    ],
)
def test_wrong_arguments_are_refused_by_name(module: ModuleType, arguments: tuple[str, ...], name: str) -> None:
    result = kpi(module, *arguments)
    assert isinstance(result.exception, KpiError)
    assert result.exception.name == name
    assert result.exception.code == ExitCode.USAGE


def test_the_bill_adds_up_over_services_stacks_and_lines() -> None:
    found = document(cost, "--stack", "platform.local")
    assert sum(found["services"].values()) == pytest.approx(found["total_usd"], abs=0.2)
    assert sum(found["stacks"].values()) == pytest.approx(found["total_usd"], abs=0.05)
    assert sum(line["usd"] for line in found["lines"]) == pytest.approx(found["total_usd"], abs=0.05)
    assert set(found["stacks"]) == {"platform.local", "acme.prod", "discco.prod", "skyway.prod"}


def test_the_naive_price_stands_beside_ours_and_tenants_have_their_shares() -> None:
    shown = kpi(cost, "--stack", "platform.local").stdout
    for words in ("one alarm and one series for each KPI instead", "acme.prod", "tier-0 KPIs", "list prices of"):
        assert words in shown


def test_an_assumption_changes_the_bill_and_all_are_listed_with_what_they_mean() -> None:
    usual, busy = (document(cost, "--stack", "acme.prod", *more)["total_usd"] for more in ((), ("--assume", "api_requests=1e9")))
    assert busy > usual + 900
    listed = document(cost, "--assumptions", "--assume", "users=25")
    assert set(listed) == set(Assumptions.model_fields)
    assert listed["users"] == {"value": "25", "what": "people who sign in"}


def test_a_stack_of_frankfurt_says_which_prices_are_virginias() -> None:
    assert "at prices of us-east-1" in kpi(cost, "--stack", "platform.prod").stdout
    assert "at prices of us-east-1" not in kpi(cost, "--stack", "platform.local").stdout


def test_a_change_since_a_revision_is_shown_by_service_and_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(build.ROOT)
    found = document(cost, "--stack", "platform.local", "--against", "HEAD")["change"]
    assert set(found) == {"total", "services", "stacks"}
    assert found["total"]["added_usd"] == pytest.approx(found["total"]["after_usd"] - found["total"]["before_usd"], abs=0.02)
    write_packs(tmp_path, 3)
    shown = kpi(cost, "--stack", "acme.prod", "--packs", str(tmp_path), "--against", "HEAD")
    assert not isinstance(shown.exception, TypeError)
