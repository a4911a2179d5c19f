"""ECS: clusters (ids are ARNs), their capacity providers (ids are cluster names), task definitions (ids are families)."""

import json
from typing import Any, cast

from botocore.exceptions import ClientError

from local.provider.framework import wire
from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, json_document, listing, mapping, record, text
from local.provider.framework.translation import from_aws, same_name, tag_list, tag_map, to_aws

CLUSTER = {
    "name": text(computed=True),
    "configuration": record(
        {
            "executeCommandConfiguration": record(
                {
                    "kmsKeyId": text(),
                    "logConfiguration": record(
                        {
                            "cloudWatchEncryptionEnabled": boolean(),
                            "cloudWatchLogGroupName": text(),
                            "s3BucketEncryptionEnabled": boolean(),
                            "s3BucketName": text(),
                            "s3KeyPrefix": text(),
                        }
                    ),
                    "logging": text("NONE", "DEFAULT", "OVERRIDE"),
                }
            ),
            "managedStorageConfiguration": record({"fargateEphemeralStorageKmsKeyId": text(), "kmsKeyId": text()}),
        }
    ),
    "serviceConnectDefaults": record({"namespace": text(required=True)}),
    "settings": listing(
        record({"name": text("containerInsights", required=True), "value": text("enabled", "enhanced", "disabled", required=True)}),
        unordered=True,
        computed=True,
    ),
}
CHANGEABLE = {key: prop for key, prop in CLUSTER.items() if key != "name"}
STRATEGY = record({"capacityProvider": text(required=True), "base": integer(), "weight": integer()})
PROVIDERS = {
    "clusterName": text(required=True, replace=True),
    "capacityProviders": listing(text(), unordered=True),
    "defaultCapacityProviderStrategies": listing(STRATEGY, unordered=True),
}
PROVIDERS_ALIASES = {"clusterName": "cluster", "defaultCapacityProviderStrategies": "defaultCapacityProviderStrategy"}
TASK = {
    "family": text(required=True, replace=True),
    "containerDefinitions": json_document(required=True, replace=True, ordered=True),
    "cpu": text(replace=True),
    "memory": text(replace=True),
    "ephemeralStorage": record({"sizeInGib": integer(required=True)}, replace=True),
    "executionRoleArn": text(replace=True),
    "taskRoleArn": text(replace=True),
    "ipcMode": text("host", "none", "task", replace=True),
    "networkMode": text("awsvpc", "bridge", "host", "none", replace=True, computed=True),
    "pidMode": text("host", "task", replace=True),
    "placementConstraints": listing(record({"type": text(required=True), "expression": text()}), unordered=True, replace=True),
    "proxyConfiguration": record(
        {"containerName": text(required=True), "properties": mapping(text()), "type": text(default="APPMESH")},
        replace=True,
        write_only=True,
    ),
    "requiresCompatibilities": listing(text("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"), unordered=True, replace=True),
    "runtimePlatform": record({"cpuArchitecture": text("X86_64", "ARM64"), "operatingSystemFamily": text()}, replace=True),
    "skipDestroy": boolean(write_only=True),
    "volumes": listing(record({"name": text(required=True)}), unordered=True, replace=True),
}
TASK_ALIASES = {"sizeInGib": "sizeInGiB"}
TASK_DEFAULTS: dict[str, Any] = {
    "cpu": 0, "essential": True, "environment": [], "mountPoints": [], "volumesFrom": [], "portMappings": [], "systemControls": [],
}  # fmt: skip
"""What AWS adds to a container definition that does not say it."""


def find_cluster(ctx: Context, inputs: Inputs) -> str | None:
    """The active cluster of that name (a second create is a silent success in ECS)."""
    cluster = _cluster(ctx, inputs["name"])
    return str(cluster["clusterArn"]) if cluster else None


def _cluster(ctx: Context, name: str) -> dict[str, Any] | None:
    found = ctx.client("ecs").describe_clusters(clusters=[name], include=["SETTINGS", "CONFIGURATIONS"])["clusters"]
    return next((each for each in found if each["status"] != "INACTIVE"), None)


def create_cluster(ctx: Context, inputs: Inputs) -> str:
    """Make the cluster."""
    request = to_aws(inputs, CHANGEABLE, rename=same_name)
    return str(ctx.client("ecs").create_cluster(clusterName=inputs["name"], **request)["cluster"]["clusterArn"])


def read_cluster(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Gone also when inactive."""
    cluster = _cluster(ctx, id)
    if cluster is None:
        return None
    told = {**from_aws(cluster, CHANGEABLE, rename=same_name), "name": cluster["clusterName"]}
    return Observed(inputs=told, outputs={"arn": cluster["clusterArn"]})


def update_cluster(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Settings, configuration and service connect defaults change in place."""
    ctx.client("ecs").update_cluster(cluster=id, **to_aws(new, CHANGEABLE, rename=same_name))


def delete_cluster(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the cluster."""
    ctx.client("ecs").delete_cluster(cluster=id)


def put_providers(ctx: Context, inputs: Inputs) -> str:
    """Set the capacity providers; both lists are required by AWS, so absent means empty."""
    complete: Inputs = {"capacityProviders": [], "defaultCapacityProviderStrategies": [], **inputs}
    ctx.client("ecs").put_cluster_capacity_providers(**to_aws(complete, PROVIDERS, PROVIDERS_ALIASES, same_name))
    return str(inputs["clusterName"])


def read_providers(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Gone with the cluster, or when nothing is set."""
    cluster = _cluster(ctx, id)
    if not cluster or not (cluster.get("capacityProviders") or cluster.get("defaultCapacityProviderStrategy")):
        return None
    told = from_aws(cluster, PROVIDERS, PROVIDERS_ALIASES, same_name)
    return Observed(inputs={**told, "clusterName": cluster["clusterName"]})


def update_providers(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """Replace both lists."""
    put_providers(ctx, new)


def delete_providers(ctx: Context, id: str, _state: Inputs) -> None:
    """Leave the cluster without capacity providers."""
    put_providers(ctx, {"clusterName": id})


def create_task(ctx: Context, inputs: Inputs) -> str:
    """Register a revision."""
    request = to_aws(inputs, TASK, TASK_ALIASES, same_name)
    request.pop("skipDestroy", None)
    if proxy := request.pop("proxyConfiguration", None):
        pairs = tag_list(proxy.get("properties") or {}, "name", "value")
        request["proxyConfiguration"] = {"containerName": proxy["containerName"], "type": proxy["type"], "properties": pairs}
    request["containerDefinitions"] = json.loads(request["containerDefinitions"])
    ctx.client("ecs").register_task_definition(**request)
    return str(inputs["family"])


def _task(ctx: Context, reference: str) -> dict[str, Any] | None:
    try:
        task = ctx.client("ecs").describe_task_definition(taskDefinition=reference)["taskDefinition"]
    except ClientError as error:
        # ECS has no not-found code for task definitions.
        if "Unable to describe task definition" in str(error):
            return None
        raise
    return cast("dict[str, Any]", task) if task["status"] == "ACTIVE" else None


def read_task(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """The revision in the state, or on import the latest. Later revisions made elsewhere do not matter."""
    task = _task(ctx, state.get("arn") or id)
    if task is None:
        return None
    told = from_aws({**task, "containerDefinitions": None}, TASK, TASK_ALIASES, same_name)
    told["containerDefinitions"] = _told_containers(task["containerDefinitions"], state.get("containerDefinitions"))
    outputs = {
        "arn": task["taskDefinitionArn"],
        "arnWithoutRevision": task["taskDefinitionArn"].rsplit(":", 1)[0],
        "revision": task["revision"],
    }
    return Observed(inputs=told, outputs=outputs)


def _told_containers(told: list[dict[str, Any]], asked: Any) -> Any:
    """The program's own text when it means the same once AWS's defaults are left out."""
    bare = [_without_defaults(each) for each in told]
    if asked is not None and [_without_defaults(each) for each in wire.json_parsed(asked)] == bare:
        return asked
    return json.dumps(bare)


def _without_defaults(container: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in container.items() if value is not None and TASK_DEFAULTS.get(key) != value}


def update_task(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Only `skipDestroy` changes in place, and that lives in the state alone."""


def delete_task(ctx: Context, id: str, state: Inputs) -> None:
    """Deregister the revision, unless it is to be kept."""
    task = _task(ctx, state.get("arn") or id)
    if task is not None and not state.get("skipDestroy"):
        ctx.client("ecs").deregister_task_definition(taskDefinition=task["taskDefinitionArn"])


def _tagged(ctx: Context, id: str, state: Inputs) -> str:
    """The ARN that carries the tags: a cluster's id, or a task definition's revision."""
    if id.startswith("arn:"):
        return id
    if state.get("arn"):
        return str(state["arn"])
    task = _task(ctx, id)
    return str(task["taskDefinitionArn"]) if task else id


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The tags of a cluster or a task definition."""
    return tag_map(ctx.client("ecs").list_tags_for_resource(resourceArn=_tagged(ctx, id, state)).get("tags"), "key", "value")


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = _tagged(ctx, id, inputs)
    if changed:
        ctx.client("ecs").tag_resource(resourceArn=arn, tags=tag_list(changed, "key", "value"))
    if removed:
        ctx.client("ecs").untag_resource(resourceArn=arn, tagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:ecs/cluster:Cluster",
        name="name",
        inputs=CLUSTER,
        outputs=("arn",),
        find=find_cluster,
        create=create_cluster,
        read=read_cluster,
        update=update_cluster,
        delete=delete_cluster,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        inputs=PROVIDERS,
        create=put_providers,
        read=read_providers,
        update=update_providers,
        delete=delete_providers,
    ),
    Resource(
        token="aws:ecs/taskDefinition:TaskDefinition",
        inputs=TASK,
        outputs=("arn", "arnWithoutRevision", "revision"),
        create=create_task,
        read=read_task,
        update=update_task,
        delete=delete_task,
        tags=Tags(read_tags, write_tags),
    ),
)
