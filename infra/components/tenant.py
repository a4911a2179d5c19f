"""What a tenant has of its own: a role and a secret, people to tell, schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.alerting import topic_policy
from infra.components.base import Component, Context
from infra.components.protection import BudgetArgs, monthly_budget
from infra.components.store import empty_secret
from infra.config import Route, TenantConfig
from infra.function_policies import INSERT, tables
from infra.names import LOG_TABLES

URGENT, ROUTINE = "urgent", "routine"
_URGENT_SEVERITIES = frozenset({"high", "critical"})
# Runners, and the tables on dashboards, which narrow the role to reading (lambdas/adapters/widget_reads.py).
_ACTING = ("run-light", "run-heavy", "widgets")


@dataclass(frozen=True)
class TenantAccessArgs:
    """Whose, in which environment; `data_key_arn` is the platform's key of records and secrets."""

    tenant_id: str
    environment: str
    data_key_arn: pulumi.Input[str]


class TenantAccess(Component):
    """The execution role, which sees this tenant's rows and secret and nobody else's, and the warehouse's secret."""

    def __init__(self, ctx: Context, args: TenantAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("TenantAccess", ctx, opts)
        self.args = args
        name = f"{ctx.names.tenant(args.tenant_id, args.environment)}-run"
        self.secret_name = ctx.names.warehouse_secret(args.tenant_id, args.environment)
        self.secret = empty_secret(self, "warehouse", self.secret_name, f"Warehouse of {args.tenant_id}", args.data_key_arn)
        self.role = aws.iam.Role(
            "run",
            name=name,
            description=f"Runs KPIs of {args.tenant_id} in {args.environment}",
            assume_role_policy=iam.resource_document(self._trust()),
            max_session_duration=3600,
            opts=self.child(),
        )
        policy = iam.document(*self._statements())
        aws.iam.RolePolicy("run", name=name, role=self.role.name, policy=policy, opts=self.child(parent=self.role))
        self.register_outputs({"roleArn": self.role.arn, "warehouseSecret": self.secret.name})

    def _trust(self) -> dict[str, Any]:
        return {
            "Sid": "FunctionsForThisTenant",
            "Effect": "Allow",
            "Principal": {"AWS": [self.ctx.names.role_arn(each) for each in _ACTING]},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            # A session says for whom it acts, so a mistaken runner cannot take another tenant's role by accident.
            "Condition": {"StringEquals": {"aws:RequestTag/tenant_id": self.args.tenant_id}},
        }

    def _statements(self) -> list[iam.Allow]:
        names = self.ctx.names
        # ForAllValues alone is true when a request names no key at all; Null makes that a refusal.
        # The index is keyed by tenant and KPI; no tenant's id has a "#" in it.
        keys = [self.args.tenant_id, f"{self.args.tenant_id}#*"]
        mine = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}, "Null": {"dynamodb:LeadingKeys": "false"}}
        read = tables(names, "catalog", *LOG_TABLES)
        via = [f"{service}.{names.region}.amazonaws.com" for service in ("dynamodb", "secretsmanager")]
        return [
            iam.Allow("ReadOwnRows", ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"], read, mine),
            iam.Allow("InsertOwnLogs", INSERT, [names.table_arn(table) for table in LOG_TABLES], mine),
            iam.Allow("OwnWarehouse", ["secretsmanager:GetSecretValue"], [names.secret_arn(self.secret_name)]),
            iam.Allow("Key", ["kms:Decrypt", "kms:GenerateDataKey"], [self.args.data_key_arn], {"StringEquals": {"kms:ViaService": via}}),
        ]


@dataclass(frozen=True)
class TenantAlertsArgs:
    """`routes`: who is told of what; `budget_usd` a month, None for no budget."""

    tenant_id: str
    environment: str
    messaging_key_arn: pulumi.Input[str]
    routes: Sequence[Route]
    budget_usd: float | None
    budget_emails: Sequence[str]


class TenantAlerts(Component):
    """Two topics: `routine` gets every alert, `urgent` the high and critical ones; a route listens to one of them."""

    def __init__(self, ctx: Context, args: TenantAlertsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("TenantAlerts", ctx, opts)
        self.stem = ctx.names.tenant(args.tenant_id, args.environment)
        self.topics = {name: self._topic(name, args) for name in (URGENT, ROUTINE)}
        for number, route in enumerate(args.routes):
            name = URGENT if route.severity in _URGENT_SEVERITIES else ROUTINE
            self._subscribe(f"{name}-{number}", self.topics[name], route)
        if args.budget_usd is not None:
            tag = ("stack", f"{args.tenant_id}.{args.environment}")
            monthly_budget(BudgetArgs(self.stem, args.budget_usd, tag, args.budget_emails, self.topics[ROUTINE].arn), self)
        self.register_outputs({"topics": {name: topic.arn for name, topic in self.topics.items()}})

    def topics_for(self, severity: str) -> list[aws.sns.Topic]:
        """The topics that an alert of a severity goes to."""
        routine = self.topics[ROUTINE]
        return [self.topics[URGENT], routine] if severity in _URGENT_SEVERITIES else [routine]

    def _topic(self, name: str, args: TenantAlertsArgs) -> aws.sns.Topic:
        topic = aws.sns.Topic(name, name=f"{self.stem}-alerts-{name}", kms_master_key_id=args.messaging_key_arn, opts=self.child())
        policy = topic_policy(self.ctx.names.account_id, topic.arn)
        aws.sns.TopicPolicy(name, arn=topic.arn, policy=policy, opts=self.child(parent=topic))
        return topic

    def _subscribe(self, name: str, topic: aws.sns.Topic, route: Route) -> None:
        aws.sns.TopicSubscription(name, topic=topic.arn, protocol=route.protocol, endpoint=route.endpoint, opts=self.child(parent=topic))


@dataclass(frozen=True)
class TenantRunsArgs:
    """What onboarding needs; `bundle` is the platform's dictionary, so a new one is scheduled for the tenant too."""

    tenant_id: str
    environment: str
    config: TenantConfig
    reconciler: pulumi.Input[str]
    bundle: pulumi.Input[Any]
    role_arn: pulumi.Input[str]
    messaging_key_arn: pulumi.Input[str]
    ready: list[pulumi.Resource]


class TenantRuns(Component):
    """Schedule group, log group, and the onboarding by the reconciler, which fills the group."""

    def __init__(self, ctx: Context, args: TenantRunsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("TenantRuns", ctx, opts)
        self.group = aws.scheduler.ScheduleGroup("runs", name=ctx.names.tenant(args.tenant_id, args.environment), opts=self.child())
        self.logs = aws.cloudwatch.LogGroup(
            "runs",
            name=f"{ctx.names.runs_log_group}/{args.tenant_id}/{args.environment}",
            retention_in_days=ctx.log_retention_days,
            kms_key_id=args.messaging_key_arn,
            opts=self.child(),
        )
        request = {
            "action": "onboard",
            "tenant_id": args.tenant_id,
            "environment": args.environment,
            "settings": {
                "display_name": args.config.display_name,
                "timezone": args.config.timezone,
                "currency": args.config.currency,
                "replay_year": args.config.replay_year,
                "retention_months": args.config.log_table_retention_months,
                "warehouse_secret": ctx.names.warehouse_secret(args.tenant_id, args.environment),
                "role_arn": args.role_arn,
                "schedule_group": self.group.name,
                "log_group": self.logs.name,
                # Only what the config says: a stack that says nothing stays as it is.
                **({"governance": governance} if (governance := args.config.governance()) else {}),
                **({"sources": list(args.config.sources)} if args.config.sources else {}),
            },
            "bundle": args.bundle,
        }
        self.onboarded = aws.lambda_.Invocation(
            "onboard",
            function_name=args.reconciler,
            input=pulumi.Output.json_dumps(request),
            opts=self.child(depends_on=args.ready),
        )
        self.register_outputs({"scheduleGroup": self.group.name})
