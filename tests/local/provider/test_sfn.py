"""State machines."""

import json
from typing import Any

import pytest

from tests.local.provider.rig import ACCOUNT, REGION, Refused, Rig, lives_a_full_life

MACHINE = "aws:sfn/stateMachine:StateMachine"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sfn"


def definition(**states: Any) -> str:
    return json.dumps({"StartAt": "Open", "States": states or {"Open": {"Type": "Pass", "End": True}}})


def test_a_state_machine_lives_a_full_life(rig: Rig) -> None:
    machine = rig.create(
        MACHINE,
        name="kpi-run",
        definition=definition(),
        roleArn=ROLE,
        loggingConfiguration={
            "level": "ERROR",
            "includeExecutionData": True,
            "logDestination": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/kpi:*",
        },
        tracingConfiguration={"enabled": True},
        tags={"team": "kpi"},
    )
    assert machine.state["arn"] == machine.id
    assert machine.imported()["loggingConfiguration"]["level"] == "ERROR"

    def spoil() -> None:
        other = definition(Open={"Type": "Succeed"})
        rig.aws("stepfunctions").update_state_machine(stateMachineArn=machine.id, definition=other)

    change = {"definition": definition(Open={"Type": "Pass", "Next": "Close"}, Close={"Type": "Succeed"})}
    lives_a_full_life(machine, change=change, spoil=spoil, drifted="definition")


def test_logging_can_be_taken_away(rig: Rig) -> None:
    machine = rig.create(MACHINE, "quiet", name="quiet", definition=definition(), roleArn=ROLE, loggingConfiguration={"level": "ALL"})
    machine.update(loggingConfiguration=None)
    assert machine.drift() == []
    assert rig.aws("stepfunctions").describe_state_machine(stateMachineArn=machine.id)["loggingConfiguration"]["level"] == "OFF"


def test_the_type_and_the_name_replace(rig: Rig) -> None:
    machine = rig.create(MACHINE, "fixed", name="fixed", definition=definition(), roleArn=ROLE)
    assert machine.replaced_by(type="EXPRESS") == ["type"]
    assert machine.replaced_by(name="other") == ["name"]


@pytest.mark.parametrize(
    ("states", "problem"),
    [
        ({"Open": {"Type": "Pass", "Next": "Nowhere"}}, "leads to 'Nowhere'"),
        ({"Open": {"Type": "Pass"}}, "neither Next nor End"),
        ({"Other": {"Type": "Succeed"}}, "StartAt is 'Open'"),
        ({"Open": {"Type": "Map", "End": True, "ItemProcessor": {"StartAt": "A", "States": {}}}}, "has no States"),
    ],
)
def test_a_definition_that_leads_nowhere_is_refused(rig: Rig, states: dict[str, Any], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        rig.create(MACHINE, "bad", name="bad", definition=definition(**states), roleArn=ROLE)


def test_a_taken_name_is_refused(rig: Rig) -> None:
    rig.create(MACHINE, "one", name="taken", definition=definition(), roleArn=ROLE)
    with pytest.raises(Refused, match="already exists"):
        rig.create(MACHINE, "two", name="taken", definition=definition(), roleArn=ROLE)
