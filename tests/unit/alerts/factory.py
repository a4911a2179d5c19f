"""Dictionary summaries for tests of what is rendered from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from alerts.specs import AlarmSet, CompositeAlarm, MetricAlarm
from alerts.testing.stacks import Deployed
from kpis.summary import DictionaryRow, DictionarySummary, PackHeader


def row(**changes: Any) -> DictionaryRow:
    values: dict[str, Any] = {
        "id": "CFO-EF-02",
        "name": "Days sales outstanding",
        "pack": "cfo",
        "layer": "secondary",
        "contract_version": "1.0.0",
        "definition_hash": "a" * 64,
        "status": "active",
        "parent": None,
        "variant_label": None,
        "tenants": ("acme",),
        "environments": ("prod",),
        "purpose": "How long customers take to pay.",
        "business_owner": "CFO office",
        "technical_owner": "Finance data",
        "criticality": "high",
        "tier": 0,
        "unit": "days",
        "grain": "day",
        "lane": "light",
        "frequency": "daily",
        "trigger": "time",
        "cron": "0 2 * * *",
        "timezone": "UTC",
        "event": None,
        "sla": ("freshness 24h (+2h)",),
        "upstream": ("CFO-AR-01",),
        "runbook": "docs/runbooks/kpi-cfo.md",
    }
    return DictionaryRow.model_validate(values | changes)


def summary(*rows: DictionaryRow) -> DictionarySummary:
    tenants = sorted({tenant for each in rows for tenant in each.tenants})
    return DictionarySummary(
        packs=(PackHeader(id="cfo", name="CFO", description="Finance", tenants=tuple(tenants)),),
        sources=1,
        signals=(),
        kpis_per_pack={"cfo": len(rows)},
        kpis_per_layer={"secondary": len(rows)},
        kpis_per_tenant={tenant: sum(tenant in each.tenants for each in rows) for tenant in tenants},
        tier_0=tuple(each.id for each in rows if each.tier == 0),
        rows=rows,
    )


def many(count: int, **changes: Any) -> DictionarySummary:
    return summary(*(row(id=f"CFO-N-{number:05d}", **changes) for number in range(count)))


def changed(deployed: Deployed, alarm: MetricAlarm | CompositeAlarm) -> Deployed:
    """The same stack with one alarm replaced, by its key."""
    metrics = tuple(alarm if each.key == alarm.key and isinstance(alarm, MetricAlarm) else each for each in deployed.alarms.metrics)
    composites = tuple(
        alarm if each.key == alarm.key and isinstance(alarm, CompositeAlarm) else each for each in deployed.alarms.composites
    )
    return replace(deployed, alarms=AlarmSet(metrics, composites))
