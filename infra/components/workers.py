"""The heavy lane: an ECS cluster and the Fargate task that runs `python -m lambdas.run_heavy`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.base import Component, Context
from infra.config import Heavy
from infra.function_policies import PolicyContext, runner

CONTAINER = "runner"
_KEPT_IMAGES = 20


@dataclass(frozen=True)
class WorkersArgs:
    """`environment` is what functions get too; `architecture` as Lambda calls it."""

    config: Heavy
    architecture: str
    environment: Mapping[str, pulumi.Input[str]]
    policy: PolicyContext
    data_key_arn: pulumi.Input[str]
    messaging_key_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    group_ids: Sequence[pulumi.Input[str]]


class Workers(Component):
    """Cluster, image repository and task definition; Step Functions starts the tasks and waits for their token."""

    def __init__(self, ctx: Context, args: WorkersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Workers", ctx, opts)
        self.args = args
        self.subnet_ids, self.group_ids = list(args.subnet_ids), list(args.group_ids)
        self.repository = self._repository()
        self.cluster = aws.ecs.Cluster(
            "workers",
            name=ctx.names.prefix,
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            opts=self.child(),
        )
        self.logs = aws.cloudwatch.LogGroup(
            "run-heavy",
            name=ctx.names.function_log_group("run-heavy"),
            retention_in_days=ctx.log_retention_days,
            kms_key_id=args.messaging_key_arn,
            opts=self.child(),
        )
        self.task_definition = self._task()
        self.register_outputs({"clusterName": self.cluster.name, "taskDefinitionArn": self.task_definition.arn})

    def _repository(self) -> aws.ecr.Repository:
        repository = aws.ecr.Repository(
            "runner",
            name=self.ctx.names.named("runner"),
            image_tag_mutability="MUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=self.args.data_key_arn)
            ],
            force_delete=not self.ctx.protect,
            opts=self.child(),
        )
        selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": _KEPT_IMAGES}
        rule = {"rulePriority": 1, "description": "Keep the newest images", "selection": selection, "action": {"type": "expire"}}
        aws.ecr.LifecyclePolicy(
            "runner", repository=repository.name, policy=pulumi.Output.json_dumps({"rules": [rule]}), opts=self.child(parent=repository)
        )
        return repository

    def _task(self) -> aws.ecs.TaskDefinition:
        names = self.ctx.names
        trust = iam.Trust(iam.Service.TASKS, names.account_id)
        start = iam.service_role("run-heavy-start", names.named("run-heavy-start"), trust, self._start_statements(), self.child())
        work = iam.service_role("run-heavy", names.named("run-heavy"), trust, self._work_statements(), self.child())
        return aws.ecs.TaskDefinition(
            "run-heavy",
            family=names.task_family,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(self.args.config.cpu),
            memory=str(self.args.config.memory),
            execution_role_arn=start.arn,
            task_role_arn=work.arn,
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                cpu_architecture="ARM64" if self.args.architecture == "arm64" else "X86_64", operating_system_family="LINUX"
            ),
            container_definitions=pulumi.Output.json_dumps([self._container()]),
            opts=self.child(depends_on=[self.logs]),
        )

    def _container(self) -> dict[str, object]:
        options = {"awslogs-group": self.logs.name, "awslogs-region": self.ctx.names.region, "awslogs-stream-prefix": CONTAINER}
        return {
            "name": CONTAINER,
            "image": self.repository.repository_url.apply(lambda url: f"{url}:{self.args.config.image_tag}"),
            "command": ["python", "-m", "lambdas.run_heavy"],
            "essential": True,
            "readonlyRootFilesystem": True,
            "environment": [{"name": name, "value": value} for name, value in sorted(self.args.environment.items())],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }

    def _start_statements(self) -> list[iam.Allow]:
        names = self.ctx.names
        pull = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
        return [
            iam.Allow("PullImage", pull, [names.arn("ecr", f"repository/{names.named('runner')}")]),
            # A registry's token belongs to no repository, so AWS requires "*" here.
            iam.Allow("RegistryToken", ["ecr:GetAuthorizationToken"], ["*"]),
            self._write_logs(),
        ]

    def _work_statements(self) -> list[iam.Allow]:
        report = ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]
        return [
            *runner(self.args.policy),
            iam.Allow("DecryptSecrets", ["kms:Decrypt"], [self.args.data_key_arn]),
            # The task answers its own token; Step Functions checks it against the machine.
            iam.Allow("Report", report, [self.ctx.names.state_machine_arn]),
        ]

    def _write_logs(self) -> iam.Allow:
        group = self.ctx.names.log_group_arn(self.ctx.names.function_log_group("run-heavy"))
        return iam.Allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [group])
