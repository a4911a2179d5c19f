"""The reconciler on the running stack: what the control plane says happens within seconds, and drift is found and mended."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from cli import drift
from kpis.bundle import bundle_bytes
from kpis.common import Environment
from kpis.schema import Kpi
from lambdas.adapters.audit_chain import AuditChains
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.dashboards import CloudWatchDashboards
from lambdas.adapters.index_objects import S3IndexObjects
from lambdas.adapters.mute_rules import CloudWatchMuteRules
from lambdas.adapters.scheduler import EventBridgeSchedules
from lambdas.adapters.system import SystemClock
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.catalog import Shelf
from lambdas.domain.control.desk import Desk
from lambdas.domain.control.pauses import Scope
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.control.states import Action
from lambdas.domain.reconcile_mutes import MuteRule, prefix_of
from lambdas.domain.search import Index, Query
from lambdas.domain.tenants.directory import TenantDirectory
from lambdas.domain.tenants.model import Overrides
from lambdas.domain.tenants.settings import SettingsDesk
from tests.local.conftest import Stack, wait_until
from tests.unit.lambdas.control.office import ADA, BEN, EVE, SOURCES, Office, Runs, kpi
from tests.unit.lambdas.test_reconcile import dictionary

pytestmark = pytest.mark.local
DAILY = {"frequency": "daily", "trigger": "time", "cron": "0 6 * * *", "timezone": "UTC"}
SECONDS = 30
"""How long a change may take from the commit to its effect; it takes two or three seconds on a machine that does nothing else."""


class RealOffice(Office):
    """The control plane over the stack's own tables, as the API has it."""

    def __init__(self, stack: Stack, tenant: str) -> None:
        super().__init__(tenant)
        tables = stack.outputs["tables"]
        real = DynamoControlStore(stack.client, tables["catalog"], tables["audit"])
        self.real = real
        self.plane = ControlPlane(real, SystemClock(), lambda: uuid4().hex, lambda _tenant, _where: Policy(), Runs())

    def _id(self) -> str:
        return uuid4().hex

    def shelf(self, env: str = "prod") -> Shelf:
        return Shelf(self.real, self.tenant, Environment(env))

    def row(self, key: str) -> Any:
        return self.real.row(self.tenant, key)


@dataclass
class Shop:
    """A tenant of the test's own in prod, with one KPI of high criticality, onboarded as its stack would do it."""

    stack: Stack
    tenant: str
    office: RealOffice
    bundles: list[dict[str, str]]

    @property
    def group(self) -> str:
        return f"{self.stack.outputs['prefix']}-{self.tenant}-prod"

    def kpi(self, version: str = "1.0.0", **changes: Any) -> Kpi:
        return kpi(version, **{"tenants": [self.tenant], "criticality": "high", "schedule": DAILY, **changes})

    def ask(self, action: dict[str, Any]) -> dict[str, Any]:
        asked = json.dumps({"tenant_id": self.tenant, "environment": "prod"} | action)
        answer = self.stack.client("lambda").invoke(FunctionName=self.stack.outputs["reconcilerFunction"], Payload=asked)
        told: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, told
        return told

    def bundle(self, kpis: Sequence[Kpi]) -> dict[str, str]:
        content = bundle_bytes(dictionary(*kpis))
        digest = hashlib.sha256(content).hexdigest()
        place = {"bucket": self.stack.outputs["artifactsBucket"], "key": f"dictionary/{digest}.jsonl.gz"}
        self.stack.client("s3").put_object(Bucket=place["bucket"], Key=place["key"], Body=content)
        self.bundles.append(place)
        return place | {"sha256": digest}

    def deployed(self, *kpis: Kpi) -> dict[str, Any]:
        """What a deployment of the tenant's stack with these packs does."""
        settings = {"timezone": "UTC", "warehouse_secret": "none", "schedule_group": self.group}
        return self.ask({"action": "onboard", "settings": settings, "bundle": self.bundle(kpis)})

    def schedules(self) -> dict[str, dict[str, Any]]:
        return EventBridgeSchedules(self.stack.client).all(self.group)

    def cron(self) -> str | None:
        found = self.schedules().get("SKY-AD-01")
        return found["ScheduleExpression"] if found else None

    def mutes(self) -> dict[str, MuteRule]:
        return CloudWatchMuteRules(self.stack.client).all(prefix_of(self.group))

    def boards(self) -> dict[str, str | None]:
        known = CloudWatchDashboards(self.stack.client)
        return {name: known.body(name) for name in known.names(f"{self.group}-kpi-")}

    def wants_dashboards(self, *kpi_ids: str) -> None:
        """What `PUT /tenant/settings` does."""
        plane, office = self.office.plane, self.office
        desk = Desk(plane.store, plane.clock, plane.new_id, plane.policy, plane.record, plane.judge)
        directory = TenantDirectory(office.real, time.monotonic)
        SettingsDesk(desk, directory).change(office.call(ADA), Overrides(dashboards=kpi_ids))

    def found(self, text: str) -> set[str]:
        stored = S3IndexObjects(self.stack.client, self.stack.outputs["artifactsBucket"]).read(self.tenant)
        index = Index.open(stored.data) if stored else None
        return {f"{hit.kpi_id} {hit.version}" for hit in index.search(self.tenant, Query(text)).hits} if index else set()

    def chain(self) -> tuple[AuditEvent, ...]:
        tables = self.stack.outputs["tables"]
        return AuditChains(self.stack.client, tables["catalog"], tables["audit"]).read(self.tenant)

    def plan(self) -> drift.Drift:
        return drift.plan(self.stack.settings, self.tenant, "prod")


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    tenant = f"rec-{uuid4().hex[:8]}"
    made = Shop(stack, tenant, RealOffice(stack, tenant), [])
    alarm = f"{made.group}-kpi-sky-ad-01"
    scheduler, cloudwatch = stack.client("scheduler"), stack.client("cloudwatch")
    scheduler.create_schedule_group(Name=made.group)
    cloudwatch.put_metric_alarm(
        AlarmName=alarm, Namespace="Test", MetricName="Verdict", Statistic="Maximum", Period=60, EvaluationPeriods=1, Threshold=1e9,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    try:
        yield made
    finally:
        made.ask({"action": "offboard"})
        cloudwatch.delete_alarms(AlarmNames=[alarm])
        scheduler.delete_schedule_group(Name=made.group)
        for place in made.bundles:
            stack.client("s3").delete_object(Bucket=place["bucket"], Key=place["key"])


def test_1_onboarding_schedules_what_the_packs_have_and_says_so_in_the_chain(shop: Shop) -> None:
    report = shop.deployed(shop.kpi())
    assert report["catalog"]["created"] == ["SKY-AD-01 1.0.0"]
    assert shop.cron() == "cron(0 6 * * ? *)"
    assert [each.action for each in shop.chain()] == ["tenant.onboard", "catalog.import"]


def test_2_deploying_it_again_changes_nothing_and_there_is_no_drift(shop: Shop) -> None:
    shop.deployed(shop.kpi())
    assert len(shop.chain()) == 2
    wait_until(lambda: bool(shop.found("arrival")), seconds=SECONDS, what="the KPI in the search index")
    assert shop.plan().findings == []


def test_3_a_new_schedule_that_is_published_arrives_in_the_scheduler_within_seconds(shop: Shop) -> None:
    office, call = shop.office, shop.office.call(ADA)
    schedule = DAILY | {"cron": "30 7 * * *"}
    asked = office.plane.definitions.amend(call, "SKY-AD-01", "1.0.0", {"schedule": schedule})
    number = str(asked.details["version"])
    submitted = office.plane.approvals.submit(office.call(ADA), "SKY-AD-01", number)
    office.sign(submitted, by=(BEN, EVE))
    assert shop.cron() == "cron(0 6 * * ? *)", "a draft changes nothing"
    office.plane.publishing.publish(office.call(ADA), "SKY-AD-01", number)
    wait_until(lambda: shop.cron() == "cron(30 7 * * ? *)", seconds=SECONDS, what="the new schedule")
    wait_until(lambda: f"SKY-AD-01 {number}" in shop.found("arrival"), seconds=SECONDS, what="the new version in the search index")


def test_4_a_schedule_that_was_deleted_by_hand_is_found_told_and_repaired(shop: Shop) -> None:
    before = shop.schedules()
    for _ in range(5):
        shop.stack.client("scheduler").delete_schedule(GroupName=shop.group, Name="SKY-AD-01")
        told = shop.plan()
        if told.found:
            break
        # A record of the stream that was still on its way, or the scheduled pass, was faster than the plan.
        assert set(shop.schedules()) == {"SKY-AD-01"}, "what is not told as drift was mended"
    assert [(each["part"], each["name"], each["difference"], each["grade"]) for each in told.findings] == [
        ("schedule", "SKY-AD-01", "missing", "critical")
    ]
    report = shop.ask({"action": "reconcile"})["tenants"][f"{shop.tenant}.prod"]
    # The scheduled pass of the stack may have come first.
    assert report["mended"]["schedules"] in (["SKY-AD-01"], [])
    volatile = ("ResponseMetadata", "CreationDate", "LastModificationDate")
    after = shop.schedules()["SKY-AD-01"]
    assert all(after[name] == value for name, value in before["SKY-AD-01"].items() if name not in volatile)
    assert shop.plan().findings == []


def test_5_a_schedule_that_was_changed_by_hand_is_what_the_catalog_says_again(shop: Shop) -> None:
    found = shop.schedules()["SKY-AD-01"]
    target = {key: found["Target"][key] for key in ("Arn", "RoleArn", "Input")}
    shop.stack.client("scheduler").update_schedule(
        GroupName=shop.group, Name="SKY-AD-01", ScheduleExpression="rate(1 days)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    shop.ask({"action": "reconcile"})
    assert shop.cron() == "cron(30 7 * * ? *)"


def test_6_a_pause_mutes_the_alarm_of_the_kpi_for_its_duration_and_a_resumption_unmutes_it(shop: Shop) -> None:
    office, scope = shop.office, Scope(kpi_id="SKY-AD-01")
    until = datetime.now(UTC) + timedelta(hours=2)
    office.plane.pausing.pause(office.call(ADA), scope, until=until)
    wait_until(lambda: bool(shop.mutes()), seconds=SECONDS, what="the mute rule")
    (rule,) = shop.mutes().values()
    assert (rule.alarms, rule.expires) == ((f"{shop.group}-kpi-sky-ad-01",), until.replace(microsecond=0))
    status = shop.stack.client("cloudwatch").get_alarm_mute_rule(AlarmMuteRuleName=rule.name)["Status"]
    assert status == "ACTIVE"
    assert shop.plan().findings == []
    office.plane.pausing.resume(office.call(ADA), scope)
    wait_until(lambda: not shop.mutes(), seconds=SECONDS, what="the end of the mute rule")


def test_7_a_changed_pack_waits_for_a_sign_off_in_production(shop: Shop) -> None:
    running = shop.office.running()
    report = shop.deployed(shop.kpi("2.0.0", purpose="Mean delay of arrivals."))
    assert report["catalog"]["requested"] == ["SKY-AD-01 2.0.0"]
    assert shop.office.running() == running
    assert [each.action for each in shop.chain()[-2:]] == ["kpi.create", "kpi.submit"]
    shop.office.plane.approvals.withdraw(shop.office.call(ADA), shop.chain()[-1].request_id or "")


def test_8_a_dashboard_that_the_settings_ask_for_is_made_within_seconds_and_put_back_when_it_was_changed(shop: Shop) -> None:
    shop.wants_dashboards("SKY-AD-01")
    wait_until(lambda: bool(shop.boards()), seconds=SECONDS, what="the dashboard")
    ((name, body),) = shop.boards().items()
    assert name == f"{shop.group}-kpi-sky-ad-01"
    assert (f'"tenant_id":"{shop.tenant}"' in body, "kpi-variable" in body, ".invalid" in body) == (True, False, False)
    assert shop.plan().findings == []
    shop.stack.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
    shop.ask({"action": "reconcile"})
    assert shop.boards() == {name: body}
    shop.stack.client("cloudwatch").delete_dashboards(DashboardNames=[name])
    shop.ask({"action": "reconcile"})
    assert shop.boards() == {name: body}


def test_9_what_was_unpublished_loses_its_schedule_and_its_dashboard(shop: Shop) -> None:
    office = shop.office
    asked = office.plane.approvals.submit(office.call(ADA), "SKY-AD-01", office.running() or "", Action.UNPUBLISH)
    office.sign(asked, by=(BEN, EVE))
    office.plane.removal.unpublish(office.call(ADA), "SKY-AD-01", office.running() or "")
    wait_until(lambda: not shop.schedules(), seconds=SECONDS, what="the end of the schedule")
    wait_until(lambda: not shop.boards(), seconds=SECONDS, what="the end of the dashboard")
    assert shop.plan().findings == []


def test_10_offboarding_leaves_nothing_that_fires_and_every_event_in_one_chain(shop: Shop) -> None:
    office = shop.office
    office.plane.definitions.create(office.call(ADA), shop.kpi(id="SKY-AD-02"), SOURCES)
    office.live(shop.kpi(id="SKY-AD-04"))
    shop.wants_dashboards("SKY-AD-04")
    wait_until(lambda: bool(shop.boards()), seconds=SECONDS, what="a dashboard")
    shop.ask({"action": "offboard"})
    assert (shop.schedules(), shop.mutes(), shop.boards()) == ({}, {}, {})
    assert shop.chain()[-1].action == "tenant.offboard"
    shop.ask({"action": "offboard"})
    assert shop.chain()[-1].action == "tenant.offboard"
