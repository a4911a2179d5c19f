"""The Lambda functions: one role with one exact policy, one log group and one dead-letter queue each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.base import Component, Context
from infra.components.records import Records
from infra.function_policies import POLICIES, STREAMED_TABLES, PolicyContext
from infra.packages import Target

FOLLOWED = ("active", "kpi", "pause")
"""Kinds of catalog rows that the reconciler follows (lambdas/reconciler/stream.py)."""


@dataclass(frozen=True)
class FunctionSpec:
    """One function. `memory` in MiB, `timeout` in seconds; `asynchronous` ones get a dead-letter queue, `private` ones the network.

    `shares` names the function whose dead-letter queue it uses instead of one of its own.
    """

    name: str
    package: str
    memory: int
    timeout: int
    asynchronous: bool = False
    private: bool = False
    shares: str | None = None

    @property
    def dead_letters(self) -> str | None:
        """Whose dead-letter queue gets what it could not do."""
        return self.name if self.asynchronous else self.shares

    @property
    def handler(self) -> str:
        return f"lambdas.{self.name.replace('-', '_')}.handler.handler"


SPECS = (
    FunctionSpec("api", "control", memory=512, timeout=29, private=True),
    FunctionSpec("run-open", "runner", memory=512, timeout=30),
    FunctionSpec("run-light", "runner", memory=1024, timeout=840, private=True),
    FunctionSpec("run-close", "runner", memory=512, timeout=60, private=True),
    FunctionSpec("reconciler", "control", memory=1024, timeout=900, shares="log-stream"),
    FunctionSpec("dispatcher", "control", memory=512, timeout=60, asynchronous=True),
    FunctionSpec("log-stream", "control", memory=512, timeout=60, asynchronous=True),
    FunctionSpec("widgets", "control", memory=512, timeout=20),
    FunctionSpec("governance", "control", memory=1024, timeout=900, shares="log-stream"),
)


@dataclass(frozen=True)
class FunctionsArgs:
    """`objects` by package name: where each was uploaded; `subnet_ids` and `group_ids` are for private functions."""

    target: Target
    objects: Mapping[str, aws.s3.BucketObjectv2]
    environment: Mapping[str, pulumi.Input[str]]
    policy: PolicyContext
    messaging_key_arn: pulumi.Input[str]
    data_key_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    group_ids: Sequence[pulumi.Input[str]]
    records: Records


class Functions(Component):
    """Nine functions and the streams that feed `log-stream`."""

    def __init__(self, ctx: Context, args: FunctionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Functions", ctx, opts)
        self.args = args
        self.dead_letters = {spec.name: self._dead_letters(spec) for spec in SPECS if spec.asynchronous}
        self.functions = {spec.name: self._function(spec) for spec in SPECS}
        for table in STREAMED_TABLES:
            self._stream(table)
        self._follow_catalog()
        self.register_outputs({"functions": {name: function.arn for name, function in self.functions.items()}})

    def _dead_letters(self, spec: FunctionSpec) -> aws.sqs.Queue:
        return aws.sqs.Queue(
            f"{spec.name}-dlq",
            name=self.ctx.names.named(f"{spec.name}-dlq"),
            kms_master_key_id=self.args.messaging_key_arn,
            message_retention_seconds=14 * 24 * 3600,
            visibility_timeout_seconds=30,
            opts=self.child(),
        )

    def _function(self, spec: FunctionSpec) -> aws.lambda_.Function:
        names = self.ctx.names
        role = iam.service_role(
            spec.name,
            names.named(spec.name),
            iam.Trust(iam.Service.LAMBDA, names.account_id),
            self._statements(spec),
            self.child(),
        )
        logs = aws.cloudwatch.LogGroup(
            spec.name,
            name=names.function_log_group(spec.name),
            retention_in_days=self.ctx.log_retention_days,
            kms_key_id=self.args.messaging_key_arn,
            opts=self.child(),
        )
        return aws.lambda_.Function(
            spec.name,
            name=names.named(spec.name),
            role=role.arn,
            runtime=self.args.target.runtime,
            architectures=[self.args.target.architecture],
            handler=spec.handler,
            s3_bucket=self.args.objects[spec.package].bucket,
            s3_key=self.args.objects[spec.package].key,
            memory_size=spec.memory,
            timeout=spec.timeout,
            kms_key_arn=self.args.data_key_arn,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=dict(self.args.environment)),
            dead_letter_config=aws.lambda_.FunctionDeadLetterConfigArgs(target_arn=self.dead_letters[spec.dead_letters].arn)
            if spec.dead_letters
            else None,
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=list(self.args.subnet_ids), security_group_ids=list(self.args.group_ids)
            )
            if spec.private
            else None,
            # The function would otherwise create a log group of its own, without retention and key.
            opts=self.child(depends_on=[logs, role]),
        )

    def _statements(self, spec: FunctionSpec) -> list[iam.Allow]:
        names = self.ctx.names
        own = names.log_group_arn(names.function_log_group(spec.name))
        statements = [
            iam.Allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [own]),
            iam.Allow("DecryptEnvironment", ["kms:Decrypt"], [self.args.data_key_arn]),
            *POLICIES[spec.name](self.args.policy),
        ]
        if spec.dead_letters:
            statements += [
                iam.Allow("DeadLetters", ["sqs:SendMessage"], [names.queue_arn(f"{spec.dead_letters}-dlq")]),
                iam.Allow("DeadLetterKey", ["kms:Decrypt", "kms:GenerateDataKey"], [self.args.messaging_key_arn]),
            ]
        if spec.private:
            statements += PRIVATE_NETWORK
        return statements

    def _stream(self, table: str) -> None:
        source = self.args.records.tables[table]
        failed = aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(destination_arn=self.dead_letters["log-stream"].arn)
        aws.lambda_.EventSourceMapping(
            table,
            event_source_arn=source.stream_arn,
            function_name=self.functions["log-stream"].arn,
            starting_position="TRIM_HORIZON",
            batch_size=100,
            maximum_batching_window_in_seconds=1,
            maximum_retry_attempts=10,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(on_failure=failed),
            opts=self.child(),
        )

    def _follow_catalog(self) -> None:
        """What the reconciler keeps follows the catalog: of its many rows those about definitions, pauses and settings."""
        environments = ("dev", "stg", "prod")
        rows: list[str | dict[str, str]] = [{"prefix": f"{environment}#{kind}#"} for environment in environments for kind in FOLLOWED]
        rows += [f"{environment}#settings" for environment in environments]
        pattern = json.dumps({"dynamodb": {"Keys": {"sk": {"S": rows}}}})
        failed = aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(destination_arn=self.dead_letters["log-stream"].arn)
        aws.lambda_.EventSourceMapping(
            "catalog",
            event_source_arn=self.args.records.tables["catalog"].stream_arn,
            function_name=self.functions["reconciler"].arn,
            starting_position="TRIM_HORIZON",
            batch_size=100,
            maximum_batching_window_in_seconds=1,
            maximum_retry_attempts=10,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=aws.lambda_.EventSourceMappingFilterCriteriaArgs(
                filters=[aws.lambda_.EventSourceMappingFilterCriteriaFilterArgs(pattern=pattern)]
            ),
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(on_failure=failed),
            opts=self.child(),
        )


# EC2 knows no resource-level permission for the network interfaces of a function in a VPC, so AWS requires "*" here.
PRIVATE_NETWORK = [
    iam.Allow(
        "NetworkInterfaces",
        [
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ],
        ["*"],
    )
]
