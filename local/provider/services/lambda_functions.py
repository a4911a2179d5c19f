"""Lambda functions. Code is an archive or an S3 object; it is compared by content hash, and AWS does not give it back."""

from typing import Any

from local.provider.framework import wire
from local.provider.framework.context import Context, ProviderError
from local.provider.framework.diffs import same
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import Property, boolean, file, integer, listing, mapping, record, text
from local.provider.framework.translation import from_aws, pick, to_aws

DIRECT_UPLOAD_LIMIT = 50 * 1024 * 1024
NAMES = {"name": "FunctionName", "kmsKeyArn": "KMSKeyArn"}
CODE = ("code", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash", "architectures")
CONFIGURATION: dict[str, Property] = {
    "role": text(required=True),
    "handler": text(),
    "runtime": text(),
    "description": text(),
    "timeout": integer(default=3),
    "memorySize": integer(default=128),
    "environment": record({"variables": mapping(text())}),
    "layers": listing(text()),
    "tracingConfig": record({"mode": text("Active", "PassThrough", required=True)}, computed=True),
    "deadLetterConfig": record({"targetArn": text(required=True)}),
    "ephemeralStorage": record({"size": integer(computed=True)}, computed=True),
    "kmsKeyArn": text(),
    "loggingConfig": record(
        {
            "logFormat": text("JSON", "Text", required=True),
            "logGroup": text(computed=True),
            "applicationLogLevel": text("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", computed=True),
            "systemLogLevel": text("DEBUG", "INFO", "WARN", computed=True),
        },
        computed=True,
    ),
    "vpcConfig": record(
        {
            "securityGroupIds": listing(text(), required=True, unordered=True),
            "subnetIds": listing(text(), required=True, unordered=True),
            "vpcId": text(computed=True),
        }
    ),
}
FIELDS: dict[str, Property] = {
    "name": text(computed=True),
    **CONFIGURATION,
    "code": file(),
    "s3Bucket": text(write_only=True),
    "s3Key": text(write_only=True),
    "s3ObjectVersion": text(write_only=True),
    "sourceCodeHash": text(computed=True),
    "architectures": listing(text("x86_64", "arm64"), computed=True),
    "packageType": text("Zip", default="Zip", replace=True),
    "publish": boolean(default=False, write_only=True),
    "reservedConcurrentExecutions": integer(default=-1),
    "skipDestroy": boolean(default=False, write_only=True),
}
PATH = "2015-03-31/functions"


def source(inputs: Inputs) -> dict[str, Any]:
    """The code for AWS. Raises ProviderError unless exactly one origin is given, or for a zip beyond AWS's direct limit."""
    if (inputs.get("code") is None) == (inputs.get("s3Bucket") is None):
        raise ProviderError("the code's origin is unclear: expected either code (an archive), or s3Bucket and s3Key")
    if inputs.get("s3Bucket") is not None:
        version = {"S3ObjectVersion": inputs["s3ObjectVersion"]} if inputs.get("s3ObjectVersion") else {}
        return {"S3Bucket": inputs["s3Bucket"], "S3Key": inputs["s3Key"], **version}
    content = wire.file_bytes(inputs["code"])
    if len(content) > DIRECT_UPLOAD_LIMIT:
        raise ProviderError(
            f"code is {len(content):,} bytes zipped: AWS takes at most {DIRECT_UPLOAD_LIMIT:,} directly; "
            "upload it and use s3Bucket and s3Key"
        )
    return {"ZipFile": content}


def configuration(inputs: Inputs) -> dict[str, Any]:
    """The configuration, with what was removed set to AWS's empty value so that an update clears it."""
    empty: dict[str, Any] = {"Description": "", "Environment": {"Variables": {}}, "Layers": [], "DeadLetterConfig": {}, "KMSKeyArn": ""}
    sent = to_aws(inputs, CONFIGURATION, NAMES)
    if "VpcConfig" in sent:
        sent["VpcConfig"].pop("VpcId", None)
    return {**empty, **sent}


def create(ctx: Context, inputs: Inputs) -> str:
    """Make the function and wait until it is active; the id is its name."""
    client = ctx.client("lambda")
    full = configuration(inputs)
    client.create_function(
        FunctionName=inputs["name"],
        PackageType=inputs["packageType"],
        Code=source(inputs),
        Publish=bool(inputs.get("publish")),
        **{key: value for key, value in full.items() if value not in ("", [], {}, {"Variables": {}})},
        **to_aws(inputs, pick(FIELDS, "architectures")),
    )
    settle(ctx, inputs["name"])
    if inputs["reservedConcurrentExecutions"] >= 0:
        client.put_function_concurrency(FunctionName=inputs["name"], ReservedConcurrentExecutions=inputs["reservedConcurrentExecutions"])
    return str(inputs["name"])


def settle(ctx: Context, name: str) -> None:
    """Wait until the function is active and its last update done."""

    def ready() -> bool:
        found = ctx.client("lambda").get_function_configuration(FunctionName=name)
        if found.get("State") == "Failed" or found.get("LastUpdateStatus") == "Failed":
            why = found.get("StateReason") or found.get("LastUpdateStatusReason")
            raise ProviderError(f"function '{name}' failed to become active: {why}")
        return found.get("State", "Active") == "Active" and found.get("LastUpdateStatus", "Successful") == "Successful"

    ctx.wait(ready, f"function '{name}' becoming active", 120)


def update(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Code first, then configuration, then a version when asked."""
    client = ctx.client("lambda")
    if any(not same(old.get(name), new.get(name), FIELDS[name]) for name in CODE):
        client.update_function_code(FunctionName=id, **source(new), **to_aws(new, pick(FIELDS, "architectures")))
        settle(ctx, id)
    if any(not same(old.get(name), new.get(name), prop) for name, prop in CONFIGURATION.items()):
        client.update_function_configuration(FunctionName=id, **configuration(new))
        settle(ctx, id)
    if old.get("reservedConcurrentExecutions", -1) != new["reservedConcurrentExecutions"]:
        if new["reservedConcurrentExecutions"] >= 0:
            client.put_function_concurrency(FunctionName=id, ReservedConcurrentExecutions=new["reservedConcurrentExecutions"])
        else:
            client.delete_function_concurrency(FunctionName=id)
    if new.get("publish"):
        client.publish_version(FunctionName=id)


def latest_version(ctx: Context, name: str) -> str:
    """The highest published version, or `$LATEST`."""
    pages = ctx.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=name)
    numbers = [int(each["Version"]) for page in pages for each in page["Versions"] if each["Version"].isdigit()]
    return str(max(numbers)) if numbers else "$LATEST"


def invoke_arn(ctx: Context, arn: str) -> str:
    """The form API Gateway wants."""
    return f"arn:{ctx.aws.partition}:apigateway:{ctx.region}:lambda:path/{PATH}/{arn}/invocations"


def read(ctx: Context, id: str, state: Inputs) -> Observed:
    """AWS gives back all but the code's origin; of the code it tells the hash (`sourceCodeHash`)."""
    found: dict[str, Any] = ctx.client("lambda").get_function(FunctionName=id)
    told: dict[str, Any] = found["Configuration"]
    layers: list[dict[str, Any]] = told.get("Layers") or []
    inputs = from_aws({**told, "Layers": [each["Arn"] for each in layers]}, CONFIGURATION, NAMES)
    if not (told.get("VpcConfig") or {}).get("SubnetIds"):
        inputs["vpcConfig"] = None
    arn = str(told["FunctionArn"])
    version = latest_version(ctx, id) if state.get("publish") else "$LATEST"
    qualified = f"{arn}:{version}"
    return Observed(
        inputs={
            **inputs,
            "name": id,
            "architectures": told.get("Architectures"),
            "packageType": told.get("PackageType", "Zip"),
            "sourceCodeHash": told["CodeSha256"],
            "reservedConcurrentExecutions": (found.get("Concurrency") or {}).get("ReservedConcurrentExecutions", -1),
        },
        outputs={
            "arn": arn,
            "invokeArn": invoke_arn(ctx, arn),
            "qualifiedArn": qualified,
            "qualifiedInvokeArn": invoke_arn(ctx, qualified),
            "version": version,
            "lastModified": str(told.get("LastModified", "")),
            "sourceCodeSize": told.get("CodeSize", 0),
        },
    )


def delete(ctx: Context, id: str, state: Inputs) -> None:
    """Gone with its versions, unless skipDestroy keeps it."""
    if not state.get("skipDestroy"):
        ctx.client("lambda").delete_function(FunctionName=id)


def function_arn(ctx: Context, name: str) -> str:
    """The ARN of a function."""
    return ctx.arn("lambda", f"function:{name}")


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The function's tags."""
    return dict(ctx.client("lambda").list_tags(Resource=function_arn(ctx, id)).get("Tags", {}))


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("lambda").tag_resource(Resource=function_arn(ctx, id), Tags=changed)
    if removed:
        ctx.client("lambda").untag_resource(Resource=function_arn(ctx, id), TagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:lambda/function:Function",
        name="name",
        inputs=FIELDS,
        outputs=("arn", "invokeArn", "qualifiedArn", "qualifiedInvokeArn", "version", "lastModified", "sourceCodeSize"),
        volatile=("qualifiedArn", "qualifiedInvokeArn", "version", "lastModified", "sourceCodeSize"),
        create=create,
        read=read,
        update=update,
        delete=delete,
        find=lambda ctx, inputs: existing(ctx, lambda: ctx.client("lambda").get_function(FunctionName=inputs["name"]), inputs["name"]),
        tags=Tags(read_tags, write_tags),
    ),
)
