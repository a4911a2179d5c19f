"""Aurora subnet groups, clusters and instances."""

import pytest

from tests.local.provider.rig import ACCOUNT, Held, Refused, Rig, lives_a_full_life

GROUP = "aws:rds/subnetGroup:SubnetGroup"
CLUSTER = "aws:rds/cluster:Cluster"
INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"


@pytest.fixture(scope="module")
def subnets(rig: Rig) -> list[str]:
    vpc = rig.create("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")
    blocks = [f"10.0.{place * 16}.0/20" for place in range(3)]
    return [rig.create("aws:ec2/subnet:Subnet", block, vpcId=vpc.id, cidrBlock=block).id for block in blocks]


@pytest.fixture(scope="module")
def cluster(rig: Rig, subnets: list[str]) -> Held:
    rig.create(GROUP, "kept", name="kept", subnetIds=subnets[:2])
    return rig.create(
        CLUSTER,
        clusterIdentifier="results",
        engine="aurora-postgresql",
        engineVersion="16.11",
        databaseName="results",
        masterUsername="kpi",
        manageMasterUserPassword=True,
        masterUserSecretKmsKeyId=KEY,
        storageEncrypted=True,
        kmsKeyId=KEY,
        dbSubnetGroupName="kept",
        vpcSecurityGroupIds=["sg-1"],
        serverlessv2ScalingConfiguration={"minCapacity": 0.5, "maxCapacity": 8},
        backupRetentionPeriod=35,
        enabledCloudwatchLogsExports=["postgresql"],
        skipFinalSnapshot=True,
        tags={"team": "kpi"},
    )


def test_a_subnet_group_lives_a_full_life(rig: Rig, subnets: list[str]) -> None:
    it = rig.create(GROUP, name="results", subnetIds=subnets[:2], tags={"team": "kpi"})

    def spoil() -> None:
        rig.aws("rds").modify_db_subnet_group(DBSubnetGroupName="results", SubnetIds=subnets[1:])

    lives_a_full_life(it, change={"description": "results"}, spoil=spoil, drifted="subnetIds")


def test_an_instance_and_its_cluster_live_a_full_life(rig: Rig, cluster: Held) -> None:
    assert cluster.state["masterUserSecrets"][0]["secretArn"].startswith("arn:aws:secretsmanager:")
    it = rig.create(
        INSTANCE, identifier="results-1", clusterIdentifier="results", engine="aurora-postgresql", instanceClass="db.serverless"
    )

    def spoil() -> None:
        rig.aws("rds").modify_db_instance(DBInstanceIdentifier="results-1", DBInstanceClass="db.r6g.large", ApplyImmediately=True)

    lives_a_full_life(it, change={"instanceClass": "db.r6g.xlarge", "tags": {"team": "kpi"}}, spoil=spoil, drifted="instanceClass")

    def spoil_cluster() -> None:
        rig.aws("rds").modify_db_cluster(DBClusterIdentifier="results", BackupRetentionPeriod=1)

    change = {"serverlessv2ScalingConfiguration": {"minCapacity": 1, "maxCapacity": 16}, "tags": {"team": "core"}}
    lives_a_full_life(cluster, change=change, spoil=spoil_cluster, drifted="backupRetentionPeriod")


def test_a_version_that_cannot_be_made_and_a_missing_password_are_refused(rig: Rig) -> None:
    with pytest.raises(Refused, match=r"Cannot find version 1\.2"):
        rig.create(CLUSTER, "old", clusterIdentifier="old", engine="aurora-postgresql", engineVersion="1.2", manageMasterUserPassword=True)
    with pytest.raises(Refused, match="exactly one of manageMasterUserPassword and masterPassword"):
        rig.create(CLUSTER, "open", clusterIdentifier="open", engine="aurora-postgresql")
