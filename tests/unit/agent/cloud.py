"""A small AWS in memory: just the calls the agent makes, with the answers the emulator gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/kpi-local"
ARN = "arn:aws:ecs:us-east-1:123456789012:task/kpi-local/"


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


class Exceptions:
    class ResourceAlreadyExistsException(Exception):  # noqa: N818 - the name boto3 has
        pass

    class ResourceNotFoundException(Exception):  # noqa: N818 - the name boto3 has
        pass

    class ClusterNotFoundException(Exception):  # noqa: N818 - the name boto3 has
        pass


@dataclass
class Pages:
    pages: list[dict[str, Any]]

    def paginate(self, **_arguments: Any) -> Iterator[dict[str, Any]]:
        return iter(self.pages)


@dataclass
class Cloud:
    """Plays every service at once; `tasks` by ARN, `answered` are tokens the task itself answered."""

    exceptions = Exceptions
    account_id = "123456789012"
    region = "us-east-1"
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    failures: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    filters: list[dict[str, Any]] = field(default_factory=list)
    put: list[dict[str, Any]] = field(default_factory=list)
    put_fails: bool = False
    groups: tuple[str, ...] = ("/aws/lambda/kpi-local-run-close",)

    def __call__(self, _service: str) -> Cloud:
        return self

    def start(self, name: str, code: str, *, token: str | None = None, status: str = "RUNNING", command: list[str] | None = None) -> str:
        definition = f"definition-{name}"
        self.definitions[definition] = {
            "family": name,
            "containerDefinitions": [
                {
                    "name": "runner",
                    "command": command or ["python", "-c", code],
                    "environment": [{"name": "COLOUR", "value": "blue"}, {"name": "SIZE", "value": "small"}],
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {"awslogs-group": "/kpi/tasks", "awslogs-stream-prefix": "run"},
                    },
                }
            ],
        }
        environment = [{"name": "SIZE", "value": "large"}, *([{"name": "KPI_TASK_TOKEN", "value": token}] if token else [])]
        self.tasks[ARN + name] = {
            "taskArn": ARN + name,
            "taskDefinitionArn": definition,
            "lastStatus": status,
            "desiredStatus": "RUNNING",
            "overrides": {"containerOverrides": [{"name": "runner", "environment": environment}]},
        }
        return ARN + name

    def get_paginator(self, name: str) -> Pages:
        if name == "list_clusters":
            return Pages([{"clusterArns": [CLUSTER]}])
        if name == "list_tasks":
            return Pages([{"taskArns": [arn for arn, task in self.tasks.items() if task["desiredStatus"] == "RUNNING"]}])
        if name == "describe_log_groups":
            return Pages([{"logGroups": [{"logGroupName": group} for group in self.groups]}])
        if name == "describe_metric_filters":
            return Pages([{"metricFilters": self.filters}])
        raise AssertionError(name)

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert cluster == "kpi-local"
        return {"tasks": [self.tasks[arn] for arn in tasks]}

    def describe_task_definition(self, *, taskDefinition: str) -> dict[str, Any]:  # noqa: N803
        return {"taskDefinition": self.definitions[taskDefinition]}

    def stop_task(self, *, cluster: str, task: str, reason: str) -> None:
        assert cluster == "kpi-local"
        if task not in self.tasks:
            raise client_error("InvalidParameterException")
        self.tasks[task].update(desiredStatus="STOPPED", lastStatus="STOPPED", stoppedReason=reason)

    def send_task_failure(self, **arguments: str) -> None:
        if arguments["taskToken"] in self.answered:
            raise client_error("TaskDoesNotExist")
        self.failures.append(arguments)

    def create_log_group(self, **_arguments: str) -> None:
        raise Exceptions.ResourceAlreadyExistsException

    def create_log_stream(self, **_arguments: str) -> None:
        return

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> None:  # noqa: N803
        assert logGroupName == "/kpi/tasks"
        self.written += [f"{logStreamName}: {event['message']}" for event in logEvents]

    def log(self, message: str, timestamp: int, stream: str = "s") -> None:
        self.events.append({"message": message, "timestamp": timestamp, "logStreamName": stream})

    def filter_log_events(self, *, logGroupName: str, startTime: int, limit: int) -> dict[str, Any]:  # noqa: N803
        assert logGroupName in self.groups
        found = sorted((event for event in self.events if event["timestamp"] >= startTime), key=lambda event: event["timestamp"])
        return {"events": found[:limit]}

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        if self.put_fails:
            raise client_error("InternalFailure")
        self.put += [{"Namespace": Namespace, **datum} for datum in MetricData]
