"""Starts runs on Step Functions, once for each name."""

from __future__ import annotations

from lambdas.adapters.aws import Clients
from lambdas.domain.model import RunRequest


class StateMachine:
    """The run machine. Its client is made at the first start, so that whoever never starts a run does not wait for it."""

    def __init__(self, clients: Clients, arn: str) -> None:
        self._clients = clients
        self._arn = arn

    def start(self, name: str, request: RunRequest) -> bool:
        """Start an execution; False when the name has been used already."""
        client = self._clients("stepfunctions")
        try:
            client.start_execution(stateMachineArn=self._arn, name=name, input=request.model_dump_json(exclude_none=True))
        except client.exceptions.ExecutionAlreadyExists:
            return False
        return True
