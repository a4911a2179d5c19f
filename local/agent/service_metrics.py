"""The metrics that AWS services publish of themselves, that our alarms read, and that the emulator does not publish.

Queue depths are sampled; executions of a state machine are counted from their history.
"""

from __future__ import annotations

import time
from typing import Any

from local.agent.clients import Clients

PREFIX = "kpi-"
_STATUSES = {"FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut", "ABORTED": "ExecutionsAborted"}
_PUT = 500


class ServiceMetrics:
    """Samples the product's queues and state machines."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._since = time.time()

    def step(self) -> None:
        """Sample once."""
        now = time.time()
        self._put("AWS/SQS", self._queues(now))
        self._put("AWS/States", self._executions(self._since))
        self._since = now

    def _queues(self, now: float) -> list[dict[str, Any]]:
        sqs = self._clients("sqs")
        urls: list[str] = sqs.list_queues(QueueNamePrefix=PREFIX).get("QueueUrls", [])
        data: list[dict[str, Any]] = []
        for url in urls:
            depth = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
            dimensions = [{"Name": "QueueName", "Value": url.rpartition("/")[2]}]
            value = float(depth["ApproximateNumberOfMessages"])
            data.append(
                {
                    "MetricName": "ApproximateNumberOfMessagesVisible",
                    "Dimensions": dimensions,
                    "Timestamp": now,
                    "Value": value,
                    "Unit": "Count",
                }
            )
        return data

    def _executions(self, since: float) -> list[dict[str, Any]]:
        """One sample for each execution that ended badly since the last time."""
        states = self._clients("stepfunctions")
        data: list[dict[str, Any]] = []
        for machine in states.list_state_machines()["stateMachines"]:
            if not machine["name"].startswith(PREFIX):
                continue
            dimensions = [{"Name": "StateMachineArn", "Value": machine["stateMachineArn"]}]
            for status, metric in _STATUSES.items():
                page = states.list_executions(stateMachineArn=machine["stateMachineArn"], statusFilter=status, maxResults=100)
                for execution in page["executions"]:
                    stopped = execution.get("stopDate")
                    if stopped is not None and stopped.timestamp() >= since:
                        data.append({"MetricName": metric, "Dimensions": dimensions, "Timestamp": stopped, "Value": 1.0, "Unit": "Count"})
        return data

    def _put(self, namespace: str, data: list[dict[str, Any]]) -> None:
        for start in range(0, len(data), _PUT):
            self._clients("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data[start : start + _PUT])
