"""Clusters, capacity providers and task definitions."""

import json

from tests.local.provider.rig import ACCOUNT, Rig, lives_a_full_life

CLUSTER = "aws:ecs/cluster:Cluster"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
CONTAINERS = [
    {"name": "runner", "image": "kpi:1", "command": ["python", "-m", "lambdas.run_heavy"], "environment": [{"name": "A", "value": "1"}]}
]


def test_a_cluster_lives_a_full_life(rig: Rig) -> None:
    cluster = rig.create(CLUSTER, name="kpi", settings=[{"name": "containerInsights", "value": "enabled"}], tags={"team": "kpi"})

    def spoil() -> None:
        rig.aws("ecs").update_cluster(cluster="kpi", settings=[{"name": "containerInsights", "value": "enhanced"}])

    change = {"settings": [{"name": "containerInsights", "value": "disabled"}]}
    lives_a_full_life(cluster, change=change, spoil=spoil, drifted="settings")


def test_capacity_providers_live_a_full_life(rig: Rig) -> None:
    rig.create(CLUSTER, "kept", name="kept")
    strategies = [{"capacityProvider": "FARGATE", "weight": 1, "base": 1}]
    providers = rig.create(
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        clusterName="kept",
        capacityProviders=["FARGATE_SPOT", "FARGATE"],
        defaultCapacityProviderStrategies=strategies,
    )

    def spoil() -> None:
        rig.aws("ecs").put_cluster_capacity_providers(cluster="kept", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[])

    change = {"defaultCapacityProviderStrategies": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    lives_a_full_life(providers, change=change, spoil=spoil, drifted="capacityProviders")


def test_a_task_definition_is_read_back_as_asked_and_deregistered(rig: Rig) -> None:
    task = rig.create(
        TASK,
        family="kpi-heavy",
        containerDefinitions=json.dumps(CONTAINERS),
        cpu="1024",
        memory="2048",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        executionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/exec",
        taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/task",
        runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        ephemeralStorage={"sizeInGib": 40},
        tags={"team": "kpi"},
    )
    assert task.state["revision"] == 1
    assert task.drift() == []
    assert task.update(tags={"team": "core"}) == ["tags"]
    assert task.drift() == []
    task.delete()
    assert task.gone()


def test_any_change_of_a_task_definition_makes_a_new_revision(rig: Rig) -> None:
    task = rig.create(TASK, "changing", family="changing", containerDefinitions=json.dumps(CONTAINERS))
    reordered = [{**CONTAINERS[0], "command": ["-m", "python", "lambdas.run_heavy"]}]
    assert task.replaced_by(containerDefinitions=json.dumps(reordered)) == ["containerDefinitions"]
    assert task.replaced_by(cpu="2048") == ["cpu"]
    later = rig.create(TASK, "later", family="changing", containerDefinitions=json.dumps(reordered))
    assert (task.state["revision"], later.state["revision"]) == (1, 2)
    task.delete()
    assert task.gone()
    assert not later.gone()
