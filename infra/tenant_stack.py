"""A tenant stack: what one tenant has in one environment, in a number of resources that no dictionary can change."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pulumi

from alerts import CompositeAlarm, MetricAlarm
from dashboards.model import API, PORTAL
from infra import read_config, rendering
from infra.components.base import Context
from infra.components.observability import Observability, ObservabilityArgs
from infra.components.tenant import TenantAccess, TenantAccessArgs, TenantAlerts, TenantAlertsArgs, TenantRuns, TenantRunsArgs
from infra.config import TenantConfig
from infra.names import Names
from infra.preflight import check_limits
from infra.provider import aws_provider
from infra.stack import PROJECT, StackInfo


def declare(info: StackInfo, root: Path) -> None:
    """Declare every resource of `<tenant>.<environment>`.

    Raises:
        pulumi.RunError: for unusable config or packs, or a plan beyond AWS's limits, before the first resource.
    """
    values = read_config.engine_values()
    config = read_config.read(info, TenantConfig, values)
    deployment = StackInfo.parse(config.platform).environment
    names = Names(deployment, config.account_id, read_config.region(info, values))
    tenant_id, environment = info.subject, info.environment
    rendered = rendering.tenant(names, tenant_id, environment, config, root)
    check_limits(info, config, names.region, rendered, root)
    platform = pulumi.StackReference("platform", stack_name=f"{pulumi.get_organization()}/{PROJECT}/{config.platform}")
    opts = pulumi.ResourceOptions(providers=[aws_provider(info, config, names)])
    ctx = Context(names, config.protect, config.log_retention_days)
    data_key = cast("pulumi.Output[str]", platform.require_output("dataKeyArn"))
    messaging_key = cast("pulumi.Output[str]", platform.require_output("messagingKeyArn"))

    access = TenantAccess(ctx, TenantAccessArgs(tenant_id, environment, data_key), opts)
    told = TenantAlerts(
        ctx,
        TenantAlertsArgs(tenant_id, environment, messaging_key, config.alert_routes, config.monthly_budget_usd, config.budget_emails),
        opts,
    )

    def actions(alarm: MetricAlarm | CompositeAlarm) -> list[pulumi.Input[str]]:
        # Whom the dictionary names (K13 to K15), then the tenant's own people.
        named = [names.topic_arn(topic.value) for topic in alarm.topics]
        return [*named, *(topic.arn for topic in told.topics_for(alarm.severity.value))]

    addresses = {PORTAL: platform.require_output("portalUrl"), API: platform.require_output("apiUrl")}
    watched = Observability(
        ctx,
        ObservabilityArgs(rendered.dashboards, rendered.alarms, actions, {}, config.alarm_actions, rendered.mutes, addresses),
        opts,
    )
    runs = TenantRuns(
        ctx,
        TenantRunsArgs(
            tenant_id=tenant_id,
            environment=environment,
            config=config,
            reconciler=cast("pulumi.Output[str]", platform.require_output("reconcilerFunction")),
            bundle=platform.require_output("dictionaryBundle"),
            role_arn=access.role.arn,
            messaging_key_arn=messaging_key,
            ready=[access],
        ),
        opts,
    )
    pulumi.export("prefix", names.tenant(tenant_id, environment))
    pulumi.export("roleArn", access.role.arn)
    pulumi.export("warehouseSecret", access.secret.name)
    pulumi.export("scheduleGroup", runs.group.name)
    pulumi.export("alertTopics", {name: topic.arn for name, topic in told.topics.items()})
    pulumi.export("dashboardNames", watched.dashboard_names)
