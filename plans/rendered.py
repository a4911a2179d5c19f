"""What a stack declares from the dictionary, rendered for whoever has only its plan: counts and texts are those of its program."""

from __future__ import annotations

import alerts
import dashboards
from kpis.summary import DictionarySummary
from plans.model import Rendering, StackKind, StackPlan

NO_DIGEST = "0" * 64
"""Stands for the bundle's digest, which no count and no length depends on."""


def render(stack: StackPlan, summary: DictionarySummary, digest: str = NO_DIGEST) -> Rendering:
    """The dashboards and alarms of a stack, without its mute windows and the addresses its dashboards link to.

    Raises:
        alerts.AlarmError: with every problem of the alarms.
        dashboards.validate.DashboardError: with every problem of the dashboards.
    """
    where = {"deployment": stack.deployment, "region": stack.region, "account_id": stack.account_id}
    if stack.kind is StackKind.PLATFORM:
        alarms = alerts.platform_alarms(summary, **where)
        return Rendering(
            dashboards.render_platform(summary, packs=stack.more_dashboards, **where, **_around(alarms, digest)),
            alarms,
        )
    whom = {"tenant_id": stack.tenant, "environment": stack.environment}
    alarms = alerts.tenant_alarms(summary, **whom, **where)
    return Rendering(
        dashboards.render_tenant(summary, every_view=stack.more_dashboards, **whom, **where, **_around(alarms, digest)),
        alarms,
    )


def _around(alarms: alerts.AlarmSet, digest: str) -> dashboards.Surroundings:
    shown = tuple(alarm.name for alarm in (*alarms.composites, *alarms.metrics))
    return {"digest": digest, "alarms": shown, "links": dashboards.Links(), "runbook_exists": None}
