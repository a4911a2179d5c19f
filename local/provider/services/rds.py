"""RDS for Aurora: subnet groups, clusters, cluster instances. Ids are identifiers.

The emulator answers `available` without any database behind it (it would need a container engine): clusters are provisioned here, never
used. Locally the result store is the warehouse's own PostgreSQL.
"""

from collections.abc import Mapping
from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import Property, boolean, integer, listing, number, record, text
from local.provider.framework.translation import changed_names, from_aws, part, tag_list, tag_map, to_aws

SUBNETS = {
    "name": text(computed=True),
    "description": text(default="Managed by Pulumi"),
    "subnetIds": listing(text(), required=True, unordered=True),
}
CLUSTER = {
    "clusterIdentifier": text(computed=True),
    "engine": text("aurora-postgresql", "aurora-mysql", required=True, replace=True),
    "engineMode": text("provisioned", default="provisioned", replace=True),
    "engineVersion": text(computed=True),
    "databaseName": text(replace=True, computed=True),
    "masterUsername": text(replace=True, computed=True),
    "manageMasterUserPassword": boolean(),
    "masterUserSecretKmsKeyId": text(replace=True, computed=True),
    "masterPassword": text(write_only=True),
    "storageEncrypted": boolean(default=False, replace=True),
    "kmsKeyId": text(replace=True, computed=True),
    "dbSubnetGroupName": text(replace=True, computed=True),
    "vpcSecurityGroupIds": listing(text(), unordered=True, computed=True),
    "serverlessv2ScalingConfiguration": record({"minCapacity": number(required=True), "maxCapacity": number(required=True)}),
    "backupRetentionPeriod": integer(default=1),
    "copyTagsToSnapshot": boolean(default=False),
    "deletionProtection": boolean(default=False),
    "iamDatabaseAuthenticationEnabled": boolean(default=False),
    "preferredBackupWindow": text(computed=True),
    "preferredMaintenanceWindow": text(computed=True),
    "port": integer(replace=True, computed=True),
    "applyImmediately": boolean(write_only=True),
    "skipFinalSnapshot": boolean(default=False, write_only=True),
    "finalSnapshotIdentifier": text(write_only=True),
    # The emulator takes these and does not show them.
    "enabledCloudwatchLogsExports": listing(text(), unordered=True, write_only=True),
}
CLUSTER_ALIASES = {
    "clusterIdentifier": "DBClusterIdentifier", "masterPassword": "MasterUserPassword",
    "dbSubnetGroupName": "DBSubnetGroupName", "serverlessv2ScalingConfiguration": "ServerlessV2ScalingConfiguration",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication", "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
}  # fmt: skip
CLUSTER_TOLD = {
    **CLUSTER_ALIASES,
    "iamDatabaseAuthenticationEnabled": "IAMDatabaseAuthenticationEnabled",
    "dbSubnetGroupName": "DBSubnetGroup",
}
ORDERS = ("applyImmediately", "skipFinalSnapshot", "finalSnapshotIdentifier")
CHANGEABLE = (
    "engineVersion", "vpcSecurityGroupIds", "serverlessv2ScalingConfiguration", "backupRetentionPeriod", "copyTagsToSnapshot",
    "deletionProtection", "iamDatabaseAuthenticationEnabled", "preferredBackupWindow", "preferredMaintenanceWindow", "masterPassword",
)  # fmt: skip
INSTANCE = {
    "identifier": text(computed=True),
    "clusterIdentifier": text(required=True, replace=True),
    "engine": text("aurora-postgresql", "aurora-mysql", required=True, replace=True),
    "engineVersion": text(computed=True),
    "instanceClass": text(required=True),
    "availabilityZone": text(replace=True, computed=True),
    "applyImmediately": boolean(write_only=True),
    "autoMinorVersionUpgrade": boolean(default=True),
    "monitoringInterval": integer(default=0),
    "monitoringRoleArn": text(computed=True),
    "promotionTier": integer(computed=True, replace=True),
    "publiclyAccessible": boolean(computed=True),
}
INSTANCE_ALIASES = {
    "identifier": "DBInstanceIdentifier",
    "clusterIdentifier": "DBClusterIdentifier",
    "instanceClass": "DBInstanceClass",
}
INSTANCE_CHANGEABLE = ("engineVersion", "instanceClass", "monitoringInterval", "monitoringRoleArn", "publiclyAccessible")


def some(fields: Mapping[str, Property], names: tuple[str, ...]) -> dict[str, Property]:
    """The named fields."""
    return {name: fields[name] for name in names}


def find_subnets(ctx: Context, inputs: Inputs) -> str | None:
    """The group of that name."""
    return existing(ctx, lambda: _subnets(ctx, inputs["name"]), inputs["name"])


def _subnets(ctx: Context, name: str) -> dict[str, Any]:
    return ctx.client("rds").describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"][0]


def create_subnets(ctx: Context, inputs: Inputs) -> str:
    """Make the group."""
    request = {"DBSubnetGroupDescription": inputs["description"], "SubnetIds": inputs["subnetIds"]}
    ctx.client("rds").create_db_subnet_group(DBSubnetGroupName=inputs["name"], **request)
    return str(inputs["name"])


def read_subnets(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    group = _subnets(ctx, id)
    told = {
        "name": group["DBSubnetGroupName"],
        "description": group["DBSubnetGroupDescription"],
        "subnetIds": [each["SubnetIdentifier"] for each in group["Subnets"]],
    }
    outputs = {"arn": group["DBSubnetGroupArn"], "vpcId": group["VpcId"], "supportedNetworkTypes": group.get("SupportedNetworkTypes", [])}
    return Observed(inputs=told, outputs=outputs)


def update_subnets(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Description and subnets change in place."""
    request = {"DBSubnetGroupDescription": new["description"], "SubnetIds": new["subnetIds"]}
    ctx.client("rds").modify_db_subnet_group(DBSubnetGroupName=id, **request)


def delete_subnets(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the group."""
    ctx.client("rds").delete_db_subnet_group(DBSubnetGroupName=id)


def _cluster(ctx: Context, id: str) -> dict[str, Any]:
    return ctx.client("rds").describe_db_clusters(DBClusterIdentifier=id)["DBClusters"][0]


def find_cluster(ctx: Context, inputs: Inputs) -> str | None:
    """The cluster of that identifier."""
    return existing(ctx, lambda: _cluster(ctx, inputs["clusterIdentifier"]), inputs["clusterIdentifier"])


def create_cluster(ctx: Context, inputs: Inputs) -> str:
    """Make the cluster and wait until it is available."""
    if bool(inputs.get("manageMasterUserPassword")) == bool(inputs.get("masterPassword")):
        raise ProviderError(f"cluster '{inputs['clusterIdentifier']}' needs exactly one of manageMasterUserPassword and masterPassword")
    name = str(inputs["clusterIdentifier"])
    sent = {key: prop for key, prop in CLUSTER.items() if key not in ORDERS}
    ctx.client("rds").create_db_cluster(**to_aws(inputs, sent, CLUSTER_ALIASES))
    ctx.wait(lambda: _cluster(ctx, name)["Status"] == "available", f"cluster '{name}' becoming available")
    return name


def read_cluster(ctx: Context, id: str, state: Inputs) -> Observed:
    """AWS tells everything but passwords and orders."""
    cluster = _cluster(ctx, id)
    secret = cluster.get("MasterUserSecret")
    told: Inputs = {
        **from_aws(cluster, CLUSTER, CLUSTER_TOLD),
        "vpcSecurityGroupIds": [each["VpcSecurityGroupId"] for each in cluster.get("VpcSecurityGroups", [])],
        "manageMasterUserPassword": True if secret else None,
        "masterUserSecretKmsKeyId": part(cluster, "MasterUserSecret").get("KmsKeyId"),
        "kmsKeyId": cluster.get("KmsKeyId") or None,
    }
    if state.get("engineVersion") and str(cluster["EngineVersion"]).startswith(f"{state['engineVersion']}."):
        # A program that asks for a major version gets AWS's minor: that is no difference.
        told["engineVersion"] = state["engineVersion"]
    outputs = {
        "arn": cluster["DBClusterArn"],
        "clusterResourceId": cluster["DbClusterResourceId"],
        "endpoint": cluster["Endpoint"],
        "readerEndpoint": cluster["ReaderEndpoint"],
        "engineVersionActual": cluster["EngineVersion"],
        "hostedZoneId": cluster["HostedZoneId"],
        "masterUserSecrets": [
            {"secretArn": secret["SecretArn"], "secretStatus": secret["SecretStatus"], "kmsKeyId": secret.get("KmsKeyId", "")}
        ]
        if secret
        else [],
    }
    return Observed(inputs=told, outputs=outputs)


def update_cluster(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Change in place what differs, at once."""
    changed = [name for name in changed_names(old, new, CHANGEABLE) if new.get(name) is not None]
    if bool(old.get("manageMasterUserPassword")) != bool(new.get("manageMasterUserPassword")):
        raise ProviderError(f"cluster '{id}': manageMasterUserPassword cannot change on embedded AWS: delete the cluster first")
    if changed:
        request = to_aws(new, some(CLUSTER, tuple(changed)), CLUSTER_ALIASES)
        ctx.client("rds").modify_db_cluster(DBClusterIdentifier=id, ApplyImmediately=True, **request)


def delete_cluster(ctx: Context, id: str, state: Inputs) -> None:
    """Delete the cluster, with a last snapshot unless told otherwise."""
    skip = bool(state.get("skipFinalSnapshot"))
    if not skip and not state.get("finalSnapshotIdentifier"):
        raise ProviderError(f"cluster '{id}': set finalSnapshotIdentifier, or skipFinalSnapshot, and run `pulumi up` before destroying it")
    snapshot = {} if skip else {"FinalDBSnapshotIdentifier": state["finalSnapshotIdentifier"]}
    ctx.client("rds").delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=skip, **snapshot)


def _instance(ctx: Context, id: str) -> dict[str, Any]:
    return ctx.client("rds").describe_db_instances(DBInstanceIdentifier=id)["DBInstances"][0]


def find_instance(ctx: Context, inputs: Inputs) -> str | None:
    """The instance of that identifier."""
    return existing(ctx, lambda: _instance(ctx, inputs["identifier"]), inputs["identifier"])


def create_instance(ctx: Context, inputs: Inputs) -> str:
    """Make the instance and wait until it is available."""
    name = str(inputs["identifier"])
    sent = {key: prop for key, prop in INSTANCE.items() if key != "applyImmediately"}
    ctx.client("rds").create_db_instance(**to_aws(inputs, sent, INSTANCE_ALIASES))
    ctx.wait(lambda: _instance(ctx, name)["DBInstanceStatus"] == "available", f"instance '{name}' becoming available")
    return name


def read_instance(ctx: Context, id: str, state: Inputs) -> Observed:
    """AWS tells everything."""
    instance = _instance(ctx, id)
    told = {**from_aws(instance, INSTANCE, INSTANCE_ALIASES), "monitoringRoleArn": instance.get("MonitoringRoleArn") or None}
    if state.get("engineVersion") and str(instance["EngineVersion"]).startswith(f"{state['engineVersion']}."):
        told["engineVersion"] = state["engineVersion"]
    outputs = {
        "arn": instance["DBInstanceArn"],
        "dbiResourceId": instance["DbiResourceId"],
        "endpoint": part(instance, "Endpoint").get("Address", ""),
        "port": part(instance, "Endpoint").get("Port", 0),
        "engineVersionActual": instance["EngineVersion"],
        "storageEncrypted": bool(instance.get("StorageEncrypted")),
    }
    return Observed(inputs=told, outputs=outputs)


def update_instance(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Change in place what differs, at once."""
    changed = [name for name in changed_names(old, new, INSTANCE_CHANGEABLE) if new.get(name) is not None]
    if changed:
        request = to_aws(new, some(INSTANCE, tuple(changed)), INSTANCE_ALIASES)
        ctx.client("rds").modify_db_instance(DBInstanceIdentifier=id, ApplyImmediately=True, **request)


def delete_instance(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the instance; the cluster keeps the data."""
    ctx.client("rds").delete_db_instance(DBInstanceIdentifier=id, SkipFinalSnapshot=True)


def tags_of(kind: str) -> Tags:
    """Tags of an RDS resource, whose ARN is `arn:aws:rds:region:account:{kind}:{id}`."""

    def read(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
        return tag_map(ctx.client("rds").list_tags_for_resource(ResourceName=ctx.arn("rds", f"{kind}:{id}")).get("TagList"))

    def write(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
        arn = ctx.arn("rds", f"{kind}:{id}")
        if changed:
            ctx.client("rds").add_tags_to_resource(ResourceName=arn, Tags=tag_list(changed))
        if removed:
            ctx.client("rds").remove_tags_from_resource(ResourceName=arn, TagKeys=removed)

    return Tags(read, write)


RESOURCES = (
    Resource(
        token="aws:rds/subnetGroup:SubnetGroup",
        name="name",
        inputs=SUBNETS,
        outputs=("arn", "vpcId", "supportedNetworkTypes"),
        find=find_subnets,
        create=create_subnets,
        read=read_subnets,
        update=update_subnets,
        delete=delete_subnets,
        tags=tags_of("subgrp"),
    ),
    Resource(
        token="aws:rds/cluster:Cluster",
        name="clusterIdentifier",
        inputs=CLUSTER,
        outputs=("arn", "clusterResourceId", "endpoint", "readerEndpoint", "engineVersionActual", "hostedZoneId", "masterUserSecrets"),
        volatile=("engineVersionActual",),
        find=find_cluster,
        create=create_cluster,
        read=read_cluster,
        update=update_cluster,
        delete=delete_cluster,
        tags=tags_of("cluster"),
    ),
    Resource(
        token="aws:rds/clusterInstance:ClusterInstance",
        name="identifier",
        inputs=INSTANCE,
        outputs=("arn", "dbiResourceId", "endpoint", "port", "engineVersionActual", "storageEncrypted"),
        volatile=("engineVersionActual",),
        find=find_instance,
        create=create_instance,
        read=read_instance,
        update=update_instance,
        delete=delete_instance,
        tags=tags_of("db"),
    ),
)
