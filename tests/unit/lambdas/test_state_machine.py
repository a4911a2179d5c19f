"""The state machine's definition: complete JSON whose every path ends, and whose failures all reach Close."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest

TEMPLATE = Path(__file__).resolve().parents[3] / "infra" / "templates" / "kpi_run.asl.json.j2"


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    text = jinja2.Template(TEMPLATE.read_text(), undefined=jinja2.StrictUndefined).render(
        functions={"run_open": "arn:open", "run_light": "arn:light", "run_close": "arn:close"},
        cluster_arn="arn:cluster",
        task_definition_arn="arn:task",
        container="runner",
        subnet_ids=["subnet-1", "subnet-2"],
        security_group_ids=["sg-1"],
    )
    return json.loads(text)["States"]


def targets(state: dict[str, Any]) -> set[str]:
    found = {state[key] for key in ("Next", "Default") if key in state}
    found |= {choice["Next"] for choice in state.get("Choices", [])}
    return found | {catcher["Next"] for catcher in state.get("Catch", [])}


def test_every_state_is_reached_and_exists(states: dict[str, Any]) -> None:
    assert set().union(*(targets(state) for state in states.values())) | {"Open"} == set(states)


def test_whatever_ends_a_lane_is_closed(states: dict[str, Any]) -> None:
    for lane in ("Light", "Heavy"):
        assert states[lane]["Next"] == "Close"
        assert next(catcher for catcher in states[lane]["Catch"] if catcher["ErrorEquals"] == ["States.ALL"])["Next"] == "Close"


def test_every_task_ends_after_some_time(states: dict[str, Any]) -> None:
    assert all(state["TimeoutSeconds"] > 0 for state in states.values() if state["Type"] == "Task")
    assert states["Heavy"]["HeartbeatSeconds"] < states["Heavy"]["TimeoutSeconds"]


def test_close_is_tried_again_under_aws_and_under_the_emulator(states: dict[str, Any]) -> None:
    assert {"States.TaskFailed", "Runtime.HandlerError"} <= set(states["Close"]["Retry"][0]["ErrorEquals"])


def test_a_lane_that_may_have_run_is_never_repeated_under_the_same_run_id(states: dict[str, Any]) -> None:
    assert [retry["ErrorEquals"] for retry in states["Light"]["Retry"]] == [["Lambda.TooManyRequestsException"]]
    assert "Retry" not in states["Heavy"]
