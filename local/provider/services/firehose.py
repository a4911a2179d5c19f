"""Firehose: `aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream` to S3. Ids are ARNs."""

from typing import Any, cast

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, listing, mapping, record, text
from local.provider.framework.translation import from_aws, part, tag_list, tag_map, to_aws

LOGGING = record({"enabled": boolean(), "logGroupName": text(), "logStreamName": text()})
PROCESSING = record(
    {
        "enabled": boolean(),
        "processors": listing(
            record(
                {
                    "type": text(required=True),
                    "parameters": listing(
                        record({"parameterName": text(required=True), "parameterValue": text(required=True)}), unordered=True
                    ),
                }
            ),
            unordered=True,
        ),
    }
)
DESERIALIZER = record(
    {
        "hiveJsonSerDe": record({"timestampFormats": listing(text())}, presence=True),
        "openXJsonSerDe": record(
            {
                "caseInsensitive": boolean(),
                "columnToJsonKeyMappings": mapping(text()),
                "convertDotsInJsonKeysToUnderscores": boolean(),
            },
            presence=True,
        ),
    },
    required=True,
)
SERIALIZER = record(
    {
        "orcSerDe": record(
            {"blockSizeBytes": integer(), "compression": text("NONE", "ZLIB", "SNAPPY"), "formatVersion": text("V0_11", "V0_12")},
            presence=True,
        ),
        "parquetSerDe": record(
            {
                "blockSizeBytes": integer(),
                "compression": text("UNCOMPRESSED", "GZIP", "SNAPPY"),
                "enableDictionaryCompression": boolean(),
                "maxPaddingBytes": integer(),
                "pageSizeBytes": integer(),
                "writerVersion": text("V1", "V2"),
            },
            presence=True,
        ),
    },
    required=True,
)
CONVERSION = record(
    {
        "enabled": boolean(default=True),
        "inputFormatConfiguration": record({"deserializer": DESERIALIZER}, required=True),
        "outputFormatConfiguration": record({"serializer": SERIALIZER}, required=True),
        "schemaConfiguration": record(
            {
                "databaseName": text(required=True),
                "roleArn": text(required=True),
                "tableName": text(required=True),
                "catalogId": text(computed=True),
                "region": text(computed=True),
                "versionId": text(computed=True),
            },
            required=True,
        ),
    }
)
PLAIN = {
    "bucketArn": text(required=True),
    "roleArn": text(required=True),
    "cloudwatchLoggingOptions": LOGGING,
    "compressionFormat": text("UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY", default="UNCOMPRESSED"),
    # The emulator applies these two but does not show them.
    "customTimeZone": text(write_only=True),
    "fileExtension": text(write_only=True),
    "dataFormatConversionConfiguration": CONVERSION,
    "errorOutputPrefix": text(),
    "prefix": text(),
    "processingConfiguration": PROCESSING,
}
"""What has the same shape in AWS."""
S3 = {
    **PLAIN,
    "bufferingInterval": integer(default=300),
    "bufferingSize": integer(default=5),
    "kmsKeyArn": text(),
    # AWS switches dynamic partitioning on or off only when the stream is made.
    "dynamicPartitioningConfiguration": record({"enabled": boolean(replace=True), "retryDuration": integer(default=300)}),
}
STREAM = {
    "name": text(computed=True),
    "destination": text("extended_s3", required=True, replace=True),
    "extendedS3Configuration": record(S3, required=True),
    "kinesisSourceConfiguration": record({"kinesisStreamArn": text(required=True), "roleArn": text(required=True)}, replace=True),
    "serverSideEncryption": record(
        {
            "enabled": boolean(default=False),
            "keyArn": text(),
            "keyType": text("AWS_OWNED_CMK", "CUSTOMER_MANAGED_CMK", default="AWS_OWNED_CMK"),
        }
    ),
}
ALIASES = {
    "bucketArn": "BucketARN", "roleArn": "RoleARN", "cloudwatchLoggingOptions": "CloudWatchLoggingOptions",
    "kinesisStreamArn": "KinesisStreamARN", "keyArn": "KeyARN",
}  # fmt: skip
SMALLEST_CONVERTED_MEBIBYTES = 64


def _destination(name: str, settings: Inputs) -> dict[str, Any]:
    """The destination as AWS takes it. Raises ProviderError for what AWS refuses and the emulator accepts."""
    converted = bool(part(settings, "dataFormatConversionConfiguration").get("enabled"))
    partitioned = bool(part(settings, "dynamicPartitioningConfiguration").get("enabled"))
    if (converted or partitioned) and settings["bufferingSize"] < SMALLEST_CONVERTED_MEBIBYTES:
        raise ProviderError(
            f"stream '{name}': bufferingSize is {settings['bufferingSize']}: expected at least {SMALLEST_CONVERTED_MEBIBYTES} "
            "with format conversion or dynamic partitioning"
        )
    if converted and settings["compressionFormat"] != "UNCOMPRESSED":
        raise ProviderError(
            f"stream '{name}': compressionFormat must be UNCOMPRESSED with format conversion: set the serializer's compression"
        )
    request = to_aws(settings, PLAIN, ALIASES)
    request["BufferingHints"] = {"SizeInMBs": settings["bufferingSize"], "IntervalInSeconds": settings["bufferingInterval"]}
    key = settings.get("kmsKeyArn")
    request["EncryptionConfiguration"] = {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}} if key else {"NoEncryptionConfig": "NoEncryption"}
    if dynamic := settings.get("dynamicPartitioningConfiguration"):
        retry = {"DurationInSeconds": dynamic["retryDuration"]}
        request["DynamicPartitioningConfiguration"] = {"Enabled": bool(dynamic.get("enabled")), "RetryOptions": retry}
    return request


def _told_destination(told: dict[str, Any]) -> Inputs:
    settings = {key: value for key, value in from_aws(told, PLAIN, ALIASES).items() if value is not None}
    hints = part(told, "BufferingHints")
    settings |= {"bufferingSize": hints.get("SizeInMBs"), "bufferingInterval": hints.get("IntervalInSeconds")}
    key = part(told, "EncryptionConfiguration").get("KMSEncryptionConfig")
    settings |= {"kmsKeyArn": key["AWSKMSKeyARN"]} if key else {}
    if dynamic := told.get("DynamicPartitioningConfiguration"):
        retry = part(dynamic, "RetryOptions").get("DurationInSeconds")
        settings["dynamicPartitioningConfiguration"] = {"enabled": bool(dynamic.get("Enabled")), "retryDuration": retry}
    return settings


def _encryption(inputs: Inputs) -> dict[str, str] | None:
    asked = cast("Inputs", inputs.get("serverSideEncryption") or {})
    if not asked.get("enabled"):
        return None
    return {"KeyType": asked["keyType"], **({"KeyARN": asked["keyArn"]} if asked.get("keyArn") else {})}


def find_stream(ctx: Context, inputs: Inputs) -> str | None:
    """The stream of that name."""
    found = ctx.optional(lambda: _describe(ctx, inputs["name"]))
    return str(found["DeliveryStreamARN"]) if found else None


def _describe(ctx: Context, name: str) -> dict[str, Any]:
    return ctx.client("firehose").describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]


def _name(id: str) -> str:
    return id.rsplit("/", 1)[-1]


def create_stream(ctx: Context, inputs: Inputs) -> str:
    """Make the stream and wait until it takes records."""
    name, client = inputs["name"], ctx.client("firehose")
    request: dict[str, Any] = {"ExtendedS3DestinationConfiguration": _destination(name, inputs["extendedS3Configuration"])}
    if source := inputs.get("kinesisSourceConfiguration"):
        request["KinesisStreamSourceConfiguration"] = to_aws(source, STREAM["kinesisSourceConfiguration"].fields, ALIASES)
    if encryption := _encryption(inputs):
        request["DeliveryStreamEncryptionConfigurationInput"] = encryption
    kind = "KinesisStreamAsSource" if source else "DirectPut"
    answer = client.create_delivery_stream(DeliveryStreamName=name, DeliveryStreamType=kind, **request)
    ctx.wait(lambda: _describe(ctx, name)["DeliveryStreamStatus"] == "ACTIVE", f"delivery stream '{name}' becoming ACTIVE")
    return str(answer["DeliveryStreamARN"])


def read_stream(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything but what is marked write-only."""
    stream = _describe(ctx, _name(id))
    destination = stream["Destinations"][0]
    source = part(stream, "Source").get("KinesisStreamSourceDescription")
    encryption = part(stream, "DeliveryStreamEncryptionConfiguration")
    told: Inputs = {
        "name": stream["DeliveryStreamName"],
        "destination": "extended_s3",
        "extendedS3Configuration": _told_destination(destination["ExtendedS3DestinationDescription"]),
        "kinesisSourceConfiguration": from_aws(source, STREAM["kinesisSourceConfiguration"].fields, ALIASES) if source else None,
        "serverSideEncryption": None,
    }
    if encryption.get("Status") in ("ENABLED", "ENABLING"):
        key = {"keyArn": encryption["KeyARN"]} if encryption.get("KeyARN") else {}
        told["serverSideEncryption"] = {"enabled": True, "keyType": encryption["KeyType"], **key}
    outputs = {"arn": id, "destinationId": destination["DestinationId"], "versionId": stream["VersionId"]}
    return Observed(inputs=told, outputs=outputs)


def update_stream(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Change the destination and the encryption. UpdateDestination merges, so what went away is switched off by name."""
    name, client = _name(id), ctx.client("firehose")
    before, after = cast("Inputs", old.get("extendedS3Configuration") or {}), cast("Inputs", new["extendedS3Configuration"])
    if before != after:
        off = {"processingConfiguration": "ProcessingConfiguration", "cloudwatchLoggingOptions": "CloudWatchLoggingOptions"}
        off["dataFormatConversionConfiguration"] = "DataFormatConversionConfiguration"
        gone = {aws: {"Enabled": False} for key, aws in off.items() if before.get(key) and not after.get(key)}
        blank = {aws: "" for key, aws in (("prefix", "Prefix"), ("errorOutputPrefix", "ErrorOutputPrefix")) if before.get(key)}
        now = _describe(ctx, name)
        client.update_destination(
            DeliveryStreamName=name,
            CurrentDeliveryStreamVersionId=now["VersionId"],
            DestinationId=now["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate={**blank, **gone, **_destination(name, after)},
        )
    if _encryption(old) != _encryption(new):
        if encryption := _encryption(new):
            client.start_delivery_stream_encryption(DeliveryStreamName=name, DeliveryStreamEncryptionConfigurationInput=encryption)
        else:
            client.stop_delivery_stream_encryption(DeliveryStreamName=name)


def delete_stream(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the stream; buffered records are lost, as in AWS."""
    ctx.client("firehose").delete_delivery_stream(DeliveryStreamName=_name(id))


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The stream's tags."""
    return tag_map(ctx.client("firehose").list_tags_for_delivery_stream(DeliveryStreamName=_name(id)).get("Tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("firehose").tag_delivery_stream(DeliveryStreamName=_name(id), Tags=tag_list(changed))
    if removed:
        ctx.client("firehose").untag_delivery_stream(DeliveryStreamName=_name(id), TagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
        name="name",
        inputs=STREAM,
        outputs=("arn", "destinationId", "versionId"),
        volatile=("versionId",),
        find=find_stream,
        create=create_stream,
        read=read_stream,
        update=update_stream,
        delete=delete_stream,
        tags=Tags(read_tags, write_tags),
    ),
)
