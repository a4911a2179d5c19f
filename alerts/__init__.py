"""CloudWatch alarms generated from the KPI dictionary, and the simulator that evaluates them without AWS.

Their number depends on the deployment and its tenants, never on the number of KPIs (tier-0 KPIs, bounded, excepted).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.mute_rules import MuteScope, Window, mute_rules
from alerts.specs import AlarmSet, CompositeAlarm, Late, MetricAlarm, MetricQuery, MetricStat, MuteRule, Suppressor, Topic
from alerts.validate import AlarmError, problems

if TYPE_CHECKING:
    from kpis.summary import DictionarySummary

__all__ = [
    "AlarmError",
    "AlarmSet",
    "CompositeAlarm",
    "Late",
    "MetricAlarm",
    "MetricQuery",
    "MetricStat",
    "MuteRule",
    "MuteScope",
    "Suppressor",
    "Topic",
    "Window",
    "mute_rules",
    "platform_alarms",
    "problems",
    "tenant_alarms",
]


def platform_alarms(summary: DictionarySummary, *, deployment: str, region: str, account_id: str) -> AlarmSet:
    """The alarms of a platform stack.

    A dimension value of `Late.API_ID` stands for the id of the HTTP API, which infra knows only as an output.

    Raises:
        AlarmError: when a template gives an alarm that CloudWatch would refuse, that would never work, or whose runbook is dead.
    """
    from alerts.render import render_platform_alarms

    return render_platform_alarms(summary, deployment=deployment, region=region, account_id=account_id)


def tenant_alarms(
    summary: DictionarySummary, *, tenant_id: str, environment: str, deployment: str, region: str, account_id: str
) -> AlarmSet:
    """The alarms of one tenant and environment: the fleet set, its composites, and at most six of tier-0 KPIs.

    Raises:
        AlarmError: as `platform_alarms`.
    """
    from alerts.render import render_tenant_alarms

    return render_tenant_alarms(
        summary, tenant_id=tenant_id, environment=environment, deployment=deployment, region=region, account_id=account_id
    )
