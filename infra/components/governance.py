"""Governance: the state machine in which change requests wait, the queue approvals are read from, and what happens by the clock."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import jinja2
import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context
from infra.components.engine import TEMPLATES
from kpis.templating import text_environment

TEMPLATE = "kpi_change.asl.json.j2"
FUNCTION = "governance"
QUEUE = "approvals"
_LOOKS = 100
_FOURTEEN_DAYS = 14 * 24 * 3600
_SIX_HOURS = 6 * 3600


@dataclass(frozen=True)
class GovernanceArgs:
    """`audit_stream` is read by `function`; the state machine acts with `engine_role_arn`, the schedule with `scheduler_role_arn`."""

    function: aws.lambda_.Function
    audit_stream: pulumi.Input[str]
    stream_dead_letters_arn: pulumi.Input[str]
    event_dead_letters_arn: pulumi.Input[str]
    engine_role_arn: pulumi.Input[str]
    scheduler_role_arn: pulumi.Input[str]
    run_logs_arn: pulumi.Input[str]
    messaging_key_arn: pulumi.Input[str]


class Governance(Component):
    """Change requests from the audit table's stream into executions, and from there to the people who decide."""

    def __init__(self, ctx: Context, args: GovernanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Governance", ctx, opts)
        self.args = args
        self.machine = self._machine()
        self.queue = self._queue()
        self._stream()
        self._schedule()
        self.register_outputs({"stateMachineArn": self.machine.arn, "approvalsQueueUrl": self.queue.url})

    def _machine(self) -> aws.sfn.StateMachine:
        logs = pulumi.Output.from_input(self.args.run_logs_arn).apply(lambda arn: f"{arn.removesuffix(':*')}:*")
        return aws.sfn.StateMachine(
            "change",
            name=self.ctx.names.change_machine,
            role_arn=self.args.engine_role_arn,
            type="STANDARD",
            definition=render_definition(self.ctx.names.function_arn(FUNCTION)),
            logging_configuration=aws.sfn.StateMachineLoggingConfigurationArgs(
                level="ERROR", include_execution_data=False, log_destination=logs
            ),
            opts=self.child(depends_on=[self.args.function]),
        )

    def _queue(self) -> aws.sqs.Queue:
        # Several readers may look at a message and leave it to another; what nobody took at all is an alert that could not be delivered.
        redrive = {"deadLetterTargetArn": self.ctx.names.queue_arn("alerts-dlq"), "maxReceiveCount": _LOOKS}
        return aws.sqs.Queue(
            QUEUE,
            name=self.ctx.names.named(QUEUE),
            kms_master_key_id=self.args.messaging_key_arn,
            message_retention_seconds=_FOURTEEN_DAYS,
            visibility_timeout_seconds=180,
            redrive_policy=json.dumps(redrive),
            opts=self.child(),
        )

    def _stream(self) -> None:
        events = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "event#"}]}}}}
        aws.lambda_.EventSourceMapping(
            "governance",
            event_source_arn=self.args.audit_stream,
            function_name=self.args.function.arn,
            starting_position="TRIM_HORIZON",
            batch_size=25,
            maximum_retry_attempts=10,
            maximum_record_age_in_seconds=_SIX_HOURS,
            bisect_batch_on_function_error=True,
            filter_criteria=aws.lambda_.EventSourceMappingFilterCriteriaArgs(
                filters=[aws.lambda_.EventSourceMappingFilterCriteriaFilterArgs(pattern=json.dumps(events))]
            ),
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
                on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(destination_arn=self.args.stream_dead_letters_arn)
            ),
            opts=self.child(),
        )

    def _schedule(self) -> None:
        aws.scheduler.Schedule(
            "governance",
            name=self.ctx.names.named("governance"),
            description="Overdue requests, open change windows and missing runs; once an hour, checkpoints of the audit chains",
            schedule_expression="rate(5 minutes)",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=self.args.function.arn,
                role_arn=self.args.scheduler_role_arn,
                input=json.dumps({"action": "tick"}),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=self.args.event_dead_letters_arn),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(maximum_event_age_in_seconds=3600, maximum_retry_attempts=5),
            ),
            opts=self.child(),
        )


def render_definition(governance: str) -> str:
    """The state machine's definition as compact JSON; `governance` is the ARN of the function.

    Raises:
        pulumi.RunError: when the template does not render to JSON.
    """
    try:
        definition: Any = json.loads(text_environment(TEMPLATES).get_template(TEMPLATE).render(governance=governance))
    except (jinja2.TemplateError, json.JSONDecodeError) as error:
        raise pulumi.RunError(f"infra/templates/{TEMPLATE}: {error}; expected a template of a JSON state machine") from error
    return json.dumps(definition, separators=(",", ":"))
