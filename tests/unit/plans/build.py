"""Small plans, to be grown in one place by a test."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from alerts.specs import AlarmSet, Comparison, CompositeAlarm, MetricAlarm, MetricQuery, MetricStat, MissingData, Severity, Topic
from dashboards.model import Dashboard
from kpis.checks import check_packs
from kpis.common import Lane, Level
from kpis.schema import Dictionary, Trigger
from plans.model import KpiLoad, NetworkPlan, Plan, Rendering, ResultStore, StackKind, StackPlan

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT = "123456789012"
PLATFORM = StackPlan("platform.test", StackKind.PLATFORM, "test", ACCOUNT, "us-east-1", tags={"project": "kpi-observatory"})
TENANT = replace(PLATFORM, name="acme.prod", kind=StackKind.TENANT, tenant="acme", environment="prod")
AURORA = replace(PLATFORM, result_store=ResultStore.AURORA, network=NetworkPlan(("secretsmanager", "kms")))


@cache
def demo() -> Dictionary:
    """The dictionary of the demo tenants."""
    return check_packs(ROOT / "kpis" / "packs", root=ROOT).dictionary


def load(**changes: Any) -> KpiLoad:
    """A light daily KPI of acme."""
    plain = KpiLoad(
        id="SH-RV-01",
        name_bytes=10,
        tenants=("acme",),
        environments=("prod",),
        runnable=True,
        tier=2,
        criticality=Level.LOW,
        lane=Lane.LIGHT,
        trigger=Trigger.TIME,
        cron="0 2 * * *",
        timezone="UTC",
        event=None,
        upstream=(),
        sources=1,
        pre_rules=1,
        post_rules=1,
        retries=2,
        definition_bytes=2000,
        sources_bytes=500,
    )
    return replace(plain, **changes)


def loads(count: int, **changes: Any) -> tuple[KpiLoad, ...]:
    return tuple(load(id=f"SH-RV-{number:05d}", **changes) for number in range(count))


def series(**changes: Any) -> MetricStat:
    plain = MetricStat("KpiObservatory", "SlaBreaches", {"tenant_id": "acme", "environment": "prod"}, "Sum", 300)
    return replace(plain, **changes)


def alarm(**changes: Any) -> MetricAlarm:
    plain = MetricAlarm(
        key="sla-breaches",
        name="kpi-test-acme-prod-sla-breaches",
        description="KPIs breached their SLA.",
        severity=Severity.HIGH,
        owner="ops",
        dedupe_key="kpi-test/sla-breaches",
        runbook="docs/runbooks/sla-breaches.md",
        topics=(Topic.OPS,),
        series=series(),
        queries=(),
        comparison=Comparison.ABOVE,
        threshold=0,
        periods=1,
        datapoints=1,
        missing_data=MissingData.NOT_BREACHING,
        minimum_samples=1,
        tags={},
    )
    return replace(plain, **changes)


def math(metrics: int, expression: str = "m0") -> tuple[MetricQuery, ...]:
    """Metric math over some series."""
    own = tuple(MetricQuery(f"m{number}", "m", series()) for number in range(metrics))
    return (*own, MetricQuery("total", "total", expression=expression, returns=True))


def composite(**changes: Any) -> CompositeAlarm:
    plain = CompositeAlarm(
        key="kpi-health",
        name="kpi-test-acme-prod-kpi-health",
        description="The KPIs are not healthy.",
        severity=Severity.HIGH,
        owner="ops",
        dedupe_key="kpi-test/kpi-health",
        runbook="docs/runbooks/kpi-health.md",
        topics=(Topic.OPS,),
        rule='ALARM("kpi-test-acme-prod-sla-breaches")',
        children=("kpi-test-acme-prod-sla-breaches",),
        tags={},
    )
    return replace(plain, **changes)


def widget(metrics: int = 1) -> dict[str, Any]:
    return {"type": "metric", "properties": {"metrics": [["KpiObservatory", f"M{number}"] for number in range(metrics)]}}


def board(*widgets: dict[str, Any], name: str = "kpi-test-overview", variables: int = 0) -> Dashboard:
    body = {"widgets": list(widgets), "variables": [{"id": f"v{number}"} for number in range(variables)]}
    return Dashboard("overview", name, json.dumps(body))


def rendering(*alarms: MetricAlarm, composites: tuple[CompositeAlarm, ...] = (), boards: tuple[Dashboard, ...] = ()) -> Rendering:
    return Rendering(boards, AlarmSet(alarms, composites))


def plan(*stacks: StackPlan, kpis: tuple[KpiLoad, ...] = (), own: Rendering | None = None) -> Plan:
    """A plan; `own` is what the first tenant (or else the platform) declares. Default: a platform and one tenant."""
    chosen = stacks or (PLATFORM, TENANT)
    owner = next((stack for stack in chosen if stack.kind is StackKind.TENANT), chosen[0])
    return Plan(chosen, kpis, {owner.name: own} if own is not None else {})


def tenants(count: int) -> tuple[StackPlan, ...]:
    """A platform with that many tenants."""
    return (PLATFORM, *(replace(TENANT, name=f"t{number}.prod", tenant=f"t{number}") for number in range(count)))
