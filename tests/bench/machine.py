"""Runs on a state machine, one after the other, and what its history and the functions' logs say of their time."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.local.conftest import Stack, wait_until

TRIVIAL = "kpi-bench-trivial"
_ENDED = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
# Serves as Open, Light and Close at once. It prints a line because the emulator waits 50 ms for one that prints nothing.
_SOURCE = """
import time
def handler(event, context):
    began = time.time()
    print("{}", flush=True)
    retry = {"retry": False, "wait_seconds": 1}
    stamps = {"run": {"opened": began}, "outcome": event.get("outcome"), "closed": time.time()}
    return stamps | {"opened": event.get("run", {}).get("opened"), "lane": "light", "retry": retry}
"""


@dataclass(frozen=True)
class Timeline:
    """One execution: `wait_ms` from its start to its first state, `states_ms` from there to its end."""

    wait_ms: float
    states_ms: float
    output: dict[str, Any]


def timeline(stack: Stack, arn: str) -> Timeline:
    """Wait for the end of an execution and read its history."""
    states = stack.client("stepfunctions")
    found: dict[str, Any] = {}

    def ended() -> bool:
        found.update(states.describe_execution(executionArn=arn))
        return bool(found["status"] != "RUNNING")

    wait_until(ended, seconds=60, what=f"the end of {arn}")
    events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    assert found["status"] == "SUCCEEDED", found
    began, first = events[0]["timestamp"], next(event["timestamp"] for event in events if event["type"] == "TaskStateEntered")
    ended_at = next(event["timestamp"] for event in events if event["type"] in _ENDED)
    return Timeline((first - began).total_seconds() * 1000, (ended_at - first).total_seconds() * 1000, json.loads(found["output"]))


def measure(stack: Stack, machine_arn: str, names: Sequence[str], document: Callable[[str], str]) -> list[Timeline]:
    """Executions one after the other, so that none waits for another."""
    states = stack.client("stepfunctions")
    started = (states.start_execution(stateMachineArn=machine_arn, name=name, input=document(name))["executionArn"] for name in names)
    return [timeline(stack, arn) for arn in started]


@contextmanager
def trivial_machine(stack: Stack) -> Generator[str]:
    """The run machine with functions that do nothing: what the emulator itself costs. Removed afterwards."""
    functions, states = stack.client("lambda"), stack.client("stepfunctions")
    real = states.describe_state_machine(stateMachineArn=stack.outputs["stateMachineArn"])
    _forget(stack, real["stateMachineArn"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("trivial.py", _SOURCE)
    model = functions.get_function_configuration(FunctionName=f"{stack.outputs['prefix']}-run-open")
    made = functions.create_function(
        FunctionName=TRIVIAL,
        Runtime=model["Runtime"],
        Role=model["Role"],
        Handler="trivial.handler",
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
    )
    definition = real["definition"]
    for lane in ("run-open", "run-light", "run-close"):
        own = model["FunctionArn"].removesuffix("run-open") + lane
        assert own in definition, f"the machine's definition does not name {own}"
        definition = definition.replace(own, made["FunctionArn"])
    try:
        yield states.create_state_machine(name=TRIVIAL, definition=definition, roleArn=real["roleArn"])["stateMachineArn"]
    finally:
        _forget(stack, real["stateMachineArn"])


def _forget(stack: Stack, beside: str) -> None:
    functions, states, logs = stack.client("lambda"), stack.client("stepfunctions"), stack.client("logs")
    arn = f"{beside.rpartition(':')[0]}:{TRIVIAL}"
    if arn in {
        each["stateMachineArn"] for page in states.get_paginator("list_state_machines").paginate() for each in page["stateMachines"]
    }:
        states.delete_state_machine(stateMachineArn=arn)
    with suppress(functions.exceptions.ResourceNotFoundException):
        functions.delete_function(FunctionName=TRIVIAL)
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_group(logGroupName=f"/aws/lambda/{TRIVIAL}")


def logged(stack: Stack, function: str, run_ids: set[str], since: float) -> list[dict[str, Any]]:
    """The JSON lines a function wrote about runs since a moment (seconds of the epoch), once there is one for each of them."""
    logs = stack.client("logs")
    lines: list[dict[str, Any]] = []

    def complete() -> bool:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{stack.outputs['prefix']}-{function}", startTime=int(since * 1000)
        )
        texts = [event["message"].strip() for page in pages for event in page["events"]]
        found = [json.loads(text) for text in texts if text.startswith("{")]
        lines[:] = [line for line in found if str(line.get("run_id")) in run_ids]
        return {str(line["run_id"]) for line in lines} == run_ids

    wait_until(complete, seconds=20, what=f"the log lines of {function}")
    return lines


def unique_word() -> str:
    return f"bench{time.time_ns():x}"
