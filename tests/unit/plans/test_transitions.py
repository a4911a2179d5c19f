"""The states of a run are counted from the state machine's own definition."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.names import Names
from infra.plan import state_machine
from kpis.common import Lane
from plans.transitions import MachineError, states_of_a_run


@pytest.mark.parametrize("lane", list(Lane))
def test_a_run_enters_open_lane_its_lane_close_the_decision_and_the_end(lane: Lane) -> None:
    assert states_of_a_run(state_machine(Names("test", "123456789012", "us-east-1")), lane) == 6


def machine(**states: dict[str, Any]) -> str:
    return json.dumps({"StartAt": "A", "States": states})


def test_lanes_may_differ() -> None:
    lane = {"Type": "Choice", "Choices": [{"StringEquals": "heavy", "Next": "B"}], "Default": "C"}
    text = machine(A=lane, B={"Type": "Task", "Next": "C"}, C={"Type": "Succeed"})
    assert (states_of_a_run(text, Lane.LIGHT), states_of_a_run(text, Lane.HEAVY)) == (2, 3)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (machine(A={"Type": "Task", "Next": "A"}), "A -> A, which is a loop"),
        (machine(A={"Type": "Task", "Next": "B"}), "A -> B, which does not exist"),
    ],
)
def test_a_machine_that_cannot_be_followed_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(MachineError, match=complaint):
        states_of_a_run(text, Lane.LIGHT)
