"""The run engine: the state machine `kpi-run`, and the role with which schedules start it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.base import Component, Context
from infra.components.workers import CONTAINER, Workers
from kpis.templating import text_environment

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
LANES = ("run-open", "run-light", "run-close")


@dataclass(frozen=True)
class EngineArgs:
    """`functions_ready` makes the machine wait for its functions."""

    workers: Workers
    functions_ready: list[pulumi.Resource]
    messaging_key_arn: pulumi.Input[str]


class Engine(Component):
    """Open -> Light | Heavy -> Close, with every execution logged."""

    def __init__(self, ctx: Context, args: EngineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Engine", ctx, opts)
        names = ctx.names
        # The real rendering waits for outputs; a mistake in the template must not wait until half of the stack is deployed.
        render_definition(ctx, task_definition_arn="checked", subnet_ids=["checked"], group_ids=["checked"])
        self.logs = aws.cloudwatch.LogGroup(
            "runs",
            name=names.runs_log_group,
            retention_in_days=ctx.log_retention_days,
            kms_key_id=args.messaging_key_arn,
            opts=self.child(),
        )
        self.role = role = iam.service_role(
            "engine", names.named("engine"), iam.Trust(iam.Service.STEP_FUNCTIONS, names.account_id), self._statements(), self.child()
        )
        network = pulumi.Output.all(subnets=pulumi.Output.all(*args.workers.subnet_ids), groups=pulumi.Output.all(*args.workers.group_ids))
        self.state_machine = aws.sfn.StateMachine(
            "run",
            name=names.state_machine,
            role_arn=role.arn,
            type="STANDARD",
            definition=pulumi.Output.all(args.workers.task_definition.arn, network).apply(
                lambda known: render_definition(
                    ctx, task_definition_arn=known[0], subnet_ids=known[1]["subnets"], group_ids=known[1]["groups"]
                )
            ),
            logging_configuration=aws.sfn.StateMachineLoggingConfigurationArgs(
                level="ERROR", include_execution_data=False, log_destination=self.logs.arn.apply(lambda arn: f"{arn.removesuffix(':*')}:*")
            ),
            opts=self.child(depends_on=[role, *args.functions_ready]),
        )
        self.scheduler_role = iam.service_role(
            "scheduler",
            names.named("scheduler"),
            iam.Trust(iam.Service.SCHEDULER, names.account_id),
            self._what_schedules_do(args.messaging_key_arn),
            self.child(),
        )
        self.register_outputs({"stateMachineArn": self.state_machine.arn, "schedulerRoleArn": self.scheduler_role.arn})

    def _what_schedules_do(self, messaging_key_arn: pulumi.Input[str]) -> list[iam.Allow]:
        names = self.ctx.names
        return [
            iam.Allow("StartRuns", ["states:StartExecution"], [names.state_machine_arn]),
            iam.Allow("Govern", ["lambda:InvokeFunction"], [names.function_arn("governance")]),
            iam.Allow("DeadLetters", ["sqs:SendMessage"], [names.queue_arn("events-dlq")]),
            iam.Allow("DeadLetterKey", ["kms:Decrypt", "kms:GenerateDataKey"], [messaging_key_arn]),
        ]

    def _statements(self) -> list[iam.Allow]:
        names = self.ctx.names
        cluster = {"ArnEquals": {"ecs:cluster": names.cluster_arn}}
        log_delivery = [
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ]
        tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        return [
            iam.Allow("Lanes", ["lambda:InvokeFunction"], [names.function_arn(each) for each in LANES]),
            # The state machine of change requests has this role too; its steps are all one function.
            iam.Allow("Changes", ["lambda:InvokeFunction"], [names.function_arn("governance")]),
            iam.Allow("StartHeavy", ["ecs:RunTask"], [names.arn("ecs", f"task-definition/{names.task_family}:*")], cluster),
            iam.Allow("StopHeavy", ["ecs:StopTask", "ecs:DescribeTasks"], [names.arn("ecs", f"task/{names.prefix}/*")], cluster),
            iam.Allow("GiveTasksTheirRoles", ["iam:PassRole"], [names.role_arn("run-heavy"), names.role_arn("run-heavy-start")], tasks),
            # Log deliveries have no resource of their own, so AWS requires "*" here.
            iam.Allow("LogDelivery", log_delivery, ["*"]),
        ]


def render_definition(ctx: Context, *, task_definition_arn: str, subnet_ids: list[str], group_ids: list[str]) -> str:
    """The state machine's definition as compact JSON.

    Raises:
        pulumi.RunError: when the template does not render to JSON.
    """
    names = ctx.names
    environment = text_environment(TEMPLATES)
    try:
        text = environment.get_template("kpi_run.asl.json.j2").render(
            functions={each.replace("-", "_"): names.function_arn(each) for each in LANES},
            cluster_arn=names.cluster_arn,
            task_definition_arn=task_definition_arn,
            container=CONTAINER,
            subnet_ids=subnet_ids,
            security_group_ids=group_ids,
        )
        definition: Any = json.loads(text)
    except (jinja2.TemplateError, json.JSONDecodeError) as error:
        raise pulumi.RunError(f"infra/templates/kpi_run.asl.json.j2: {error}; expected a template of a JSON state machine") from error
    return json.dumps(definition, separators=(",", ":"))
