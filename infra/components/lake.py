"""The lake: log rows as Parquet by tenant and day, described in Glue, queried in Athena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.base import Component, Context
from infra.components.bucket import BucketArgs, private_bucket

_ARCHIVE_DAYS = 731
_ATHENA_RESULT_DAYS = 30
_SCAN_LIMIT_BYTES = 100 * 1024**3
_MEBIBYTES, _SECONDS = 64, 60
_PARQUET = {
    "input_format": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "output_format": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "library": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
}
_PARTITIONS = ("tenant_id", "day")


@dataclass(frozen=True)
class LogTable:
    """A log table in the lake: its Glue name, its stream's name, and columns with Glue types (without the partitions)."""

    name: str
    stream: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class LakeArgs:
    """`queries`: SQL of the views by name."""

    tables: Sequence[LogTable]
    queries: Mapping[str, str]
    data_key_arn: pulumi.Input[str]
    messaging_key_arn: pulumi.Input[str]


class Lake(Component):
    """Buckets, one Firehose a log table, Glue database, Athena workgroup and the views as named queries."""

    def __init__(self, ctx: Context, args: LakeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Lake", ctx, opts)
        self.args = args
        names = ctx.names
        self.bucket = private_bucket(
            BucketArgs("lake", names.bucket("lake"), args.data_key_arn, ctx.protect, archive_days=_ARCHIVE_DAYS), self
        )
        self.results = private_bucket(
            BucketArgs("athena", names.bucket("athena"), args.data_key_arn, protect=False, expire_days=_ATHENA_RESULT_DAYS), self
        )
        self.database = aws.glue.CatalogDatabase(
            "logs", name=names.glue_database, description=f"KPI run logs of {names.prefix}", opts=self.child()
        )
        tables = {table.name: self._table(table) for table in args.tables}
        self._streams(tables)
        self.workgroup = self._workgroup()
        for name, sql in args.queries.items():
            aws.athena.NamedQuery(
                name,
                name=name,
                database=self.database.name,
                workgroup=self.workgroup.name,
                query=sql,
                opts=self.child(parent=self.workgroup),
            )
        self.register_outputs({"bucket": self.bucket.bucket, "database": self.database.name, "workgroup": self.workgroup.name})

    def _table(self, table: LogTable) -> aws.glue.CatalogTable:
        location = f"s3://{self.ctx.names.bucket('lake')}/logs/{table.name}"
        parameters = {
            "classification": "parquet",
            # Athena computes the partitions instead of being told each one; a query must name its tenants.
            "projection.enabled": "true",
            "projection.tenant_id.type": "injected",
            "projection.day.type": "date",
            "projection.day.format": "yyyy-MM-dd",
            "projection.day.range": "2024-01-01,NOW",
            "storage.location.template": f"{location}/tenant_id=${{tenant_id}}/day=${{day}}",
        }
        return aws.glue.CatalogTable(
            table.name,
            name=table.name,
            database_name=self.database.name,
            table_type="EXTERNAL_TABLE",
            parameters=parameters,
            partition_keys=[aws.glue.CatalogTablePartitionKeyArgs(name=name, type="string") for name in _PARTITIONS],
            storage_descriptor=aws.glue.CatalogTableStorageDescriptorArgs(
                location=f"{location}/",
                input_format=_PARQUET["input_format"],
                output_format=_PARQUET["output_format"],
                ser_de_info=aws.glue.CatalogTableStorageDescriptorSerDeInfoArgs(serialization_library=_PARQUET["library"]),
                columns=[aws.glue.CatalogTableStorageDescriptorColumnArgs(name=name, type=kind) for name, kind in table.columns.items()],
            ),
            opts=self.child(parent=self.database),
        )

    def _streams(self, tables: Mapping[str, aws.glue.CatalogTable]) -> None:
        names = self.ctx.names
        role = iam.service_role(
            "firehose", names.named("firehose"), iam.Trust(iam.Service.FIREHOSE, names.account_id), self._statements(), self.child()
        )
        group = aws.cloudwatch.LogGroup(
            "firehose",
            name=f"/kpi/{names.deployment}/firehose",
            retention_in_days=self.ctx.log_retention_days,
            kms_key_id=self.args.messaging_key_arn,
            opts=self.child(),
        )
        for table in self.args.tables:
            aws.kinesis.FirehoseDeliveryStream(
                table.stream,
                name=names.named(table.stream),
                destination="extended_s3",
                server_side_encryption=aws.kinesis.FirehoseDeliveryStreamServerSideEncryptionArgs(
                    enabled=True, key_type="CUSTOMER_MANAGED_CMK", key_arn=self.args.data_key_arn
                ),
                extended_s3_configuration=self._destination(table, role, group),
                opts=self.child(depends_on=[tables[table.name], role]),
            )

    def _destination(
        self, table: LogTable, role: aws.iam.Role, group: aws.cloudwatch.LogGroup
    ) -> aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs:
        processors = aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationArgs(
            enabled=True,
            processors=[_tenant_of_record()],
        )
        return aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs(
            role_arn=role.arn,
            bucket_arn=self.bucket.arn,
            prefix=f"logs/{table.name}/tenant_id=!{{partitionKeyFromQuery:tenant_id}}/day=!{{timestamp:yyyy-MM-dd}}/",
            error_output_prefix=f"errors/{table.name}/!{{firehose:error-output-type}}/!{{timestamp:yyyy-MM-dd}}/",
            buffering_size=_MEBIBYTES,
            buffering_interval=_SECONDS,
            kms_key_arn=self.args.data_key_arn,
            dynamic_partitioning_configuration=aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDynamicPartitioningConfigurationArgs(
                enabled=True, retry_duration=300
            ),
            processing_configuration=processors,
            data_format_conversion_configuration=self._parquet(table, role),
            cloudwatch_logging_options=aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationCloudwatchLoggingOptionsArgs(
                enabled=True, log_group_name=group.name, log_stream_name=table.name
            ),
        )

    def _parquet(
        self, table: LogTable, role: aws.iam.Role
    ) -> aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationArgs:
        conversion = aws.kinesis
        return conversion.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationArgs(
            enabled=True,
            input_format_configuration=conversion.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationInputFormatConfigurationArgs(
                deserializer=conversion.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationInputFormatConfigurationDeserializerArgs(
                    open_x_json_ser_de=conversion.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationInputFormatConfigurationDeserializerOpenXJsonSerDeArgs()
                )
            ),
            output_format_configuration=conversion.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationArgs(
                serializer=conversion.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerArgs(
                    parquet_ser_de=conversion.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationOutputFormatConfigurationSerializerParquetSerDeArgs(
                        compression="SNAPPY"
                    )
                )
            ),
            schema_configuration=conversion.FirehoseDeliveryStreamExtendedS3ConfigurationDataFormatConversionConfigurationSchemaConfigurationArgs(
                database_name=self.database.name, table_name=table.name, role_arn=role.arn
            ),
        )

    def _statements(self) -> list[iam.Allow]:
        names = self.ctx.names
        objects = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        buckets = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        glue = [names.arn("glue", "catalog"), names.arn("glue", f"database/{names.glue_database}")]
        tables = [names.arn("glue", f"table/{names.glue_database}/{table.name}") for table in self.args.tables]
        return [
            iam.Allow("WriteLake", objects, [f"{names.bucket_arn('lake')}/logs/*", f"{names.bucket_arn('lake')}/errors/*"]),
            iam.Allow("SeeLake", buckets, [names.bucket_arn("lake")]),
            iam.Allow("ReadSchemas", ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], [*glue, *tables]),
            iam.Allow("Encrypt", ["kms:Decrypt", "kms:GenerateDataKey"], [self.args.data_key_arn]),
            iam.Allow("Logs", ["logs:PutLogEvents"], [names.log_group_arn(f"/kpi/{names.deployment}/firehose")]),
        ]

    def _workgroup(self) -> aws.athena.Workgroup:
        encryption = aws.athena.WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs(
            encryption_option="SSE_KMS", kms_key_arn=self.args.data_key_arn
        )
        return aws.athena.Workgroup(
            "views",
            name=self.ctx.names.prefix,
            description="Queries over KPI run logs",
            force_destroy=not self.ctx.protect,
            configuration=aws.athena.WorkgroupConfigurationArgs(
                enforce_workgroup_configuration=True,
                publish_cloudwatch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=_SCAN_LIMIT_BYTES,
                result_configuration=aws.athena.WorkgroupConfigurationResultConfigurationArgs(
                    output_location=self.results.bucket.apply(lambda bucket: f"s3://{bucket}/results/"),
                    encryption_configuration=encryption,
                ),
            ),
            opts=self.child(),
        )


def _tenant_of_record() -> aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgs:
    """Reads the tenant out of each row, for the prefix."""
    parameters = {"JsonParsingEngine": "JQ-1.6", "MetadataExtractionQuery": "{tenant_id:.tenant_id}"}
    return aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgs(
        type="MetadataExtraction",
        parameters=[
            aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorParameterArgs(
                parameter_name=name, parameter_value=value
            )
            for name, value in parameters.items()
        ],
    )
