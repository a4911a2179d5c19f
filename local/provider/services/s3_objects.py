"""Objects in S3 (`BucketObjectv2`). A change of content behind the program's back shows in `etag` only, as with the official provider."""

import base64
from typing import Any
from urllib.parse import urlencode

from local.provider.framework import wire
from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import Property, boolean, file, mapping, text
from local.provider.framework.translation import from_aws, omit, to_aws

NAMES = {"kmsKeyId": "SSEKMSKeyId"}
FIELDS: dict[str, Property] = {
    "bucket": text(required=True, replace=True),
    "key": text(computed=True, replace=True),
    "source": file(),
    "content": text(write_only=True),
    "contentBase64": text(write_only=True),
    "sourceHash": text(write_only=True),
    "contentType": text(computed=True),
    "contentEncoding": text(),
    "contentDisposition": text(),
    "contentLanguage": text(),
    "cacheControl": text(),
    "metadata": mapping(text()),
    "serverSideEncryption": text("AES256", "aws:kms", computed=True),
    "kmsKeyId": text(computed=True),
    "storageClass": text(computed=True),
    "forceDestroy": boolean(default=False, write_only=True),
}
OURS = ("bucket", "key", "source", "content", "contentBase64", "sourceHash", "forceDestroy")
SENT = omit(FIELDS, *OURS)


def where(id: str) -> tuple[str, str]:
    """Bucket and key of an id."""
    bucket, _, key = id.partition("/")
    return bucket, key


def body(inputs: Inputs) -> bytes:
    """The content, from exactly one of the three inputs."""
    given = [name for name in ("source", "content", "contentBase64") if inputs.get(name) is not None]
    if len(given) > 1:
        raise ProviderError(f"{' and '.join(given)} are both set: expected one of source, content, contentBase64")
    if inputs.get("source") is not None:
        return wire.file_bytes(inputs["source"])
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    return str(inputs.get("content") or "").encode()


def put(ctx: Context, inputs: Inputs) -> str:
    """Write the object whole, tags included: S3 gives a new version none of the old one's."""
    bucket, key = inputs["bucket"], inputs["key"]
    tagging = urlencode(inputs.get("tagsAll") or {})
    ctx.client("s3").put_object(Bucket=bucket, Key=key, Body=body(inputs), Tagging=tagging, **to_aws(inputs, SENT, NAMES))
    return f"{bucket}/{key}"


def update(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Every change is a new write."""
    put(ctx, new)


def read(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS gives back everything but the content's origin."""
    bucket, key = where(id)
    head = ctx.client("s3").head_object(Bucket=bucket, Key=key)
    return Observed(
        inputs={"bucket": bucket, "key": key, **from_aws(head, SENT, NAMES)},
        outputs={
            "arn": ctx.arn("s3", f"{bucket}/{key}", region="", account=""),
            "etag": str(head["ETag"]).strip('"'),
            "versionId": head.get("VersionId", ""),
        },
    )


def find(ctx: Context, inputs: Inputs) -> str | None:
    """An object under that key."""
    return existing(
        ctx, lambda: ctx.client("s3").head_object(Bucket=inputs["bucket"], Key=inputs["key"]), f"{inputs['bucket']}/{inputs['key']}"
    )


def delete(ctx: Context, id: str, state: Inputs) -> None:
    """All versions of it; retention is bypassed only with forceDestroy, as the official provider does."""
    client, (bucket, key) = ctx.client("s3"), where(id)
    bypass: dict[str, Any] = {"BypassGovernanceRetention": True} if state.get("forceDestroy") else {}
    versions = client.list_object_versions(Bucket=bucket, Prefix=key)
    for each in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]:
        if each["Key"] == key and each.get("VersionId", "null") != "null":
            client.delete_object(Bucket=bucket, Key=key, VersionId=each["VersionId"], **bypass)
    if ctx.optional(lambda: client.head_object(Bucket=bucket, Key=key)) is not None:
        client.delete_object(Bucket=bucket, Key=key)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The object's tags."""
    bucket, key = where(id)
    return {tag["Key"]: tag["Value"] for tag in ctx.client("s3").get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """S3 replaces the whole set."""
    bucket, key = where(id)
    now = {name: value for name, value in {**read_tags(ctx, id, inputs), **changed}.items() if name not in removed}
    ctx.client("s3").put_object_tagging(
        Bucket=bucket, Key=key, Tagging={"TagSet": [{"Key": name, "Value": value} for name, value in now.items()]}
    )


RESOURCES = (
    Resource(
        token="aws:s3/bucketObjectv2:BucketObjectv2",
        name="key",
        inputs=FIELDS,
        outputs=("arn", "versionId", "etag"),
        volatile=("versionId", "etag"),
        create=put,
        read=read,
        update=update,
        delete=delete,
        find=find,
        tags=Tags(read_tags, write_tags),
    ),
)
