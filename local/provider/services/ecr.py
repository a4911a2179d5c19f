"""ECR: repositories and lifecycle policies. Ids are repository names."""

from typing import Any

from local.provider.framework import wire
from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import boolean, json_document, listing, record, text
from local.provider.framework.translation import changed_names, from_aws, rows, same_name, tag_list, tag_map, to_aws

ENCRYPTION = record({"encryptionType": text("AES256", "KMS", "KMS_DSSE", default="AES256"), "kmsKey": text(computed=True)})
REPOSITORY = {
    "name": text(computed=True),
    "encryptionConfigurations": listing(ENCRYPTION, replace=True, computed=True),
    "forceDelete": boolean(write_only=True),
    "imageScanningConfiguration": record({"scanOnPush": boolean(required=True)}),
    "imageTagMutability": text("MUTABLE", "IMMUTABLE", default="MUTABLE"),
}


def _repository(ctx: Context, name: str) -> dict[str, Any]:
    return ctx.client("ecr").describe_repositories(repositoryNames=[name])["repositories"][0]


def find_repository(ctx: Context, inputs: Inputs) -> str | None:
    """The repository of that name."""
    return existing(ctx, lambda: _repository(ctx, inputs["name"]), inputs["name"])


def create_repository(ctx: Context, inputs: Inputs) -> str:
    """Make the repository."""
    request = to_aws(inputs, {key: REPOSITORY[key] for key in ("imageScanningConfiguration", "imageTagMutability")}, rename=same_name)
    for encryption in rows(inputs, "encryptionConfigurations"):
        request["encryptionConfiguration"] = to_aws(encryption, ENCRYPTION.fields, rename=same_name)
    ctx.client("ecr").create_repository(repositoryName=inputs["name"], **request)
    return str(inputs["name"])


def read_repository(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything but `forceDelete`."""
    repository = _repository(ctx, id)
    told = from_aws(repository, {key: REPOSITORY[key] for key in ("imageScanningConfiguration", "imageTagMutability")}, rename=same_name)
    encryption = repository.get("encryptionConfiguration")
    told["encryptionConfigurations"] = [from_aws(encryption, ENCRYPTION.fields, rename=same_name)] if encryption else None
    outputs = {"arn": repository["repositoryArn"], "registryId": repository["registryId"], "repositoryUrl": repository["repositoryUri"]}
    return Observed(inputs={**told, "name": repository["repositoryName"]}, outputs=outputs)


def update_repository(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Scanning and tag mutability change in place."""
    client = ctx.client("ecr")
    if changed_names(old, new, ("imageTagMutability",)):
        client.put_image_tag_mutability(repositoryName=id, imageTagMutability=new["imageTagMutability"])
    if changed_names(old, new, ("imageScanningConfiguration",)):
        scanning = new.get("imageScanningConfiguration") or {"scanOnPush": False}
        client.put_image_scanning_configuration(repositoryName=id, imageScanningConfiguration=scanning)


def delete_repository(ctx: Context, id: str, state: Inputs) -> None:
    """Delete the repository, with `forceDelete` its images too."""
    ctx.client("ecr").delete_repository(repositoryName=id, force=bool(state.get("forceDelete")))


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The repository's tags."""
    return tag_map(ctx.client("ecr").list_tags_for_resource(resourceArn=_repository(ctx, id)["repositoryArn"]).get("tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = _repository(ctx, id)["repositoryArn"]
    if changed:
        ctx.client("ecr").tag_resource(resourceArn=arn, tags=tag_list(changed))
    if removed:
        ctx.client("ecr").untag_resource(resourceArn=arn, tagKeys=removed)


def put_policy(ctx: Context, inputs: Inputs) -> str:
    """Set the lifecycle policy."""
    ctx.client("ecr").put_lifecycle_policy(repositoryName=inputs["repository"], lifecyclePolicyText=wire.json_text(inputs["policy"]))
    return str(inputs["repository"])


def read_policy(ctx: Context, id: str, _state: Inputs) -> Observed:
    """The policy."""
    answer = ctx.client("ecr").get_lifecycle_policy(repositoryName=id)
    return Observed(inputs={"repository": id, "policy": answer["lifecyclePolicyText"]}, outputs={"registryId": answer["registryId"]})


def update_policy(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the document."""
    put_policy(ctx, new)


def delete_policy(ctx: Context, id: str, _state: Inputs) -> None:
    """Remove the policy."""
    ctx.client("ecr").delete_lifecycle_policy(repositoryName=id)


RESOURCES = (
    Resource(
        token="aws:ecr/repository:Repository",
        name="name",
        inputs=REPOSITORY,
        outputs=("arn", "registryId", "repositoryUrl"),
        find=find_repository,
        create=create_repository,
        read=read_repository,
        update=update_repository,
        delete=delete_repository,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:ecr/lifecyclePolicy:LifecyclePolicy",
        inputs={"repository": text(required=True, replace=True), "policy": json_document(required=True, ordered=True)},
        outputs=("registryId",),
        create=put_policy,
        read=read_policy,
        update=update_policy,
        delete=delete_policy,
    ),
)
