"""A plan at a quota passes; one more is found by the quota's name."""

from __future__ import annotations

import math as maths
from collections.abc import Callable
from dataclasses import replace

import pytest

from alerts.specs import Topic
from kpis.common import Lane
from plans.limits import Level, Report, check, message
from plans.measure_account import FOOTPRINT
from plans.model import Measure, NetworkPlan, Plan, Rendering, StackKind
from plans.quota import Effect
from plans.quotas import QUOTAS, by_key
from tests.unit.plans import build
from tests.unit.plans.build import PLATFORM, TENANT

TABLE = by_key()


def rule(elements: int) -> str:
    """An alarm rule of an odd number of elements: alarms and the words between them."""
    return " OR ".join(['ALARM("a OR b")'] * ((elements + 1) // 2)) if elements % 2 else f"NOT {rule(elements - 1)}"


def boards(*widgets: dict[str, object]) -> Plan:
    return build.plan(own=build.rendering(boards=(build.board(*widgets),)))


def alarms(**changes: object) -> Plan:
    return build.plan(own=build.rendering(build.alarm(**changes)))


def composites(**changes: object) -> Plan:
    return build.plan(own=build.rendering(composites=(build.composite(**changes),)))


def parents(count: int) -> Plan:
    return build.plan(own=build.rendering(composites=tuple(build.composite(name=f"c{number}") for number in range(count))))


def actions(count: int) -> Plan:
    """A high alarm of a tenant tells the tenant's two topics as well."""
    return alarms(topics=(Topic.OPS, Topic.CFO_OFFICE, Topic.DATA_QUALITY, Topic.PLATFORM_ENGINEERING)[: count - 2])


PLATFORM_ROLES = FOOTPRINT[StackKind.PLATFORM]["iam.roles"]


def roles(count: int) -> Plan:
    """A tenant has one role."""
    return build.plan(*build.tenants(count - PLATFORM_ROLES))


def busiest(per_second: int, **changes: object) -> Plan:
    """That many KPIs a second, all in the same minute, and half a minute's worth in others."""
    others = tuple(build.load(id=f"SH-XX-{number:05d}", **{"cron": "30 4 * * *", **changes}) for number in range(3))
    return build.plan(kpis=(*build.loads(per_second * 60, **changes), *others))


GROWN: dict[str, Callable[[int], Plan]] = {
    "cloudwatch.dashboard.widgets": lambda n: boards(*[build.widget(0)] * n),
    "cloudwatch.dashboard.metrics_per_widget": lambda n: boards(build.widget(n)),
    "cloudwatch.dashboard.metrics": lambda n: boards(*[build.widget(n // 10)] * 10, build.widget(n % 10)),
    "cloudwatch.dashboard.variables": lambda n: build.plan(own=build.rendering(boards=(build.board(variables=n),))),
    "cloudwatch.dashboard.name": lambda n: build.plan(own=build.rendering(boards=(build.board(name="d" * n),))),
    "cloudwatch.alarm.name": lambda n: alarms(name="a" * n),
    "cloudwatch.alarm.description": lambda n: alarms(description="a" * n),
    "cloudwatch.alarm.actions": actions,
    "cloudwatch.alarm.math_metrics": lambda n: alarms(series=None, queries=build.math(n)),
    "cloudwatch.alarm.expression": lambda n: alarms(series=None, queries=build.math(1, "m" * n)),
    "cloudwatch.alarm.window": lambda n: alarms(series=build.series(period=1), periods=n),
    "cloudwatch.alarm.long_window": lambda n: alarms(series=build.series(period=3600), periods=maths.ceil(n / 3600)),
    "cloudwatch.alarm.tags": lambda n: alarms(tags={f"tag{number}": "x" for number in range(n - len(TENANT.tags))}),
    "cloudwatch.composite.children": lambda n: composites(children=tuple(f"alarm-{number}" for number in range(n))),
    "cloudwatch.composite.elements": lambda n: composites(rule=rule(n)),
    "cloudwatch.composite.rule": lambda n: composites(rule=f'ALARM("{"a" * (n - 9)}")'),
    "cloudwatch.composite.parents": parents,
    "cloudwatch.insights.window": lambda n: alarms(
        series=None, queries=(build.MetricQuery("q", "q", build.series(period=60)), *build.math(0, "SELECT x")), periods=maths.ceil(n / 60)
    ),
    "cloudwatch.insights.series": lambda n: build.plan(
        *build.tenants(n - 1), own=build.rendering(build.alarm(queries=build.math(0, "SELECT")))
    ),
    "cloudwatch.insights.alarms": lambda n: build.plan(own=build.rendering(*[build.alarm(queries=build.math(0, "SELECT"))] * n)),
    "cloudwatch.mute.alarms": lambda n: build.plan(own=Rendering((), build.AlarmSet((), ()), {"nightly": ["a"] * n})),
    "cloudwatch.metric.dimensions": lambda n: alarms(series=build.series(dimensions={f"d{number}": "x" for number in range(n)})),
    "scheduler.groups": lambda n: build.plan(*build.tenants(n)),
    "scheduler.name": lambda n: build.plan(kpis=(build.load(id="K" * n),)),
    "scheduler.invocations": busiest,
    "states.start_rate": busiest,
    "ecs.run_task_rate": lambda n: busiest(n, lane=Lane.HEAVY),
    "states.history": lambda n: build.plan(kpis=(build.load(retries=maths.ceil(n / 20) - 1),)),
    "dynamodb.item": lambda n: build.plan(kpis=(build.load(definition_bytes=n - 500 - 10 - 900),)),
    "firehose.partitions": lambda n: build.plan(*build.tenants(n)),
    "iam.roles": roles,
    "iam.role_name": lambda n: build.plan(replace(PLATFORM, deployment="d" * (n - len("kpi--run-heavy-start")))),
    "vpc.interface_endpoints": lambda n: build.plan(
        replace(PLATFORM, network=NetworkPlan(tuple(f"service-{place}" for place in range(n))))
    ),
    "budgets.subscribers": lambda n: build.plan(replace(TENANT, budget_subscribers=n)),
    "tags.count": lambda n: build.plan(replace(TENANT, tags={f"tag{number}": "x" for number in range(n)})),
    "tags.value": lambda n: build.plan(replace(TENANT, tags={"tag": "x" * n})),
    "tags.key": lambda n: build.plan(replace(TENANT, tags={"k" * n: "x"})),
    "logs.query.groups": lambda n: boards({"type": "log", "properties": {"query": "SOURCE 'x' " * n}}),
    "logs.query.text": lambda n: boards({"type": "log", "properties": {"query": "q" * n}}),
}
STEPS = {"cloudwatch.alarm.long_window": 3600, "cloudwatch.insights.window": 60, "states.history": 20}
"""By how much the plan grows at least, where it cannot grow by one."""


def over(report: Report) -> set[str]:
    return {finding.quota.key for finding in report.over}


@pytest.mark.parametrize("key", GROWN)
def test_a_plan_that_takes_all_of_a_quota_passes(key: str) -> None:
    report = check(GROWN[key](TABLE[key].value))
    (finding,) = [each for each in report.worst() if each.quota.key == key]
    assert finding.used == pytest.approx(TABLE[key].value, abs=STEPS.get(key, 1) - 1), "the test builds what it says"
    assert key not in over(report)
    assert finding.level is Level.NEAR


@pytest.mark.parametrize("key", GROWN)
def test_one_more_than_a_quota_is_found_by_its_name(key: str) -> None:
    report = check(GROWN[key](TABLE[key].value + STEPS.get(key, 1)))
    assert key in over(report)


def whole() -> Plan:
    """A plan that touches what can be touched."""
    own = build.rendering(
        build.alarm(queries=build.math(2)), build.alarm(name="b"), composites=(build.composite(),), boards=(build.board(build.widget()),)
    )
    platform = replace(PLATFORM, network=NetworkPlan(("kms",)), budget_subscribers=1)
    kpis = (build.load(), build.load(id="SH-RV-02", lane=Lane.HEAVY))
    return replace(build.plan(platform, TENANT, kpis=kpis, own=own), measures=(Measure("states.definition", "machine", 100),))


@pytest.mark.parametrize("key", sorted({finding.quota.key for finding in check(whole()).findings if finding.used > 1}))
def test_a_quota_just_below_what_a_plan_takes_is_over_and_blocks_where_aws_refuses(key: str) -> None:
    used = max(finding.used for finding in check(whole()).findings if finding.quota.key == key)
    value = maths.ceil(used) - 1
    report = check(whole(), tuple(replace(quota, value=value) if quota.key == key else quota for quota in QUOTAS))
    assert over(report) == {key}
    assert {finding.quota.key for finding in report.blocking} == ({key} if TABLE[key].effect is Effect.REFUSES else set())


def test_near_begins_at_eighty_percent() -> None:
    def level(children: int) -> Level:
        names = tuple(f"alarm-{number}" for number in range(children))
        return next(each.level for each in check(composites(children=names)).worst() if each.quota.key == "cloudwatch.composite.children")

    assert [level(79), level(80), level(100), level(101)] == [Level.OK, Level.NEAR, Level.NEAR, Level.OVER]


def test_an_excess_says_which_thing_how_much_where_it_is_written_and_what_to_do() -> None:
    report = check(boards(*[build.widget(0)] * 501))
    text = message(report.blocking)
    assert "cloudwatch.dashboard.widgets: dashboard kpi-test-overview takes 501 of 500 widgets" in text
    assert TABLE["cloudwatch.dashboard.widgets"].source in text
    assert TABLE["cloudwatch.dashboard.widgets"].remedy in text


def test_everything_that_is_over_is_named_and_nothing_hides_behind_a_smaller_one() -> None:
    long, short, fine = ({"type": "log", "properties": {"query": "q" * size}} for size in (10_001, 9_000, 10))
    both = build.rendering(boards=(build.board(long, short, fine), build.board(long, name="second"), build.board(fine, name="third")))
    found = {each.subject for each in check(build.plan(own=both)).over}
    assert found == {"dashboard kpi-test-overview", "dashboard second"}


def test_quotas_over_a_region_are_counted_for_each_region_and_roles_over_the_account() -> None:
    abroad = [replace(stack, name=f"x{stack.name}", region="eu-central-1") for stack in build.tenants(300)]
    report = check(build.plan(*build.tenants(300), *abroad))
    groups = sorted((each.place, each.used) for each in report.findings if each.quota.key == "scheduler.groups")
    assert groups == [(f"{build.ACCOUNT} eu-central-1", 300), (f"{build.ACCOUNT} us-east-1", 300)]
    (everywhere,) = [each for each in report.findings if each.quota.key == "iam.roles"]
    assert (everywhere.place, everywhere.used) == (build.ACCOUNT, 2 * (PLATFORM_ROLES + 300))


def test_tenants_of_another_account_do_not_count() -> None:
    other = replace(TENANT, name="other.prod", tenant="other", account_id="999999999999")
    report = check(build.plan(PLATFORM, TENANT, other))
    assert {each.used for each in report.findings if each.quota.key == "scheduler.groups"} == {1}


def test_the_busiest_minute_is_in_utc_whatever_the_time_zone_of_the_schedule() -> None:
    kpis = (build.load(cron="0 2 * * *"), build.load(id="SH-RV-02", cron="0 3 * * *", timezone="Europe/Berlin"))
    (finding,) = [each for each in check(build.plan(kpis=kpis)).worst() if each.quota.key == "states.start_rate"]
    assert finding.subject == "2 runs in the busiest minute, 02:00 UTC on 1 January"


def test_drafts_event_driven_and_foreign_kpis_have_no_schedule() -> None:
    kpis = (
        build.load(),
        build.load(id="SH-RV-02", runnable=False),
        build.load(id="SH-RV-03", tenants=("skyway",)),
        build.load(id="SH-RV-04", environments=("dev",)),
        build.load(id="SH-RV-05", cron=None, trigger=build.Trigger.EVENT),
        build.load(id="SH-RV-06", trigger=build.Trigger.BOTH),
    )
    (finding,) = [each for each in check(build.plan(kpis=kpis)).findings if each.quota.key == "scheduler.schedules"]
    assert finding.used == 2


@pytest.mark.parametrize("count", [1, 3, 40])
def test_headroom_is_exactly_how_many_more_tenants_fit(count: int) -> None:
    rooms = {room.finding.quota.key: room.fits for room in check(build.plan(*build.tenants(count))).headroom() if room.what == "tenants"}
    fits = rooms["scheduler.groups"]
    assert "scheduler.groups" not in over(check(build.plan(*build.tenants(count + fits))))
    assert "scheduler.groups" in over(check(build.plan(*build.tenants(count + fits + 1))))


def test_headroom_is_exactly_how_many_more_kpis_fit_into_the_busiest_minute() -> None:
    rooms = {room.finding.quota.key: room.fits for room in check(build.plan(kpis=build.loads(7, lane=Lane.HEAVY))).headroom()}
    fits = rooms["ecs.run_task_rate"]
    assert "ecs.run_task_rate" not in over(check(build.plan(kpis=build.loads(7 + fits, lane=Lane.HEAVY))))
    assert "ecs.run_task_rate" in over(check(build.plan(kpis=build.loads(8 + fits, lane=Lane.HEAVY))))


def test_what_runs_out_first_comes_first() -> None:
    for what in ("tenants", "KPIs"):
        fits = [room.fits for room in check(whole()).headroom() if room.what == what]
        assert fits == sorted(fits)
        assert fits


def test_putting_alarms_takes_a_third_of_a_second_each() -> None:
    report = check(build.plan(own=build.rendering(*[build.alarm(name=f"a{number}") for number in range(30)])))
    assert ("30 alarms at 3 PutMetricAlarm a second", 10) in report.waits


def test_equal_plans_give_equal_reports_whatever_the_order() -> None:
    kpis = build.loads(20)
    assert check(build.plan(kpis=kpis)) == check(build.plan(kpis=kpis[::-1]))
