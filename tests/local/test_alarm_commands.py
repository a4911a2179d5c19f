"""`kpi test-alarms` and `kpi backtest` as a person types them, the latter on the runs of the demo."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from cli import backtest, test_alarms
from tests.local.conftest import Stack

pytestmark = pytest.mark.local


def call(command: Any, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_the_alarms_of_the_running_stacks_are_the_tested_ones(stack: Stack):
    done = call(test_alarms.command, "--json", "--coverage")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["ok"]) == (0, True)
    tested = {each["alarm"] for each in document["coverage"] if each["stack"] == "acme.prod"}
    both = ["MetricAlarm", "CompositeAlarm"]
    pages = stack.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="kpi-local-acme-prod-", AlarmTypes=both)
    running = {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"] + page["CompositeAlarms"]}
    assert {name.removeprefix("kpi-local-acme-prod-") for name in running} == tested


def test_a_backtest_reads_every_run_of_the_log_and_finds_the_demos_breaches(stack: Stack):
    done = call(backtest.command, "--json", "--by", "period", "--tenant", "skyway")
    assert done.exit_code == 0
    (skyway,) = json.loads(done.stdout)["present"]["stacks"]
    closed = [row for row in stack.log_rows("run", "skyway") if row["entry"] == "close" and row["environment"] == "prod"]
    assert 0 < skyway["runs"] <= len(closed)
    breached = any(row["sla_breached"] for row in closed)
    fired = next(alarm["fired"] for alarm in skyway["alarms"] if alarm["alarm"] == "sla-breaches")
    assert bool(fired) == breached


def test_what_if_shows_both_and_never_fails_unless_asked_to(stack: Stack):  # noqa: ARG001 - it must be running
    arguments = ("--by", "period", "--tenant", "skyway", "--set", "sla-breaches.threshold=1000", "--alarm", "sla-breaches")
    done = call(backtest.command, *arguments, "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 0
    assert sum(alarm["fired"] for alarm in document["changed"]["stacks"][0]["alarms"]) == 0
    failing = call(backtest.command, *arguments, "--fail-on-missed")
    assert failing.exit_code == (1 if document["present"]["missed"] else 0)
