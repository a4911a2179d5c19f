"""The record: five log tables, the catalog and the audit table."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context
from infra.names import TABLES


@dataclass(frozen=True)
class RecordsArgs:
    """`key_arn` encrypts the tables."""

    key_arn: pulumi.Input[str]


# Lookup by tenant, KPI and start time (K5).
_BY_KPI: aws.dynamodb.TableGlobalSecondaryIndexArgsDict = {
    "name": "by_kpi",
    "hash_key": "gsi_pk",
    "range_key": "gsi_sk",
    "projection_type": "ALL",
}


class Records(Component):
    """DynamoDB tables with `pk` (the tenant) and `sk`: on demand, encrypted, streamed, recoverable to any second of 35 days."""

    def __init__(self, ctx: Context, args: RecordsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Records", ctx, opts)
        self.tables = {name: self._table(name, args) for name in TABLES}
        self.register_outputs({"tables": {name: table.name for name, table in self.tables.items()}})

    def _table(self, name: str, args: RecordsArgs) -> aws.dynamodb.Table:
        by_kpi = name == "log-run"
        keys = ("pk", "sk", "gsi_pk", "gsi_sk") if by_kpi else ("pk", "sk")
        return aws.dynamodb.Table(
            name,
            name=self.ctx.names.named(name),
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S") for key in keys],
            global_secondary_indexes=[_BY_KPI] if by_kpi else None,
            stream_enabled=True,
            stream_view_type="NEW_AND_OLD_IMAGES",
            ttl=aws.dynamodb.TableTtlArgs(attribute_name="expires_at", enabled=True) if name != "audit" else None,
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True, kms_key_arn=args.key_arn),
            deletion_protection_enabled=self.ctx.protect,
            opts=self.record(),
        )
