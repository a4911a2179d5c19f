"""The result store: where delivered values live, and the secret that says how to reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context
from infra.components.network import Network
from infra.config import ResultStore

DATABASE = "results"
_RECOVERY_DAYS = 30
_POSTGRES_VERSION = "16.11"
_ADMINISTRATOR = "kpi_admin"


@dataclass(frozen=True)
class StoreArgs:
    """Which kind of store, in which network."""

    kind: ResultStore
    network: Network
    data_key_arn: pulumi.Input[str]


class Store(Component):
    """A secret without a value (it is set out of band), and the database it will point at unless that is external."""

    def __init__(self, ctx: Context, args: StoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Store", ctx, opts)
        self.args = args
        self.secret = empty_secret(self, "result-store", ctx.names.result_store_secret, "Connection of the result store", args.data_key_arn)
        self.subnet_ids: Sequence[pulumi.Input[str]] = args.network.subnet_ids
        if args.kind is ResultStore.AURORA:
            self._aurora(self._door(5432))
        elif args.kind is ResultStore.REDSHIFT:
            self._redshift(self._door(5439))
        self.register_outputs({"secret": self.secret.name})

    def _door(self, port: int) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            "result-store",
            name=self.ctx.names.named("result-store"),
            description="Result store: in from the runners, nothing out",
            vpc_id=self.args.network.vpc.id,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    description="Runners", protocol="tcp", from_port=port, to_port=port, security_groups=[self.args.network.runners.id]
                )
            ],
            opts=self.child(),
        )

    def _aurora(self, door: aws.ec2.SecurityGroup) -> None:
        name = self.ctx.names.named("results")
        subnets = aws.rds.SubnetGroup("results", name=name, subnet_ids=list(self.subnet_ids), opts=self.child())
        cluster = aws.rds.Cluster(
            "results",
            cluster_identifier=name,
            engine=aws.rds.EngineType.AURORA_POSTGRESQL,
            engine_mode="provisioned",
            engine_version=_POSTGRES_VERSION,
            database_name=DATABASE,
            master_username=_ADMINISTRATOR,
            # AWS makes and rotates the password in a secret of its own, so none is in the state.
            manage_master_user_password=True,
            master_user_secret_kms_key_id=self.args.data_key_arn,
            storage_encrypted=True,
            kms_key_id=self.args.data_key_arn,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[door.id],
            serverlessv2_scaling_configuration=aws.rds.ClusterServerlessv2ScalingConfigurationArgs(min_capacity=0.5, max_capacity=8),
            backup_retention_period=35,
            deletion_protection=self.ctx.protect,
            skip_final_snapshot=not self.ctx.protect,
            final_snapshot_identifier=f"{name}-final" if self.ctx.protect else None,
            enabled_cloudwatch_logs_exports=["postgresql"],
            opts=self.record(),
        )
        aws.rds.ClusterInstance(
            "results",
            identifier=f"{name}-1",
            cluster_identifier=cluster.id,
            engine=aws.rds.EngineType.AURORA_POSTGRESQL,
            engine_version=_POSTGRES_VERSION,
            instance_class="db.serverless",
            publicly_accessible=False,
            opts=self.child(parent=cluster),
        )

    def _redshift(self, door: aws.ec2.SecurityGroup) -> None:
        name = self.ctx.names.named("results")
        namespace = aws.redshiftserverless.Namespace(
            "results",
            namespace_name=name,
            db_name=DATABASE,
            admin_username=_ADMINISTRATOR,
            manage_admin_password=True,
            admin_password_secret_kms_key_id=self.args.data_key_arn,
            kms_key_id=self.args.data_key_arn,
            log_exports=["connectionlog", "userlog"],
            opts=self.record(),
        )
        aws.redshiftserverless.Workgroup(
            "results",
            workgroup_name=name,
            namespace_name=namespace.namespace_name,
            base_capacity=8,
            publicly_accessible=False,
            enhanced_vpc_routing=True,
            subnet_ids=list(self.subnet_ids),
            security_group_ids=[door.id],
            opts=self.child(parent=namespace),
        )


def empty_secret(component: Component, logical: str, name: str, description: str, key_arn: pulumi.Input[str]) -> aws.secretsmanager.Secret:
    """A secret without a version: its value never passes through Pulumi."""
    return aws.secretsmanager.Secret(
        logical,
        name=name,
        description=f"{description}; set out of band",
        kms_key_id=key_arn,
        # An unprotected stack may be destroyed and made again under the same names at once.
        recovery_window_in_days=_RECOVERY_DAYS if component.ctx.protect else 0,
        opts=component.record(),
    )
