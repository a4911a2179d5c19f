"""S3 buckets, and the example of how a resource is written.

1. `inputs`: every input the type accepts here, camelCase as in pulumi-aws 7.51.1 (a unit test compares names, kinds and
   required with the SDK), built with the functions of `framework.schema`. An input not listed is refused, so list only what
   create and update really carry out. `tags`, `tagsAll` and `region` are the framework's: never list them.
2. `name`: the physical-name input; declare it `computed`: autonamed when absent, a change replaces.
3. `create(ctx, inputs) -> id` calls AWS; tags are written by the framework afterwards. `read(ctx, id, state) -> Observed` gives
   inputs in the SDK's shape as AWS has them, and outputs; not-found errors may simply be raised. The framework reads after
   each create and update, so outputs have one source. What AWS does not give back is `write_only` or left out.
4. `update(ctx, id, old, new)` applies in place (None: everything replaces); `delete(ctx, id, state)` may raise not-found.
5. `find(ctx, inputs)`: the id of what create would collide with or overwrite; None if there is none. It makes duplicate names errors
   and interrupted creates resumable. `tags`: a `Tags(read, write)` pair.
6. Put the instances in `RESOURCES` and the module's name in `local.provider.registry.MODULES`.

`ctx` is `framework.context.Context`: `client`, `arn`, `account`, `region`, `optional(call)` (None for not found), `wait(...)`; raise
`ProviderError` with one clear line for what AWS would refuse but the emulator accepts.
"""

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import boolean, text

HOSTED_ZONE_US_EAST_1 = "Z3AQBSTGFYJSTF"


def find_bucket(ctx: Context, inputs: Inputs) -> str | None:
    """The bucket of that name, if there is one (S3 in us-east-1 answers 200 to a second create)."""
    return existing(ctx, lambda: ctx.client("s3").head_bucket(Bucket=inputs["bucket"]), inputs["bucket"])


def create_bucket(ctx: Context, inputs: Inputs) -> str:
    """Make the bucket, with Object Lock when asked (it cannot be added later)."""
    place = {} if ctx.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": ctx.region}}
    ctx.client("s3").create_bucket(Bucket=inputs["bucket"], ObjectLockEnabledForBucket=bool(inputs.get("objectLockEnabled")), **place)
    return str(inputs["bucket"])


def read_bucket(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS does not know `forceDestroy`: it keeps the state's value."""
    client = ctx.client("s3")
    client.head_bucket(Bucket=id)
    lock = ctx.optional(lambda: client.get_object_lock_configuration(Bucket=id))
    return Observed(
        inputs={"bucket": id, "objectLockEnabled": lock is not None},
        outputs={
            "arn": ctx.arn("s3", id, region="", account=""),
            "bucketDomainName": f"{id}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{id}.s3.{ctx.region}.amazonaws.com",
            "bucketRegion": ctx.region,
            "hostedZoneId": HOSTED_ZONE_US_EAST_1,
        },
    )


def update_bucket(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Only `forceDestroy` changes in place, and that lives in the state alone."""


def delete_bucket(ctx: Context, id: str, state: Inputs) -> None:
    """Delete the bucket; empty it first only with `forceDestroy`. Objects under retention keep it alive, as in AWS."""
    client = ctx.client("s3")
    if state.get("forceDestroy"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=id):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                client.delete_object(Bucket=id, Key=each["Key"], VersionId=each["VersionId"])
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=id):
            for each in page.get("Contents", []):
                client.delete_object(Bucket=id, Key=each["Key"])
    elif client.list_objects_v2(Bucket=id, MaxKeys=1).get("KeyCount"):
        raise ProviderError(f"bucket '{id}' is not empty: empty it, or set forceDestroy to true and run `pulumi up` first")
    client.delete_bucket(Bucket=id)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The bucket's tags."""
    answer = ctx.optional(lambda: ctx.client("s3").get_bucket_tagging(Bucket=id))
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]} if answer else {}


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """S3 replaces the whole set, so the present one is read first."""
    now = {key: value for key, value in {**read_tags(ctx, id, inputs), **changed}.items() if key not in removed}
    if now:
        ctx.client("s3").put_bucket_tagging(Bucket=id, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in now.items()]})
    else:
        ctx.client("s3").delete_bucket_tagging(Bucket=id)


RESOURCES = (
    Resource(
        token="aws:s3/bucket:Bucket",
        name="bucket",
        inputs={
            "bucket": text(computed=True),
            "forceDestroy": boolean(default=False, write_only=True),
            "objectLockEnabled": boolean(replace=True, computed=True),
        },
        outputs=("arn", "bucketDomainName", "bucketRegionalDomainName", "bucketRegion", "hostedZoneId"),
        find=find_bucket,
        create=create_bucket,
        read=read_bucket,
        update=update_bucket,
        delete=delete_bucket,
        tags=Tags(read_tags, write_tags),
    ),
)
