"""Alarms, who suppresses them and when they are mute, as the stacks declare them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.read_config import ConfigError
from tests.infra.harness import PLATFORM, TENANT, Recording, declare, with_kpis
from tests.infra.test_local_provider_accepts_the_program import problems

METRIC, COMPOSITE, MUTE = (
    f"aws:cloudwatch/{kind}" for kind in ("metricAlarm:MetricAlarm", "compositeAlarm:CompositeAlarm", "alarmMuteRule:AlarmMuteRule")
)
PLATFORM_BUDGET, TENANT_BUDGET = 250, 40
SUNDAYS = {"name": "patching", "reason": "Patching", "schedule": "cron(0 2 * * SUN)", "duration": "PT4H", "timezone": "Europe/Berlin"}


def windows(key: str, *every: dict[str, Any]) -> dict[str, str]:
    return {f"kpi-observatory:{key}": json.dumps(every)}


def named(count: int) -> list[dict[str, Any]]:
    return [SUNDAYS | {"name": f"window-{number}"} for number in range(count)]


def test_a_change_window_is_declared_as_a_mute_rule_over_alarms_that_are_declared(checkout: Path) -> None:
    platform = declare("platform.local", PLATFORM | windows("changeWindows", SUNDAYS | {"scope": "all"}), checkout)
    (rule,) = platform.of(MUTE)
    assert rule.inputs["name"] == "kpi-local-mute-patching"
    assert rule.inputs["rule"] == {"schedule": {"expression": "cron(0 2 * * SUN)", "duration": "PT4H", "timezone": "Europe/Berlin"}}
    alarms = {each.inputs["name"] for each in platform.of(METRIC)} | {each.inputs["alarmName"] for each in platform.of(COMPOSITE)}
    assert set(rule.inputs["muteTargets"]["alarmNames"]) == alarms - {"kpi-local-log-tamper"}
    assert problems(platform) == []


def test_a_tenants_maintenance_window_mutes_its_own_alarms_only(checkout: Path) -> None:
    tenant = declare("acme.prod", TENANT | windows("maintenanceWindows", SUNDAYS), checkout)
    (rule,) = tenant.of(MUTE)
    assert all(name.startswith("kpi-local-acme-prod-") for name in rule.inputs["muteTargets"]["alarmNames"])
    assert problems(tenant) == []


def test_without_windows_there_is_no_rule(platform: Recording, tenant: Recording) -> None:
    assert not [each for recording in (platform, tenant) for each in recording.custom if each.type == MUTE]


def test_a_platform_with_the_most_windows_stays_within_its_budget_of_resources(checkout: Path) -> None:
    platform = declare("platform.local", PLATFORM | windows("changeWindows", *named(5)), checkout)
    assert len(platform.of(MUTE)) == 5
    assert len(platform.resources) < PLATFORM_BUDGET


def extras(count: int, routes: int, *, dashboards: bool = False) -> dict[str, str]:
    """A tenant that opts into so many windows and routes, and into its own dashboards."""
    told = [{"severity": "low", "protocol": "email", "endpoint": f"person{n}@example.com"} for n in range(routes)]
    options = {"kpi-observatory:monthlyBudgetUsd": "200", "kpi-observatory:everyDashboard": str(dashboards).lower()}
    return TENANT | options | windows("maintenanceWindows", *named(count)) | windows("alertRoutes", *told)


@pytest.mark.parametrize(("count", "routes", "dashboards"), [(5, 3, False), (0, 8, False), (2, 2, True), (4, 0, True)])
def test_a_tenant_that_opts_into_the_most_stays_within_its_budget(count: int, routes: int, dashboards: bool, tmp_path: Path) -> None:
    declared = declare("acme.prod", extras(count, routes, dashboards=dashboards), with_kpis(tmp_path, 30, tier=0))
    assert len(declared.resources) < TENANT_BUDGET


@pytest.mark.parametrize(("count", "routes", "dashboards"), [(5, 4, False), (1, 8, False), (2, 3, True), (0, 5, True)])
def test_a_tenant_that_opts_into_too_much_is_told_how_much_there_is(count: int, routes: int, dashboards: bool, checkout: Path) -> None:
    with pytest.raises(ConfigError, match=r"kpi-observatory:maintenanceWindows: .* windows and alertRoutes are at most 8 together, 4 with"):
        declare("acme.prod", extras(count, routes, dashboards=dashboards), checkout)


def test_a_tenants_escalation_is_suppressed_by_the_platforms_page(platform: Recording, tenant: Recording) -> None:
    pages = [each.inputs["alarmName"] for each in platform.of(COMPOSITE)]
    suppressors = {each.inputs["alarmName"]: each.inputs.get("actionsSuppressor") for each in tenant.of(COMPOSITE)}
    assert suppressors.pop("kpi-local-acme-prod-escalation") == {"alarm": "kpi-local-page", "waitPeriod": 120, "extensionPeriod": 180}
    assert set(suppressors.values()) == {None}
    assert "kpi-local-page" in pages


def watched(platform: Recording, alarm: str, dimension: str) -> set[str]:
    """The values of a dimension over which an alarm does its math."""
    (found,) = [each for each in platform.of(METRIC) if each.inputs["name"] == f"kpi-local-{alarm}"]
    return {query["metric"]["dimensions"][dimension] for query in found.inputs["metricQueries"] if "metric" in query}


def test_every_function_is_watched_for_errors_and_throttles(platform: Recording) -> None:
    functions = {each.inputs["name"] for each in platform.of("aws:lambda/function:Function")}
    assert watched(platform, "function-errors", "FunctionName") == functions
    assert watched(platform, "function-throttles", "FunctionName") == functions


def test_every_dead_letter_queue_is_watched(platform: Recording) -> None:
    queues = {each.inputs["name"] for each in platform.of("aws:sqs/queue:Queue") if each.inputs["name"].endswith("-dlq")}
    assert len(queues) == 4
    assert watched(platform, "dead-letters", "QueueName") == queues


def test_every_stream_into_the_archive_is_watched(platform: Recording) -> None:
    streams = {each.inputs["name"] for each in platform.of("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream")}
    assert watched(platform, "archive-freshness", "DeliveryStreamName") == streams


def test_no_alarm_has_more_than_five_actions(platform: Recording, tenant: Recording) -> None:
    for each in (*platform.of(METRIC), *platform.of(COMPOSITE), *tenant.of(METRIC), *tenant.of(COMPOSITE)):
        assert 1 <= len(each.inputs["alarmActions"]) <= 5, each.name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schedule": "cron(*/5 * * * *)"}, "expected cron(minutes hours day-of-month month day-of-week)"),
        ({"duration": "4h"}, "expected an ISO 8601 duration from PT1M to P15D"),
        ({"timezone": "Mars/Olympus"}, "expected an IANA time zone"),
        ({"scope": "some"}, "expected routine (all but critical alarms) or all"),
        ({"name": "Weekly Patching"}, "expected 2 to 40 lower-case letters, digits and hyphens"),
        ({"expires": "tomorrow"}, "expected the minute until which it recurs, in UTC, such as 2026-12-31T23:59:00Z"),
        ({"scopes": "all"}, "unknown key; did you mean 'scope'?"),
    ],
)
def test_a_window_that_is_none_is_told_by_its_key(checkout: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        declare("acme.prod", TENANT | windows("maintenanceWindows", SUNDAYS | changes), checkout)
    assert f"maintenanceWindows.0.{next(iter(changes))}: " in str(refused.value)
    assert told in str(refused.value)


def test_a_window_over_an_alarm_that_is_not_there_stops_the_program_before_the_first_resource(checkout: Path) -> None:
    with pytest.raises(pulumi.RunError, match="window 'patching': there is no alarm 'nothing'"):
        declare("acme.prod", TENANT | windows("maintenanceWindows", SUNDAYS | {"alarms": ["nothing"]}), checkout)
