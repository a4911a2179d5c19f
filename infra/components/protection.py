"""Daily backups of the record, and a budget that tells before the bill does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.base import Component, Context

_COLD_AFTER_DAYS = 30
_LEAST_COLD_DAYS = 90


@dataclass(frozen=True)
class BackupArgs:
    """`table_arns`: what is backed up; `retention_days`: how long."""

    table_arns: Sequence[pulumi.Input[str]]
    retention_days: int
    data_key_arn: pulumi.Input[str]


class Backup(Component):
    """Vault, daily plan, and the tables it covers by name, not by a tag somebody could forget."""

    def __init__(self, ctx: Context, args: BackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Backup", ctx, opts)
        names = ctx.names
        self.vault = aws.backup.Vault(
            "records", name=names.prefix, kms_key_arn=args.data_key_arn, force_destroy=not ctx.protect, opts=self.record()
        )
        keep = args.retention_days
        # AWS keeps what it has moved to cold storage for 90 days at least.
        cold = _COLD_AFTER_DAYS if keep >= _COLD_AFTER_DAYS + _LEAST_COLD_DAYS else None
        plan = aws.backup.Plan(
            "daily",
            name=names.prefix,
            rules=[
                aws.backup.PlanRuleArgs(
                    rule_name="daily",
                    target_vault_name=self.vault.name,
                    schedule="cron(0 1 * * ? *)",
                    start_window=60,
                    completion_window=360,
                    lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=keep, cold_storage_after=cold),
                )
            ],
            opts=self.child(),
        )
        role = iam.service_role(
            "backup", names.named("backup"), iam.Trust(iam.Service.BACKUP, names.account_id), self._statements(args), self.child()
        )
        aws.backup.Selection(
            "records",
            name=names.named("records"),
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=list(args.table_arns),
            opts=self.child(parent=plan),
        )
        self.register_outputs({"vault": self.vault.name})

    def _statements(self, args: BackupArgs) -> list[iam.Allow]:
        table = ["dynamodb:CreateBackup", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource", "dynamodb:StartAwsBackupJob"]
        backups = [pulumi.Output.concat(arn, "/backup/*") for arn in args.table_arns]
        vault = [self.ctx.names.arn("backup", f"backup-vault:{self.ctx.names.prefix}")]
        return [
            iam.Allow("BackUpTables", table, list(args.table_arns)),
            iam.Allow("Backups", ["dynamodb:DescribeBackup", "dynamodb:DeleteBackup"], backups),
            iam.Allow("Vault", ["backup:CopyIntoBackupVault", "backup:DescribeBackupVault"], vault),
            iam.Allow("Key", ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:CreateGrant"], [args.data_key_arn]),
        ]


@dataclass(frozen=True)
class BudgetArgs:
    """`limit_usd` a month; `tag` narrows the cost to resources with it (`key`, `value`); `emails` are told."""

    name: str
    limit_usd: float
    tag: tuple[str, str]
    emails: Sequence[str]
    topic_arn: pulumi.Input[str]


def monthly_budget(args: BudgetArgs, parent: pulumi.Resource) -> aws.budgets.Budget:
    """A budget that notifies at 80% forecast and at 100% spent."""
    kinds = (("FORECASTED", 80.0), ("ACTUAL", 100.0))
    return aws.budgets.Budget(
        "monthly",
        name=args.name,
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount=f"{args.limit_usd:.2f}",
        limit_unit="USD",
        cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{args.tag[0]}${args.tag[1]}"])],
        notifications=[
            aws.budgets.BudgetNotificationArgs(
                comparison_operator="GREATER_THAN",
                notification_type=kind,
                threshold=threshold,
                threshold_type="PERCENTAGE",
                subscriber_email_addresses=list(args.emails),
                subscriber_sns_topic_arns=[args.topic_arn],
            )
            for kind, threshold in kinds
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )
