"""Delivery streams to S3."""

from typing import Any

import pytest

from tests.local.provider.rig import ACCOUNT, Held, Refused, Rig, lives_a_full_life

STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/firehose"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234"
PARQUET: dict[str, Any] = {
    "enabled": True,
    "inputFormatConfiguration": {"deserializer": {"openXJsonSerDe": {}}},
    "outputFormatConfiguration": {"serializer": {"parquetSerDe": {"compression": "SNAPPY"}}},
    "schemaConfiguration": {"databaseName": "logs", "tableName": "log_run", "roleArn": ROLE},
}
S3: dict[str, Any] = {
    "bucketArn": "arn:aws:s3:::lake",
    "roleArn": ROLE,
    "prefix": "logs/tenant_id=!{partitionKeyFromQuery:tenant_id}/",
    "errorOutputPrefix": "errors/",
    "bufferingSize": 64,
    "bufferingInterval": 60,
    "kmsKeyArn": KEY,
    "dynamicPartitioningConfiguration": {"enabled": True, "retryDuration": 300},
    "processingConfiguration": {
        "enabled": True,
        "processors": [{"type": "MetadataExtraction", "parameters": [{"parameterName": "JsonParsingEngine", "parameterValue": "JQ-1.6"}]}],
    },
    "dataFormatConversionConfiguration": PARQUET,
    "cloudwatchLoggingOptions": {"enabled": True, "logGroupName": "/kpi/firehose", "logStreamName": "log_run"},
}


def stream(rig: Rig, name: str, s3: dict[str, Any] = S3, **inputs: Any) -> Held:
    rig.aws("s3").create_bucket(Bucket="lake")
    return rig.create(STREAM, name, name=name, destination="extended_s3", extendedS3Configuration=s3, **inputs)


def test_a_stream_lives_a_full_life(rig: Rig) -> None:
    encryption = {"enabled": True, "keyType": "CUSTOMER_MANAGED_CMK", "keyArn": KEY}
    it = stream(rig, "kpi-log-run", serverSideEncryption=encryption, tags={"team": "kpi"})
    assert it.state["arn"] == it.id

    def spoil() -> None:
        told = rig.aws("firehose").describe_delivery_stream(DeliveryStreamName="kpi-log-run")["DeliveryStreamDescription"]
        rig.aws("firehose").update_destination(
            DeliveryStreamName="kpi-log-run",
            CurrentDeliveryStreamVersionId=told["VersionId"],
            DestinationId=told["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate={"BucketARN": "arn:aws:s3:::lake", "RoleARN": ROLE, "Prefix": "elsewhere/"},
        )

    lives_a_full_life(
        it, change={"extendedS3Configuration": {**S3, "bufferingInterval": 120}}, spoil=spoil, drifted="extendedS3Configuration"
    )


def test_processing_and_encryption_can_be_switched_off(rig: Rig) -> None:
    it = stream(rig, "off", {**S3, "dynamicPartitioningConfiguration": None}, serverSideEncryption={"enabled": True})
    plain = {key: S3[key] for key in ("bucketArn", "roleArn")}
    it.update(extendedS3Configuration=plain, serverSideEncryption=None)
    assert it.drift() == []


def test_a_dropped_processor_is_found(rig: Rig) -> None:
    it = stream(rig, "processed")
    other = {**S3["processingConfiguration"]["processors"][0], "type": "AppendDelimiterToRecord"}
    assert it.update(extendedS3Configuration={**S3, "processingConfiguration": {"enabled": True, "processors": [other]}})
    assert it.drift() == []


def test_dynamic_partitioning_is_decided_when_the_stream_is_made(rig: Rig) -> None:
    it = stream(rig, "decided")
    off = {**S3, "dynamicPartitioningConfiguration": {"enabled": False}}
    assert it.replaced_by(extendedS3Configuration=off) == ["extendedS3Configuration"]


def test_what_aws_refuses_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused, match="bufferingSize is 5: expected at least 64"):
        stream(rig, "small", {**S3, "bufferingSize": 5})
    with pytest.raises(Refused, match="must be UNCOMPRESSED"):
        stream(rig, "zipped", {**S3, "compressionFormat": "GZIP"})
    with pytest.raises(Refused, match="destination is 'http_endpoint'"):
        rig.create(STREAM, "http", name="http", destination="http_endpoint", extendedS3Configuration=S3)
