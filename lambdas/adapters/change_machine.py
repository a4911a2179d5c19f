"""The state machine `kpi-change`: one execution for each change request, woken by its task token."""

from __future__ import annotations

import json

from lambdas.adapters.aws import Clients, code_of

_GONE = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})


class ChangeMachine:
    """Starts and wakes executions; to do so twice does no harm."""

    def __init__(self, clients: Clients, arn: str) -> None:
        self._clients = clients
        self._arn = arn

    def start(self, tenant_id: str, environment: str, request_id: str) -> bool:
        """Start the execution of a request, named by the request's id; False when it was started before.

        Names are taken for 90 days (Step Functions API reference, StartExecution).
        """
        client = self._clients("stepfunctions")
        request = {"tenant_id": tenant_id, "environment": environment, "request_id": request_id}
        try:
            client.start_execution(stateMachineArn=self._arn, name=request_id, input=json.dumps({"request": request}))
        except client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def wake(self, token: str) -> bool:
        """Let a waiting execution look again; False when it does not wait with this token any more."""
        from botocore.exceptions import ClientError

        try:
            self._clients("stepfunctions").send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            return False
        return True
