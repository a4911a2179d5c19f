"""ECR: `aws:ecr/repository:Repository` (ids are names) and `aws:ecr/lifecyclePolicy:LifecyclePolicy` (ids are repository names)."""

from typing import Any

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, json_document, listing, record, text
from local.provider.framework.translation import changed_names, many, tag_list, tag_map

REPOSITORY = {
    "name": text(computed=True),
    "imageTagMutability": text("MUTABLE", "IMMUTABLE", default="MUTABLE"),
    "imageScanningConfiguration": record({"scanOnPush": boolean(required=True)}),
    "encryptionConfigurations": listing(
        record({"encryptionType": text("AES256", "KMS", "KMS_DSSE", default="AES256"), "kmsKey": text(computed=True)}), replace=True
    ),
    "forceDelete": boolean(write_only=True),
}


def _repository(ctx: Context, name: str) -> dict[str, Any] | None:
    answer = ctx.optional(lambda: ctx.client("ecr").describe_repositories(repositoryNames=[name]))
    return answer["repositories"][0] if answer else None


def find_repository(ctx: Context, inputs: Inputs) -> str | None:
    """The repository of that name."""
    return str(inputs["name"]) if _repository(ctx, inputs["name"]) else None


def create_repository(ctx: Context, inputs: Inputs) -> str:
    """Make the repository."""
    request: dict[str, Any] = {"repositoryName": inputs["name"], "imageTagMutability": inputs["imageTagMutability"]}
    if inputs.get("imageScanningConfiguration"):
        request["imageScanningConfiguration"] = inputs["imageScanningConfiguration"]
    for encryption in many(inputs, "encryptionConfigurations"):
        request["encryptionConfiguration"] = {key: value for key, value in encryption.items() if value is not None}
    ctx.client("ecr").create_repository(**request)
    return str(inputs["name"])


def read_repository(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """The scan setting reads as absent when it is off and the program said nothing."""
    found = _repository(ctx, id)
    if found is None:
        return None
    scanning = found.get("imageScanningConfiguration") or {"scanOnPush": False}
    quiet = not scanning.get("scanOnPush") and not state.get("imageScanningConfiguration")
    told = {
        "name": found["repositoryName"],
        "imageTagMutability": found["imageTagMutability"],
        "imageScanningConfiguration": None if quiet else {"scanOnPush": bool(scanning.get("scanOnPush"))},
    }
    encryption = found.get("encryptionConfiguration")
    if encryption and state.get("encryptionConfigurations"):
        told["encryptionConfigurations"] = [encryption]
    outputs = {"arn": found["repositoryArn"], "registryId": found["registryId"], "repositoryUrl": found["repositoryUri"]}
    return Observed(inputs=told, outputs=outputs)


def update_repository(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Tag mutability and scanning change in place."""
    for name in changed_names(old, new, ("imageTagMutability", "imageScanningConfiguration")):
        if name == "imageTagMutability":
            ctx.client("ecr").put_image_tag_mutability(repositoryName=id, imageTagMutability=new[name])
        else:
            setting = new.get(name) or {"scanOnPush": False}
            ctx.client("ecr").put_image_scanning_configuration(repositoryName=id, imageScanningConfiguration=setting)


def delete_repository(ctx: Context, id: str, state: Inputs) -> None:
    """ECR refuses while images are in it, unless `forceDelete`."""
    ctx.client("ecr").delete_repository(repositoryName=id, force=bool(state.get("forceDelete")))


def _arn(ctx: Context, id: str) -> str:
    return ctx.arn("ecr", f"repository/{id}")


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The repository's tags."""
    return tag_map(ctx.client("ecr").list_tags_for_resource(resourceArn=_arn(ctx, id)).get("tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("ecr").tag_resource(resourceArn=_arn(ctx, id), tags=tag_list(changed))
    if removed:
        ctx.client("ecr").untag_resource(resourceArn=_arn(ctx, id), tagKeys=removed)


def put_lifecycle(ctx: Context, inputs: Inputs) -> str:
    """Set the policy."""
    ctx.client("ecr").put_lifecycle_policy(repositoryName=inputs["repository"], lifecyclePolicyText=inputs["policy"])
    return str(inputs["repository"])


def read_lifecycle(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Gone when the repository has none."""
    answer = ctx.optional(lambda: ctx.client("ecr").get_lifecycle_policy(repositoryName=id))
    if not answer:
        return None
    told = {"repository": id, "policy": answer["lifecyclePolicyText"]}
    return Observed(inputs=told, outputs={"registryId": answer.get("registryId", ctx.account)})


def update_lifecycle(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the document."""
    put_lifecycle(ctx, new)


def delete_lifecycle(ctx: Context, id: str, _state: Inputs) -> None:
    """Leave the repository without a policy."""
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
        create=put_lifecycle,
        read=read_lifecycle,
        update=update_lifecycle,
        delete=delete_lifecycle,
    ),
)
