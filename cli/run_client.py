"""Starting runs on the state machine and waiting for them, many at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from cli import aws
from cli import stack as stacks
from lambdas.domain.model import RunRequest
from local.settings import LocalSettings

POLL_SECONDS = (0.05, 0.1, 0.2, 0.4)
_FINISHED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class RunState(StrEnum):
    """How an execution ended, as far as a person cares."""

    SUCCESS = "success"
    PARTIAL = "partial"
    SKIPPED = "skipped"
    FAILED = "failed"
    BROKEN = "broken"  # the state machine itself did not get to its end


@dataclass(frozen=True)
class Finished:
    """One run that ended. `known` says that an earlier call had started it already."""

    request: RunRequest
    state: RunState
    known: bool
    document: Mapping[str, Any]

    @property
    def why(self) -> str:
        """What went wrong, in words; empty when nothing did."""
        return " ".join(str(self.document[name]) for name in ("error_code", "error_message") if self.document.get(name))


class Runs(Protocol):
    """Runs one request to its end."""

    def run(self, name: str, request: RunRequest) -> Finished: ...


class RunClient:
    """The deployed state machine."""

    def __init__(self, settings: LocalSettings, stack: str = stacks.PLATFORM_STACK) -> None:
        self._arn = str(stacks.outputs(settings, stack)["stateMachineArn"])
        self._states = aws.client(settings, "stepfunctions")

    def start(self, name: str, request: RunRequest) -> tuple[str, bool]:
        """Start an execution; answers its ARN and whether the name had been started before."""
        try:
            answer = self._states.start_execution(stateMachineArn=self._arn, name=name, input=request.model_dump_json(exclude_none=True))
        except self._states.exceptions.ExecutionAlreadyExists:
            return self.execution_arn(name), True
        return str(answer["executionArn"]), False

    def execution_arn(self, name: str) -> str:
        """The ARN of an execution that was started under a name."""
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"

    def wait(self, execution_arn: str, request: RunRequest, *, known: bool) -> Finished:
        """Wait until an execution ends."""
        attempt = 0
        while True:
            found = self._states.describe_execution(executionArn=execution_arn)
            if found["status"] in _FINISHED:
                return finished(found, request, known=known)
            time.sleep(POLL_SECONDS[min(attempt, len(POLL_SECONDS) - 1)])
            attempt += 1

    def run(self, name: str, request: RunRequest) -> Finished:
        """Start, or find, and wait."""
        execution_arn, known = self.start(name, request)
        return self.wait(execution_arn, request, known=known)


def finished(found: Mapping[str, Any], request: RunRequest, *, known: bool) -> Finished:
    """An ended execution as a run's end."""
    if found["status"] == "SUCCEEDED":
        document: dict[str, Any] = json.loads(found["output"])
        return Finished(request, RunState(document["status"]), known, document)
    cause = str(found.get("cause") or "no cause given")
    with suppress(ValueError, AttributeError):  # plain text already says it
        cause = str(json.loads(cause).get("errorMessage", cause))
    return Finished(request, RunState.BROKEN, known, {"error_code": found.get("error") or found["status"], "error_message": cause})
